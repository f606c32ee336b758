"""Where AR2 sees glucose in half an hour, whatever the cadence it is measured at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.rows import row, rows
from glucose.forecast.ar2 import ar2_mg_dl, forecast_mg_dl
from glucose.reading import Bound

FIVE = timedelta(minutes=5)


def test_one_step_is_nightscouts_formula() -> None:
    # ln(100/140) = -0.336472, ln(115/140) = -0.196710; 1.716 * -0.336472 + 0.723 * 0.196710
    # = -0.435165, and 140 e^-0.435165 = 90.60.
    assert ar2_mg_dl(100, 115, FIVE) == pytest.approx(90.60, abs=0.01)


def test_no_step_is_now() -> None:
    assert ar2_mg_dl(100, 115, timedelta()) == pytest.approx(100)


def test_a_level_value_drifts_towards_140() -> None:
    assert 100 < ar2_mg_dl(100, 100) < 140
    assert 140 < ar2_mg_dl(200, 200) < 200
    assert ar2_mg_dl(140, 140) == pytest.approx(140)


def test_it_answers_within_36_and_400() -> None:
    assert ar2_mg_dl(40, 120) == 36
    assert ar2_mg_dl(390, 250) == 400
    assert ar2_mg_dl(600, 10) == 400


@pytest.mark.parametrize("cadence", [1, 5])
def test_falling_3_a_minute_it_is_the_same_at_any_cadence(cadence: int) -> None:
    points = rows("a", *((-minute, 91 + 3 * minute) for minute in range(30, -1, -cadence)))
    found = forecast_mg_dl(points, timedelta(minutes=cadence))
    assert found == pytest.approx(ar2_mg_dl(91, 106))
    assert found is not None
    assert found < 70


def test_a_source_of_15_minutes_is_resampled_on_the_line() -> None:
    points = rows("a", (0, 145), (15, 100))
    found = forecast_mg_dl(points, timedelta(minutes=15))
    assert found == pytest.approx(ar2_mg_dl(100, 115))
    # As far apart, a source of five minutes has lost two readings.
    assert forecast_mg_dl(points, FIVE) is None


@pytest.mark.parametrize(("gap", "known"), [(5, True), (10, True), (11, True), (11.1, False)])
def test_two_real_points_are_at_most_11_minutes_apart(gap: float, known: bool) -> None:
    found = forecast_mg_dl(rows("a", (0, 120), (gap, 100)), FIVE)
    assert (found is not None) is known


def test_seconds_too_early_do_not_hide_the_reading_before() -> None:
    points = rows("a", (0, 130), (5, 115), (9.9, 100))
    assert forecast_mg_dl(points, FIVE) == pytest.approx(ar2_mg_dl(100, 115.3))


@pytest.mark.parametrize("place", [0, 1])
def test_low_and_high_never_enter(place: int) -> None:
    points = rows("a", (0, 120), (5, 100))
    assert forecast_mg_dl(points, FIVE) is not None
    for bound in Bound:
        bounded = [
            row(5 * i, one.mg_dl, bound=bound if i == place else None)
            for i, one in enumerate(points)
        ]
        assert forecast_mg_dl(bounded, FIVE) is None
    between = [row(0, 120), row(4, 39, bound=Bound.LOW), row(8, 100)]
    assert forecast_mg_dl(between, FIVE) is None


def test_too_little_is_no_forecast() -> None:
    assert forecast_mg_dl([], FIVE) is None
    assert forecast_mg_dl(rows("a", (0, 100)), FIVE) is None
    assert forecast_mg_dl(rows("a", (0, 100), (4, 90)), FIVE) is None
