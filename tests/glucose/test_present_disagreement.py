"""When two sources are told to disagree."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.rows import FIVE, at, row, rows
from glucose.disagreement import Disagreement, disagreement
from glucose.present import present
from glucose.reading import Bound, Kind, Reading
from glucose.targets import Targets

ONE = timedelta(minutes=1)
FIFTEEN = timedelta(minutes=15)
BOTH = {"a": FIVE, "b": FIVE}


def _steady(source: str, mg_dl: int, *, offset: float = 0, until: int = 30) -> list[Reading]:
    return [row(5 * i + offset, mg_dl, source) for i in range(until // 5 + 1)]


def _found(readings: list[Reading], minutes: float) -> Disagreement | None:
    return disagreement(readings, ["a", "b"], BOTH, at(minutes))


def test_two_sources_forty_apart_disagree_by_name_and_value() -> None:
    readings = [*_steady("b", 150, offset=1), *_steady("a", 110)]
    found = _found(readings, 32)
    assert found == Disagreement(row(30, 110, "a"), row(31, 150, "b"))
    assert found.sources == ("a", "b")
    now = present(readings, order=["a", "b"], cadences=BOTH, targets=Targets(), now=at(32))
    assert now.disagreement == found


@pytest.mark.parametrize(
    ("lower", "higher", "apart"),
    [
        (80, 100, False),
        (80, 101, True),
        (105, 126, False),
        (105, 127, True),
        (200, 240, False),
        (200, 241, True),
        (60, 80, False),
    ],
)
def test_apart_is_more_than_twenty_mg_dl_and_more_than_twenty_percent(
    lower: int, higher: int, apart: bool
) -> None:
    assert (_found([*_steady("a", lower), *_steady("b", higher)], 31) is not None) is apart
    assert (_found([*_steady("a", higher), *_steady("b", lower)], 31) is not None) is apart


def test_it_takes_fifteen_minutes() -> None:
    agreed = [*_steady("a", 110, until=60), *rows("b", (0, 112), (5, 112), (10, 112))]
    apart = rows("b", (15, 150), (20, 150), (25, 150), (30, 150))
    assert _found([r for r in [*agreed, *apart] if r.time <= at(25)], 26) is None
    assert _found([r for r in [*agreed, *apart] if r.time <= at(30)], 31) is not None


def test_a_source_that_has_just_begun_does_not_disagree_yet() -> None:
    begun = rows("b", (20, 150), (25, 150), (30, 150), (35, 150))
    readings = [*_steady("a", 110, until=35), *begun]
    assert _found([reading for reading in readings if reading.time <= at(30)], 31) is None
    assert _found(readings, 36) is not None


def test_one_pair_that_agrees_ends_it() -> None:
    second = rows("b", (0, 150), (5, 150), (10, 150), (15, 150), (20, 150), (25, 112), (30, 150))
    assert _found([*_steady("a", 110), *second], 31) is None


def test_a_source_that_is_not_current_disagrees_with_nobody() -> None:
    readings = [*_steady("a", 110), *_steady("b", 150, until=20)]
    assert _found(readings, 30.9) is not None
    assert _found(readings, 31) is None


def test_one_source_disagrees_with_nobody() -> None:
    assert _found(_steady("a", 110), 31) is None
    assert _found([], 31) is None


def test_meters_graphs_and_readings_ahead_of_the_clock_are_not_compared() -> None:
    meters = [row(5 * i, 150, "b", kind=Kind.METER) for i in range(7)]
    graph = [row(5 * i, 150, "b", series="graph") for i in range(7)]
    ahead = [row(33 + 5 * i, 150, "b") for i in range(7)]
    assert _found([*_steady("a", 110), *meters, *graph, *ahead], 31) is None


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        (row(0, 39, bound=Bound.LOW), row(0, 80), True),
        (row(0, 39, bound=Bound.LOW), row(0, 55), False),
        (row(0, 39, bound=Bound.LOW), row(0, 70, bound=Bound.LOW), False),
        (row(0, 60, bound=Bound.LOW), row(0, 30), False),
        (row(0, 401, bound=Bound.HIGH), row(0, 300), True),
        (row(0, 401, bound=Bound.HIGH), row(0, 500), False),
        (row(0, 401, bound=Bound.HIGH), row(0, 500, bound=Bound.HIGH), False),
        (row(0, 401, bound=Bound.HIGH), row(0, 39, bound=Bound.LOW), True),
    ],
)
def test_beyond_a_bound_only_what_is_certain_counts(
    first: Reading, second: Reading, apart: bool
) -> None:
    readings = [
        row(5 * i, like.mg_dl, source, bound=like.bound)
        for source, like in (("a", first), ("b", second))
        for i in range(7)
    ]
    assert (_found(readings, 31) is not None) is apart


def test_readings_are_compared_only_near_in_time() -> None:
    slow = {"a": FIFTEEN, "b": FIFTEEN}
    first = rows("a", (0, 110), (15, 110), (30, 110))
    near = rows("b", (2, 150), (17, 150), (32, 150))
    far = rows("b", (7, 150), (22, 150), (37, 150))
    assert disagreement([*first, *near], ["a", "b"], slow, at(38)) is not None
    assert disagreement([*first, *far], ["a", "b"], slow, at(38)) is None


def test_sources_of_different_cadence_are_compared() -> None:
    each = {"a": ONE, "b": FIFTEEN}
    first = [row(minute, 110) for minute in range(32)]
    second = rows("b", (0, 150), (15, 150), (30, 150))
    assert disagreement([*first, *second], ["a", "b"], each, at(32)) is not None
    assert disagreement([*first, *second], ["b", "a"], each, at(32)) is not None
    second = rows("b", (0, 150), (15, 112), (30, 150))
    assert disagreement([*first, *second], ["a", "b"], each, at(32)) is None


def test_of_three_sources_the_odd_one_is_named_with_the_highest() -> None:
    readings = [*_steady("a", 110), *_steady("b", 112), *_steady("c", 160)]
    found = disagreement(readings, ["b", "a", "c"], {}, at(31))
    assert found is not None
    assert found.sources == ("b", "c")
