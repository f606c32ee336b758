"""The publisher against a real broker, with a small Home Assistant that answers as it should."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent import publisher as publishing
from edge_agent.broker import BrokerSettings
from edge_agent.outbox import Outbox
from edge_agent.publisher import Publisher
from fakes.broker import (
    ACCESS,
    HOME_ASSISTANT,
    NODE,
    PASSWORDS,
    Broker,
    broker_running,
    free_port,
    needs_mosquitto,
)
from glucose.reading import Reading
from glucose.wire import Ack, Announce, Health, Received, Topics, decode_announce, decode_rows

pytestmark = needs_mosquitto

TOPICS = Topics(NODE)
ANNOUNCE = Announce(node=NODE, software="edge 1", carries=())
ROOT = Path(__file__).resolve().parents[2]
DENIED = "this user is not authorised (135)"
ALLOWED = ("announce", "availability", "reading", "ack", "health")
START = datetime.now(UTC) - timedelta(days=3)


def reading(number: int) -> Reading:
    return Reading(
        time=(START + timedelta(minutes=number)).replace(microsecond=0),
        mg_dl=100 + number % 50,
        source="dexcom",
        series="share",
    )


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "did not happen in time"
        time.sleep(0.01)


class Home:
    """Stores what comes and acknowledges it, unless `silent`; keeps every message it heard."""

    def __init__(self, port: int) -> None:
        self.readings: dict[tuple[object, ...], Reading] = {}
        self.acked: dict[str, int] = {}
        self.heard: list[MQTTMessage] = []
        self.silent = False
        self.key: bytes | None = None
        self.client = Client(
            CallbackAPIVersion.VERSION2, client_id="home", protocol=MQTTProtocolVersion.MQTTv5
        )
        self.client.username_pw_set(HOME_ASSISTANT, PASSWORDS[HOME_ASSISTANT])
        self.client.reconnect_delay_set(1, 1)
        self.client.on_message = self.on_message
        self.client.on_connect = self.on_connect
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        until(self.client.is_connected)

    def on_connect(self, client: Client, *_: object) -> None:
        client.subscribe(f"cgm/{NODE}/#", qos=1)

    def on_message(self, client: Client, _userdata: object, message: MQTTMessage) -> None:
        self.heard.append(message)
        if message.topic in {TOPICS.reading, TOPICS.backfill} and not self.silent:
            rows = decode_rows(message.topic, message.payload, self.key)
            self.readings.update({row.reading.identity: row.reading for row in rows.rows})
            self.acknowledge(rows)

    def acknowledge(self, rows: Received) -> None:
        acked = self.acked.setdefault(
            rows.epoch, min(rows.done, max(self.acked.values(), default=0))
        )
        if rows.after <= acked:
            self.acked[rows.epoch] = max(acked, rows.last)
        ack = Ack(store_id="s", epoch=rows.epoch, seq=self.acked[rows.epoch])
        self.client.publish(TOPICS.ack, ack.encode(TOPICS.ack, self.key), qos=1, retain=True)

    def on(self, topic: str) -> list[MQTTMessage]:
        return [message for message in self.heard if message.topic == topic]

    def availability(self) -> list[bytes]:
        return [message.payload for message in self.on(TOPICS.availability)]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_running(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def home(broker: Broker) -> Iterator[Home]:
    with closing(Home(broker.port)) as made:
        yield made


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "outbox.db", clock=lambda: datetime.now(UTC))
    made.open()
    yield made
    made.close()


@contextmanager
def publishing_to(
    port: int,
    outbox: Outbox,
    *,
    password: str = PASSWORDS[NODE],
    username: str = NODE,
    keepalive_seconds: int = 30,
    key: bytes | None = None,
    on_home_online: Callable[[], None] | None = None,
) -> Iterator[Publisher]:
    publisher = Publisher(
        BrokerSettings(
            host="127.0.0.1",
            port=port,
            username=username,
            password=password,
            keepalive_seconds=keepalive_seconds,
        ),
        TOPICS,
        outbox,
        announce=ANNOUNCE,
        key=key,
        on_home_online=on_home_online,
    )
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.stop()


def test_everything_arrives_the_newest_first_and_is_done(
    broker: Broker, home: Home, outbox: Outbox
) -> None:
    outbox.add(reading(number) for number in range(1000))
    with publishing_to(broker.port, outbox):
        until(lambda: outbox.depth() == 0)
    assert sorted(home.readings.values(), key=lambda one: one.time) == [
        reading(number) for number in range(1000)
    ]
    first = next(m for m in home.heard if m.topic in {TOPICS.reading, TOPICS.backfill})
    assert first.topic == TOPICS.reading
    assert decode_rows(first.topic, first.payload).rows[0].reading == reading(999)


def test_a_new_reading_goes_out_once_and_alone(broker: Broker, home: Home, outbox: Outbox) -> None:
    with publishing_to(broker.port, outbox) as publisher:
        until(lambda: publisher.connected)
        for number in range(20):
            outbox.add([reading(number)])
            publisher.wake()
            until(lambda: outbox.depth() == 0)
    assert len(home.on(TOPICS.reading)) == 20
    assert home.on(TOPICS.backfill) == []


def test_only_two_batches_are_in_flight(broker: Broker, home: Home, outbox: Outbox) -> None:
    home.silent = True
    outbox.add(reading(number) for number in range(1000))
    with publishing_to(broker.port, outbox):
        until(lambda: len(home.on(TOPICS.backfill)) == 2)
        time.sleep(0.5)
        assert len(home.on(TOPICS.backfill)) == 2
    assert outbox.depth() == 1000


def test_what_nobody_acknowledged_is_sent_again(
    broker: Broker, home: Home, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.delivery.PATIENCE_SECONDS", 0.3)
    home.silent = True
    outbox.add(reading(number) for number in range(300))
    with publishing_to(broker.port, outbox) as publisher:
        until(lambda: len(home.on(TOPICS.backfill)) >= 2)
        home.silent = False
        until(lambda: outbox.depth() == 0)
        assert publisher.counters.resends >= 1
    assert len(home.readings) == 300


def test_it_says_who_it_is_and_that_it_is_there_and_that_it_goes(
    broker: Broker, home: Home, outbox: Outbox
) -> None:
    with publishing_to(broker.port, outbox) as publisher:
        until(lambda: home.on(TOPICS.announce))
        assert home.availability() == [b"online"]
        publisher.publish_health(
            Health(sent_at=datetime.now(UTC), clock_synchronised=True, depth=0)
        )
        until(lambda: home.on(TOPICS.health))
        publisher.keep("homeassistant/device/cgm_pi/config", b"{}")
    until(lambda: home.availability() == [b"online", b"offline"])
    assert decode_announce(TOPICS.announce, home.on(TOPICS.announce)[0].payload) == ANNOUNCE
    with closing(Home(broker.port)) as late:
        until(lambda: late.on(TOPICS.announce))
        until(lambda: late.availability() == [b"offline"])
        assert late.on(TOPICS.health) == []


def test_the_newest_reading_is_retained_and_expires_in_fifteen_minutes(
    broker: Broker, home: Home, outbox: Outbox
) -> None:
    fresh = Reading(
        time=datetime.now(UTC) - timedelta(seconds=100), mg_dl=90, source="d", series="s"
    )
    outbox.add([fresh])
    with publishing_to(broker.port, outbox):
        until(lambda: outbox.depth() == 0)
    with closing(Home(broker.port)) as late:
        until(lambda: late.on(TOPICS.reading))
        message = late.on(TOPICS.reading)[0]
        assert message.retain
        assert message.properties is not None
        assert 780 <= vars(message.properties)["MessageExpiryInterval"] <= 800


def test_an_old_reading_is_not_retained(broker: Broker, home: Home, outbox: Outbox) -> None:
    outbox.add([reading(0)])
    with publishing_to(broker.port, outbox):
        until(lambda: outbox.depth() == 0)
    with closing(Home(broker.port)) as late:
        until(lambda: late.on(TOPICS.availability))
        assert late.on(TOPICS.reading) == []


def test_home_assistant_coming_back_is_greeted_and_sent_what_is_due(
    broker: Broker, home: Home, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_HOME_JITTER_SECONDS", 0.1)
    greeted = threading.Event()
    home.silent = True
    outbox.add(reading(number) for number in range(50))
    with publishing_to(broker.port, outbox, on_home_online=greeted.set):
        until(lambda: home.on(TOPICS.backfill))
        home.silent = False
        home.client.publish("homeassistant/status", "online", qos=1, retain=True)
        until(lambda: outbox.depth() == 0, 5.0)
        assert greeted.is_set()
        assert len(home.on(TOPICS.announce)) == 2


def test_a_broker_that_comes_back_empty_loses_nothing(
    broker: Broker, home: Home, outbox: Outbox
) -> None:
    outbox.add(reading(number) for number in range(500))
    with publishing_to(broker.port, outbox) as publisher:
        until(lambda: publisher.counters.acks > 0)
        broker.kill()
        outbox.add(reading(number) for number in range(500, 900))
        until(lambda: not publisher.connected)
        assert publisher.problem
        broker.empty()
        broker.start()
        until(lambda: outbox.depth() == 0, 40.0)
        assert publisher.counters.connections == 2
    assert len(home.readings) == 900


def test_garbage_and_forged_acknowledgements_change_nothing(
    broker: Broker, home: Home, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    home.silent = True
    outbox.add([reading(0)])
    with publishing_to(broker.port, outbox) as publisher:
        until(lambda: home.on(TOPICS.reading))
        bad = [b"", b"\xff\xfe", b"{}", b"[" * 60000, b"{" + b"x" * 10_000_000]
        forged = Ack(store_id="s", epoch=outbox.epoch, seq=2**52).encode(TOPICS.ack)
        foreign = Ack(store_id="s", epoch="other", seq=1).encode(TOPICS.ack)
        for payload in (*bad, forged, foreign):
            home.client.publish(TOPICS.ack, payload, qos=1)
        until(lambda: publisher.counters.foreign_acks == 2)
        assert publisher.counters.unreadable == 3
        assert outbox.depth() == 1
        assert publisher.connected
        assert publisher.counters.faults == 0


def test_with_a_key_everything_is_signed_and_unsigned_is_refused(
    broker: Broker, home: Home, outbox: Outbox
) -> None:
    home.key = b"a key"
    outbox.add([reading(0)])
    with publishing_to(broker.port, outbox, key=b"a key") as publisher:
        until(lambda: outbox.depth() == 0)
        home.key = None
        ack = Ack(store_id="s", epoch=outbox.epoch, seq=0).encode(TOPICS.ack)
        home.client.publish(TOPICS.ack, ack, qos=1)
        until(lambda: publisher.counters.unreadable == 1)
    assert outbox.depth() == 0


def test_a_wrong_password_is_named_and_tried_again(broker: Broker, outbox: Outbox) -> None:
    with publishing_to(broker.port, outbox, password="wrong") as publisher:
        until(lambda: publisher.counters.failures >= 2)
        # mosquitto says 135 for both.
        assert publisher.problem in {
            "wrong user name or password (134)",
            "this user is not authorised (135)",
        }
        assert time.monotonic() - publisher.last_progress < 10
        assert not publisher.connected


def test_a_user_who_may_not_speak_for_the_node_is_told_so(
    broker: Broker, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.add([reading(0)])
    word = PASSWORDS["other"]
    why = f"publishing to {TOPICS.availability}: this user is not authorised (135)"
    with publishing_to(broker.port, outbox, username="other", password=word) as publisher:
        until(lambda: publisher.counters.failures >= 2)
        assert publisher.problem == publisher.refusal == why
        assert publisher.counters.refused >= 2
    assert outbox.depth() == 1
    assert why in caplog.text


def test_a_single_topic_that_is_denied_is_found_and_named(tmp_path: Path, outbox: Outbox) -> None:
    outbox.add(reading(number) for number in range(300))
    access = ACCESS.replace(
        "pattern readwrite cgm/%u/#",
        "pattern readwrite cgm/%u/a/#\n"
        + "\n".join(f"pattern readwrite cgm/%u/{leaf}" for leaf in ALLOWED),
    )
    with (
        broker_running(tmp_path / "strict", access=access) as strict,
        publishing_to(strict.port, outbox) as publisher,
    ):
        until(lambda: publisher.problem and "backfill" in publisher.problem, 40.0)
        assert publisher.problem == f"publishing to {TOPICS.backfill}: {DENIED}"


def test_nothing_listening_is_named(outbox: Outbox) -> None:
    with publishing_to(free_port(), outbox) as publisher:
        until(lambda: publisher.counters.failures >= 1)
        assert publisher.problem == "nothing listens at the broker's address"


def test_a_half_open_network_is_noticed_and_survived(
    broker: Broker, home: Home, outbox: Outbox
) -> None:
    with publishing_to(broker.port, outbox, keepalive_seconds=1) as publisher:
        until(lambda: publisher.connected)
        broker.pause()
        outbox.add([reading(0)])
        publisher.wake()
        until(lambda: not publisher.connected, 10.0)
        broker.resume()
        until(lambda: outbox.depth() == 0, 40.0)
    assert list(home.readings.values()) == [reading(0)]


AGENT = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from edge_agent.broker import BrokerSettings
from edge_agent.outbox import Outbox
from edge_agent.publisher import Publisher
from glucose.wire import Announce, Topics
outbox = Outbox(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))
outbox.open()
settings = BrokerSettings(host="127.0.0.1", port=int(sys.argv[2]), username="pi",
                          password=sys.argv[3])
Publisher(settings, Topics("pi"), outbox,
          announce=Announce(node="pi", software="edge 1", carries=())).start()
time.sleep(600)
"""


def test_the_broker_speaks_the_will_of_one_that_was_killed(
    broker: Broker, home: Home, tmp_path: Path
) -> None:
    agent = subprocess.Popen(  # noqa: S603 - this Python, a program of ours
        [sys.executable, "-c", AGENT, str(tmp_path / "o.db"), str(broker.port), PASSWORDS[NODE]],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'custom_components/cgm/shared'}"},
    )
    try:
        until(lambda: home.availability() == [b"online"])
    finally:
        agent.kill()
        agent.wait()
    until(lambda: home.availability() == [b"online", b"offline"], 5.0)


def test_two_agents_of_one_name_are_told_from_each_other(
    broker: Broker, outbox: Outbox, tmp_path: Path
) -> None:
    second_outbox = Outbox(tmp_path / "second.db", clock=lambda: datetime.now(UTC))
    second_outbox.open()
    with publishing_to(broker.port, outbox) as first:
        until(lambda: first.connected)
        with publishing_to(broker.port, second_outbox):
            until(lambda: "another agent" in (first.problem or ""), 50.0)
        until(lambda: first.connected, 40.0)
    second_outbox.close()


def test_stopping_is_quick_whatever_the_state(broker: Broker, outbox: Outbox) -> None:
    for port in (broker.port, free_port()):
        began = time.monotonic()
        with publishing_to(port, outbox):
            time.sleep(0.2)
        assert time.monotonic() - began < 3.0


def test_a_fault_of_ours_does_not_end_the_thread(
    broker: Broker, home: Home, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = outbox.acked
    faults = iter([RuntimeError("planted")])

    def faulty(ack: Ack) -> object:
        for fault in faults:
            raise fault
        return taken(ack)

    monkeypatch.setattr(outbox, "acked", faulty)
    with publishing_to(broker.port, outbox) as publisher:
        until(lambda: publisher.connected)
        outbox.add([reading(0)])
        publisher.wake()
        until(lambda: publisher.counters.faults == 1)
        outbox.add([reading(1)])
        publisher.wake()
        until(lambda: outbox.depth() == 0)
