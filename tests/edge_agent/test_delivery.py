"""What is sent when, and what an answer from home does to the patience: no broker, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.delivery import MOST_PATIENCE_SECONDS, Delivery, Sending
from edge_agent.outbox import Outbox
from edge_agent.outbox_acknowledgement import SECONDS_BETWEEN_EPOCHS, Outcome
from fakes.hand_clock import Elapsed
from glucose.reading import Reading
from glucose.wire import Ack

START = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture
def elapsed() -> Elapsed:
    return Elapsed()


@pytest.fixture
def outbox(tmp_path: Path, elapsed: Elapsed) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db", clock=lambda: START, elapsed=elapsed)
    box.open()
    box.add(
        Reading(
            time=START + timedelta(minutes=5 * number), mg_dl=100, source="share", series="live"
        )
        for number in range(250)
    )
    yield box
    box.close()


def answer(outbox: Outbox, seq: int, epoch: str | None = None) -> Outcome:
    return outbox.acked(Ack(store_id="home", epoch=epoch or outbox.epoch, seq=seq))


def before_all(outbox: Outbox) -> int:
    """Return the number below the first row's; where numbers begin is the outbox's affair."""
    rows = outbox.batch(0)
    assert rows is not None
    return rows.rows[0].seq - 1


def numbers(sendings: list[Sending]) -> list[tuple[bool, int, int]]:
    return [(one.live, one.rows.rows[0].seq, one.rows.last) for one in sendings]


def test_a_home_that_answers_after_long_silence_is_sent_the_backlog_at_once(
    outbox: Outbox,
) -> None:
    delivery = Delivery(outbox, jitter=lambda: 0.5)
    now, first = 0.0, numbers(delivery.due(0.0))
    before = before_all(outbox)
    assert [(live, one - before, last - before) for live, one, last in first] == [
        (True, 250, 250),
        (False, 1, 100),
        (False, 101, 200),
    ]
    for _ in range(8):
        now += MOST_PATIENCE_SECONDS * 1.2
        assert numbers(delivery.due(now)) == first
    assert delivery.due(now + 1) == []
    # The wearer was named: Home Assistant has the newest reading, and nothing before it.
    assert answer(outbox, 0) is Outcome.UNCHANGED
    assert numbers(delivery.due(now + 2)) == first
    # That one answer sends everything again once, not each time.
    assert answer(outbox, 0) is Outcome.UNCHANGED
    assert delivery.due(now + 3) == []


def test_an_answer_that_brings_nothing_does_not_hurry_what_was_just_sent(outbox: Outbox) -> None:
    delivery = Delivery(outbox, jitter=lambda: 0.5)
    assert len(delivery.due(0.0)) == 3
    assert answer(outbox, 0) is Outcome.UNCHANGED
    assert delivery.due(1.0) == []


def test_a_number_that_was_never_sent_begins_a_new_epoch(outbox: Outbox, elapsed: Elapsed) -> None:
    delivery = Delivery(outbox)
    sent = delivery.due(0.0)
    old = outbox.epoch
    # Somebody's forged row went to Home Assistant under our epoch, and it counts with it.
    assert answer(outbox, 2**40) is Outcome.AHEAD
    assert outbox.epoch != old
    assert answer(outbox, 2**40, old) is Outcome.FOREIGN_EPOCH
    assert numbers(delivery.due(1.0)) == numbers(sent)
    assert answer(outbox, before_all(outbox) + 200) is Outcome.ACCEPTED
    assert outbox.depth() == 50


def test_a_forger_cannot_have_everything_sent_again_and_again(
    outbox: Outbox, elapsed: Elapsed
) -> None:
    epochs = set()
    for _ in range(30):
        answer(outbox, 2**40)
        epochs.add(outbox.epoch)
        elapsed.seconds += SECONDS_BETWEEN_EPOCHS / 10
    assert len(epochs) == 3
