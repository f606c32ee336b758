"""Outbox and delivery against a model Home Assistant, with everything between them going wrong."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from edge_agent.delivery import Delivery
from edge_agent.outbox import Outbox
from glucose.reading import Reading
from glucose.wire import Ack, Received, Topics, decode_ack, decode_rows

TOPICS = Topics("pi")
START = datetime(2026, 11, 1, tzinfo=UTC)
# Enough of undisturbed time for any patience to run out many times.
QUIET_STEPS = 12
STEP_SECONDS = 400.0


class ModelHome:
    """What Home Assistant has to do with rows, in the plainest words; forgets nothing committed."""

    def __init__(self, store_id: str) -> None:
        self.store_id = store_id
        self.readings: dict[tuple[object, ...], Reading] = {}
        self.acked: dict[str, int] = {}

    def copy(self) -> ModelHome:
        twin = ModelHome(self.store_id)
        twin.readings, twin.acked = dict(self.readings), dict(self.acked)
        return twin

    def take(self, message: Received) -> Ack:
        if message.epoch not in self.acked:
            # What the agent calls done is believed only as far as this store can remember it.
            self.acked[message.epoch] = min(message.done, max(self.acked.values(), default=0))
        acked = self.acked[message.epoch]
        for row in message.rows:
            if row.seq > acked:  # else an old value would come back over its correction
                self.readings[row.reading.identity] = row.reading
        if message.after <= acked:
            self.acked[message.epoch] = max(acked, message.last)
        return Ack(store_id=self.store_id, epoch=message.epoch, seq=self.acked[message.epoch])


class EdgeToHome(RuleBasedStateMachine):
    """Each reading has one value for ever; messages may be lost, doubled, late by epochs."""

    corrections = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.now = 0.0
        self.offered: dict[tuple[object, ...], Reading] = {}
        self.files = 0
        self.homes = 0
        self.power_cut_to: Path | None = None
        self.backup: ModelHome | None = None
        self.home = self.new_home()
        self.to_home: list[tuple[str, bytes]] = []
        self.to_agent: list[bytes] = []
        self.retained: bytes | None = None
        self.outbox, self.delivery = self.begun(self.new_path())

    def new_home(self) -> ModelHome:
        self.homes += 1
        return ModelHome(f"store {self.homes}")

    def new_path(self) -> Path:
        self.files += 1
        path = self.folder / str(self.files) / "outbox.db"
        path.parent.mkdir()
        return path

    def begun(self, path: Path) -> tuple[Outbox, Delivery]:
        outbox = Outbox(
            path,
            clock=lambda: START + timedelta(seconds=self.now),
            elapsed=lambda: self.now,
        )
        outbox.open()
        self.connected(outbox)
        return outbox, Delivery(outbox, jitter=lambda: 0.5)

    def connected(self, outbox: Outbox) -> None:
        if self.retained is not None:
            outbox.acked(decode_ack(TOPICS.ack, self.retained))

    def copied(self, path: Path) -> Path:
        """Copy what a power cut at this moment would leave behind."""
        copy = self.new_path()
        for tail in ("", "-wal"):
            part = path.with_name(path.name + tail)
            if part.exists():
                shutil.copy(part, copy.with_name(copy.name + tail))
        return copy

    def path_of(self) -> Path:
        return self.outbox._path  # noqa: SLF001 - what it was built with

    @rule(minutes=st.lists(st.integers(0, 40), max_size=6), mg_dl=st.integers(60, 90))
    def source_gives(self, minutes: list[int], mg_dl: int) -> None:
        readings = [self.reading(minute, mg_dl) for minute in minutes]
        self.outbox.add(readings)
        self.offered.update({reading.identity: reading for reading in readings})

    def reading(self, minute: int, mg_dl: int) -> Reading:
        return Reading(
            time=START + timedelta(minutes=minute),
            mg_dl=mg_dl if self.corrections else 100 + minute,
            source="dexcom",
            series="share",
        )

    @rule(seconds=st.sampled_from([0.0, 1.0, 11.0, 700.0]))
    def agent_sends(self, seconds: float) -> None:
        self.now += seconds
        for sending in self.delivery.due(self.now):
            topic = TOPICS.reading if sending.live else TOPICS.backfill
            self.to_home.append((topic, sending.rows.encode(topic)))

    @precondition(lambda self: self.to_home)
    @rule(data=st.data(), doubled=st.booleans())
    def message_arrives(self, data: st.DataObject, doubled: bool) -> None:
        which = data.draw(st.integers(0, len(self.to_home) - 1))
        topic, payload = self.to_home[which] if doubled else self.to_home.pop(which)
        message = decode_rows(topic, payload)
        self.to_agent.append(self.answer(message))

    def answer(self, message: Received) -> bytes:
        ack = self.home.take(message).encode(TOPICS.ack)
        self.retained = ack
        if self.corrections:
            # One client's session ends before its next one begins: no older epoch comes after.
            self.to_home = [
                (topic, payload)
                for topic, payload in self.to_home
                if decode_rows(topic, payload).epoch == message.epoch
                or message.epoch != self.outbox.epoch
            ]
        return ack

    @precondition(lambda self: self.to_agent)
    @rule(data=st.data(), doubled=st.booleans())
    def acknowledgement_arrives(self, data: st.DataObject, doubled: bool) -> None:
        which = data.draw(st.integers(0, len(self.to_agent) - 1))
        payload = self.to_agent[which] if doubled else self.to_agent.pop(which)
        self.outbox.acked(decode_ack(TOPICS.ack, payload))

    @rule(steps=st.integers(1, 4))
    def all_goes_well(self, steps: int) -> None:
        for _ in range(steps):
            self.now += STEP_SECONDS
            for sending in self.delivery.due(self.now):
                topic = TOPICS.reading if sending.live else TOPICS.backfill
                message = decode_rows(topic, sending.rows.encode(topic))
                self.outbox.acked(decode_ack(TOPICS.ack, self.answer(message)))

    @rule()
    def all_on_the_way_is_lost(self) -> None:
        self.to_home.clear()
        self.to_agent.clear()

    @rule(ahead=st.integers(1, 2**40), foreign=st.booleans())
    def somebody_forges(self, ahead: int, foreign: bool) -> None:
        top = self.outbox._standing.highest  # noqa: SLF001 - to be beyond it
        epoch = "foreign" if foreign else self.outbox.epoch
        self.outbox.acked(Ack(store_id=self.home.store_id, epoch=epoch, seq=top + ahead))

    @rule()
    def broker_forgets(self) -> None:
        self.retained = None
        self.all_on_the_way_is_lost()

    @rule()
    def agent_is_killed(self) -> None:
        copy = self.copied(self.path_of())
        self.outbox.close()
        self.outbox, self.delivery = self.begun(copy)

    @rule()
    def agent_restarts(self) -> None:
        self.outbox.close()
        self.outbox, self.delivery = self.begun(self.path_of())

    @rule()
    def card_would_keep_this(self) -> None:
        self.power_cut_to = self.copied(self.path_of())

    @precondition(lambda self: self.power_cut_to is not None)
    @rule()
    def power_is_cut(self) -> None:
        assert self.power_cut_to is not None
        self.outbox.close()
        self.outbox, self.delivery = self.begun(self.copied(self.power_cut_to))
        self.source_still_offers(self.offered.values())

    @rule()
    def outbox_is_deleted(self) -> None:
        self.now += 60.0
        self.outbox.close()
        self.outbox, self.delivery = self.begun(self.new_path())
        self.source_still_offers(self.offered.values())

    def source_still_offers(self, readings: Iterable[Reading]) -> None:
        self.outbox.add(readings)

    @rule()
    def home_is_backed_up(self) -> None:
        self.backup = self.home.copy()

    @precondition(lambda self: self.backup is not None)
    @rule()
    def home_is_restored(self) -> None:
        assert self.backup is not None
        self.home = self.backup.copy()
        self.delivery.restart()

    @rule()
    def home_is_replaced(self) -> None:
        self.home = self.new_home()
        self.delivery.restart()

    def teardown(self) -> None:
        try:
            self.all_on_the_way_is_lost()
            self.source_gives([99], 99)
            self.all_goes_well(QUIET_STEPS)
            assert self.home.readings == self.offered
            assert self.outbox.depth() == 0
            assert self.outbox.counters.dropped == 0
        finally:
            self.outbox.close()
            shutil.rmtree(self.folder)


class EdgeToHomeWithCorrections(EdgeToHome):
    """A reading may be given again with another value, and the last one given holds."""

    corrections = True


@pytest.fixture
def chain() -> Iterator[EdgeToHome]:
    """Give the machine to be driven by hand; at the end it must hold what it must always hold."""
    machine = EdgeToHomeWithCorrections()
    yield machine
    machine.teardown()


def delivered(chain: EdgeToHome, *minutes: int) -> None:
    chain.source_gives(list(minutes), 70)
    chain.all_goes_well(3)
    assert chain.outbox.depth() == 0


def test_what_a_restored_home_lost_is_sent_again(chain: EdgeToHome) -> None:
    delivered(chain, 1, 2, 3)
    chain.home_is_backed_up()
    delivered(chain, 4, 5)
    chain.home_is_restored()
    chain.all_goes_well(3)
    assert chain.home.readings == chain.offered
    assert chain.outbox.counters.rewinds == 1


def test_also_where_the_agent_restarted_between_backup_and_restore(chain: EdgeToHome) -> None:
    delivered(chain, 1, 2, 3)
    chain.home_is_backed_up()
    delivered(chain, 4, 5)
    chain.agent_restarts()
    chain.home_is_restored()
    chain.all_goes_well(3)
    assert chain.home.readings == chain.offered


def test_a_rewind_survives_a_power_cut_right_after_it(chain: EdgeToHome) -> None:
    delivered(chain, *range(1, 30))
    chain.home_is_replaced()
    chain.agent_sends(0.0)
    topic, payload = chain.to_home[0]
    chain.outbox.acked(decode_ack(TOPICS.ack, chain.answer(decode_rows(topic, payload))))
    chain.agent_is_killed()
    assert chain.outbox.done == 0
    chain.all_goes_well(3)
    assert chain.home.readings == chain.offered


def test_a_new_home_is_sent_everything_kept(chain: EdgeToHome) -> None:
    delivered(chain, *range(1, 30))
    chain.home_is_replaced()
    chain.all_goes_well(5)
    assert chain.home.readings == chain.offered


def test_a_new_home_that_believes_what_the_agent_calls_done_is_sent_everything_too(
    chain: EdgeToHome,
) -> None:
    delivered(chain, *range(1, 30))
    chain.home_is_replaced()
    chain.home.acked[chain.outbox.epoch] = chain.outbox.done
    chain.all_goes_well(5)
    assert chain.home.readings == chain.offered


def test_an_acknowledgement_of_an_earlier_start_is_ignored_after_a_roll_back(
    chain: EdgeToHome,
) -> None:
    delivered(chain, 1, 2)
    chain.card_would_keep_this()
    delivered(chain, 3, 4, 5, 6)
    chain.power_is_cut()
    assert chain.outbox.counters.foreign_acks == 1
    waiting = chain.outbox.depth()
    assert waiting >= 4
    chain.connected(chain.outbox)
    assert chain.outbox.depth() == waiting


def test_an_acknowledgement_far_ahead_is_ignored(chain: EdgeToHome) -> None:
    delivered(chain, 1, 2)
    done = chain.outbox.done
    chain.somebody_forges(1000, foreign=False)
    assert chain.outbox.done == done
    assert chain.outbox.counters.ahead_acks == 1
    delivered(chain, 3)


def test_a_new_outbox_is_not_taken_for_the_deleted_one(chain: EdgeToHome) -> None:
    delivered(chain, 1, 2, 3)
    chain.home_is_backed_up()
    chain.now += 60.0
    chain.outbox.close()
    chain.outbox, chain.delivery = chain.begun(chain.new_path())
    delivered(chain, 4, 5)
    chain.home_is_restored()
    chain.agent_restarts()
    chain.all_goes_well(3)
    assert chain.home.readings == chain.offered


def test_a_late_double_does_not_undo_a_correction(chain: EdgeToHome) -> None:
    chain.source_gives([1, 2], 70)
    chain.agent_sends(0.0)
    double = list(chain.to_home)
    chain.all_goes_well(3)
    chain.source_gives([1], 80)
    chain.all_goes_well(3)
    for topic, payload in double:
        chain.answer(decode_rows(topic, payload))
    assert chain.home.readings == chain.offered


def test_lost_messages_are_sent_again_after_patience(chain: EdgeToHome) -> None:
    chain.source_gives([1, 2, 3], 70)
    chain.agent_sends(0.0)
    chain.all_on_the_way_is_lost()
    chain.agent_sends(1.0)
    assert chain.to_home == []
    chain.agent_sends(11.0)
    assert chain.to_home != []


_SETTINGS = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestEdgeToHome = EdgeToHome.TestCase
TestEdgeToHome.settings = _SETTINGS
TestEdgeToHomeWithCorrections = EdgeToHomeWithCorrections.TestCase
TestEdgeToHomeWithCorrections.settings = _SETTINGS
