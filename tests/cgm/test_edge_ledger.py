"""What is acknowledged of an outbox: never more than is here, and sooner or later all of it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from custom_components.cgm.edge_ledger import REWINDS_WITHIN_SECONDS, Ledger
from custom_components.cgm.shared.glucose.reading import Reading
from custom_components.cgm.shared.glucose.wire import Received, Row

READING = Reading(
    time=datetime(2026, 11, 20, 12, tzinfo=UTC), mg_dl=100, source="basement", series="share"
)


def came(
    first: int,
    last: int,
    *,
    done: int = 0,
    after: int | None = None,
    epoch: str = "first",
    rejected: tuple[int, ...] = (),
) -> Received:
    """Return a message of the rows `first` to `last`."""
    return Received(
        epoch=epoch,
        done=done,
        after=first - 1 if after is None else after,
        last=last,
        rows=tuple(Row(seq, READING) for seq in range(first, last + 1) if seq not in rejected),
        rejected=rejected,
    )


@pytest.fixture
def ledger() -> Ledger:
    """Return one that knows nothing."""
    return Ledger(None)


def rejected(ledger: Ledger) -> tuple[int, ...]:
    """Return the numbers told as rejected."""
    return ledger.rejected


def take(ledger: Ledger, received: Received, elapsed: float = 0.0) -> int:
    """Take a message that is stored entirely; return what is acknowledged then."""
    ledger.take(received, received.last, elapsed)
    return ledger.acked


def told(ledger: Ledger, elapsed: float, epoch: str = "first") -> None:
    """Have the acknowledgement of an epoch gone out."""
    run = ledger.run(epoch)
    assert run is not None
    run.told(elapsed)


def test_rows_in_order_are_acknowledged_as_they_come(ledger: Ledger) -> None:
    assert [take(ledger, came(1, 100)), take(ledger, came(101, 150))] == [100, 150]


def test_rows_ahead_of_their_turn_count_when_the_gap_closes(ledger: Ledger) -> None:
    assert take(ledger, came(301, 301)) == 0
    assert take(ledger, came(101, 300)) == 0
    assert take(ledger, came(1, 100)) == 301


def test_rows_that_came_before_move_nothing_back(ledger: Ledger) -> None:
    take(ledger, came(1, 100))
    assert take(ledger, came(1, 50)) == 100


def test_numbers_the_agent_left_out_are_no_gap(ledger: Ledger) -> None:
    assert take(ledger, came(40, 41, after=0)) == 41


def test_only_what_is_stored_counts(ledger: Ledger) -> None:
    ledger.take(came(1, 100), 60, 0.0)
    assert ledger.acked == 60
    ledger.take(came(1, 100), 100, 20.0)
    assert ledger.acked == 100


def test_a_restarted_agent_goes_on_where_it_was(ledger: Ledger) -> None:
    take(ledger, came(1, 100))
    assert take(ledger, came(101, 102, done=100, epoch="second")) == 102


def test_a_restarted_agent_that_missed_the_last_acknowledgement_begins_there(
    ledger: Ledger,
) -> None:
    take(ledger, came(1, 100))
    assert take(ledger, came(91, 91, done=90, epoch="second")) == 91


def test_a_new_outbox_begins_at_nothing_under_the_old_acknowledgement(ledger: Ledger) -> None:
    take(ledger, came(1, 100))
    assert take(ledger, came(1, 2, epoch="new outbox")) == 2


def test_an_older_history_is_told_so_that_the_agent_goes_back(ledger: Ledger) -> None:
    assert take(ledger, came(501, 501, done=500)) == 0
    assert take(ledger, came(1, 100, done=0)) == 100


@pytest.mark.parametrize("epoch", ["first", "second"])
def test_an_older_history_is_told_also_to_a_restarted_agent(ledger: Ledger, epoch: str) -> None:
    take(ledger, came(1, 300))
    assert take(ledger, came(501, 501, done=500, epoch=epoch)) == 300


def test_what_the_agent_no_longer_has_is_not_waited_for(ledger: Ledger) -> None:
    take(ledger, came(501, 501, done=500), elapsed=0)
    told(ledger, 1)
    # It went back as far as it could: to 400.
    assert take(ledger, came(401, 500, done=400), elapsed=2) == 501


def test_an_agent_that_cannot_go_back_at_all_is_believed_after_a_while(ledger: Ledger) -> None:
    take(ledger, came(501, 501, done=500), elapsed=0)
    told(ledger, 1)
    told(ledger, 30)
    assert take(ledger, came(502, 502, done=500), elapsed=REWINDS_WITHIN_SECONDS) == 0
    assert take(ledger, came(503, 503, done=500), elapsed=REWINDS_WITHIN_SECONDS + 2) == 503


def test_an_agent_that_was_told_nothing_is_not_believed(ledger: Ledger) -> None:
    take(ledger, came(501, 501, done=500), elapsed=0)
    assert take(ledger, came(502, 502, done=500), elapsed=10 * REWINDS_WITHIN_SECONDS) == 0


def test_rejected_rows_are_named_until_the_agent_has_heard(ledger: Ledger) -> None:
    take(ledger, came(1, 10, rejected=(3, 7)))
    assert rejected(ledger) == (3, 7)
    take(ledger, came(11, 11, done=5))
    assert rejected(ledger) == (7,)
    take(ledger, came(12, 12, done=11))
    assert rejected(ledger) == ()


def test_a_row_that_is_good_the_second_time_is_rejected_no_longer(ledger: Ledger) -> None:
    take(ledger, came(1, 3, rejected=(2,)))
    take(ledger, came(1, 3))
    assert rejected(ledger) == ()


def test_what_was_noted_is_known_after_a_restart(ledger: Ledger) -> None:
    take(ledger, came(1, 10, rejected=(3,)))
    again = Ledger(ledger.note())
    assert (again.epoch, again.acked, again.rejected) == ("first", 10, (3,))


def test_a_retained_message_of_an_earlier_run_is_recognised(ledger: Ledger) -> None:
    old = came(90, 90, epoch="earlier")
    assert not ledger.is_old(old)
    take(ledger, came(1, 100))
    assert ledger.is_old(old)
    assert not ledger.is_old(replace(old, epoch="first"))
    assert not ledger.is_old(came(101, 101, epoch="later"))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=40), st.randoms())
def test_reordered_and_repeated_messages_acknowledge_what_is_here_and_no_more(
    lengths: list[int], random: object
) -> None:
    """The slow twin: a set of the numbers that came."""
    ledger, here = Ledger(None), set[int]()
    messages, first = [], 1
    for length in lengths:
        messages.append(came(first, first + length - 1))
        first += length
    shuffled = messages * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, by Hypothesis
    for message in shuffled:
        take(ledger, message)
        here |= {row.seq for row in message.rows}
        assert set(range(1, ledger.acked + 1)) <= here
        assert ledger.acked + 1 not in here
    assert ledger.acked == first - 1


# Two agents under one name.


def test_epochs_that_take_turns_keep_their_own_numbers(ledger: Ledger) -> None:
    take(ledger, came(1001, 1010, after=0, epoch="hers"))
    take(ledger, came(5001, 5020, after=0, epoch="his"))
    assert take(ledger, came(1011, 1012, done=1010, epoch="hers")) == 1012
    assert take(ledger, came(5021, 5021, done=5020, epoch="his")) == 5021
    again = Ledger(ledger.note())
    assert (again.epoch, again.acked) == ("his", 5021)
    assert take(again, came(1013, 1013, done=1012, epoch="hers")) == 1013


def test_what_one_lost_is_not_told_to_the_other(ledger: Ledger) -> None:
    take(ledger, came(1001, 1003, after=0, epoch="hers", rejected=(1002,)))
    take(ledger, came(5001, 5002, after=0, epoch="his"))
    assert rejected(ledger) == ()
    hers = ledger.run("hers")
    assert hers is not None
    assert hers.rejected == (1002,)


def test_a_retained_message_of_an_epoch_that_took_its_turn_is_old(ledger: Ledger) -> None:
    take(ledger, came(1001, 1001, after=0, epoch="hers"))
    take(ledger, came(101, 101, after=0, epoch="his"))
    assert ledger.is_old(came(1002, 1002, epoch="hers"))
    assert not ledger.is_old(came(102, 102, epoch="his"))
    assert not ledger.is_old(came(102, 102, epoch="new"))


def test_only_the_last_epochs_are_remembered(ledger: Ledger) -> None:
    for start in range(6):
        take(ledger, came(start + 1, start + 1, done=start, epoch=f"start {start}"))
    assert ledger.acked == 6
    assert ledger.run("start 1") is None
    assert ledger.run("start 2") is not None


@pytest.mark.parametrize(
    "noted",
    ["", "{", "7", "[1]", '{"epoch":"first","acked":5}', '[{"epoch":"first","acked":"many"}]'],
)
def test_a_note_that_cannot_be_read_costs_a_second_delivery_and_no_reading(noted: str) -> None:
    ledger = Ledger(noted)
    assert ledger.epoch is None
    assert take(ledger, came(1, 20)) == 20
    assert Ledger(ledger.note()).acked == 20
