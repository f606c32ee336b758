"""Readings made by the column are those that the constructor makes, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, strategies as st

from glucose.errors import InvalidReadingError
from glucose.reading import Bound, Kind, Reading
from glucose.reading_columns import readings_of_columns
from glucose.store.rows import EARLIEST_MS, LATEST_MS, SeriesName, readings_of, time_of
from glucose.trend import Trend

NOW = datetime(2026, 11, 20, 10, 15, tzinfo=UTC)
Row = tuple[Any, Any, Any, Any]
GOOD: Row = (NOW, 104, None, None)

rows = st.tuples(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(5, 610),
    st.sampled_from([None, *Bound]),
    st.sampled_from([None, *Trend]),
)


def one_by_one(given_: Sequence[Row], source: str, series: str, kind: Kind) -> list[Reading]:
    """The slow twin."""
    return [
        Reading(
            time=time,
            mg_dl=mg_dl,
            source=source,
            series=series,
            kind=kind,
            bound=bound,
            trend=trend,
        )
        for time, mg_dl, bound, trend in given_
    ]


def at_once(given_: Sequence[Row], source: str, series: str, kind: Kind) -> list[Reading]:
    columns: list[Any] = [list(column) for column in zip(*given_, strict=True)] or [[], [], [], []]
    return readings_of_columns(*columns, source=source, series=series, kind=kind)


@given(st.lists(rows, max_size=8), st.sampled_from(["", "a"]), st.sampled_from(Kind))
def test_all_at_once_are_as_one_by_one(given_: list[Row], source: str, kind: Kind) -> None:
    try:
        expected = one_by_one(given_, source, "s", kind)
    except InvalidReadingError:
        with pytest.raises(InvalidReadingError):
            at_once(given_, source, "s", kind)
    else:
        found = at_once(given_, source, "s", kind)
        assert found == expected
        assert [hash(each) for each in found] == [hash(each) for each in expected]


@pytest.mark.parametrize(
    "wrong",
    [
        (NOW.replace(tzinfo=None), 104, None, None),
        (NOW, 9, None, None),
        (NOW, 601, None, None),
        (NOW, True, None, None),
        (NOW, 104.0, None, None),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_wrong_row_anywhere_refuses_all(wrong: Row, place: int) -> None:
    given_ = [GOOD, GOOD]
    given_.insert(place, wrong)

    with pytest.raises(InvalidReadingError):
        at_once(given_, "a", "s", Kind.CGM)


def test_columns_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="lengths"):
        readings_of_columns(
            [NOW, NOW], [104], [None], [None], source="a", series="s", kind=Kind.CGM
        )


@given(st.lists(st.integers(EARLIEST_MS, LATEST_MS), min_size=1, max_size=5).map(sorted))
def test_every_millisecond_of_the_calendar_comes_back_as_itself(times_ms: list[int]) -> None:
    found = readings_of(
        SeriesName("a", Kind.CGM, "s"), [(time_ms, 104, None, None) for time_ms in times_ms]
    )

    assert [each.time for each in found] == [time_of(time_ms) for time_ms in times_ms]


@given(st.integers(0, 4_000_000_000_000))
def test_a_time_of_our_days_is_exact_to_the_millisecond(time_ms: int) -> None:
    (found,) = readings_of(SeriesName("a", Kind.CGM, "s"), [(time_ms, 104, None, None)])

    assert (found.time - datetime(1970, 1, 1, tzinfo=UTC)) == timedelta(milliseconds=time_ms)
