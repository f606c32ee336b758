"""One agent as Home Assistant hears it: checked, stored, acknowledged, and noticed when silent."""

import json
from collections.abc import Callable
from datetime import timedelta
from logging import INFO
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import (
    MqttMockHAClient,
    MqttMockHAClientGenerator,
)

from custom_components.cgm.const import DOMAIN
from custom_components.cgm.edge_nodes import async_nodes
from custom_components.cgm.history import async_history
from custom_components.cgm.shared.glucose.errors import StoreDamaged, StoreUnavailable
from custom_components.cgm.shared.glucose.store import Store
from custom_components.cgm.shared.glucose.wire import OFFLINE, ONLINE, Ack, decode_ack

from .agents import (
    ATTIC,
    BASEMENT,
    FIVE,
    TOPICS,
    announcement,
    edge_source,
    health,
    numbered,
    reading,
    rows,
    say,
)
from .conftest import AddWearer, PassTime, Settle
from .dialogs import only_source
from .running import set_up
from .watching import NOON, file_of, kept, repairs, value

pytestmark = pytest.mark.parametrize("expected_lingering_timers", [True])  # of MQTT's own

GLUCOSE = "sensor.alex_glucose"
STATE = "sensor.alex_edge_state"
CONNECTED = "binary_sensor.alex_pi_connected"
OUTBOX = "sensor.alex_pi_outbox"
LAST_SEEN = "sensor.alex_pi_last_seen"
KEY = "a pairing key that nobody guesses"


@pytest.fixture(autouse=True)
def noon(freezer: FrozenDateTimeFactory) -> None:
    """Begin at noon."""
    freezer.move_to(NOON)


@pytest.fixture
async def alex(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, add_wearer: AddWearer, settle: Settle
) -> MockConfigEntry:
    """Set up a wearer whose readings an agent brings."""
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    return entry


def acks(mqtt: MqttMockHAClient, key: bytes | None = None) -> list[Ack]:
    """Return every acknowledgement that was published, each retained."""
    sent = [call for call in mqtt.async_publish.call_args_list if call.args[0] == TOPICS.ack]
    assert all(call.args[2:4] == (1, True) for call in sent)
    return [decode_ack(TOPICS.ack, call.args[1], key) for call in sent]


def published(mqtt: MqttMockHAClient) -> list[int]:
    """Return the numbers acknowledged, each once, in their order."""
    return list(dict.fromkeys(ack.seq for ack in acks(mqtt)))


async def restart(hass: HomeAssistant, entry: MockConfigEntry, settle: Settle) -> None:
    """Unload the wearer and set it up again."""
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()


async def test_a_live_reading_is_shown_kept_and_acknowledged(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    live = rows(*numbered([reading(dt_util.utcnow(), 142)]), topic=TOPICS.reading)
    say(hass, TOPICS.reading, live)
    await settle()
    assert value(hass, GLUCOSE) == "142"
    (one,) = await kept(hass, alex)
    assert (one.source, one.mg_dl) == (only_source(alex).subentry_id, 142)
    (ack,) = acks(mqtt_mock)
    store_id = async_history(hass).id
    assert ack == Ack(store_id=str(store_id), epoch="first", seq=1)


async def test_a_backlog_fills_the_history_and_the_newest_reading_decides_what_is_shown(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    now = dt_util.utcnow()
    say(
        hass,
        TOPICS.reading,
        rows(*numbered([reading(now, 142)], 201), topic=TOPICS.reading),
    )
    await settle()
    assert published(mqtt_mock) == [0]
    for first in (1, 101):
        old = [reading(now - FIVE * (201 - seq), 90) for seq in range(first, first + 100)]
        say(hass, TOPICS.backfill, rows(*numbered(old, first)))
    await settle()
    assert len(await kept(hass, alex)) == 201
    assert published(mqtt_mock)[-1] == 201
    assert value(hass, GLUCOSE) == "142"


async def test_old_readings_alone_are_not_now(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    old = reading(dt_util.utcnow() - timedelta(hours=1))
    say(hass, TOPICS.reading, rows(*numbered([old]), topic=TOPICS.reading), retain=True)
    await settle()
    assert value(hass, GLUCOSE) == "unknown"
    assert len(await kept(hass, alex)) == 1


async def test_repeated_messages_change_nothing_and_are_acknowledged_again(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    batch = rows(*numbered([reading(dt_util.utcnow() - FIVE), reading(dt_util.utcnow())]))
    for _ in range(3):
        say(hass, TOPICS.backfill, batch)
        await settle()
    assert len(await kept(hass, alex)) == 2
    assert [ack.seq for ack in acks(mqtt_mock)] == [2, 2, 2]


async def test_what_cannot_be_a_reading_is_rejected_by_number_and_the_others_are_kept(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    now = dt_util.utcnow()
    good = rows(*numbered([reading(now - FIVE, 123), reading(now, 456)]))
    say(hass, TOPICS.backfill, good.replace(b'"mg_dl":456', b'"mg_dl":9999'))
    await settle()
    assert [one.mg_dl for one in await kept(hass, alex)] == [123]
    (ack,) = acks(mqtt_mock)
    assert (ack.seq, ack.rejected) == (2, (2,))


RUBBISH = [
    b"\xff\xfe",
    b"{",
    b'{"contract":1}',
    b"x" * 10_000_000,
    b'{"contract":2,"epoch":"first","done":0,"after":0,"rows":[]}',
]


async def test_rubbish_is_refused_counted_and_said_once_and_the_next_message_is_taken(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    mqtt_mock: MqttMockHAClient,
    settle: Settle,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for rubbish in RUBBISH:
        for topic in (TOPICS.reading, TOPICS.backfill, TOPICS.health, TOPICS.announce):
            say(hass, topic, rubbish)
    say(hass, TOPICS.availability, b"perhaps")
    # These are no messages at all.
    for leaf in (TOPICS.reading, TOPICS.backfill, TOPICS.health, TOPICS.announce):
        say(hass, leaf, b"")
    await settle()
    ours = [r for r in caplog.records if r.name == "custom_components.cgm"]
    refusals = [r for r in ours if "Messages of an edge agent are refused" in r.message]
    assert len(refusals) == 1
    assert async_nodes(hass).nodes["pi"].refused == 4 * len(RUBBISH)
    assert acks(mqtt_mock) == []
    say(hass, TOPICS.backfill, rows(*numbered([reading(dt_util.utcnow())])))
    await settle()
    assert published(mqtt_mock) == [1]
    assert len(await kept(hass, alex)) == 1


async def test_with_a_key_unsigned_and_foreign_messages_are_refused_and_ours_are_signed(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, add_wearer: AddWearer, settle: Settle
) -> None:
    entry = add_wearer(edge_source(key=KEY))
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    some = numbered([reading(dt_util.utcnow(), 142)])
    for key in (None, b"another"):
        say(hass, TOPICS.reading, rows(*some, topic=TOPICS.reading, key=key))
    # Signed, but for another topic.
    say(hass, TOPICS.reading, rows(*some, topic=TOPICS.backfill, key=KEY.encode()))
    await settle()
    assert await kept(hass, entry) == []
    say(hass, TOPICS.reading, rows(*some, topic=TOPICS.reading, key=KEY.encode()))
    await settle()
    assert value(hass, GLUCOSE) == "142"
    assert [ack.seq for ack in acks(mqtt_mock, KEY.encode())] == [1]


async def test_nothing_is_acknowledged_while_the_disk_refuses_and_all_of_it_afterwards(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    mqtt_mock: MqttMockHAClient,
    settle: Settle,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(*_given: object) -> None:
        raise StoreUnavailable("history cannot be used now: disk full")

    now = dt_util.utcnow()
    with monkeypatch.context() as broken:
        broken.setattr(Store, "add", full)
        live = rows(*numbered([reading(now, 142)], 3), topic=TOPICS.reading)
        backlog = rows(*numbered([reading(now - 2 * FIVE, 99), reading(now - FIVE, 201, "attic")]))
        for _ in range(4):
            # Not acknowledged, the agent says it again.
            say(hass, TOPICS.reading, live)
            say(hass, TOPICS.backfill, backlog)
            await pass_time(timedelta(minutes=1))
        assert value(hass, GLUCOSE) == "142"
        assert published(mqtt_mock) == [0]
        assert repairs(hass) == {
            "history_unavailable": {"reason": "history cannot be used now: disk full"}
        }
        said = [r for r in caplog.records if r.name == "custom_components.cgm" and r.levelno > INFO]
        assert [r.getMessage() for r in said] == [
            "Readings cannot be written: history cannot be used now: disk full"
        ]
    await pass_time(timedelta(minutes=1))
    assert [one.mg_dl for one in await kept(hass, alex)] == [99, 142]
    assert published(mqtt_mock)[0] == 0
    assert acks(mqtt_mock)[-1].seq == 3
    assert repairs(hass) == {}


@pytest.mark.parametrize("broken_at", ["add", "note"])
async def test_a_history_begun_anew_half_way_through_a_message_gets_all_of_it(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    mqtt_mock: MqttMockHAClient,
    settle: Settle,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
    broken_at: str,
) -> None:
    works = getattr(Store, broken_at)
    refused: list[str] = []

    def damaged(store: Store, wearer: str, *given: object) -> object:
        if wearer == "edge pi" and not refused and given[0] != "last seen":
            refused.append(wearer)
            store.close()
            file_of(hass).write_bytes(b"\xff" * 10_000)
            raise StoreDamaged("history is damaged: it no longer is a database")
        return works(store, wearer, *given)

    monkeypatch.setattr(Store, broken_at, damaged)
    first = async_history(hass).id
    # Too old to be in memory still; the other source is nobody's and comes second.
    old = dt_util.utcnow() - timedelta(hours=10)
    message = rows(*numbered([reading(old, 99), reading(old, 201, "loft")]))
    say(hass, TOPICS.backfill, message)
    await settle()
    assert refused
    assert async_history(hass).id != first
    assert [ack for ack in acks(mqtt_mock) if ack.seq] == []
    history = async_history(hass)
    noted = await history.async_do(lambda store: store.recall("edge pi", "ack"))
    assert '"acked": 2' not in str(noted)
    # Not acknowledged, the agent says it again.
    say(hass, TOPICS.backfill, message)
    await pass_time(timedelta(minutes=1))
    assert [one.mg_dl for one in await kept(hass, alex)] == [99]
    assert await history.async_do(lambda store: store.count("edge pi")) == 1
    assert [(ack.store_id, ack.seq) for ack in acks(mqtt_mock) if ack.seq][-1] == (history.id, 2)


async def test_what_was_acknowledged_is_read_again_where_it_could_not_be(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    mqtt_mock: MqttMockHAClient,
    settle: Settle,
    pass_time: PassTime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def locked(*_given: object) -> None:
        raise StoreUnavailable("history cannot be used now: locked")

    now = dt_util.utcnow()
    say(hass, TOPICS.backfill, rows(*numbered([reading(now - FIVE), reading(now)])))
    await settle()
    mqtt_mock.async_publish.reset_mock()
    assert await hass.config_entries.async_unload(alex.entry_id)
    with monkeypatch.context() as broken:
        recall = Store.recall
        broken.setattr(
            Store, "recall", lambda *given: locked() if given[2] == "ack" else recall(*given)
        )
        assert await hass.config_entries.async_setup(alex.entry_id)
        await settle()
        assert acks(mqtt_mock) == []
    await pass_time(timedelta(minutes=1))
    assert published(mqtt_mock) == [2]


async def test_a_reading_ahead_of_the_clock_is_neither_refused_nor_acknowledged_until_its_time(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    mqtt_mock: MqttMockHAClient,
    settle: Settle,
    pass_time: PassTime,
) -> None:
    now = dt_util.utcnow()
    ahead = now + timedelta(hours=1)
    say(hass, TOPICS.backfill, rows(*numbered([reading(now), reading(ahead), reading(now - FIVE)])))
    await settle()
    assert len(await kept(hass, alex)) == 2
    assert published(mqtt_mock) == [1]
    await pass_time(timedelta(hours=1), timedelta(minutes=5))
    assert len(await kept(hass, alex)) == 3
    assert published(mqtt_mock) == [1, 3]
    assert acks(mqtt_mock)[-1].rejected == ()


async def test_what_was_acknowledged_is_known_and_told_after_a_restart(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    now = dt_util.utcnow()
    say(hass, TOPICS.backfill, rows(*numbered([reading(now - FIVE), reading(now)])))
    await settle()
    (first,) = acks(mqtt_mock)
    mqtt_mock.async_publish.reset_mock()
    await restart(hass, alex, settle)
    assert set(acks(mqtt_mock)) == {first}


async def test_a_history_begun_anew_says_that_it_has_nothing_until_the_agent_went_back(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    now = dt_util.utcnow()
    say(hass, TOPICS.backfill, rows(*numbered([reading(now)], 501), done=500))
    await settle()
    assert published(mqtt_mock) == [0]
    again = [reading(now - FIVE * (501 - seq)) for seq in range(402, 502)]
    # The agent went back as far as it could.
    say(hass, TOPICS.backfill, rows(*numbered(again, 402), done=401))
    await settle()
    assert published(mqtt_mock) == [0, 501]
    assert len(await kept(hass, alex)) == 100


async def test_a_retained_reading_of_an_earlier_run_moves_nothing(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    now = dt_util.utcnow()
    say(hass, TOPICS.backfill, rows(*numbered([reading(now - FIVE), reading(now)])))
    await settle()
    old = rows(*numbered([reading(now - FIVE)]), epoch="earlier", topic=TOPICS.reading)
    say(hass, TOPICS.reading, old, retain=True)
    await settle()
    assert {(ack.epoch, ack.seq) for ack in acks(mqtt_mock)} == {("first", 2)}


async def test_two_wearers_share_a_node_and_each_has_their_own_readings(
    hass: HomeAssistant, mqtt_mock: MqttMockHAClient, add_wearer: AddWearer, settle: Settle
) -> None:
    alex = add_wearer(edge_source(BASEMENT))
    robin = add_wearer(edge_source(ATTIC), title="Robin")
    await set_up(hass, settle)
    now = dt_util.utcnow()
    both = [reading(now, 101), reading(now, 202, "attic")]
    say(hass, TOPICS.backfill, rows(*numbered(both)))
    await settle()
    assert (value(hass, GLUCOSE), value(hass, "sensor.robin_glucose")) == ("101", "202")
    assert published(mqtt_mock) == [2]
    assert len(async_nodes(hass).nodes) == 1
    # One leaves, the other goes on.
    assert await hass.config_entries.async_unload(alex.entry_id)
    say(hass, TOPICS.backfill, rows(*numbered([reading(now, 203, "attic")], 3)))
    await settle()
    assert value(hass, "sensor.robin_glucose") == "203"
    assert await hass.config_entries.async_unload(robin.entry_id)
    assert async_nodes(hass).nodes == {}


async def test_a_source_nobody_has_is_kept_for_who_takes_it_over(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    mqtt_mock: MqttMockHAClient,
    add_wearer: AddWearer,
    settle: Settle,
) -> None:
    now = dt_util.utcnow()
    ahead = reading(now + timedelta(hours=1), source="attic")
    some = [reading(now - FIVE, 201, "attic"), reading(now, 202, "attic"), ahead]
    say(hass, TOPICS.backfill, rows(*numbered(some)))
    await settle()
    assert published(mqtt_mock) == [2]
    assert await kept(hass, alex) == []
    robin = add_wearer(edge_source(ATTIC), title="Robin")
    assert await hass.config_entries.async_setup(robin.entry_id)
    await settle()
    assert value(hass, "sensor.robin_glucose") == "202"
    assert [(r.mg_dl, r.source) for r in await kept(hass, robin)] == [
        (201, only_source(robin).subentry_id),
        (202, only_source(robin).subentry_id),
    ]


async def test_readings_while_a_wearer_is_unloaded_are_theirs_when_they_are_back(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    mqtt_mock: MqttMockHAClient,
    add_wearer: AddWearer,
    settle: Settle,
) -> None:
    robin = add_wearer(edge_source(ATTIC), title="Robin")
    assert await hass.config_entries.async_setup(robin.entry_id)
    assert await hass.config_entries.async_unload(alex.entry_id)
    say(hass, TOPICS.backfill, rows(*numbered([reading(dt_util.utcnow(), 142)])))
    await settle()
    assert published(mqtt_mock) == [1]
    assert await hass.config_entries.async_setup(alex.entry_id)
    await settle()
    assert value(hass, GLUCOSE) == "142"


async def test_removing_the_source_keeps_the_history_and_the_numbers(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    say(hass, TOPICS.backfill, rows(*numbered([reading(dt_util.utcnow(), 142)])))
    await settle()
    hass.config_entries.async_remove_subentry(alex, only_source(alex).subentry_id)
    await settle()
    assert [one.mg_dl for one in await kept(hass, alex)] == [142]
    assert async_nodes(hass).nodes == {}
    store = async_history(hass)
    noted = await store.async_do(lambda open_: open_.recall("edge pi", "ack"))
    assert [run["acked"] for run in json.loads(str(noted))] == [1]


async def test_removing_the_last_wearer_of_an_agent_erases_what_was_kept_under_its_name(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    add_wearer: AddWearer,
    simulated: dict[str, Any],
    settle: Settle,
) -> None:
    other = add_wearer(simulated, title="Robin")
    assert await hass.config_entries.async_setup(other.entry_id)
    say(hass, TOPICS.backfill, rows(*numbered([reading(dt_util.utcnow(), 142, "attic")])))
    await settle()
    await hass.config_entries.async_remove(alex.entry_id)
    history = async_history(hass)
    assert await history.async_do(lambda store: store.count("edge pi")) == 0
    assert await history.async_do(lambda store: store.recall("edge pi", "ack")) is None


# How the agent stands.


async def test_an_agent_is_a_device_of_its_own_beside_the_source(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
) -> None:
    source = only_source(alex).subentry_id
    entities = er.async_entries_for_config_entry(entity_registry, alex.entry_id)
    of_agent = [e for e in entities if e.unique_id.startswith(f"{source}_agent")]
    assert {e.entity_id for e in of_agent} == {CONNECTED, OUTBOX, LAST_SEEN}
    assert {e.entity_category for e in of_agent} == {er.EntityCategory.DIAGNOSTIC}
    (device_id,) = {e.device_id for e in of_agent}
    device = device_registry.async_get(str(device_id))
    assert isinstance(device, dr.DeviceEntry)
    assert device.identifiers == {(DOMAIN, f"{source}_agent")}
    assert device.model == "Edge agent"
    hass.config_entries.async_remove_subentry(alex, source)
    await hass.async_block_till_done()
    assert device_registry.async_get(str(device_id)) is None
    assert hass.states.get(CONNECTED) is None


async def test_health_is_shown(hass: HomeAssistant, alex: MockConfigEntry, settle: Settle) -> None:
    assert (value(hass, CONNECTED), value(hass, STATE)) == ("unknown", "starting")
    say(hass, TOPICS.availability, ONLINE, retain=True)
    say(hass, TOPICS.health, health(depth=3))
    await settle()
    assert (value(hass, CONNECTED), value(hass, OUTBOX)) == ("on", "3")
    assert value(hass, LAST_SEEN) == NOON
    assert value(hass, STATE) == "ok"


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("ok", "ok"),
        ("no_readings", "ok"),
        ("starting", "starting"),
        ("retrying", "retrying"),
        ("waiting_for_login", "fault_at_agent"),
        ("locked", "fault_at_agent"),
        ("a new word", "fault_at_agent"),
    ],
)
async def test_what_the_agent_says_of_its_source_is_shown(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, word: str, state: str
) -> None:
    say(hass, TOPICS.health, health(state=word))
    await settle()
    assert value(hass, STATE) == state
    assert value(hass, CONNECTED) == "on"


async def test_a_will_is_seen_at_once_and_the_value_stays_while_it_is_young(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    live = rows(*numbered([reading(dt_util.utcnow(), 142)]), topic=TOPICS.reading)
    say(hass, TOPICS.reading, live)
    say(hass, TOPICS.availability, OFFLINE)
    await settle()
    assert (value(hass, CONNECTED), value(hass, STATE)) == ("off", "offline")
    assert value(hass, GLUCOSE) == "142"
    await pass_time(timedelta(minutes=12))
    assert value(hass, GLUCOSE) == "unknown"
    say(hass, TOPICS.availability, ONLINE)
    await settle()
    assert (value(hass, CONNECTED), value(hass, STATE)) == ("on", "ok")


async def test_health_that_stops_coming_is_seen_within_three_minutes_and_its_return_at_once(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle, pass_time: PassTime
) -> None:
    say(hass, TOPICS.health, health())
    await pass_time(timedelta(minutes=2))
    assert value(hass, STATE) == "ok"
    await pass_time(timedelta(seconds=40))
    assert (value(hass, CONNECTED), value(hass, STATE)) == ("off", "offline")
    say(hass, TOPICS.health, health())
    await settle()
    assert (value(hass, CONNECTED), value(hass, STATE)) == ("on", "ok")


async def test_a_broker_that_goes_is_said_and_its_return_heals_by_itself(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    say(hass, TOPICS.backfill, rows(*numbered([reading(dt_util.utcnow(), 142)])))
    await settle()
    mqtt_mock.async_publish.reset_mock()
    async_dispatcher_send(hass, "mqtt_connection_state", False)
    await settle()
    assert (value(hass, CONNECTED), value(hass, STATE)) == ("off", "no_broker")
    assert value(hass, GLUCOSE) == "142"
    async_dispatcher_send(hass, "mqtt_connection_state", True)
    await settle()
    assert value(hass, STATE) == "ok"
    assert [ack.seq for ack in acks(mqtt_mock)] == [1]


async def test_an_acknowledgement_the_broker_did_not_take_is_told_when_it_is_back(
    hass: HomeAssistant, alex: MockConfigEntry, mqtt_mock: MqttMockHAClient, settle: Settle
) -> None:
    mqtt_mock.async_publish.side_effect = HomeAssistantError("no connection")
    say(hass, TOPICS.backfill, rows(*numbered([reading(dt_util.utcnow(), 142)])))
    await settle()
    mqtt_mock.async_publish.reset_mock(side_effect=True)
    async_dispatcher_send(hass, "mqtt_connection_state", True)
    await settle()
    assert published(mqtt_mock) == [1]


async def test_without_mqtt_the_wearer_is_set_up_and_heals_when_it_comes(
    hass: HomeAssistant,
    configuration: None,
    mqtt_mock_entry: MqttMockHAClientGenerator,
    add_wearer: AddWearer,
    settle: Settle,
) -> None:
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(entry.entry_id)
    await settle()
    assert (value(hass, CONNECTED), value(hass, STATE)) == ("off", "no_broker")
    mqtt = await mqtt_mock_entry()
    await settle()
    assert value(hass, STATE) == "starting"
    live = rows(*numbered([reading(dt_util.utcnow(), 142)]), topic=TOPICS.reading)
    say(hass, TOPICS.reading, live)
    await settle()
    assert value(hass, GLUCOSE) == "142"
    assert published(mqtt) == [1]


async def test_a_broker_that_cannot_be_subscribed_to_is_tried_again(
    hass: HomeAssistant,
    mqtt_mock: MqttMockHAClient,
    add_wearer: AddWearer,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_given: object, **_named: object) -> Callable[[], None]:
        raise HomeAssistantError("not set up")

    entry = add_wearer(edge_source())
    with monkeypatch.context() as broken:
        broken.setattr("homeassistant.components.mqtt.async_subscribe", refuse)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await settle()
    async_dispatcher_send(hass, "mqtt_connection_state", True)
    await settle()
    say(hass, TOPICS.health, health())
    await settle()
    assert value(hass, STATE) == "ok"


# The agent's clock.


@pytest.mark.parametrize(
    ("synchronised", "minutes"), [(True, 60), (False, 0), (None, 0)], ids=["yes", "no", "unknown"]
)
async def test_a_synchronised_agents_clock_tells_that_ours_is_wrong(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    pass_time: PassTime,
    synchronised: bool | None,
    minutes: int,
) -> None:
    for _ in range(3):
        say(hass, TOPICS.health, health(ahead=timedelta(hours=1), synchronised=synchronised))
        await pass_time(timedelta(minutes=1))
    correction = alex.runtime_data.clock.correction
    assert correction == timedelta(minutes=minutes)


async def test_health_that_lay_somewhere_tells_nothing_of_the_clock(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    # Three messages of three minutes, delivered at once an hour later.
    for minute in range(3):
        say(hass, TOPICS.health, health(ahead=timedelta(minutes=minute - 60)))
    await settle()
    assert alex.runtime_data.clock.estimate is None


async def test_the_announced_cadence_is_taken(
    hass: HomeAssistant, alex: MockConfigEntry, settle: Settle
) -> None:
    source = only_source(alex).subentry_id
    assert alex.runtime_data.cadences[source] == FIVE
    faster = type(BASEMENT)(source="basement", wearer="Kim", kind="dexcom", cadence_seconds=60)
    say(hass, TOPICS.announce, announcement(faster), retain=True)
    await settle()
    assert alex.runtime_data.cadences[source] == timedelta(minutes=1)
    # Taken back, it stays as it was.
    say(hass, TOPICS.announce, b"")
    await settle()
    assert alex.runtime_data.cadences[source] == timedelta(minutes=1)


async def test_no_name_nor_key_is_logged(
    hass: HomeAssistant,
    mqtt_mock: MqttMockHAClient,
    add_wearer: AddWearer,
    settle: Settle,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = add_wearer(edge_source(key=KEY))
    assert await hass.config_entries.async_setup(entry.entry_id)
    say(hass, TOPICS.announce, announcement(key=KEY.encode()))
    say(hass, TOPICS.reading, b"rubbish")
    say(hass, TOPICS.health, health(key=KEY.encode()))
    await settle()
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("custom_components")]
    assert ours
    assert [line for line in ours if KEY in line or "Kim" in line or "basement" in line] == []


async def test_a_fault_of_ours_with_one_message_does_not_end_the_others(
    hass: HomeAssistant,
    alex: MockConfigEntry,
    mqtt_mock: MqttMockHAClient,
    settle: Settle,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_given: object) -> None:
        raise ZeroDivisionError("142")

    now = dt_util.utcnow()
    feed = next(iter(alex.runtime_data.feeds.values()))
    with monkeypatch.context() as patch:
        patch.setattr(feed, "_learn", broken)
        say(hass, TOPICS.backfill, rows(*numbered([reading(now - FIVE, 142)])))
        await settle()
    assert acks(mqtt_mock) == []
    assert "ZeroDivisionError" in caplog.text
    say(hass, TOPICS.backfill, rows(*numbered([reading(now - FIVE, 142), reading(now)])))
    await settle()
    assert published(mqtt_mock) == [2]
