"""An agent that stays away is a repair, until it is heard again; one that shares its name too."""

import asyncio
from datetime import timedelta

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.mqtt import DATA_MQTT
from homeassistant.core import HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import MqttMockHAClient

from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.errors import StoreUnavailable
from custom_components.cgm.shared.glucose.store import Store
from custom_components.cgm.shared.glucose.wire import OFFLINE, ONLINE, decode_ack

from .agents import ATTIC, FIVE, TOPICS, edge_source, health, numbered, reading, rows, say
from .conftest import AddWearer, PassTime, Settle
from .dialogs import only_source
from .running import set_up
from .watching import GLUCOSE, NOON, kept, repairs, value

pytestmark = pytest.mark.parametrize("expected_lingering_timers", [True])  # of MQTT's own

STATE = "sensor.alex_edge_state"
LAST_SEEN = "sensor.alex_pi_last_seen"
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
# Noon where the tests' home is.
AWAY = {"agent_offline": {"node": "pi", "since": "2026-11-20 04:00"}}


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    """Begin at noon."""
    freezer.move_to(NOON)


@pytest.fixture
async def alex(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, add_wearer: AddWearer, settle: Settle
) -> MockConfigEntry:
    """Set up a wearer whose readings an agent brings; it is heard at noon."""
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(entry.entry_id)
    say(hass, TOPICS.health, health())
    await settle()
    return entry


async def restart(
    hass: HomeAssistant, entry: MockConfigEntry, pass_time: PassTime, away: timedelta
) -> None:
    """Unload the wearer, and set it up again later."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    await pass_time(away, away)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await pass_time(MINUTE)


async def test_an_agent_away_for_an_hour_is_a_repair_until_it_is_heard(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    await pass_time(HOUR - MINUTE)
    assert (value(hass, STATE), repairs(hass)) == ("offline", {})
    await pass_time(2 * MINUTE)
    assert repairs(hass) == AWAY
    await pass_time(5 * HOUR, FIVE)
    assert repairs(hass) == AWAY
    say(hass, TOPICS.health, health())
    await settle()
    assert (value(hass, STATE), repairs(hass)) == ("ok", {})


async def test_an_agent_that_said_goodbye_is_missed_too(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    say(hass, TOPICS.availability, OFFLINE)
    await pass_time(HOUR + MINUTE)
    assert repairs(hass) == AWAY
    say(hass, TOPICS.availability, ONLINE)
    await settle()
    assert repairs(hass) == {}


async def test_the_repair_is_there_again_after_a_restart_and_still_says_since_when(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    await pass_time(10 * MINUTE)
    await restart(hass, alex, pass_time, 2 * HOUR)
    # It may be as new to the broker as we are.
    assert repairs(hass) == {}
    assert value(hass, LAST_SEEN) == NOON
    await pass_time(5 * MINUTE)
    assert repairs(hass) == AWAY
    say(hass, TOPICS.health, health())
    await settle()
    assert repairs(hass) == {}


async def test_an_agent_that_is_there_after_a_long_restart_is_no_repair(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    await restart(hass, alex, pass_time, 5 * HOUR)
    for _ in range(10):
        say(hass, TOPICS.health, health())
        await pass_time(MINUTE)
        assert repairs(hass) == {}


async def test_an_agent_never_heard_is_missed_from_its_adoption_on_also_over_a_restart(
    hass: HomeAssistant,
    mqtt_mock: MqttMockHAClient,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    entry = add_wearer(edge_source())
    await set_up(hass, settle)
    await pass_time(30 * MINUTE)
    await restart(hass, entry, pass_time, 25 * MINUTE)
    assert repairs(hass) == {}
    assert value(hass, LAST_SEEN) == "unknown"
    await pass_time(6 * MINUTE)
    assert repairs(hass) == AWAY


async def test_while_our_own_connection_is_down_no_agent_is_missed(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    async_dispatcher_send(hass, "mqtt_connection_state", False)
    await pass_time(3 * HOUR, FIVE)
    assert (value(hass, STATE), repairs(hass)) == ("no_broker", {})
    # The agent needs a while to find the broker, too.
    async_dispatcher_send(hass, "mqtt_connection_state", True)
    say(hass, TOPICS.availability, OFFLINE, retain=True)
    await pass_time(4 * MINUTE)
    assert (value(hass, STATE), repairs(hass)) == ("offline", {})
    await pass_time(2 * MINUTE)
    assert repairs(hass) == AWAY
    async_dispatcher_send(hass, "mqtt_connection_state", False)
    await settle()
    assert repairs(hass) == {}


async def test_a_removed_source_takes_the_repair_along(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime, settle: Settle
) -> None:
    await pass_time(HOUR + MINUTE)
    assert repairs(hass) == AWAY
    hass.config_entries.async_remove_subentry(alex, only_source(alex).subentry_id)
    await settle()
    assert repairs(hass) == {}


async def test_two_wearers_of_one_agent_have_one_repair(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    add_wearer: AddWearer,
    pass_time: PassTime,
    settle: Settle,
) -> None:
    robin = add_wearer(edge_source(ATTIC), title="Robin")
    assert await hass.config_entries.async_setup(robin.entry_id)
    await pass_time(HOUR + MINUTE)
    assert repairs(hass) == AWAY
    assert await hass.config_entries.async_unload(robin.entry_id)
    assert repairs(hass) == AWAY
    assert await hass.config_entries.async_unload(alex.entry_id)
    assert repairs(hass) == {}


async def test_when_it_was_last_seen_is_exact_and_costs_few_writes(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    note = Store.note

    def counted(store: Store, wearer: str, key: str, text: str | None) -> None:
        written.append(key)
        note(store, wearer, key, text)

    await pass_time(MINUTE)
    monkeypatch.setattr(Store, "note", counted)
    for _ in range(33):
        say(hass, TOPICS.health, health())
        await pass_time(MINUTE)
    assert written.count("last seen") == 6
    # Its last word is kept once it is missed.
    await pass_time(3 * MINUTE)
    assert written.count("last seen") == 7
    await restart(hass, alex, pass_time, MINUTE)
    assert value(hass, LAST_SEEN) == "2026-11-20T12:33:00+00:00"


async def test_an_agent_that_is_well_does_not_write_a_state_each_minute(
    hass: HomeAssistant, alex: MockConfigEntry, pass_time: PassTime
) -> None:
    written: list[str] = []
    hass.bus.async_listen(
        "state_changed", lambda event: written.append(event.data["new_state"].entity_id)
    )
    for _ in range(32):
        await pass_time(MINUTE)
        say(hass, TOPICS.health, health())
    assert 5 <= written.count(LAST_SEEN) <= 7
    await pass_time(3 * MINUTE)
    assert value(hass, LAST_SEEN) == "2026-11-20T12:32:00+00:00"


async def test_a_history_that_refuses_keeps_it_later(
    hass: HomeAssistant,
    mqtt_mock: MqttMockHAClient,
    add_wearer: AddWearer,
    settle: Settle,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_given: object) -> None:
        raise StoreUnavailable("history cannot be used now: disk full")

    entry = add_wearer(edge_source())
    with monkeypatch.context() as broken:
        broken.setattr(Store, "note", full)
        assert await hass.config_entries.async_setup(entry.entry_id)
        say(hass, TOPICS.health, health())
        await settle()
    await pass_time(6 * MINUTE)
    await restart(hass, entry, pass_time, MINUTE)
    assert value(hass, LAST_SEEN) == NOON


# Two agents under one name.


def told(mqtt: MqttMockHAClient) -> dict[str, int]:
    """Return the highest number acknowledged to each epoch."""
    sent = [call for call in mqtt.async_publish.call_args_list if call.args[0] == TOPICS.ack]
    acks = [decode_ack(TOPICS.ack, call.args[1]) for call in sent]
    return {ack.epoch: ack.seq for ack in sorted(acks, key=lambda ack: ack.seq)}


async def take_turns(hass: HomeAssistant, settle: Settle, turns: int) -> int:
    """Have two agents deliver in turns, each from its own outbox; returns how many readings."""
    now = dt_util.utcnow()
    for turn in range(turns):
        for place, (epoch, first) in enumerate((("hers", 1001), ("his", 5001))):
            seq = first + turn
            back = timedelta(minutes=2 * (turns - turn) + place)
            message = rows(
                *numbered([reading(now - back, 100 + turn)], seq),
                epoch=epoch,
                done=0 if turn == 0 else seq - 1,
                after=0 if turn == 0 else seq - 1,
            )
            say(hass, TOPICS.availability, ONLINE, retain=True)
            say(hass, TOPICS.backfill, message)
            say(hass, TOPICS.availability, OFFLINE)
            await settle()
    return 2 * turns


async def test_each_of_two_agents_with_one_name_is_told_its_own_numbers(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    count = await take_turns(hass, settle, 5)
    assert len(await kept(hass, alex)) == count
    assert told(mqtt_mock) == {"hers": 1005, "his": 5005}
    # Neither was told a lower number than before, which would make it send everything again.
    sent = [call for call in mqtt_mock.async_publish.call_args_list if call.args[0] == TOPICS.ack]
    for epoch in ("hers", "his"):
        acks = [decode_ack(TOPICS.ack, call.args[1]) for call in sent]
        numbers = [ack.seq for ack in acks if ack.epoch == epoch]
        assert numbers == sorted(numbers)


async def test_both_are_told_also_while_the_broker_is_slow(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    slow = asyncio.Event()

    async def wait(*_given: object, **_named: object) -> None:
        await slow.wait()

    now = dt_util.utcnow()
    mqtt_mock.async_publish.side_effect = wait
    for place, (epoch, seq) in enumerate((("hers", 1001), ("his", 5001), ("hers", 1002))):
        one = numbered([reading(now - place * MINUTE)], seq)
        say(hass, TOPICS.backfill, rows(*one, epoch=epoch, after=0))
    while len(await kept(hass, alex)) < 3:  # noqa: ASYNC110 - the store says nothing by itself
        await asyncio.sleep(0)
    slow.set()
    await settle()
    assert told(mqtt_mock) == {"hers": 1002, "his": 5001}


async def test_two_agents_with_one_name_are_a_repair_until_one_of_them_has_another(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    await take_turns(hass, settle, 2)
    assert repairs(hass) == {}
    await take_turns(hass, settle, 2)
    assert repairs(hass) == {"agents_share_name": {"node": "pi"}}
    for seq in range(2001, 2014):
        live = rows(*numbered([reading(dt_util.utcnow())], seq), epoch="hers", after=0)
        say(hass, TOPICS.backfill, live)
        await pass_time(FIVE, MINUTE)
    assert repairs(hass) == {}


async def test_topics_that_the_broker_denies_are_a_repair_until_the_agent_may_use_them(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    say(hass, TOPICS.health, health(denied=(TOPICS.ack, TOPICS.backfill)))
    await settle()
    named = {"node": "pi", "topics": "cgm/pi/ack, cgm/pi/backfill"}
    assert repairs(hass) == {"agent_denied": named}
    # An agent that is gone has not been allowed more.
    say(hass, TOPICS.availability, OFFLINE, retain=True)
    await settle()
    assert repairs(hass) == {"agent_denied": named}
    say(hass, TOPICS.health, health(denied=(TOPICS.ack,)))
    await settle()
    assert repairs(hass) == {"agent_denied": {"node": "pi", "topics": "cgm/pi/ack"}}
    say(hass, TOPICS.health, health())
    await settle()
    assert repairs(hass) == {}


async def test_what_the_broker_kept_of_an_earlier_start_is_no_second_agent(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    now = dt_util.utcnow()
    earlier = rows(*numbered([reading(now - HOUR)], 1), epoch="earlier", topic=TOPICS.reading)
    for seq in range(2, 8):
        say(hass, TOPICS.backfill, rows(*numbered([reading(now - seq * MINUTE)], seq)))
        # As at each new connection, when what is retained is heard again.
        hass.data[DATA_MQTT].client._retained_topics.clear()  # noqa: SLF001 - nothing else does
        say(hass, TOPICS.reading, earlier, retain=True)
        await settle()
    assert repairs(hass) == {}


async def test_an_agent_that_restarts_often_is_no_repair(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    now = dt_util.utcnow()
    for start in range(20):
        seq = start + 1
        one = numbered([reading(now - (20 - start) * MINUTE)], seq)
        payload = rows(*one, epoch=f"start {start}", done=start, topic=TOPICS.reading)
        say(hass, TOPICS.reading, payload)
        # A home that reconnects hears again what is retained, of an earlier run too.
        say(hass, TOPICS.reading, payload, retain=True)
        say(hass, TOPICS.backfill, rows(*one, epoch=f"start {start}", done=start))
        await settle()
    assert repairs(hass) == {}
    assert value(hass, GLUCOSE) == "120"
    noted = await async_history(hass).async_do(lambda store: store.recall("edge pi", "ack"))
    assert str(noted).count("epoch") == 4
