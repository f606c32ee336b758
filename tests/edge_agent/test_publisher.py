"""The publisher against a real broker, with a small Home Assistant that answers as it should."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_agent.broker import BrokerSettings
from edge_agent.delivery import Delivery
from edge_agent.outbox import Outbox
from edge_agent.publisher import LEAST_HEALTH_SECONDS, Publisher
from fakes.blunt_broker import SHORT, WITH_LENGTH, WITH_WORDS, blunt_broker
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
from glucose.wire import (
    Ack,
    Announce,
    Health,
    Received,
    Rows,
    Topics,
    decode_announce,
    decode_rows,
)

pytestmark = needs_mosquitto

TOPICS = Topics(NODE)
ANNOUNCE = Announce(node=NODE, software="edge 1", carries=())
ROOT = Path(__file__).resolve().parents[2]
DENIED = "this user is not authorised (135)"
HEALTH = Health(sent_at=datetime(2026, 3, 4, tzinfo=UTC), clock_synchronised=True, depth=0)
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


def test_a_reading_that_comes_while_one_looks_goes_alone_too(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = outbox.live

    def looked_too_early() -> Rows | None:
        found = look()
        outbox.add([reading(0)])
        return found

    monkeypatch.setattr(outbox, "live", looked_too_early)
    assert [sending.live for sending in Delivery(outbox).due(0.0)] == [True]


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
    monkeypatch.setattr("edge_agent.correspondence._HOME_JITTER_SECONDS", 0.1)
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


def test_a_user_who_may_do_nothing_is_told_once_and_connects_no_more_often(
    broker: Broker, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.add(reading(number) for number in range(3))
    word = PASSWORDS["other"]
    topics = (TOPICS.announce, TOPICS.availability, TOPICS.backfill, TOPICS.health, TOPICS.reading)
    expected = tuple(f"the broker refuses publishing to {topic}: {DENIED}" for topic in topics)
    with publishing_to(broker.port, outbox, username="other", password=word) as publisher:
        give_up = time.monotonic() + 40
        while publisher.troubles != expected:
            assert time.monotonic() < give_up, publisher.troubles
            if publisher.connected:
                publisher.publish_health(HEALTH)
            time.sleep(0.05)
        until(lambda: publisher.connected)
        connections = publisher.counters.connections
        publisher.publish_health(HEALTH)
        publisher.wake()
        time.sleep(3.0)
        assert publisher.connected
        assert publisher.counters.connections == connections
        assert publisher.counters.refused == len(topics)
    assert outbox.depth() == 3
    assert all(caplog.text.count(f"publishing to {topic}: ") == 1 for topic in topics)


@pytest.mark.parametrize("leaf", ["announce", "availability", "reading", "backfill", "health"])
def test_a_single_topic_that_is_denied_is_named_and_the_rest_goes_on(
    tmp_path: Path, outbox: Outbox, leaf: str
) -> None:
    outbox.add(reading(number) for number in range(300))
    with (
        broker_running(tmp_path / "strict", access=access_without(leaf)) as strict,
        closing(Home(strict.port)) as home,
        publishing_to(strict.port, outbox) as publisher,
    ):

        def told() -> object:
            # As the agent does by the minute: a refusal may be lost with its connection.
            publisher.publish_health(HEALTH)
            return publisher.troubles

        until(told)
        assert publisher.troubles == (
            f"the broker refuses publishing to cgm/{NODE}/{leaf}: {DENIED}",
        )
        expected = {"announce", "availability", "reading", "backfill", "health"} - {leaf}

        def heard() -> bool:
            # One of the connection that ends is dropped with it.
            publisher.publish_health(HEALTH)
            return all(home.on(f"cgm/{NODE}/{one}") for one in expected)

        until(heard)
        if leaf != "backfill":
            until(lambda: outbox.depth() == 0)
            assert len(home.readings) == 300
            # A new one alone comes at once as well, by whichever topic is left.
            outbox.add([reading(400)])
            publisher.wake()
            until(lambda: outbox.depth() == 0, 5.0)

        def stays() -> bool:
            connections = publisher.counters.connections
            time.sleep(2.0)
            return publisher.connected and publisher.counters.connections == connections

        until(stays)
        # With more under way the broker's refusal may be lost: then one more shows it.
        assert publisher.counters.connections <= 3


def test_a_topic_that_is_allowed_again_is_used_again(
    tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.denials.FIRST_RETRY_SECONDS", 3.0)
    outbox.add(reading(number) for number in range(300))
    strict = access_without("backfill", "announce")
    with (
        broker_running(tmp_path / "strict", access=strict) as broker,
        closing(Home(broker.port)) as home,
        publishing_to(broker.port, outbox) as publisher,
    ):
        until(lambda: len(publisher.troubles) == 2)
        assert set(publisher.denied) == {TOPICS.announce, TOPICS.backfill}
        (tmp_path / "strict" / "access").write_text(ACCESS)
        broker._send(signal.SIGHUP)  # noqa: SLF001 - it reads its rules again
        until(lambda: outbox.depth() == 0)
        until(lambda: not publisher.troubles)
        assert set(publisher.denied) == set()
        assert len(home.readings) == 300
        assert home.on(TOPICS.announce)


def test_health_is_due_at_once_where_the_broker_denies_other_topics_than_before(
    tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.denials.FIRST_RETRY_SECONDS", 3.0)
    with (
        broker_running(tmp_path / "strict", access=access_without("announce")) as broker,
        publishing_to(broker.port, outbox) as publisher,
    ):

        def is_told(*denied: str) -> bool:
            # What is said on a connection that ends is dropped with it.
            publisher.publish_health(replace(HEALTH, denied=denied))
            return publisher.health_after(60.0) == 60.0

        until(lambda: publisher.denied == (TOPICS.announce,) and not is_told())
        until(lambda: is_told(TOPICS.announce))
        (tmp_path / "strict" / "access").write_text(ACCESS)
        broker._send(signal.SIGHUP)  # noqa: SLF001 - it reads its rules again
        until(lambda: publisher.denied == ())
        assert publisher.health_after(60.0) == LEAST_HEALTH_SECONDS
        until(is_told)


def access_without(*leaves: str) -> str:
    """Rules that let the agent do all it does, but for publishing to these."""
    allowed = {"announce", "availability", "reading", "backfill", "health"} - set(leaves)
    return ACCESS.replace(
        "pattern readwrite cgm/%u/#",
        "pattern read cgm/%u/ack\n" + "\n".join(f"pattern write cgm/%u/{one}" for one in allowed),
    )


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


def test_two_agents_of_one_name_find_out_and_fight_ever_less(
    broker: Broker, home: Home, outbox: Outbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # This mosquitto closes the connection without a word; newer ones say why.
    outbox.add(reading(number) for number in range(300))
    second_outbox = Outbox(tmp_path / "second.db", clock=lambda: datetime.now(UTC))
    second_outbox.open()
    with publishing_to(broker.port, outbox) as first:
        until(lambda: first.connected)
        with publishing_to(broker.port, second_outbox) as second:
            until(lambda: first.troubles or second.troubles, 30.0)
            (told,) = first.troubles or second.troubles
            assert told == RIVAL.format("seems to be connected")
            before = first.counters.connections + second.counters.connections
            time.sleep(10.0)
            assert first.counters.connections + second.counters.connections <= before + 2
        until(lambda: outbox.depth() == 0, 40.0)
    assert len(home.readings) == 300
    assert caplog.text.count("nother program seems") <= 2
    second_outbox.close()


RIVAL = "another program {} under this node's name: give each agent a node of its own"


@pytest.mark.parametrize("form", [SHORT, WITH_LENGTH, WITH_WORDS], ids=["short", "length", "words"])
def test_a_broker_that_says_why_is_believed_at_once(
    outbox: Outbox, caplog: pytest.LogCaptureFixture, form: bytes
) -> None:
    def taken_over(kind: int, topic: str) -> bytes | None:
        return form % 142 if topic == TOPICS.announce else None

    with blunt_broker(taken_over) as blunt, publishing_to(blunt.port, outbox) as publisher:
        until(lambda: publisher.troubles, 5.0)
        assert publisher.troubles == (RIVAL.format("is connected"),)
        until(lambda: publisher.problem, 5.0)
        assert publisher.problem == "another program has connected under this node's name (142)"
        time.sleep(5.0)
        assert blunt.connections == 1
    assert caplog.text.count("nother program is connected") == 1


@pytest.mark.parametrize("goodbye", [b"", SHORT % 135], ids=["silent", "with its reason"])
def test_a_topic_for_which_a_broker_ends_the_connection_is_found(
    outbox: Outbox, goodbye: bytes
) -> None:
    outbox.add(reading(number) for number in range(300))

    def denying(kind: int, topic: str) -> bytes | None:
        return goodbye if topic == TOPICS.backfill else None

    why = "the broker ends the connection because of it"
    with blunt_broker(denying) as blunt, publishing_to(blunt.port, outbox) as publisher:
        until(lambda: publisher.troubles, 30.0)
        assert publisher.troubles == (f"the broker refuses publishing to {TOPICS.backfill}: {why}",)
        until(lambda: publisher.connected)
        connections = blunt.connections
        time.sleep(2.0)
        assert publisher.connected
        assert blunt.connections == connections
        assert TOPICS.reading in blunt.published


def test_health_of_an_outage_is_not_told_after_it(outbox: Outbox) -> None:
    away = threading.Event()

    def gone(kind: int, topic: str) -> bytes | None:
        return b"" if away.is_set() else None

    with blunt_broker(gone) as blunt, publishing_to(blunt.port, outbox) as publisher:
        until(lambda: publisher.connected)
        away.set()
        publisher.announce_as(ANNOUNCE)
        until(lambda: not publisher.connected)
        for depth in range(1, 50):
            publisher.publish_health(replace(HEALTH, depth=depth))
        away.clear()
        until(lambda: publisher.connected, 30.0)
        until(lambda: blunt.published.count(TOPICS.announce) == 2)
        assert TOPICS.health not in blunt.published
        publisher.publish_health(HEALTH)
        until(lambda: blunt.published.count(TOPICS.health) == 1)


def test_health_is_due_sooner_where_readings_begin_or_cease_to_wait(
    broker: Broker, home: Home, outbox: Outbox
) -> None:
    def told(depth: int) -> None:
        publisher.publish_health(replace(HEALTH, depth=depth))

    with publishing_to(broker.port, outbox) as publisher:
        until(lambda: publisher.connected)
        assert publisher.health_after(60.0) == LEAST_HEALTH_SECONDS
        told(0)
        until(lambda: publisher.health_after(60.0) == 60.0)
        home.silent = True
        outbox.add([reading(0)])
        publisher.wake()
        until(lambda: publisher.health_after(60.0) == LEAST_HEALTH_SECONDS)
        told(1)
        until(lambda: publisher.health_after(60.0) == 60.0)
        home.silent = False
        home.client.publish("homeassistant/status", "online", qos=1)
        until(lambda: publisher.health_after(60.0) == LEAST_HEALTH_SECONDS)
        assert outbox.depth() == 0


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
