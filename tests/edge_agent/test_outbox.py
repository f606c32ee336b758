"""The outbox by itself: numbers, duplicates, batches, states, size."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.outbox import Outbox
from edge_agent.outbox_acknowledgement import SECONDS_BEFORE_A_KNOWN_STORE_RETURNS, Outcome
from edge_agent.outbox_listing import State
from edge_agent.outbox_retention import KEPT
from glucose.errors import StoreUnavailable
from glucose.reading import Bound, Kind, Reading
from glucose.trend import Trend
from glucose.wire import Ack

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def reading(
    minute: int, mg_dl: int = 100, *, series: str = "share", trend: Trend | None = None
) -> Reading:
    return Reading(
        time=NOW + timedelta(minutes=minute),
        mg_dl=mg_dl,
        source="dexcom",
        series=series,
        trend=trend,
    )


class Times:
    """The two clocks of an outbox, turned by hand."""

    def __init__(self) -> None:
        self.now = NOW
        self.seconds = 0.0


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def outbox(tmp_path: Path, times: Times) -> Iterator[Outbox]:
    made = Outbox(
        tmp_path / "outbox.db",
        clock=lambda: times.now,
        most_mb=0.1,
        elapsed=lambda: times.seconds,
    )
    made.open()
    yield made
    made.close()


def ack(outbox: Outbox, seq: int, *rejected: int, store: str = "s") -> Ack:
    return Ack(store_id=store, epoch=outbox.epoch, seq=seq, rejected=rejected)


def sent(outbox: Outbox) -> int:
    rows = outbox.batch(0)
    assert rows is not None
    return rows.last


def test_a_reading_comes_out_as_it_went_in(outbox: Outbox) -> None:
    whole = Reading(
        time=NOW,
        mg_dl=39,
        source="libre",
        series="current",
        kind=Kind.METER,
        bound=Bound.LOW,
        trend=Trend.DOUBLE_DOWN,
    )
    assert outbox.add([whole, reading(5)]) == 2
    rows = outbox.batch(0)
    assert rows is not None
    assert [row.reading for row in rows.rows] == [whole, reading(5)]
    assert (rows.epoch, rows.done, rows.after) == (outbox.epoch, 0, 0)


def test_the_same_reading_is_kept_once_however_it_comes(outbox: Outbox) -> None:
    assert outbox.add([reading(0), reading(5), reading(5)]) == 2
    assert outbox.add([reading(0), reading(5), reading(10)]) == 1
    assert outbox.depth() == 3


def test_another_value_is_a_row_of_its_own_and_then_the_known_one(outbox: Outbox) -> None:
    outbox.add([reading(0), reading(5)])
    assert outbox.add([reading(0, 110)]) == 1
    assert outbox.add([reading(0, 110)]) == 0
    assert outbox.add([reading(0, 100)]) == 1
    assert outbox.depth() == 4


def test_an_absent_trend_beside_the_same_value_is_no_news(outbox: Outbox) -> None:
    outbox.add([reading(0, trend=Trend.UP)])
    assert outbox.add([reading(0)]) == 0
    assert outbox.add([reading(0, trend=Trend.FLAT)]) == 1


def test_series_are_told_apart(outbox: Outbox) -> None:
    assert outbox.add([reading(0), reading(0, series="graph")]) == 2


def test_live_is_the_newest_by_time_and_says_what_lies_before_it(outbox: Outbox) -> None:
    assert outbox.live() is None
    outbox.add([reading(0), reading(10), reading(5, series="graph")])
    live = outbox.live()
    assert live is not None
    assert [row.reading for row in live.rows] == [reading(10)]
    assert live.after == live.last - 1
    outbox.add([reading(10, 101)])
    corrected = outbox.live()
    assert corrected is not None
    assert corrected.rows[0].reading.mg_dl == 101


def test_batches_follow_each_other_without_a_gap(outbox: Outbox) -> None:
    outbox.add(reading(minute) for minute in range(250))
    first = outbox.batch(0)
    assert first is not None
    second = outbox.batch(first.last)
    assert second is not None
    third = outbox.batch(second.last)
    assert third is not None
    assert [len(rows.rows) for rows in (first, second, third)] == [100, 100, 50]
    assert (second.after, third.after) == (first.last, second.last)
    assert outbox.batch(third.last) is None


def test_an_acknowledgement_makes_rows_done_and_leaves_the_rest(outbox: Outbox) -> None:
    outbox.add(reading(minute) for minute in range(10))
    last = sent(outbox)
    assert outbox.acked(ack(outbox, last - 4)) is Outcome.ACCEPTED
    assert (outbox.depth(), outbox.oldest()) == (4, NOW + timedelta(minutes=6))
    assert outbox.acked(ack(outbox, last - 4)) is Outcome.UNCHANGED
    assert outbox.acked(ack(outbox, last - 6)) is Outcome.REWOUND
    assert outbox.depth() == 6
    # On disk at once: after a power cut nobody would tell again.
    assert [state for _, state in outbox.export()].count(State.WAITING) == 6


def test_nothing_not_sent_can_be_acknowledged(outbox: Outbox) -> None:
    outbox.add([reading(0), reading(5)])
    assert outbox.acked(ack(outbox, 10**12)) is Outcome.AHEAD
    last = sent(outbox)
    assert outbox.acked(ack(outbox, last + 1)) is Outcome.AHEAD
    assert (outbox.depth(), outbox.counters.ahead_acks) == (2, 2)


def test_a_foreign_epoch_changes_nothing(outbox: Outbox) -> None:
    outbox.add([reading(0)])
    foreign = Ack(store_id="s", epoch="another", seq=sent(outbox))
    assert outbox.acked(foreign) is Outcome.FOREIGN_EPOCH
    assert (outbox.depth(), outbox.counters.foreign_acks) == (1, 1)


def test_another_store_begins_another_epoch_and_everything_again(outbox: Outbox) -> None:
    outbox.add(reading(minute) for minute in range(5))
    outbox.acked(ack(outbox, sent(outbox)))
    epoch = outbox.epoch
    assert outbox.acked(ack(outbox, 0, store="t")) is Outcome.NEW_STORE
    assert outbox.epoch != epoch
    assert (outbox.done, outbox.depth(), outbox.store_id) == (0, 5, "t")


def test_two_homes_by_turns_do_not_make_it_send_without_end(outbox: Outbox, times: Times) -> None:
    outbox.add([reading(0)])
    outbox.acked(ack(outbox, sent(outbox)))
    outbox.acked(ack(outbox, 0, store="t"))
    last = sent(outbox)
    assert outbox.acked(ack(outbox, last, store="t")) is Outcome.ACCEPTED
    assert outbox.acked(ack(outbox, last, store="s")) is Outcome.OTHER_STORE
    times.seconds += SECONDS_BEFORE_A_KNOWN_STORE_RETURNS
    assert outbox.acked(ack(outbox, last, store="s")) is Outcome.NEW_STORE


def test_a_single_forged_word_of_another_store_costs_one_sending(outbox: Outbox) -> None:
    outbox.add([reading(0)])
    outbox.acked(ack(outbox, sent(outbox)))
    assert outbox.acked(ack(outbox, 0, store="forged")) is Outcome.NEW_STORE
    assert outbox.acked(ack(outbox, sent(outbox), store="s")) is Outcome.NEW_STORE
    assert outbox.acked(ack(outbox, sent(outbox), store="s")) is Outcome.ACCEPTED
    assert (outbox.depth(), outbox.store_id) == (0, "s")


def test_a_rejected_row_is_kept_marked_and_not_sent_again(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.add(reading(minute) for minute in range(4))
    last = sent(outbox)
    bad = last - 2
    outbox.acked(ack(outbox, last, bad, 77))
    assert outbox.rejected() == 1
    assert "1 rows" in caplog.text
    outbox.acked(ack(outbox, 0))
    again = outbox.batch(0)
    assert again is not None
    assert [row.seq for row in again.rows] == [last - 3, last - 1, last]
    states = {row.seq: state for row, state in outbox.export()}
    assert states[bad] is State.REJECTED


def test_what_is_done_stays_thirty_days_and_what_is_not_stays_for_ever(
    outbox: Outbox, times: Times
) -> None:
    outbox.add(reading(minute) for minute in range(3))
    outbox.acked(ack(outbox, sent(outbox)))
    outbox.add([reading(3)])
    times.now += KEPT + timedelta(days=1, hours=1)
    outbox.close()
    outbox.open()
    assert [state for _, state in outbox.export()] == [State.DONE] * 3 + [State.WAITING]
    outbox.add([Reading(time=times.now, mg_dl=100, source="dexcom", series="share")])
    outbox.close()
    outbox.open()
    assert [state for _, state in outbox.export()] == [State.WAITING] * 2


def test_numbers_go_on_after_all_before_were_pruned(outbox: Outbox, times: Times) -> None:
    outbox.add([reading(0)])
    last = sent(outbox)
    outbox.acked(ack(outbox, last))
    times.now += 3 * KEPT
    outbox.close()
    outbox.open()
    outbox.add([Reading(time=times.now, mg_dl=100, source="dexcom", series="share")])
    rows = outbox.batch(0)
    assert rows is not None
    assert rows.rows[0].seq == last + 1


def test_each_opening_has_its_own_epoch_and_keeps_what_was_done(outbox: Outbox) -> None:
    outbox.add([reading(0), reading(5)])
    last = sent(outbox)
    outbox.acked(ack(outbox, last - 1))
    epoch = outbox.epoch
    outbox.close()
    outbox.open()
    assert outbox.epoch != epoch
    assert (outbox.done, outbox.depth(), outbox.store_id) == (last - 1, 1, "s")
    assert outbox.newest_time() == outbox.newest_time("dexcom") == NOW + timedelta(minutes=5)
    assert outbox.newest_time("libre") is None


def test_a_full_outbox_lets_delivered_rows_go_first_and_says_so(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    outbox.add(reading(minute) for minute in range(1500))
    rows = outbox.batch(0)
    while rows is not None:
        outbox.acked(ack(outbox, rows.last))
        rows = outbox.batch(0)
    for minute in range(1500, 4500):
        outbox.add([reading(minute)])
        if outbox.counters.dropped or "let go early" in caplog.text:
            break
    assert "let go early" in caplog.text
    assert outbox.counters.dropped == 0


def test_only_a_full_outbox_without_delivered_rows_loses_the_oldest_and_says_how_many(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    added = 0
    while not outbox.counters.dropped:
        added += outbox.add(reading(minute) for minute in range(added, added + 100))
    assert any("LOST" in line.message and line.levelno == logging.ERROR for line in caplog.records)
    assert outbox.depth() == added - outbox.counters.dropped
    first = next(outbox.export())[0].reading
    assert first == reading(outbox.counters.dropped)
    rows = outbox.batch(0)
    assert rows is not None
    assert rows.after == 0


def test_a_closed_outbox_says_so(tmp_path: Path) -> None:
    closed = Outbox(tmp_path / "o.db", clock=lambda: NOW)
    with pytest.raises(StoreUnavailable, match="not open"):
        closed.add([reading(0)])


def test_two_agents_cannot_have_one_outbox(outbox: Outbox, tmp_path: Path) -> None:
    second = Outbox(tmp_path / "outbox.db", clock=lambda: NOW)
    with pytest.raises(StoreUnavailable, match="another agent"):
        second.open()
    outbox.add([reading(0)])
    assert len(list(second.export())) == 1


def test_the_file_is_for_its_owner_alone(outbox: Outbox, tmp_path: Path) -> None:
    outbox.add([reading(0)])
    modes = {part.name: part.stat().st_mode & 0o077 for part in tmp_path.iterdir()}
    assert set(modes.values()) == {0}


def at(time: datetime) -> Reading:
    return Reading(time=time, mg_dl=100, source="dexcom", series="share")


def reopened(outbox: Outbox) -> list[State]:
    """Let the outbox prune; return how its rows stand."""
    outbox.close()
    outbox.open()
    return [state for _, state in outbox.export()]


def all_acknowledged(outbox: Outbox) -> None:
    while (rows := outbox.batch(outbox.done)) is not None:
        outbox.acked(ack(outbox, rows.last))


def test_what_was_delivered_after_a_long_outage_is_kept_thirty_days_from_then(
    outbox: Outbox, times: Times
) -> None:
    """Home Assistant may be set back to last night's backup, which has none of it."""
    outbox.add(reading(minute) for minute in range(3))
    times.now += timedelta(days=60)
    outbox.add([at(times.now)])
    all_acknowledged(outbox)
    assert reopened(outbox) == [State.DONE] * 4
    times.now += timedelta(days=29)
    outbox.add([at(times.now)])
    assert reopened(outbox) == [State.DONE] * 4 + [State.WAITING]
    times.now += timedelta(days=3)
    outbox.add([at(times.now)])
    assert reopened(outbox) == [State.WAITING] * 2


def test_what_had_to_be_delivered_again_is_kept_thirty_days_from_the_second_time(
    outbox: Outbox, times: Times
) -> None:
    outbox.add(reading(minute) for minute in range(3))
    all_acknowledged(outbox)
    first = outbox.done - 2
    times.now += timedelta(days=40)
    outbox.add([at(times.now)])
    sent(outbox)
    outbox.acked(ack(outbox, first - 1))
    all_acknowledged(outbox)
    assert reopened(outbox) == [State.DONE] * 4


@pytest.mark.parametrize("days", [-20_000, -3650, -90, 90, 3650], ids=str)
def test_a_clock_that_is_days_wrong_lets_go_of_nothing(
    outbox: Outbox, times: Times, days: int
) -> None:
    outbox.add(at(NOW - timedelta(days=40 - day)) for day in range(40))
    last = sent(outbox)
    outbox.acked(ack(outbox, last - 5))
    times.now += timedelta(days=days)
    outbox.acked(ack(outbox, last - 4))
    expected = [State.DONE] * 36 + [State.WAITING] * 4
    assert reopened(outbox) == expected
    times.now -= timedelta(days=days)
    assert reopened(outbox) == expected


def test_a_clock_behind_at_boot_does_not_number_a_new_outbox_like_an_earlier_one(
    tmp_path: Path,
) -> None:
    boot = datetime(1970, 1, 1, 0, 0, 30, tzinfo=UTC)
    outbox = Outbox(tmp_path / "new.db", clock=lambda: boot)
    outbox.open()
    outbox.add([reading(0)])
    assert sent(outbox) > NOW.timestamp()
    outbox.close()
