"""The history's file under stress: full, locked, damaged, too new, erased; nothing is lost."""

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.sources.source import Answer
from custom_components.cgm.shared.glucose.store import Store, file as store_file
from fakes.dexcom_share import FakeDexcomShare, Row
from fakes.nightscout import FakeNightscout
from fakes.serving import html_503

from .conftest import AddWearer, PassTime, Settle
from .vendors import dexcom_source, nightscout_source, steady
from .watching import FIVE, NOON, file_of, keep, kept, repairs, running, value

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(NOON)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a moment only for a lock that will not be given."""
    monkeypatch.setattr(store_file, "BUSY_SECONDS", 0.05)


@pytest.fixture
async def wearer(
    hass: HomeAssistant, dexcom: FakeDexcomShare, add_wearer: AddWearer
) -> MockConfigEntry:
    """Add a wearer whose Dexcom has half a day and goes on; not set up yet."""
    for place in range(-100, 40):
        time = dt_util.utcnow() + place * FIVE - MINUTE
        dexcom.rows.append(Row(time=time, value=150 + place, visible_at=time))
    return add_wearer(dexcom_source(dexcom))


async def start(hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle) -> None:
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert value(hass) == "150"


async def limit_pages(hass: HomeAssistant, pages: int | None) -> None:
    """Have the file grow no more, as on a full disk; None: as far as it likes."""

    def limited(store: Store) -> None:
        connection = store._open_connection  # noqa: SLF001 - only the connection knows the limit
        assert connection is not None
        (now,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {2**31 if pages is None else now + pages}")

    await async_history(hass).async_do(limited)


async def test_on_a_full_disk_values_are_shown_and_written_later(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    await start(hass, wearer, settle)
    before = await kept(hass, wearer)
    await limit_pages(hass, 0)
    # Enough at once that the last page cannot take it.
    (source,) = wearer.subentries
    big = [
        Reading(time=r.time + timedelta(seconds=s), mg_dl=111, source=source, series="share")
        for r in before
        for s in range(60, 100)
    ]
    held = running(wearer)
    feed = held.feeds[source]
    await held.async_receive(feed, Answer(readings=tuple(big)))
    assert set(repairs(hass)) == {"history_unavailable"}
    assert "full" in repairs(hass)["history_unavailable"]["reason"]
    assert await kept(hass, wearer) == before
    await pass_time(FIVE)
    assert value(hass) == "151"
    assert set(repairs(hass)) == {"history_unavailable"}

    await limit_pages(hass, None)
    await pass_time(MINUTE)
    assert repairs(hass) == {}
    written = {reading.identity for reading in await kept(hass, wearer)}
    assert written >= {reading.identity for reading in [*before, *big]}
    assert 151 in {reading.mg_dl for reading in await kept(hass, wearer)}


async def test_while_the_file_is_locked_values_are_shown_and_written_later(
    hass: HomeAssistant,
    impatient: None,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
    request: pytest.FixtureRequest,
) -> None:
    await start(hass, wearer, settle)
    other = sqlite3.connect(file_of(hass), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    await pass_time(2 * FIVE)
    assert value(hass) == "152"
    assert "locked" in repairs(hass)["history_unavailable"]["reason"]
    other.execute("ROLLBACK")
    other.close()
    await pass_time(MINUTE)
    assert repairs(hass) == {}
    assert [reading.mg_dl for reading in await kept(hass, wearer)][-3:] == [150, 151, 152]


async def test_what_waits_is_written_when_the_wearer_stops(
    hass: HomeAssistant,
    impatient: None,
    wearer: MockConfigEntry,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    await start(hass, wearer, settle)
    other = sqlite3.connect(file_of(hass), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    await pass_time(FIVE)
    other.execute("ROLLBACK")
    other.close()
    assert await hass.config_entries.async_unload(wearer.entry_id)
    connection = sqlite3.connect(file_of(hass))
    assert connection.execute("SELECT max(mg_dl) FROM readings").fetchone() == (151,)
    connection.close()


async def test_a_file_that_cannot_be_opened_is_tried_again(
    hass: HomeAssistant, wearer: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    file_of(hass).mkdir()
    (file_of(hass) / "in the way").touch()
    assert not await hass.config_entries.async_setup(wearer.entry_id)
    assert wearer.state is ConfigEntryState.SETUP_RETRY
    assert wearer.error_reason_translation_key == "history_unavailable"
    with pytest.raises(StoreUnavailable):
        await async_history(hass).async_do(lambda store: store.health())
    (file_of(hass) / "in the way").unlink()
    file_of(hass).rmdir()
    await pass_time(MINUTE)
    assert running(wearer).history.id is not None
    assert value(hass) == "150"


def spoil(path: Path) -> None:
    """Write nonsense over the middle of a file, its log included."""
    with path.open("r+b") as damaged:
        damaged.seek(0)
        damaged.write(b"\xff" * path.stat().st_size)


async def test_a_file_damaged_at_the_start_is_set_aside_and_refilled(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    (source,) = wearer.subentries
    old = Reading(
        time=dt_util.utcnow() - timedelta(days=300), mg_dl=80, source=source, series="share"
    )
    keep(hass, wearer, [old])
    spoil(file_of(hass))
    await start(hass, wearer, settle)
    (aside,) = file_of(hass).parent.glob("cgm.db.damaged-*")
    assert repairs(hass) == {"history_set_aside": {"file": aside.name}}
    assert aside.read_bytes() == b"\xff" * aside.stat().st_size
    assert len(await kept(hass, wearer)) == 101


async def test_a_file_damaged_while_running_is_set_aside_and_refilled(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    await start(hass, wearer, settle)
    await async_history(hass).async_do(lambda store: store.checkpoint())
    spoil(file_of(hass))
    await async_history(hass).async_do(_forget_pages)
    await pass_time(2 * FIVE)
    assert value(hass) == "152"
    assert "history_set_aside" in repairs(hass)
    found = [reading.mg_dl for reading in await kept(hass, wearer)]
    assert found == list(range(50, 153))


async def test_with_the_source_away_a_new_history_has_the_last_hours_from_memory(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    dexcom: FakeDexcomShare,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    await start(hass, wearer, settle)
    await async_history(hass).async_do(lambda store: store.checkpoint())
    spoil(file_of(hass))
    await async_history(hass).async_do(_forget_pages)
    dexcom.fail(html_503)
    # The statistics are the first to read, and to meet the damage.
    await pass_time(2 * MINUTE)
    assert set(repairs(hass)) == {"history_set_aside"}
    found = [reading.mg_dl for reading in await kept(hass, wearer)]
    assert found == list(range(151 - 6 * 12, 151))


async def test_a_new_history_knows_of_a_silence_though_no_alarm_has_changed(
    hass: HomeAssistant, wearer: MockConfigEntry, dexcom: FakeDexcomShare, settle: Settle
) -> None:
    await start(hass, wearer, settle)
    (feed,) = running(wearer).feeds.values()
    low = Reading(time=dt_util.utcnow(), mg_dl=51, source=feed.id, series="share")
    await running(wearer).async_receive(feed, Answer(readings=(low,)))
    alarms = running(wearer).alarms
    await alarms.async_silence()
    history = async_history(hass)
    before = history.id
    await history.async_do(lambda store: store.checkpoint())
    spoil(file_of(hass))
    await history.async_do(_forget_pages)
    assert await kept(hass, wearer) == []
    assert history.id != before
    await alarms.async_keep()
    text = await history.async_do(lambda store: store.alarm_states(wearer.entry_id))
    assert text is not None
    assert '"silence_left":900.0' in text


def _forget_pages(store: Store) -> None:
    """Have SQLite read from the disk again, as it does when its memory was needed elsewhere."""
    connection = store._open_connection  # noqa: SLF001 - as above
    assert connection is not None
    connection.execute("PRAGMA shrink_memory")


async def test_without_room_for_a_new_file_the_damaged_one_waits(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    await start(hass, wearer, settle)
    await async_history(hass).async_do(lambda store: store.checkpoint())
    spoil(file_of(hass))
    await async_history(hass).async_do(_forget_pages)
    # A folder in the way of the new file: it cannot be made.
    in_the_way = file_of(hass).with_name("cgm.db.new")
    in_the_way.mkdir()
    await pass_time(2 * FIVE)
    assert value(hass) == "152"
    assert set(repairs(hass)) == {"history_unavailable"}
    in_the_way.rmdir()
    await pass_time(FIVE)
    assert set(repairs(hass)) == {"history_set_aside"}
    await pass_time(FIVE)
    assert [reading.mg_dl for reading in await kept(hass, wearer)] == list(range(50, 155))


async def test_a_history_of_a_newer_release_is_left_alone(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, dexcom: FakeDexcomShare
) -> None:
    keep(hass, wearer, [])
    connection = sqlite3.connect(file_of(hass))
    connection.execute("INSERT INTO migrations (name, applied_at) VALUES ('of_tomorrow', '2027')")
    connection.commit()
    connection.close()
    before = file_of(hass).read_bytes()
    assert not await hass.config_entries.async_setup(wearer.entry_id)
    assert wearer.state is ConfigEntryState.SETUP_ERROR
    assert wearer.error_reason_translation_key == "history_too_new"
    assert set(repairs(hass)) == {"history_too_new"}
    assert file_of(hass).read_bytes() == before
    assert dexcom.log == []

    # The newer release is back, or the step was taken back.
    connection = sqlite3.connect(file_of(hass))
    connection.execute("DELETE FROM migrations WHERE name = 'of_tomorrow'")
    connection.commit()
    connection.close()
    assert await hass.config_entries.async_reload(wearer.entry_id)
    await settle()
    assert value(hass) == "150"
    assert repairs(hass) == {}


async def test_removing_a_wearer_erases_that_one_only(
    hass: HomeAssistant,
    wearer: MockConfigEntry,
    add_wearer: AddWearer,
    nightscout: FakeNightscout,
    nightscout_url: str,
    settle: Settle,
) -> None:
    steady(nightscout, 111)
    other = add_wearer(nightscout_source(nightscout_url), title="Robin")
    await start(hass, wearer, settle)
    await settle()
    before = await kept(hass, other)
    assert len(before) == 3
    await hass.config_entries.async_remove(wearer.entry_id)
    await settle()
    assert await kept(hass, wearer) == []
    assert await kept(hass, other) == before
    assert value(hass, "sensor.robin_glucose") == "111"
    assert hass.states.get("sensor.alex_glucose") is None


async def test_a_removed_wearer_whose_history_cannot_be_opened_is_removed_all_the_same(
    hass: HomeAssistant, wearer: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    file_of(hass).mkdir()
    assert not await hass.config_entries.async_setup(wearer.entry_id)
    await hass.config_entries.async_remove(wearer.entry_id)
    assert hass.config_entries.async_entries("cgm") == []
    assert "could not be erased" in caplog.text


async def test_damage_met_while_a_wearer_is_taken_up_leaves_no_thread_behind(
    hass: HomeAssistant, wearer: MockConfigEntry, impatient: None, settle: Settle
) -> None:
    keep(hass, wearer, [])
    connection = sqlite3.connect(file_of(hass), isolation_level=None)
    connection.execute(
        "INSERT INTO notes VALUES (?, 'statistics pending from', 'not a time')", (wearer.entry_id,)
    )
    connection.close()
    assert not await hass.config_entries.async_setup(wearer.entry_id)
    assert async_history(hass).id is None
    threads = [one for one in threading.enumerate() if one.name.startswith("cgm_history")]
    for thread in threads:
        thread.join(1)
    assert [thread for thread in threads if thread.is_alive()] == []


async def test_a_history_away_at_the_start_hides_no_value_and_is_recalled_later(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    (source,) = wearer.subentries
    keep(
        hass,
        wearer,
        [
            Reading(
                time=dt_util.utcnow() - timedelta(minutes=3),
                mg_dl=77,
                source=source,
                series="share",
            )
        ],
    )
    assert await hass.config_entries.async_setup(wearer.entry_id)
    history = running(wearer).history
    await history.async_do(Store.close)
    await settle()
    assert value(hass) == "150"
    assert set(repairs(hass)) == {"history_unavailable"}
    await history.async_do(Store.open)
    await pass_time(FIVE)
    assert repairs(hass) == {}
    assert value(hass) == "151"
    assert len(await kept(hass, wearer)) == 103


async def test_what_was_learned_is_not_kept_by_a_history_that_takes_nothing(
    hass: HomeAssistant, wearer: MockConfigEntry, settle: Settle
) -> None:
    await start(hass, wearer, settle)
    await running(wearer).history.async_do(Store.close)
    assert await hass.config_entries.async_unload(wearer.entry_id)
    assert await hass.config_entries.async_setup(wearer.entry_id)
    await settle()
    assert value(hass) == "150"
