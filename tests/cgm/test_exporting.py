"""Exporting: private files, whole or not at all, that give the same history when read again."""

import asyncio
import csv
import io
import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm import exporting
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.formats import whole_json
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.store import Store

from .conftest import AddWearer, PassTime, Settle
from .histories import (
    FIVE,
    NOON,
    allowed,
    everything,
    keep_everything,
    measurements,
    readings,
    treatments,
)

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")

WROTE = {"readings": 291, "treatments": 9, "measurements": 3}


async def exported(hass: HomeAssistant, folder: Path | str, **said: object) -> dict[str, Any]:
    answer = await hass.services.async_call(
        "cgm",
        "export",
        {"folder": str(folder), **said},
        blocking=True,
        return_response=True,
    )
    assert isinstance(answer, dict)
    return answer


async def refused(hass: HomeAssistant, folder: Path | str) -> str:
    with pytest.raises(HomeAssistantError) as caught:
        await exported(hass, folder)
    return str(caught.value.translation_key)


@pytest.mark.parametrize("kind", ["csv", "json"])
async def test_export_then_import_into_an_empty_store_gives_the_same(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer, kind: str
) -> None:
    await keep_everything(hass, alex)
    before = await everything(hass, alex)
    assert before == (readings(), treatments(), measurements())
    answer = await exported(hass, allowed(hass), formats=[kind])
    assert {key: answer[key] for key in WROTE} == WROTE

    sam = add_wearer(title="Sam")
    assert await hass.config_entries.async_setup(sam.entry_id)
    added = 0
    for path in answer["files"]:
        said = {"path": path, "config_entry_id": sam.entry_id}
        told = await hass.services.async_call(
            "cgm", "import_file", said, blocking=True, return_response=True
        )
        assert isinstance(told, dict)
        assert told["refused"] == 0
        added += int(str(told["added"]))
    assert added == sum(WROTE.values())
    assert await everything(hass, sam) == before


async def test_files_are_private_dated_and_no_spreadsheet_runs_them(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    await keep_everything(hass, alex)
    folder = allowed(hass)
    paths = [Path(path) for path in (await exported(hass, folder))["files"]]
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    assert [path.name for path in paths] == [
        "cgm-alex-20261120T120000Z-readings.csv",
        "cgm-alex-20261120T120000Z-treatments.csv",
        "cgm-alex-20261120T120000Z-measurements.csv",
        "cgm-alex-20261120T120000Z.json",
    ]
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}
    cells = [
        cell
        for path in paths[:3]
        for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))
        for cell in row
    ]
    assert any(cell.startswith("'=HYPERLINK") for cell in cells)
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []


async def test_a_second_export_of_the_same_second_replaces_none(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    folder = allowed(hass)
    first = await exported(hass, folder, formats=["json"])
    second = await exported(hass, folder, formats=["json"])
    assert first["files"] != second["files"]
    assert len(list(folder.iterdir())) == 2


async def test_a_period_is_exported_by_itself(hass: HomeAssistant, alex: MockConfigEntry) -> None:
    await keep_everything(hass, alex)
    folder = allowed(hass)
    answer = await exported(
        hass, folder, start=(NOON - timedelta(hours=2)).isoformat(), end=NOON.isoformat()
    )
    assert [answer[key] for key in WROTE] == [24, 2, 2]
    # Times without an offset are the home's.
    naive = [dt_util.as_local(NOON - timedelta(hours=back)).replace(tzinfo=None) for back in (2, 0)]
    answer = await exported(hass, folder, start=str(naive[0]), end=str(naive[1]))
    assert [answer[key] for key in WROTE] == [24, 2, 2]
    with pytest.raises(HomeAssistantError) as caught:
        await exported(hass, folder, start=NOON.isoformat(), end=NOON.isoformat())
    assert caught.value.translation_key == "range_is_empty"


async def test_folders_that_are_served_or_not_allowed_are_refused(
    hass: HomeAssistant, alex: MockConfigEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = allowed(hass)
    www = allowed(hass, "www")
    assert await refused(hass, www) == "folder_is_served"
    assert await refused(hass, www / "below") == "folder_is_served"
    (folder / "WWW").mkdir()
    assert await refused(hass, folder / "WWW") == "folder_is_served"
    assert await refused(hass, folder / "WWW" / "below") == "folder_is_served"
    (folder / "link").symlink_to(www)
    assert await refused(hass, folder / "link") == "folder_is_served"
    assert await refused(hass, tmp_path) == "folder_not_allowed"
    assert await refused(hass, folder / ".." / "..") == "folder_not_allowed"
    monkeypatch.chdir(folder.parent)
    assert await refused(hass, "media") == "folder_not_allowed"
    assert await refused(hass, "/a\0b") == "folder_not_allowed"
    # Nor by what is not there: a link to nowhere, and the way back out of it.
    (folder / "dangling").symlink_to(tmp_path / "made")
    assert await refused(hass, folder / "dangling") == "folder_not_allowed"
    assert await refused(hass, folder / "none" / ".." / "..") == "folder_not_allowed"
    assert not (tmp_path / "made").exists()
    (folder / "file").touch()
    assert await refused(hass, folder / "file") == "folder_not_allowed"
    assert list(www.iterdir()) == []
    # One that is not there yet is made, for its owner's eyes.
    await exported(hass, folder / "new")
    assert (folder / "new").stat().st_mode & 0o777 == 0o700


async def test_what_www_is_a_link_to_is_served_as_well(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    shared = allowed(hass, "shared")
    (shared / "below").mkdir()
    Path(hass.config.path("www")).symlink_to(shared)  # noqa: ASYNC240 - a test may make a link
    assert await refused(hass, shared) == "folder_is_served"
    assert await refused(hass, shared / "below") == "folder_is_served"
    assert [path.name for path in shared.iterdir()] == ["below"]
    assert len((await exported(hass, allowed(hass)))["files"]) == 4


async def test_two_wearers_of_one_name_have_files_of_their_own_at_the_same_second(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    add_wearer: AddWearer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = add_wearer()
    assert await hass.config_entries.async_setup(other.entry_id)
    await keep_everything(hass, alex)
    meet = threading.Barrier(2)

    def write_when_both_do(*given: Any) -> Iterator[str]:  # noqa: ANN401 - passed on
        with suppress(threading.BrokenBarrierError):
            meet.wait(1)
        return whole_json(*given)

    monkeypatch.setattr(exporting, "whole_json", write_when_both_do)
    folder = allowed(hass)
    answers = await asyncio.gather(
        *(
            exported(hass, folder, formats=["json"], config_entry_id=entry.entry_id)
            for entry in (alex, other)
        )
    )
    (one,), (another,) = (answer["files"] for answer in answers)
    assert one != another
    assert {len(path.read_bytes()) > 10_000 for path in folder.iterdir()} == {True, False}


async def test_what_a_power_cut_left_behind_is_removed_and_nothing_else(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    folder = allowed(hass)
    begun = ".cgm-alex-20261118T120000Z.json."
    names = {begun + "old", begun + "new", ".cgm-mine", "cgm-alex-20261118T120000Z.json"}
    for name in names:
        (folder / name).touch()
        age = timedelta(hours=23) if name.endswith("new") else timedelta(hours=25)
        time = (NOON - age).timestamp()
        os.utime(folder / name, (time, time))
    (file,) = (await exported(hass, folder, formats=["json"]))["files"]
    left = {path.name for path in folder.iterdir()}
    assert left == (names | {Path(file).name}) - {begun + "old"}


async def test_what_waits_for_the_disk_is_in_the_export(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    reading = Reading(time=NOON - FIVE, mg_dl=123, source="a", series="b")
    alex.runtime_data.writing.put([reading])
    assert (await exported(hass, allowed(hass)))["readings"] == 1


async def test_a_history_that_cannot_be_read_is_said(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("made up")

    folder = allowed(hass)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "readings", fail)
        assert await refused(hass, folder) == "history_not_read"
    assert list(folder.iterdir()) == []
    assert len((await exported(hass, folder))["files"]) == 4


async def test_where_a_file_cannot_take_its_place_none_is_left(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    move = Path.replace

    def replace(path: Path, target: Path) -> Path:
        if target.suffix == ".json":
            raise OSError(5, "Input/output error")
        return move(path, target)

    folder = allowed(hass)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", replace)
        assert await refused(hass, folder) == "export_not_written"
    assert list(folder.iterdir()) == []


async def test_a_disk_that_fails_leaves_no_file(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep_everything(hass, alex)
    folder = allowed(hass)

    seen: list[str] = []

    def full(*_: object) -> object:
        yield '{"cgm'
        # Three tables are written, and nobody sees any of them yet.
        seen.extend(path.name for path in folder.iterdir())
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "whole_json", full)
        assert await refused(hass, folder) == "export_not_written"
    assert [name[:9] for name in seen] == [".cgm-alex"] * 4
    assert list(folder.iterdir()) == []
    assert len((await exported(hass, folder))["files"]) == 4


# On a schedule.

EVERY_DAY = {"every": "day", "format": "json", "keep": 3}


def schedule(hass: HomeAssistant, entry: MockConfigEntry, **settings: object) -> None:
    hass.config_entries.async_update_entry(entry, options={**entry.options, "export": settings})


async def test_an_export_a_day_is_kept_three_days_and_nothing_else_is_removed(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    folder = allowed(hass)
    (folder / "cgm-alex-20200101T000000Z.json").touch()
    schedule(hass, alex, **EVERY_DAY, folder=str(folder))
    await pass_time(timedelta(minutes=6), timedelta(minutes=2))
    assert len(list(folder.iterdir())) == 2
    await pass_time(timedelta(hours=22), timedelta(minutes=30))
    assert len(list(folder.iterdir())) == 2
    await pass_time(timedelta(days=4), timedelta(minutes=30))
    found = sorted(path.name for path in folder.iterdir())
    assert len(found) == 4
    assert found[0] == "cgm-alex-20200101T000000Z.json"
    assert found[-1].startswith("cgm-alex-20261124T")


async def test_fewer_are_kept_at_once_and_a_week_is_a_week(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    folder = allowed(hass)
    hours = timedelta(hours=1)
    schedule(hass, alex, **EVERY_DAY, folder=str(folder))
    await pass_time(timedelta(minutes=6))
    await pass_time(24 * hours, step=12 * hours)
    assert len(list(folder.iterdir())) == 2
    await pass_time(6 * hours, step=3 * hours)
    (_, newest) = sorted(folder.iterdir())
    schedule(hass, alex, every="week", format="json", keep=1, folder=str(folder))
    await pass_time(timedelta(minutes=6))
    assert list(folder.iterdir()) == [newest]
    await pass_time(6 * 24 * hours, step=24 * hours)
    assert list(folder.iterdir()) == [newest]
    await pass_time(24 * hours, step=12 * hours)
    assert len(list(folder.iterdir())) == 1
    assert not newest.exists()


async def test_an_export_that_lies_ahead_since_the_clock_was_wrong_holds_nothing_up(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    folder = allowed(hass)
    noted = json.dumps([[(NOON + timedelta(days=300)).isoformat(), []]])
    await alex.runtime_data.history.async_do(
        lambda store: store.note(alex.entry_id, "scheduled exports", noted)
    )
    schedule(hass, alex, **EVERY_DAY, folder=str(folder))
    await pass_time(timedelta(minutes=6))
    assert len(list(folder.iterdir())) == 1


async def test_a_restart_does_not_export_again_before_its_time(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    folder = allowed(hass)
    schedule(hass, alex, **EVERY_DAY, folder=str(folder))
    # What the sources bring first is waited for.
    await pass_time(timedelta(minutes=4), timedelta(minutes=2))
    assert list(folder.iterdir()) == []
    await pass_time(timedelta(minutes=2))
    await hass.config_entries.async_reload(alex.entry_id)
    await settle()
    await pass_time(timedelta(hours=2), timedelta(minutes=2))
    assert len(list(folder.iterdir())) == 1
    # Switched off, there are no more.
    hass.config_entries.async_update_entry(
        alex, options={key: value for key, value in alex.options.items() if key != "export"}
    )
    await pass_time(timedelta(days=3), timedelta(minutes=30))
    assert len(list(folder.iterdir())) == 1


async def test_one_that_fails_is_told_once_and_tried_again(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = allowed(hass)
    schedule(hass, alex, **EVERY_DAY, folder=str(folder / "a" / "b"))
    await pass_time(timedelta(hours=3), timedelta(minutes=10))
    told = persistent_notification._async_get_or_create_notifications(hass)  # noqa: SLF001 - there is no other way to see them
    assert [one["title"] for one in told.values()] == ["Scheduled export for Alex"]
    assert caplog.text.count("The scheduled export failed") == 1
    (folder / "a").mkdir()
    await pass_time(timedelta(hours=1), timedelta(minutes=10))
    assert len(list((folder / "a" / "b").iterdir())) == 1
    assert dict(told) == {}
