"""A source that an agent brings, as its wearer sees it: paced, remembered, in the statistics."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    MqttMockHAClient,
)

from custom_components.cgm.edge_feed import EdgeFeed
from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.reading import Kind, Reading
from custom_components.cgm.shared.glucose.store import Store

from .agents import BASEMENT, FIVE, TOPICS, edge_source, health, numbered, reading, rows, say
from .conftest import AddWearer, PassTime, Settle
from .dialogs import only_source
from .watching import GLUCOSE, NOON, hours, kept, repairs, running, value

pytestmark = pytest.mark.parametrize("expected_lingering_timers", [True])  # of MQTT's own

MINUTE = timedelta(minutes=1)
STATE = "sensor.alex_edge_state"


@pytest.fixture
async def alex(
    hass: HomeAssistant,
    mqtt_mock: MqttMockHAClient,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    settle: Settle,
) -> MockConfigEntry:
    """Set up a wearer whose readings an agent brings, at noon."""
    freezer.move_to(NOON)
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    return entry


def feed_of(entry: MockConfigEntry) -> EdgeFeed:
    """Return the running side of the wearer's one source."""
    (feed,) = running(entry).feeds.values()
    assert isinstance(feed, EdgeFeed)
    return feed


async def restart(hass: HomeAssistant, entry: MockConfigEntry, settle: Settle) -> None:
    """Unload the wearer and set it up again."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()


async def test_the_interval_is_learned_from_what_came_and_known_after_a_restart(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    source = only_source(alex).subentry_id
    now = dt_util.utcnow()
    for seq in range(1, 13):
        live = rows(*numbered([reading(now + (seq - 12) * MINUTE)], seq), topic=TOPICS.reading)
        say(hass, TOPICS.reading, live)
        await settle()
    assert running(alex).cadences[source] == MINUTE
    await restart(hass, alex, settle)
    assert running(alex).cadences[source] == MINUTE
    assert feed_of(alex).status.newest == now


async def test_meters_other_series_and_old_readings_teach_no_interval(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    now = dt_util.utcnow()
    meter = Reading(time=now, mg_dl=99, source="basement", series="mbg", kind=Kind.METER)
    graph = [
        Reading(time=now - seq * MINUTE, mg_dl=99, source="basement", series="graph")
        for seq in range(1, 10)
    ]
    say(hass, TOPICS.backfill, rows(*numbered([meter, *graph, reading(now)])))
    await settle()
    assert feed_of(alex).status.newest == now
    say(hass, TOPICS.backfill, rows(*numbered(map(reading, [now - FIVE, now - 6 * MINUTE]), 12)))
    await settle()
    assert feed_of(alex).cadence.learned.gaps == ()
    assert len(await kept(hass, alex)) == 13


async def test_what_was_learned_is_kept_within_the_hour(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    source = only_source(alex).subentry_id
    for seq in range(1, 15):
        live = rows(*numbered([reading(dt_util.utcnow())], seq), topic=TOPICS.reading)
        say(hass, TOPICS.reading, live)
        await settle()
        await pass_time(FIVE)
    learned = await async_history(hass).async_do(
        lambda store: store.recall(alex.entry_id, f"cadence {source}")
    )
    assert '"gaps": [300.0' in str(learned)


async def test_a_backlog_is_in_the_long_term_statistics(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    noon = datetime.fromisoformat(NOON)
    day = [reading(noon - FIVE * back, 90 if back > 36 else 150) for back in range(72, 0, -1)]
    say(hass, TOPICS.backfill, rows(*numbered(day)))
    await settle()
    await pass_time(timedelta(minutes=13))
    found = await hours(hass, noon - timedelta(hours=6))
    assert [row["mean"] for row in found] == [90, 90, 90, 150, 150, 150]


async def test_a_backlog_of_thirty_days_is_in_every_hour_of_the_long_term_statistics(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    noon = datetime.fromisoformat(NOON)
    # Each hour has a level of its own.
    month = [
        reading(noon - FIVE * back, 60 + (back - 1) // 12 % 300) for back in range(8640, 0, -1)
    ]
    live = rows(*numbered([reading(noon, 142)], 8641), topic=TOPICS.reading)
    say(hass, TOPICS.reading, live)
    for first in range(1, 8641, 100):
        batch = month[first - 1 : min(first + 99, 8640)]
        say(hass, TOPICS.backfill, rows(*numbered(batch, first)))
        await settle()
    assert len(await kept(hass, alex)) == 8641
    await pass_time(timedelta(minutes=13), MINUTE)
    found = await hours(hass, noon - timedelta(days=31))
    assert [row["mean"] for row in found] == [60 + back % 300 for back in range(719, -1, -1)]
    assert [row["start"] for row in found] == [
        (noon - timedelta(hours=back)).timestamp() for back in range(720, 0, -1)
    ]


async def test_what_is_taken_over_is_in_the_statistics_too(
    hass: HomeAssistant,
    mqtt_mock: MqttMockHAClient,
    freezer: FrozenDateTimeFactory,
    add_wearer: AddWearer,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    freezer.move_to(NOON)
    noon = datetime.fromisoformat(NOON)
    entry = add_wearer(edge_source())
    left = [reading(noon - FIVE * back, 90) for back in range(24, 0, -1)]
    store = Store(async_history(hass)._store._path, clock=dt_util.utcnow)  # noqa: SLF001 - where it lies
    store.open()
    store.add("edge pi", left)
    store.close()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert value(hass, GLUCOSE) == "90"
    await pass_time(timedelta(minutes=13))
    assert [row["mean"] for row in await hours(hass, noon - timedelta(hours=2))] == [90, 90]


async def test_what_could_not_be_taken_over_is_with_the_next_reading(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_given: object, **_named: object) -> None:
        raise StoreUnavailable("history cannot be used now: disk full")

    now = dt_util.utcnow()
    history = async_history(hass)
    await history.async_do(lambda store: store.add("edge pi", [reading(now - FIVE, 141)]))
    with monkeypatch.context() as broken:
        broken.setattr(Store, "move", full)
        await restart(hass, alex, settle)
        assert await kept(hass, alex) == []
        # Nothing is known yet of what was learned, so nothing replaces it.
        await feed_of(alex).async_keep()
    say(hass, TOPICS.backfill, rows(*numbered([reading(now, 142)])))
    await settle()
    assert [one.mg_dl for one in await kept(hass, alex)] == [141, 142]


async def test_an_agent_that_is_well_and_brings_nothing_for_a_day_raises_the_repair(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    settle: Settle,
    freezer: FrozenDateTimeFactory,
) -> None:
    say(hass, TOPICS.health, health())
    await settle()
    assert value(hass, STATE) == "ok"
    freezer.tick(timedelta(hours=24, minutes=1))
    say(hass, TOPICS.health, health())
    await settle()
    assert value(hass, STATE) == "no_readings"
    assert "no_readings" in repairs(hass)
    running(alex).async_try_again(only_source(alex).subentry_id)
    assert value(hass, STATE) == "no_readings"
    live = rows(*numbered([reading(dt_util.utcnow(), 142)]), topic=TOPICS.reading)
    say(hass, TOPICS.reading, live)
    await settle()
    assert value(hass, STATE) == "ok"
    assert repairs(hass).keys() == {"nobody_listens"}


async def test_a_new_title_or_place_goes_on_and_a_new_key_begins_anew(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    feed, source = feed_of(alex), only_source(alex)
    entries = hass.config_entries
    entries.async_update_subentry(alex, source, title="Attic", data={**source.data, "rank": 3.0})
    await settle()
    assert feed_of(alex) is feed
    assert feed.title == "Attic"
    entries.async_update_subentry(alex, source, data={**source.data, "pairing_key": "new"})
    await settle()
    assert feed_of(alex) is not feed
    feed.async_update()
    feed.async_stop()
    say(hass, TOPICS.health, health(key=b"new"))
    await settle()
    assert value(hass, STATE) == "ok"


@pytest.mark.parametrize(
    "broken", [{"node": None}, {"node": "A Pi!"}, {"cadence_seconds": "often"}, {"carried": None}]
)
async def test_unusable_settings_leave_the_wearers_other_sources_alone(
    hass: HomeAssistant,
    mqtt_mock: MqttMockHAClient,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
    caplog: pytest.LogCaptureFixture,
    broken: dict[str, object],
) -> None:
    bad = {key: value for key, value in {**edge_source(), **broken}.items() if value is not None}
    entry = add_wearer(bad, simulated)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert [feed.settings["kind"] for feed in running(entry).feeds.values()] == ["simulated"]
    assert "The settings of a source cannot be used" in caplog.text


async def test_diagnostics_tell_of_the_agent_and_name_nobody(
    hass: HomeAssistant,
    mqtt_mock: MqttMockHAClient,
    hass_client: ClientSessionGenerator,
    add_wearer: AddWearer,
    settle: Settle,
) -> None:
    entry = add_wearer(edge_source(key="a key"))
    assert await hass.config_entries.async_setup(entry.entry_id)
    denied = (TOPICS.ack, f"cgm/pi/value/{BASEMENT.source}", "homeassistant/device/cgm_pi/config")
    say(hass, TOPICS.health, health(depth=4, denied=denied, key=b"a key"))
    await settle()
    told: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    (source,) = told["sources"]
    assert source["agent_outbox"] == 4
    assert source["agent_denied"] == ["ack", "homeassistant", "value"]
    assert source["settings"]["pairing_key"] == source["settings"]["node"] == "**REDACTED**"
    assert not [word for word in ("a key", "'pi", BASEMENT.source) if word in str(told)]


async def test_a_clock_that_is_forgotten_with_its_source(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    for _ in range(3):
        say(hass, TOPICS.health, health(ahead=timedelta(hours=1)))
        await pass_time(MINUTE)
    assert "clock_off" in repairs(hass)
    hass.config_entries.async_remove_subentry(alex, only_source(alex).subentry_id)
    await settle()
    assert "clock_off" not in {
        issue.translation_key for issue in ir.async_get(hass).issues.values()
    }
