"""Importing a file: all of it or nothing, told as it goes, never shown as now."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import persistent_notification
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.importing import async_import
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.formats import Export, read_export
from custom_components.cgm.shared.glucose.store import Store
from fakes.dexcom_share import FakeDexcomShare

from .conftest import PassTime, RunWearer
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


async def test_the_notification_goes_on_and_ends_with_the_counts(
    hass: HomeAssistant, alex: MockConfigEntry
) -> None:
    go = threading.Event()
    seen: list[str] = []

    def read() -> Export:
        go.wait(10)
        return read_export(table(DAY) + "x,1\n", zone=ZoneInfo("UTC"), source=None)

    task = hass.async_create_task(async_import(alex.runtime_data, read))
    while not notifications(hass):  # noqa: ASYNC110 - the notification comes from the same loop
        await asyncio.sleep(0)
    seen += notifications(hass)
    # Meanwhile nobody else may import for this wearer, and the loop is free.
    with pytest.raises(ServiceValidationError) as caught:
        await async_import(alex.runtime_data, read)
    assert caught.value.translation_key == "import_under_way"
    go.set()
    await task
    seen += notifications(hass)
    assert len(seen) == 2
    assert "being read" in seen[0]
    assert "Added: 288" in seen[1]
    assert "- 290: not a time" in seen[1]


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
    file.write_text(table([(NOON - FIVE, 120), (NOON + timedelta(days=1), 120)]))
    answer = await imported(hass, file)
    assert (answer["added"], answer["ahead"]) == (1, 1)


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


async def test_utf_16_is_read(hass: HomeAssistant, alex: MockConfigEntry) -> None:
    file = allowed(hass) / "a.csv"
    file.write_text(table(DAY), encoding="utf-16")
    assert (await imported(hass, file))["added"] == 288


async def test_only_allowed_files_that_are_there_are_read(
    hass: HomeAssistant, alex: MockConfigEntry, tmp_path: Path
) -> None:
    folder = allowed(hass)
    outside = tmp_path / "a.csv"
    outside.write_text(table(DAY))
    assert await refused(hass, outside) == "path_not_allowed"
    assert await refused(hass, folder / ".." / "secrets.yaml") == "path_not_allowed"
    (folder / "link.csv").symlink_to(outside)
    assert await refused(hass, folder / "link.csv") == "path_not_allowed"
    assert await refused(hass, Path("a.csv")) == "path_not_allowed"
    assert await refused(hass, Path("/a\0b")) == "path_not_allowed"
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
    assert [row["line"] for row in answer["refused_rows"]] == [*range(2, 10), *range(11, 15)]
    assert answer["others"] == {"other": 1}
