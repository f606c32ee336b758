"""From an agent's bytes to states, through a real mosquitto and Home Assistant's real MQTT."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from queue import Empty, Queue
from time import monotonic

import paho.mqtt.client as paho
import pytest
from homeassistant.components import mqtt
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from paho.mqtt.enums import CallbackAPIVersion
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.cgm.shared.glucose.wire import OFFLINE, ONLINE, Ack, decode_ack
from fakes.broker import HOME_ASSISTANT, NODE, PASSWORDS, Broker, broker_running, needs_mosquitto

from .agents import (
    FIVE,
    TOPICS,
    announcement,
    edge_source,
    health,
    numbered,
    reading,
    rows,
)
from .conftest import AddWearer
from .watching import hours, kept, repairs, value

pytestmark = [
    needs_mosquitto,
    pytest.mark.usefixtures("socket_enabled"),
    pytest.mark.parametrize("expected_lingering_timers", [True]),  # of MQTT's own
]


class Agent:
    """An agent's connection to the broker, by hand."""

    def __init__(self, broker: Broker, keepalive: int = 60) -> None:
        """Connect, with a will."""
        self.acks: Queue[Ack] = Queue()
        self.told = 0
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=NODE, protocol=paho.MQTTv5
        )
        self._client.username_pw_set(NODE, PASSWORDS[NODE])
        self._client.will_set(TOPICS.availability, OFFLINE, qos=1, retain=True)
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.connect(broker.host, broker.port, keepalive)
        self._client.loop_start()

    def _on_connect(self, client: paho.Client, *_rest: object) -> None:
        client.subscribe(TOPICS.ack, qos=1)

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        ack = decode_ack(message.topic, message.payload)
        self.told = max(self.told, ack.seq)
        self.acks.put(ack)

    def say(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish, and wait for the broker to have it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(10)

    def die(self) -> None:
        """Break the connection without a word."""
        self._client.loop_stop()
        socket = self._client.socket()
        assert socket is not None
        socket.close()

    def try_to_say(self, topic: str, payload: bytes) -> None:
        """Publish where there is a connection now."""
        with suppress(RuntimeError):
            self.say(topic, payload)

    def fall_silent(self) -> None:
        """Say nothing more and close nothing, as where the power or the Wi-Fi went."""
        self._client.loop_stop()

    def leave(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


async def until(met: Callable[[], bool], seconds: float = 15) -> None:
    """Wait for something to be so."""
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.02)


async def acked(agent: Agent, seq: int) -> Ack:
    """Wait for the acknowledgement of everything up to `seq`."""
    async with asyncio.timeout(15):
        while True:
            try:
                ack = agent.acks.get_nowait()
            except Empty:
                await asyncio.sleep(0.02)
                continue
            if ack.seq >= seq:
                return ack


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Run a broker."""
    with broker_running(tmp_path / "broker") as running:
        yield running


@pytest.fixture
async def mqtt_entry(
    hass: HomeAssistant, broker: Broker, configuration: None
) -> AsyncIterator[MockConfigEntry]:
    """Connect Home Assistant to the broker."""
    entry = MockConfigEntry(
        domain=mqtt.DOMAIN,
        version=mqtt.CONFIG_ENTRY_VERSION,
        minor_version=mqtt.CONFIG_ENTRY_MINOR_VERSION,
        data={
            mqtt.CONF_BROKER: broker.host,
            "port": broker.port,
            "protocol": "5",
            "username": HOME_ASSISTANT,
            "password": PASSWORDS[HOME_ASSISTANT],
        },
        options={mqtt.CONF_BIRTH_MESSAGE: {}},
    )
    entry.add_to_hass(hass)
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


@pytest.fixture
def agent(broker: Broker) -> Iterator[Agent]:
    """Connect an agent to the broker."""
    connected = Agent(broker)
    yield connected
    connected.leave()


type SetUp = Callable[..., Awaitable[MockConfigEntry]]


async def test_what_an_agent_announces_and_delivers_is_shown_kept_and_acknowledged(
    hass: HomeAssistant, mqtt_entry: MockConfigEntry, agent: Agent
) -> None:
    now = dt_util.utcnow()
    agent.say(TOPICS.announce, announcement(), retain=True)
    agent.say(TOPICS.availability, ONLINE, retain=True)
    assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
    flows = hass.config_entries.flow
    await until(lambda: bool(flows.async_progress_by_handler("cgm")))
    (card,) = flows.async_progress_by_handler("cgm")
    result = await flows.async_configure(
        card["flow_id"], {"name": "Alex", "unit": "mg/dL", "time_zone": "Europe/Berlin"}
    )
    entry = result["result"]
    newest = numbered([reading(now, 142)], 301)
    agent.say(
        TOPICS.reading,
        rows(*newest, topic=TOPICS.reading),
        retain=True,
    )
    await until(lambda: value(hass, "sensor.alex_glucose") == "142")
    for start in (1, 101, 201):
        times = [now - FIVE * (301 - seq) for seq in range(start, start + 100)]
        agent.say(TOPICS.backfill, rows(*numbered(map(reading, times), start)))
    ack = await acked(agent, 301)
    assert ack.rejected == ()
    assert len(await kept(hass, entry)) == 301
    agent.say(TOPICS.health, health(depth=7))
    await until(lambda: value(hass, "sensor.alex_pi_outbox") == "7")
    assert value(hass, "binary_sensor.alex_pi_connected") == "on"


async def test_a_will_is_seen_within_seconds_and_the_value_stays(
    hass: HomeAssistant, mqtt_entry: MockConfigEntry, agent: Agent, add_wearer: AddWearer
) -> None:
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    connected = "binary_sensor.alex_pi_connected"
    await until(lambda: value(hass, connected) == "unknown")
    agent.say(TOPICS.availability, ONLINE, retain=True)
    await until(lambda: value(hass, "sensor.alex_edge_state") != "no_broker")
    now = dt_util.utcnow()
    live = rows(*numbered([reading(now, 142)]), topic=TOPICS.reading)
    # The subscription may still be on its way; what is retained waits for it.
    agent.say(TOPICS.reading, live, retain=True)
    agent.say(TOPICS.health, health())
    await until(lambda: value(hass, "sensor.alex_glucose") == "142")
    await until(lambda: value(hass, connected) in {"on", "unknown"})
    agent.die()
    await until(lambda: value(hass, connected) == "off")
    assert value(hass, "sensor.alex_edge_state") == "offline"
    assert value(hass, "sensor.alex_glucose") == "142"


async def test_an_agent_whose_power_went_is_missed_by_the_broker_and_its_value_stays(
    hass: HomeAssistant, mqtt_entry: MockConfigEntry, broker: Broker, add_wearer: AddWearer
) -> None:
    # The real one asks every 30 s: it is given up after 45 to 50.
    agent = Agent(broker, keepalive=4)
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    agent.say(TOPICS.availability, ONLINE, retain=True)
    live = rows(*numbered([reading(dt_util.utcnow(), 142)]), topic=TOPICS.reading)
    agent.say(TOPICS.reading, live, retain=True)
    await acked(agent, 1)
    agent.say(TOPICS.health, health())
    connected = "binary_sensor.alex_pi_connected"
    await until(lambda: value(hass, connected) == "on")
    began = monotonic()
    agent.fall_silent()
    await until(lambda: value(hass, connected) == "off", 20)
    # One and a half times what was promised, and mosquitto looks every 5 s.
    assert 2 < monotonic() - began < 15
    assert value(hass, "sensor.alex_glucose") == "142"
    agent.die()


async def test_two_agents_that_push_each_other_off_the_broker_deliver_all_the_same(
    hass: HomeAssistant, mqtt_entry: MockConfigEntry, broker: Broker, add_wearer: AddWearer
) -> None:
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    now = dt_util.utcnow()
    # They bear one client's name, so the broker closes the connection of whoever was first.
    hers, his = Agent(broker), Agent(broker)
    last: dict[str, int] = {}

    async def deliver(agent: Agent, epoch: str, first: int) -> None:
        message = b""
        for batch in range(4):
            start = first + 25 * batch
            last[epoch] = start + 24
            times = [now - (seq % 1000) * FIVE for seq in range(start, start + 25)]
            message = rows(
                *numbered(map(reading, times), start),
                epoch=epoch,
                done=0 if batch == 0 else start - 1,
                after=0 if batch == 0 else start - 1,
            )
            told = False
            while not told:
                # As the real one: what is not acknowledged is said again.
                await hass.async_add_executor_job(agent.try_to_say, TOPICS.backfill, message)
                await asyncio.sleep(0.2)
                while not agent.acks.empty():
                    ack = agent.acks.get_nowait()
                    assert ack.epoch != epoch or ack.seq >= start - 1 or batch == 0
                    told = told or (ack.epoch, ack.seq) == (epoch, last[epoch])
        while "agents_share_name" not in repairs(hass):
            # The newest one is said again at each connection.
            await hass.async_add_executor_job(agent.try_to_say, TOPICS.backfill, message)
            await asyncio.sleep(0.2)

    async with asyncio.timeout(100):
        await asyncio.gather(deliver(hers, "hers", 1000), deliver(his, "his", 5100))
    assert len(await kept(hass, entry)) == 200
    hers.leave()
    his.leave()


async def test_a_broker_that_stops_and_comes_back_empty_costs_no_reading(
    hass: HomeAssistant,
    mqtt_entry: MockConfigEntry,
    agent: Agent,
    broker: Broker,
    add_wearer: AddWearer,
) -> None:
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    now = dt_util.utcnow()
    state = "sensor.alex_edge_state"
    agent.say(
        TOPICS.reading,
        rows(*numbered([reading(now - FIVE, 130)]), topic=TOPICS.reading),
        retain=True,
    )
    await acked(agent, 1)
    broker.restart_empty()
    await until(lambda: value(hass, state) == "no_broker")
    # What Home Assistant said is told again to a broker that forgot it.
    again = await acked(agent, 1)
    await until(lambda: value(hass, state) != "no_broker", 30)
    agent.say(
        TOPICS.reading,
        rows(*numbered([reading(now, 131)], 2), done=1, topic=TOPICS.reading),
        retain=True,
    )
    assert (await acked(agent, 2)).store_id == again.store_id
    assert [one.mg_dl for one in await kept(hass, entry)] == [130, 131]
    assert timedelta(0) <= dt_util.utcnow() - now


async def test_mqtt_set_up_anew_is_followed(
    hass: HomeAssistant, mqtt_entry: MockConfigEntry, agent: Agent, add_wearer: AddWearer
) -> None:
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert await hass.config_entries.async_reload(mqtt_entry.entry_id)
    live = rows(*numbered([reading(dt_util.utcnow(), 142)]), topic=TOPICS.reading)
    agent.say(TOPICS.reading, live, retain=True)
    await acked(agent, 1)
    assert value(hass, "sensor.alex_glucose") == "142"


async def test_thirty_days_come_in_within_ten_seconds(
    hass: HomeAssistant, mqtt_entry: MockConfigEntry, agent: Agent, add_wearer: AddWearer
) -> None:
    entry = add_wearer(edge_source())
    assert await hass.config_entries.async_setup(mqtt_entry.entry_id)
    assert await hass.config_entries.async_setup(entry.entry_id)
    now = dt_util.utcnow()
    agent.say(
        TOPICS.reading, rows(*numbered([reading(now)], 8641), topic=TOPICS.reading), retain=True
    )
    await acked(agent, 0)
    began = monotonic()
    for first in range(1, 8641, 100):
        times = [now - FIVE * (8641 - seq) for seq in range(first, min(first + 100, 8641))]
        agent.say(TOPICS.backfill, rows(*numbered(map(reading, times), first)))
        # Two batches are under way at most.
        await until(lambda told=first - 101: agent.told >= told)  # type: ignore[misc]  # a default that lambdas cannot type
    await until(lambda: agent.told == 8641)
    seconds = monotonic() - began
    assert len(await kept(hass, entry)) == 8641
    assert seconds < 10
    # Whatever waits for its time has it: all hours that are over go into the statistics.
    async_fire_time_changed(hass, now + timedelta(minutes=15))
    await hass.async_block_till_done(wait_background_tasks=True)
    oldest, ended = now - FIVE * 8640, now - timedelta(minutes=12)
    found = await hours(hass, oldest - timedelta(hours=1))
    begun, over = (time.replace(minute=0, second=0, microsecond=0) for time in (oldest, ended))
    assert len(found) == (over - begun) // timedelta(hours=1) >= 719
    assert {(row["mean"], row["min"], row["max"]) for row in found} == {(120, 120, 120)}
    print(f"8641 readings in {seconds:.2f} s")  # noqa: T201 - the count is part of the proof
