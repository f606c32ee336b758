"""What is true now, by tables of situations."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fakes.rows import FIVE, at, row, rows
from glucose.merge import AHEAD_TOLERANCE
from glucose.present import Present, present
from glucose.reading import Bound, Kind, Reading
from glucose.targets import Status, Targets
from glucose.trend import Trend

ONE = timedelta(minutes=1)
FIFTEEN = timedelta(minutes=15)
BOTH = {"a": FIVE, "b": FIVE}
RISING = rows("a", (0, 100), (5, 108), (10, 116), (15, 124))


def _present(
    readings: list[Reading],
    minutes: float,
    *,
    order: tuple[str, ...] = ("a", "b"),
    cadences: dict[str, timedelta] | None = None,
) -> Present:
    return present(
        readings,
        order=order,
        cadences=BOTH if cadences is None else cadences,
        targets=Targets(),
        now=at(minutes),
    )


def test_without_readings_nothing_is_known() -> None:
    assert _present([], 0) == Present(
        leading=None,
        reading=None,
        newest=None,
        trend=None,
        trend_computed=False,
        delta_mg_dl=None,
        rate_mg_dl_per_minute=None,
        status=Status.UNKNOWN,
        held=(),
        until=None,
        disagreement=None,
    )


def test_everything_follows_from_the_leaders_current_reading() -> None:
    now = _present(RISING, 16)
    assert (now.leading, now.reading, now.newest) == ("a", RISING[-1], RISING[-1])
    assert (now.delta_mg_dl, now.status) == (8, Status.IN_RANGE)
    assert now.rate_mg_dl_per_minute == pytest.approx(1.6)
    assert (now.trend, now.trend_computed) == (Trend.SLIGHT_UP, True)
    assert now.until == at(26)


def test_the_vendors_trend_is_taken_where_it_is_given() -> None:
    now = _present([*RISING[:-1], row(15, 124, trend=Trend.FLAT)], 16)
    assert (now.trend, now.trend_computed) == (Trend.FLAT, False)


def test_a_vendor_that_cannot_tell_is_believed() -> None:
    now = _present([*RISING[:-1], row(15, 124, trend=Trend.NONE)], 16)
    assert (now.trend, now.trend_computed) == (Trend.NONE, False)


def test_an_older_readings_trend_is_not_taken() -> None:
    steep = [row(10, 116, trend=Trend.DOUBLE_DOWN), row(15, 124)]
    assert _present([*RISING[:2], *steep], 16).trend is Trend.SLIGHT_UP
    assert _present([row(0, 116, trend=Trend.DOUBLE_DOWN), row(12, 124)], 13).trend is None


def test_a_withdrawn_value_leaves_only_its_time() -> None:
    last_moment = _present(RISING, 25.999)
    withdrawn = _present(RISING, 26)
    assert last_moment.reading == RISING[-1]
    assert withdrawn == Present(
        leading=None,
        reading=None,
        newest=RISING[-1],
        trend=None,
        trend_computed=False,
        delta_mg_dl=None,
        rate_mg_dl_per_minute=None,
        status=Status.UNKNOWN,
        held=(),
        until=None,
        disagreement=None,
    )


def test_the_least_limit_can_be_chosen() -> None:
    now = present(
        RISING,
        order=["a"],
        cadences=BOTH,
        targets=Targets(),
        now=at(30),
        withdrawn_at_least=timedelta(minutes=20),
    )
    assert (now.reading, now.until) == (RISING[-1], at(35))


@pytest.mark.parametrize("shift", [9, 10])
def test_phone_and_watch_do_not_make_the_delta_zero(shift: int) -> None:
    watch = [
        Reading(
            time=phone.time + timedelta(seconds=shift), mg_dl=phone.mg_dl, source="a", series="live"
        )
        for phone in RISING
    ]
    alone, together = _present(RISING, 16), _present([*watch, *RISING], 16)
    assert together == alone
    assert together.delta_mg_dl == 8


def test_two_sources_forty_apart_do_not_mix() -> None:
    other = rows("b", (1, 150), (6, 150), (11, 150), (16, 150))
    now = _present([*other, *RISING], 17)
    assert (now.leading, now.reading, now.delta_mg_dl) == ("a", RISING[-1], 8)
    assert now.rate_mg_dl_per_minute == pytest.approx(1.6)
    assert now.newest == other[-1]
    assert now.until == at(26)
    taken_over = _present([*other, *RISING], 26)
    assert (taken_over.leading, taken_over.reading, taken_over.delta_mg_dl) == ("b", other[-1], 0)


def test_a_meter_reading_in_a_cgm_minute_changes_nothing() -> None:
    meter = [row(15, 62, kind=Kind.METER), row(15.5, 62, kind=Kind.METER)]
    assert _present([*meter, *RISING], 16) == _present(RISING, 16)


def test_the_switch_back_needs_two_readings() -> None:
    higher = rows("a", (0, 100), (5, 100), (30, 100))
    lower = rows("b", *((5 * i, 140) for i in range(8)))
    assert _present([*higher, *lower], 31).leading == "b"
    again = _present([*higher, row(35, 100), *lower], 36)
    assert (again.leading, again.delta_mg_dl) == ("a", 0)


@pytest.mark.parametrize(
    ("mg_dl", "bound", "status"),
    [(39, Bound.LOW, Status.URGENT_LOW), (401, Bound.HIGH, Status.URGENT_HIGH)],
)
def test_low_and_high_are_current_but_have_no_change(
    mg_dl: int, bound: Bound, status: Status
) -> None:
    now = _present([*RISING, row(20, mg_dl, bound=bound)], 21)
    assert now.reading == row(20, mg_dl, bound=bound)
    assert now.status is status
    assert (now.delta_mg_dl, now.rate_mg_dl_per_minute, now.trend) == (None, None, None)


def test_low_and_high_keep_the_vendors_trend() -> None:
    low = row(20, 39, bound=Bound.LOW, trend=Trend.DOUBLE_DOWN)
    assert _present([*RISING, low], 21).trend is Trend.DOUBLE_DOWN


def test_a_fifteen_minute_source_is_current_for_its_own_limit() -> None:
    readings, slow = rows("a", (0, 100), (15, 130)), {"a": FIFTEEN}
    now = _present(readings, 47.9, cadences=slow)
    assert (now.reading, now.delta_mg_dl, now.until) == (readings[-1], 30, at(48))
    assert now.rate_mg_dl_per_minute == pytest.approx(2)
    assert _present(readings, 48, cadences=slow).reading is None


def test_a_one_minute_source_is_compared_with_five_minutes_before() -> None:
    readings = [row(minute, 100 + 2 * minute) for minute in range(30)]
    now = _present(readings, 29.5, cadences={"a": ONE})
    assert (now.delta_mg_dl, now.until) == (10, at(40))
    assert now.rate_mg_dl_per_minute == pytest.approx(2)


def test_a_graph_stays_out_of_value_and_delta_while_a_value_is_live() -> None:
    graph = rows("a", (0, 60), (5, 60), (10, 60), (14, 60), series="graph")
    now, without = _present([*graph, *RISING], 16), _present(RISING, 16)
    assert replace(now, until=without.until) == without


def test_readings_ahead_of_the_clock_are_held_and_change_nothing() -> None:
    ahead = [row(30, 300), row(20, 200), row(25, 40, "b"), row(22, 41, kind=Kind.METER)]
    now = _present([*ahead, *RISING], 16)
    assert [reading.time for reading in now.held] == [at(20), at(22), at(25), at(30)]
    assert now.until == at(20) - AHEAD_TOLERANCE
    without = _present(RISING, 16)
    assert (now.leading, now.reading, now.newest) == ("a", RISING[-1], RISING[-1])
    assert (now.delta_mg_dl, now.trend) == (without.delta_mg_dl, without.trend)


def test_a_held_reading_counts_when_its_time_has_come() -> None:
    ahead = row(20, 132)
    before = _present([*RISING, ahead], 16)
    assert before.until is not None
    then = (before.until - at(0)) / ONE
    assert _present([*RISING, ahead], then - 0.001).reading == RISING[-1]
    assert _present([*RISING, ahead], then).reading == ahead


def test_a_clock_set_back_an_hour_shows_nothing_as_now() -> None:
    now = _present(RISING, -44)
    assert (now.reading, now.newest, now.status) == (None, None, Status.UNKNOWN)
    assert now.held == tuple(RISING)


def test_the_night_the_clocks_change_is_a_night_like_any_other() -> None:
    begin = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    readings = [
        Reading(time=begin + i * FIVE, mg_dl=100 + 5 * i, source="a", series="live")
        for i in range(24)
    ]
    for i in range(3, 24):
        now = present(
            readings[: i + 1],
            order=["a"],
            cadences=BOTH,
            targets=Targets(),
            now=readings[i].time + ONE,
        )
        assert (now.reading, now.delta_mg_dl) == (readings[i], 5)
        assert now.rate_mg_dl_per_minute == pytest.approx(1)


def test_without_an_order_nothing_leads() -> None:
    now = _present(RISING, 16, order=())
    assert (now.leading, now.reading, now.newest) == (None, None, RISING[-1])
