"""Rate over fifteen minutes and the change of the last five."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from fakes.rows import FIVE, row, rows
from glucose.reading import Bound, Reading
from glucose.slope import delta_mg_dl, rate
from naive.merge import naive_rate

ONE = timedelta(minutes=1)
FIFTEEN = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("points", "cadence", "expected"),
    [
        ([(0, 100), (5, 110), (10, 120), (15, 130)], FIVE, 2.0),
        ([(0, 130), (5, 120), (10, 110), (15, 100)], FIVE, -2.0),
        ([(0, 100), (5, 100), (10, 100)], FIVE, 0.0),
        ([(10, 100), (15, 105)], FIVE, 1.0),
        ([(0, 100), (5, 110), (10, 100)], FIVE, 0.0),
        ([(0, 100), (15, 145)], FIFTEEN, 3.0),
        ([(0, 100), (15.2, 130.4)], FIFTEEN, 2.0),
        ([(m, 100 + m) for m in range(20)], ONE, 1.0),
        ([(0, 100), (4, 104)], ONE, 1.0),
    ],
)
def test_rate_is_in_mg_dl_a_minute(
    points: list[tuple[float, float]], cadence: timedelta, expected: float
) -> None:
    readings = rows("a", *((minute, round(mg_dl)) for minute, mg_dl in points))
    assert rate(readings, cadence) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("points", "cadence"),
    [
        ([], FIVE),
        ([(0, 100)], FIVE),
        ([(0, 100), (3.9, 110)], ONE),
        ([(0, 100), (11.5, 110)], FIVE),
        ([(0, 100), (15, 110)], FIVE),
        ([(0, 100), (23, 110)], FIFTEEN),
        ([(0, 100), (40, 110)], FIFTEEN),
    ],
)
def test_too_little_to_tell_a_rate(points: list[tuple[float, int]], cadence: timedelta) -> None:
    assert rate(rows("a", *points), cadence) is None


def test_what_lies_before_the_window_does_not_count() -> None:
    steady = rows("a", (20, 100), (25, 100), (30, 100), (35, 100))
    assert rate([*rows("a", (0, 400), (19.9, 300)), *steady], FIVE) == 0


def test_what_lies_before_a_gap_does_not_count() -> None:
    assert rate(rows("a", (0, 300), (11.1, 100), (15, 100)), FIVE) is None
    assert rate(rows("a", (0, 300), (10, 100), (15, 100)), FIVE) != 0


@pytest.mark.parametrize(("mg_dl", "bound"), [(39, Bound.LOW), (401, Bound.HIGH)])
def test_low_and_high_stay_out_of_the_rate(mg_dl: int, bound: Bound) -> None:
    beyond = row(5, mg_dl, bound=bound)
    before, after = rows("a", (0, 100)), rows("a", (10, 90), (15, 85))
    assert rate([*before, beyond], FIVE) is None
    assert rate([*before, beyond, *after], FIVE) == pytest.approx(-1)
    assert rate([*before, beyond, *after[:1]], FIVE) is None


_POINTS = st.lists(
    st.tuples(
        st.integers(0, 60).map(lambda half_minutes: half_minutes / 2),
        st.sampled_from([39, 60, 100, 104, 180, 401]),
        st.sampled_from([None, None, None, None, None, None, None, Bound.LOW]),
    ),
    max_size=15,
    unique_by=lambda point: point[0],
)


@given(_POINTS, st.sampled_from([ONE, FIVE, FIFTEEN]))
def test_rate_equals_its_slow_twin(
    points: list[tuple[float, int, Bound | None]], cadence: timedelta
) -> None:
    readings = [row(minute, mg_dl, bound=bound) for minute, mg_dl, bound in sorted(points)]
    assert rate(readings, cadence) == pytest.approx(naive_rate(readings, cadence), abs=1e-9)


@given(st.lists(st.integers(50, 300), min_size=2, max_size=20), st.integers(-30, 30), st.data())
def test_rate_does_not_change_when_all_values_do_and_turns_with_them(
    values: list[int], offset: int, data: st.DataObject
) -> None:
    def readings(mg_dl: list[int]) -> list[Reading]:
        return rows("a", *((5 * i, value) for i, value in enumerate(mg_dl)))

    plain = rate(readings(values), FIVE)
    assert plain is not None
    moved = rate(readings([value + offset for value in values]), FIVE)
    turned = rate(readings([350 - value for value in values]), FIVE)
    assert moved == pytest.approx(plain, abs=1e-9)
    assert turned == pytest.approx(-plain, abs=1e-9)


@pytest.mark.parametrize(
    ("points", "cadence", "expected"),
    [
        ([(0, 100), (5, 108)], FIVE, 8),
        ([(0, 100), (5, 108), (10, 105)], FIVE, -3),
        ([(2.5, 100), (10, 108)], FIVE, 8),
        ([(7.5, 100), (10, 108)], FIVE, 8),
        ([(m, 100 + 2 * m) for m in range(12)], ONE, 10),
        ([(0, 100), (3, 103), (6, 107)], timedelta(minutes=3), 7),
        ([(0, 100), (15, 130)], FIFTEEN, 30),
        ([(0, 100), (22.5, 130)], FIFTEEN, 30),
        # Nearest to five minutes before; of two equally near, the newer.
        ([(3, 90), (6, 100), (10, 108)], FIVE, 8),
        ([(4, 90), (6, 100), (10, 108)], FIVE, 8),
    ],
)
def test_delta_is_against_the_reading_about_five_minutes_before(
    points: list[tuple[float, int]], cadence: timedelta, expected: int
) -> None:
    assert delta_mg_dl(rows("a", *points), cadence) == expected


@pytest.mark.parametrize(
    ("points", "cadence"),
    [
        ([], FIVE),
        ([(0, 100)], FIVE),
        ([(2.4, 100), (10, 108)], FIVE),
        ([(7.6, 100), (10, 108)], FIVE),
        ([(0, 100), (23, 130)], FIFTEEN),
        ([(20, 100), (23, 130)], FIFTEEN),
    ],
)
def test_without_such_a_reading_there_is_no_delta(
    points: list[tuple[float, int]], cadence: timedelta
) -> None:
    assert delta_mg_dl(rows("a", *points), cadence) is None


@pytest.mark.parametrize(("mg_dl", "bound"), [(39, Bound.LOW), (401, Bound.HIGH)])
def test_low_and_high_have_no_delta(mg_dl: int, bound: Bound) -> None:
    beyond, within = row(5, mg_dl, bound=bound), row(10, 100)
    assert delta_mg_dl([beyond, within], FIVE) is None
    assert delta_mg_dl([row(0, 100), beyond], FIVE) is None
