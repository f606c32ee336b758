"""Importing a file: all of it or nothing, told as it goes, never shown as now."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import persistent_notification
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.cgm import import_keeping
from custom_components.cgm.importing import async_import, reader
from custom_components.cgm.shared.glucose.errors import StoreDamaged, StoreUnavailable
from custom_components.cgm.shared.glucose.formats import Export, read_export
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.store import Added, Store, staging
from fakes.dexcom_share import FakeDexcomShare

from .conftest import AddWearer, PassTime, RunWearer
from .histories import FIVE, NOON, allowed, everything, table
from .vendors import dexcom_source, steady
from .watching import GLUCOSE, LEADING, hours, kept, value

pytestmark = pytest.mark.usefixtures("nothing_secret_is_logged")


async def imported(hass: HomeAssistant, path: Path, **said: object) -> dict[str, Any]:
    answer = await hass.services.async_call(
        "cgm", "import_file", {"path": str(path), **said}, blocking=True, return_response=True
    )
    assert isinstance(answer, dict)
    return answer


async def refused(hass: HomeAssistant, path: Path, **said: object) -> str:
    """Return by which key the file is refused."""
    with pytest.raises(HomeAssistantError) as caught:
        await imported(hass, path, **said)
    assert caught.value.translation_domain == "cgm"
    return str(caught.value.translation_key)


def notifications(hass: HomeAssistant) -> list[str]:
    found = persistent_notification._async_get_or_create_notifications(hass)  # noqa: SLF001 - there is no other way to see them
    return [one["message"] for one in found.values()]


DAY = [(NOON - timedelta(days=40) + place * FIVE, 100 + place % 80) for place in range(288)]


async def test_a_table_is_imported_counted_and_known_the_second_time(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY) + "2026-10-11T12:00:00Z,x\n2026-10-11T12:05:00Z,5000\n")
    first = await imported(hass, file)
    assert (first["format"], first["added"], first["already_known"]) == ("generic CSV", 288, 0)
    assert (first["refused"], [row["line"] for row in first["refused_rows"]]) == (2, [290, 291])
    assert first["first"] == DAY[0][0].isoformat()
    assert first["last"] == DAY[-1][0].isoformat()
    found = await kept(hass, alex)
    assert [(one.time, one.mg_dl) for one in found] == DAY
    assert {one.source for one in found} == {"csv"}
    second = await imported(hass, file)
    assert (second["added"], second["replaced"], second["already_known"]) == (0, 0, 288)
    assert await kept(hass, alex) == found


async def test_a_reading_that_the_file_tells_twice_is_the_later_one_and_known_the_second_time(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    at = DAY[0][0]
    file = allowed(hass) / "a.csv"
    file.write_text(table([(at, 100), (at + FIVE, 101), (at, 102)]))
    first = await imported(hass, file)
    assert (first["added"], first["replaced"], first["already_known"]) == (2, 0, 1)
    assert [(one.time, one.mg_dl) for one in await kept(hass, alex)] == [
        (at, 102),
        (at + FIVE, 101),
    ]
    second = await imported(hass, file)
    assert (second["added"], second["replaced"], second["already_known"]) == (0, 0, 3)


async def test_the_notification_goes_on_and_ends_with_the_counts(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    go = threading.Event()
    seen: list[str] = []

    @callback
    def note(_: object, found: Mapping[str, Mapping[str, Any]]) -> None:
        seen.extend(one["message"] for one in found.values())

    persistent_notification.async_register_callback(hass, note)

    def read() -> Export:
        go.wait(10)
        return read_export(table(DAY) + "x,1\n", zone=ZoneInfo("UTC"), source=None)

    task = hass.async_create_task(async_import(alex.runtime_data, read))
    while not notifications(hass):  # noqa: ASYNC110 - the notification comes from the same loop
        await asyncio.sleep(0)
    # Meanwhile nobody else may import for this wearer, and the loop is free.
    with pytest.raises(ServiceValidationError) as caught:
        await async_import(alex.runtime_data, read)
    assert caught.value.translation_key == "import_under_way"
    go.set()
    await task
    assert len(seen) == 3
    assert "being read" in seen[0]
    assert "289 rows" in seen[1]
    assert "Added: 288" in seen[2]
    assert "\n- Refused rows: 1\n  - 290: not a time" in seen[2]
    # One in the place of the other.
    assert notifications(hass) == seen[2:]


async def test_each_wearer_has_a_notification_of_its_own(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer
) -> None:
    sam = add_wearer(title="Sam")
    assert await hass.config_entries.async_setup(sam.entry_id)
    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY))
    for entry in (alex, sam, alex):
        await imported(hass, file, config_entry_id=entry.entry_id)
    told = persistent_notification._async_get_or_create_notifications(hass)  # noqa: SLF001 - as above
    assert {one["title"] for one in told.values()} == {"Import for Alex", "Import for Sam"}
    assert len(told) == 2


async def test_the_notification_speaks_german(hass: HomeAssistant, alex: MockConfigEntry) -> None:
    hass.config.language = "de"
    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY))
    await imported(hass, file)
    (message,) = notifications(hass)
    assert "Hinzugekommen: 288" in message


async def test_what_is_imported_never_leads(
    hass: HomeAssistant,
    dexcom: FakeDexcomShare,
    run_wearer: RunWearer,
    freezer: FrozenDateTimeFactory,
) -> None:
    freezer.move_to(NOON)
    steady(dexcom, 100)
    entry = await run_wearer(dexcom_source(dexcom))
    before = value(hass, LEADING)
    file = allowed(hass) / "a.csv"
    file.write_text(table([(NOON - FIVE, 300), (NOON, 300)]))
    assert (await imported(hass, file))["added"] == 2
    assert (value(hass, GLUCOSE), value(hass, LEADING)) == ("100", before)
    # Nor after a restart.
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (value(hass, GLUCOSE), value(hass, LEADING)) == ("100", before)


async def test_nothing_is_current_where_only_imported_readings_are(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(table([(NOON, 300)]))
    await imported(hass, file)
    assert value(hass, GLUCOSE) == "unknown"


async def test_history_flows_into_long_term_statistics(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(
        table([(NOON - timedelta(days=400) + place * FIVE, 150) for place in range(12)])
    )
    await imported(hass, file)
    await pass_time(timedelta(minutes=1))
    (row,) = await hours(hass, NOON - timedelta(days=401))
    assert (row["mean"], row["min"], row["max"]) == (150, 150, 150)


async def test_what_lies_ahead_is_left_out(hass: HomeAssistant, alex: MockConfigEntry) -> None:
    file = allowed(hass) / "a.csv"
    # Clocks are not all alike: a minute is let be.
    ahead = [timedelta(seconds=60), timedelta(seconds=61), timedelta(days=1)]
    file.write_text(table([(NOON + each, 120) for each in [-FIVE, *ahead]]))
    answer = await imported(hass, file)
    assert (answer["added"], answer["ahead"]) == (2, 2)
    assert answer["last"] == (NOON + ahead[0]).isoformat()


async def test_treatments_and_measurements_that_lie_ahead_are_left_out(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    times = [NOON - FIVE, NOON + FIVE]
    rows = [f'"time": "{one:%Y-%m-%dT%H:%M:%SZ}", "source": "a", "id": "{one}"' for one in times]
    eaten = ",".join(f'{{{row}, "kind": "carbs", "amount": 10}}' for row in rows)
    weighed = ",".join(f'{{{row}, "kind": "weight", "value": 80}}' for row in rows)
    file = allowed(hass) / "a.json"
    file.write_text(f'{{"cgm_export": 1, "treatments": [{eaten}], "measurements": [{weighed}]}}')
    answer = await imported(hass, file)
    assert (answer["added"], answer["ahead"]) == (2, 2)
    assert [len(part) for part in await everything(hass, alex)] == [0, 1, 1]
    (shown,) = alex.runtime_data.records.treatments
    assert shown.time == NOON - FIVE


async def test_times_are_read_in_the_wearers_zone_or_the_one_given(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text("time,glucose_mg_dl\n2026-07-01 12:00:00,100\n")
    assert (await imported(hass, file))["first"] == "2026-07-01T10:00:00+00:00"
    other = await imported(hass, file, time_zone="Asia/Tokyo")
    assert other["first"] == "2026-07-01T03:00:00+00:00"


LIBREVIEW = """Glucose Data,Generated on,05-05-2026 10:00 UTC,Generated by,Alex
Device,Serial Number,Device Timestamp,Record Type,Historic Glucose mg/dL,Scan Glucose mg/dL,\
Non-numeric Rapid-Acting Insulin,Rapid-Acting Insulin (units),Non-numeric Food,\
Carbohydrates (grams),Carbohydrates (servings),Non-numeric Long-Acting Insulin,\
Long-Acting Insulin Value (units),Notes,Strip Glucose mg/dL,Ketone mmol/L,\
Meal Insulin (units),Correction Insulin (units),User Change Insulin (units)
FreeStyle LibreLink,a,04-05-2026 10:00 AM,0,100,,,,,,,,,,,,,,
"""


async def test_ambiguous_dates_are_settled_by_who_knows(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(LIBREVIEW)
    assert await refused(hass, file) == "import_ambiguous_dates"
    assert await kept(hass, alex) == []
    assert (await imported(hass, file, day_first=True))["first"] == "2026-05-04T08:00:00+00:00"


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "import_unrecognised"),
    "binary": (bytes(range(256)) * 100, "import_unrecognised"),
    "a zip named .csv": (b"PK\x03\x04" + b"\0" * 100, "import_unrecognised"),
    "header only": (b"time,glucose_mg_dl\n", "import_nothing_in"),
    "50 MB in one line": (b"time,glucose_mg_dl\n" + b"1" * 50_000_000, "import_unrecognised"),
    "year 1 and 9999": (
        b"time,glucose_mg_dl\n0001-01-01T00:00:00Z,100\n9999-12-31T23:59:59Z,100\n",
        "import_nothing_in",
    ),
    "NaN and negative": (
        b"time,glucose_mg_dl\n2026-01-01T00:00:00Z,NaN\n2026-01-01T00:05:00Z,-5\n",
        "import_nothing_in",
    ),
    "formula cells": (b"time,glucose_mg_dl\n=NOW(),=1+1\n", "import_nothing_in"),
    "two units": (
        b"time,glucose_mg_dl\n2026-01-01T00:00:00Z,100\n2026-01-01T00:05:00Z,5.5\n",
        "import_unrecognised",
    ),
    "JSON cut off": (b'{"cgm_export": 1,\n"readings": [\n{"time": "2026-', "import_unrecognised"),
    "a newer release's": (b'{"cgm_export": 2, "readings": []}', "import_unrecognised"),
    "JSON of nothing": (b'{"cgm_export": 1, "readings": []}', "import_nothing_in"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_file_is_refused_with_its_reason_and_changes_nothing(
    hass: HomeAssistant, alex: MockConfigEntry, case: str
) -> None:
    content, key = BAD[case]
    file = allowed(hass) / "a.csv"
    file.write_bytes(content)
    assert await refused(hass, file) == key
    assert await everything(hass, alex) == ([], [], [])
    assert notifications(hass) == []
    # What was wrong is over: the next file is taken.
    file.write_text(table(DAY))
    assert (await imported(hass, file))["added"] == 288


async def test_of_many_refused_rows_some_are_told_and_all_are_counted(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY) + "x,1\n" * 150)
    answer = await imported(hass, file)
    assert (answer["refused"], len(answer["refused_rows"])) == (150, 100)
    (message,) = notifications(hass)
    assert "150" in message
    assert message.count(": not a time") == 20


async def test_of_a_file_with_nothing_in_it_the_first_reason_is_told(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(table([]) + "x,1\n2026-01-01T00:00:00Z,-5\n")
    with pytest.raises(ServiceValidationError) as caught:
        await imported(hass, file)
    assert caught.value.translation_placeholders == {
        "format": "generic CSV",
        "refused": "2",
        "reason": "2: not a time as YYYY-MM-DD hh:mm:ss",
    }


async def test_utf_16_is_read(hass: HomeAssistant, alex: MockConfigEntry) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY), encoding="utf-16")
    assert (await imported(hass, file))["added"] == 288


async def test_only_allowed_files_that_are_there_are_read(
    hass: HomeAssistant, alex: MockConfigEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = allowed(hass)
    outside = tmp_path / "a.csv"
    outside.write_text(table(DAY))
    assert await refused(hass, outside) == "path_not_allowed"
    assert await refused(hass, folder / ".." / "secrets.yaml") == "path_not_allowed"
    (folder / "link.csv").symlink_to(outside)
    assert await refused(hass, folder / "link.csv") == "path_not_allowed"
    assert await refused(hass, Path("/a\0b")) == "path_not_allowed"
    assert await refused(hass, Path("/a\0b/c")) == "path_not_allowed"
    # Where Home Assistant was started says nothing about whose file is meant.
    monkeypatch.chdir(folder)
    assert await refused(hass, Path("a.csv")) == "path_not_allowed"
    assert await refused(hass, folder / "none.csv") == "import_not_readable"
    assert await refused(hass, folder) == "import_not_readable"
    assert await kept(hass, alex) == []


async def test_a_disk_that_fails_in_the_middle_leaves_nothing_and_the_next_try_all(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        '{"cgm_export": 1, "readings": [{"time": "2026-01-01T00:00:00Z", "mg_dl": 100,'
        ' "kind": "cgm", "source": "a", "series": "b"}], "treatments": [{"time":'
        ' "2026-01-01T00:00:00Z", "kind": "carbs", "amount": 10, "source": "a", "id": "b"}]}'
    )
    file = allowed(hass) / "a.json"
    file.write_text(text)

    def break_treatments(store: Store) -> Callable[..., object]:
        def fail(*_: object) -> object:
            # As if the disk had become full behind the readings.
            assert store.count(alex.entry_id) == 1
            raise StoreUnavailable("made up")

        whole = store.treatments.add
        monkeypatch.setattr(store.treatments, "add", fail)
        return whole

    history = alex.runtime_data.history
    await history.async_do(break_treatments)
    assert await refused(hass, file) == "history_not_written"
    assert await everything(hass, alex) == ([], [], [])
    assert notifications(hass) == []
    monkeypatch.undo()
    assert (await imported(hass, file))["added"] == 2
    assert [len(part) for part in await everything(hass, alex)] == [1, 1, 0]
    assert len(alex.runtime_data.records.treatments) == 0


async def test_rows_of_our_json_that_cannot_be_are_refused_by_their_number(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    good = '"time": "2026-01-01T00:00:00Z", "source": "a"'
    rows = [
        f'{{{good}, "series": "s", "kind": "cgm", "mg_dl": 100}}',
        f'{{{good}, "series": "s", "kind": "cgm", "mg_dl": true}}',
        f'{{{good}, "series": "", "kind": "cgm", "mg_dl": 100}}',
        f'{{{good}, "series": "\\ud800", "kind": "cgm", "mg_dl": 100}}',
        f'{{{good}, "series": "a\\u0000b", "kind": "cgm", "mg_dl": 100}}',
        f'{{{good}, "series": "s", "kind": ["cgm"], "mg_dl": 100}}',
        f'{{{good}, "series": "s", "kind": "cgm", "bound": "x", "mg_dl": 100}}',
        '{"time": 5, "source": "a", "series": "s", "kind": "cgm", "mg_dl": 100}',
        '{"time": "2026-01-01 00:00", "source": "a", "series": "s", "kind": "cgm", "mg_dl": 100}',
        "5",
    ]
    measured = [
        f'{{{good}, "id": "a", "kind": "weight", "value": 80}}',
        f'{{{good}, "id": "a", "kind": "weight"}}',
        f'{{{good}, "id": "a", "kind": "weight", "value": "80"}}',
        f'{{{good}, "id": "a", "kind": "sleep", "value": 80, "quality": 1.5}}',
        f'{{{good}, "id": "a", "kind": "weight", "value": 80, "note": 5}}',
    ]
    file = allowed(hass) / "a.json"
    file.write_text(
        f'{{"cgm_export": 1, "readings": [{",".join(rows)}],'
        f' "measurements": [{",".join(measured)}], "later": [1]}}'
    )
    answer = await imported(hass, file)
    assert answer["added"] == 2
    assert [row["line"] for row in answer["refused_rows"]] == [*range(2, 11), *range(12, 16)]
    assert answer["others"] == {"other": 1}
    (message,) = notifications(hass)
    assert "in the future: 1\n" in message


async def test_measures_follow_from_the_oldest_that_changed(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed: list[datetime] = []
    monkeypatch.setattr(alex.runtime_data.measures, "async_changed", changed.append)
    file = allowed(hass) / "a.json"
    file.write_text(
        '{"cgm_export": 1, "readings": [{"time": "2026-11-01T00:00:00Z", "mg_dl": 100,'
        ' "kind": "cgm", "source": "a", "series": "b"}], "treatments": [{"time":'
        ' "2026-11-20T00:00:00Z", "kind": "carbs", "amount": 10, "source": "a", "id": "b"}]}'
    )
    await imported(hass, file)
    assert changed == [datetime(2026, 11, 1, tzinfo=UTC)]


async def test_an_import_that_is_given_up_leaves_the_way_free(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    go = threading.Event()

    def read() -> Export:
        go.wait(10)
        raise AssertionError("nobody waits for it any more")

    task = hass.async_create_task(async_import(alex.runtime_data, read))
    while not notifications(hass):  # noqa: ASYNC110 - the notification comes from the same loop
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go.set()
    assert notifications(hass) == []
    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY))
    assert (await imported(hass, file))["added"] == 288


async def test_what_cannot_be_shown_yet_is_kept_and_flows_on_all_the_same(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(_: object) -> None:
        raise StoreUnavailable("made up")

    file = allowed(hass) / "a.csv"
    begins = NOON - timedelta(days=400)
    file.write_text(table([(begins + place * FIVE, 150) for place in range(12)]))
    with monkeypatch.context() as patched:
        patched.setattr(alex.runtime_data, "async_take_up_history", fail)
        assert (await imported(hass, file))["added"] == 12
    (message,) = notifications(hass)
    assert "Added: 12" in message
    await pass_time(timedelta(minutes=1))
    assert len(await hours(hass, begins)) == 1


async def test_what_is_known_otherwise_is_replaced_and_counted(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(table([(NOON - FIVE, 120), (NOON, 120)]))
    await imported(hass, file)
    file.write_text(table([(NOON - FIVE, 120), (NOON, 121)]))
    answer = await imported(hass, file)
    assert (answer["added"], answer["replaced"], answer["already_known"]) == (0, 1, 1)
    assert [one.mg_dl for one in await kept(hass, alex)] == [120, 121]


async def test_a_wearer_who_is_taken_away_meanwhile_leaves_nothing_behind(
    hass: HomeAssistant, alex: MockConfigEntry, add_wearer: AddWearer
) -> None:
    # Another one keeps the history open.
    sam = add_wearer(title="Sam")
    assert await hass.config_entries.async_setup(sam.entry_id)
    go = threading.Event()

    def read() -> Export:
        go.wait(10)
        return read_export(table(DAY), zone=ZoneInfo("UTC"), source=None)

    for take_away in (hass.config_entries.async_reload, hass.config_entries.async_remove):
        go.clear()
        task = hass.async_create_task(async_import(alex.runtime_data, read))
        while not notifications(hass):  # noqa: ASYNC110 - the notification comes from the same loop
            await asyncio.sleep(0)
        await take_away(alex.entry_id)
        go.set()
        with pytest.raises(HomeAssistantError) as caught:
            await task
        assert caught.value.translation_key == "history_not_written"
        assert await everything(hass, alex) == ([], [], [])
        assert notifications(hass) == []


async def test_home_assistant_that_stops_in_mid_import_has_imported_nothing_and_can_again(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_keeping, "_PIECE", 50)
    laid: list[int] = []
    whole = Store.lay_aside

    def stop_at_the_third(self: Store, wearer: str, readings: list[Reading]) -> Added:
        laid.append(len(readings))
        if len(laid) == 3:
            hass.loop.call_soon_threadsafe(task.cancel)
            time.sleep(0.3)
        return whole(self, wearer, readings)

    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY))
    read = reader(file, ZoneInfo("UTC"), day_first=None)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "lay_aside", stop_at_the_third)
        # Nothing is erased any more either: the process is gone.
        patched.setattr(Store, "erase_aside", lambda *_: False)
        task = hass.async_create_task(async_import(alex.runtime_data, read))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await everything(hass, alex) == ([], [], [])
    history = alex.runtime_data.history
    assert (await history.async_facts())["readings"] == 150
    assert await hass.config_entries.async_unload(alex.entry_id)
    assert await hass.config_entries.async_setup(alex.entry_id)
    assert (await history.async_facts())["readings"] == 0
    assert (await imported(hass, file))["added"] == 288
    assert [(one.time, one.mg_dl) for one in await kept(hass, alex)] == DAY


async def test_an_import_that_fails_in_mid_way_leaves_nothing_aside(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_keeping, "_PIECE", 50)
    # What was laid aside is erased in pieces as well.
    monkeypatch.setattr(staging, "_PIECE", 30)
    whole, laid = Store.lay_aside, iter(range(9))

    def full_at_the_third(self: Store, wearer: str, readings: list[Reading]) -> Added:
        if next(laid) == 2:
            raise StoreUnavailable("the disk is full")
        return whole(self, wearer, readings)

    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY))
    with monkeypatch.context() as patched:
        patched.setattr(Store, "lay_aside", full_at_the_third)
        assert await refused(hass, file) == "history_not_written"
    assert (await alex.runtime_data.history.async_facts())["readings"] == 0
    assert (await imported(hass, file))["added"] == 288


async def test_a_history_that_turns_out_damaged_in_mid_import_has_nothing_of_it(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_keeping, "_PIECE", 50)
    whole, laid = Store.lay_aside, iter(range(99))

    def damaged_at_the_third(self: Store, wearer: str, readings: list[Reading]) -> Added:
        if next(laid) == 2:
            database.write_bytes(b"\xff" * 10_000)
            raise StoreDamaged("malformed")
        return whole(self, wearer, readings)

    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY))
    database = Path(hass.config.path("cgm.db"))
    history = alex.runtime_data.history
    before = history.id
    with monkeypatch.context() as patched:
        patched.setattr(Store, "lay_aside", damaged_at_the_third)
        assert await refused(hass, file) == "history_not_written"
    # A new one was begun, in which only the last pieces were.
    assert history.id != before
    assert (await history.async_facts())["readings"] == 0
    assert (await imported(hass, file))["added"] == 288


async def test_readings_come_in_between_the_pieces_of_an_import(
    hass: HomeAssistant, alex: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_keeping, "_PIECE", 50)
    one = Reading(time=NOON - FIVE, mg_dl=111, source="a", series="b")
    order: list[str] = []
    whole, add = Store.lay_aside, Store.add

    def lay_aside(self: Store, wearer: str, readings: list[Reading]) -> Added:
        if not order:
            hass.loop.call_soon_threadsafe(
                hass.async_create_task, alex.runtime_data.async_take([one])
            )
            time.sleep(0.2)
        order.append("piece")
        return whole(self, wearer, readings)

    def noted(self: Store, wearer: str, readings: list[Reading]) -> Added:
        order.append("reading")
        return add(self, wearer, readings)

    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY))
    monkeypatch.setattr(Store, "lay_aside", lay_aside)
    monkeypatch.setattr(Store, "add", noted)
    assert (await imported(hass, file))["added"] == 288
    await hass.async_block_till_done(wait_background_tasks=True)
    assert order.index("reading") < 3
    assert order.count("piece") == 6


async def test_why_rows_and_files_are_refused_is_said_in_german(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    hass.config.language = "de"
    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY) + "2026-10-11T12:05:00Z,5000\n")
    await imported(hass, file)
    (message,) = notifications(hass)
    assert "Importiert (einfache CSV-Datei)" in message
    assert "- 290: Glukose außerhalb von 10 bis 600 mg/dL" in message
    file.write_bytes(b"PK\x03\x04")
    with pytest.raises(ServiceValidationError) as caught:
        await imported(hass, file)
    assert (caught.value.translation_placeholders or {})["reason"].startswith(
        "die Datei ist ein ZIP"
    )
    file.write_text("time,glucose_mg_dl\nx,1\n")
    with pytest.raises(ServiceValidationError) as caught:
        await imported(hass, file)
    assert (caught.value.translation_placeholders or {})["reason"].startswith(
        "2: keine Zeit in der"
    )


@pytest.mark.parametrize("action", ["import_file", "export", "erase_history"])
async def test_only_administrators_may_import_export_and_erase(
    hass: HomeAssistant, alex: MockConfigEntry, action: str
) -> None:
    folder = allowed(hass)
    file = folder / "a.csv"
    file.write_text(table(DAY))
    await imported(hass, file)
    before = await everything(hass, alex)
    said = {
        "import_file": {"path": str(file)},
        "export": {"folder": str(folder)},
        "erase_history": {"confirm": "Alex"},
    }
    somebody = MockUser().add_to_hass(hass)
    with pytest.raises(Unauthorized):
        await hass.services.async_call(
            "cgm", action, said[action], blocking=True, context=Context(user_id=somebody.id)
        )
    assert await everything(hass, alex) == before
    assert list(folder.iterdir()) == [file]
