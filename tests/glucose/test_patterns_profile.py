"""The matrix profile in its three measures against slow, obvious twins."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from glucose.metrics.number import FloatArray
from glucose.patterns import nearest, profile
from glucose.patterns.nearest import Lags
from glucose.patterns.profile import (
    Choice,
    Profile,
    exclusion,
    mean_centred,
    un_normalised,
    z_normalised,
)
from naive import profile as naive

Measure = Callable[[FloatArray, int], Profile]
MEASURES: dict[str, tuple[Measure, naive.Shape]] = {
    "un-normalised": (un_normalised, naive.as_it_is),
    "mean-centred": (mean_centred, naive.less_its_mean),
    "z-normalised": (z_normalised, naive.over_its_spread),
}
measures = pytest.mark.parametrize(("ours", "shape"), MEASURES.values(), ids=MEASURES)


def glucose(seed: int, count: int, *, holes: int = 0, parts: int = 1) -> list[float | None]:
    """Walk a sensor's readings, whole or in parts of mg/dL, with some holes."""
    chance = random.Random(seed)
    slope, level = 0.0, 140.0
    values: list[float | None] = []
    for _ in range(count):
        slope = 0.9 * slope + chance.gauss(0, 2) - 0.01 * (level - 140)
        level = min(max(level + slope, 40), 400)
        values.append(round(level * parts) / parts)
    for _ in range(holes):
        at, long = chance.randrange(count), chance.choice((1, 2, 9))
        values[at : at + long] = [None] * len(values[at : at + long])
    return values


def array(values: list[float | None]) -> FloatArray:
    return np.array([math.nan if value is None else value for value in values])


def agree(found: Profile, values: list[float | None], shape: naive.Shape) -> None:
    """Assert every distance, and that it is the distance of the partner named."""
    everything = naive.distances(values, found.m, shape)
    assert len(found.distances) == len(values) - found.m + 1
    for start, distance in enumerate(found.distances.tolist()):
        others = everything.get(start, {})
        assert distance == pytest.approx(min(others.values(), default=math.inf), abs=1e-6)
        partner = int(found.partners[start])
        assert (partner == -1) if not others else others[partner] == pytest.approx(distance)


@measures
@pytest.mark.parametrize("m", [3, 4, 5, 24])
@pytest.mark.parametrize("holes", [0, 6])
def test_every_window_has_its_nearest(
    ours: Measure, shape: naive.Shape, m: int, holes: int
) -> None:
    values = glucose(m + holes, 150, holes=holes, parts=16)
    agree(ours(array(values), m), values, shape)


@measures
def test_values_between_the_sixteenths_are_as_good(ours: Measure, shape: naive.Shape) -> None:
    values = glucose(5, 150, holes=3, parts=1000)
    agree(ours(array(values), 12), values, shape)


@measures
@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.one_of(st.none(), st.sampled_from((90.0, 100.0, 101.0, 250.5)), st.integers(40, 400)),
        min_size=8,
        max_size=40,
    ),
    m=st.integers(3, 8),
)
def test_any_values_even_flat_ones(
    ours: Measure, shape: naive.Shape, values: list[float | None], m: int
) -> None:
    agree(ours(array(values), m), values, shape)


@measures
def test_blocks_and_new_beginnings_change_nothing(
    ours: Measure, shape: naive.Shape, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = glucose(8, 260, holes=4)
    monkeypatch.setattr(nearest, "_BAND", 8)
    monkeypatch.setattr(nearest, "_BLOCK", 64)
    monkeypatch.setattr(nearest, "_ROWS_ANEW", 10)
    monkeypatch.setattr(profile, "_AT_ONCE", 7)
    agree(ours(array(values), 9), values, shape)


def test_a_flat_window_is_like_another_and_as_far_from_all_else_as_chance() -> None:
    lively = glucose(3, 90)
    lively[10:20] = [120.0] * 10
    lively[60:70] = [200.0] * 10
    found = z_normalised(array(lively), 10)
    assert (found.distances[10], found.partners[10]) == (0.0, 60)
    assert (found.distances[60], found.partners[60]) == (0.0, 10)
    alone = glucose(3, 90)
    alone[10:20] = [120.0] * 10
    found = z_normalised(array(alone), 10)
    assert found.distances[10] == pytest.approx(math.sqrt(10))
    agree(found, alone, naive.over_its_spread)


def test_unlike_windows_prefer_a_flat_one() -> None:
    """What falls is farther from what rises than from what does neither."""
    values: list[float | None] = [100.0, 110.0, 120.0, None, 90.0, 80.0, 70.0, None]
    agree(z_normalised(array(values), 3), values, naive.over_its_spread)
    assert z_normalised(array(values), 3).distances[0] == pytest.approx(math.sqrt(12))
    values += [100.0, 100.0, 100.0]
    found = z_normalised(array(values), 3)
    assert (found.partners[0], found.partners[4]) == (8, 8)
    assert found.distances[0] == pytest.approx(math.sqrt(3))


@measures
def test_a_window_never_reaches_across_a_gap(ours: Measure, shape: naive.Shape) -> None:
    values = glucose(4, 120)
    values[50] = None
    found = ours(array(values), 20)
    assert np.flatnonzero(found.partners < 0).tolist() == list(range(31, 51))
    assert not np.isin(found.partners, range(31, 51)).any()
    assert np.isinf(found.distances[31:51]).all()


@measures
def test_of_nothing_nothing_is_near(ours: Measure, shape: naive.Shape) -> None:
    assert (ours(np.full(40, np.nan), 5).partners == -1).all()
    assert (ours(array(glucose(1, 6)), 5).partners == -1).all()  # only its own neighbour


@measures
@pytest.mark.parametrize(("count", "m"), [(10, 2), (10, 11), (0, 3)])
def test_windows_that_cannot_be_are_refused(
    ours: Measure, shape: naive.Shape, count: int, m: int
) -> None:
    with pytest.raises(ValueError, match="windows are of 3 values at least"):
        ours(array(glucose(1, count)), m)


@pytest.mark.parametrize(("m", "zone"), [(3, 1), (4, 1), (5, 2), (24, 6), (48, 12), (288, 72)])
def test_the_zone_around_a_window(m: int, zone: int) -> None:
    assert exclusion(m) == zone
    same = z_normalised(array([float(100 + at % 2) for at in range(3 * m)]), m)
    apart = np.abs(same.partners - np.arange(len(same.partners)))
    assert apart.min() > zone


def test_chosen_partners_are_eligible_and_as_far_apart_as_asked() -> None:
    """Days of 12 values, partners within 2 of the same time on another day."""
    day, near, m = 12, 2, 4
    values = glucose(11, 10 * day, holes=2)
    # At the first and the last time of one day: alike, and still no partners.
    values[36:40] = values[47:51] = [100.0, 180.0, 60.0, 140.0]
    places = len(values) - m + 1
    chance = random.Random(2)
    eligible = np.array([chance.random() < 0.7 for _ in range(places)])
    eligible[[36, 47]] = True
    slots = np.arange(places) % day
    found = mean_centred(
        array(values),
        m,
        Choice(
            eligible=eligible,
            lags=Lags(first=day - near, width=2 * near + 1, period=day, count=10),
            nearest_lag=day - slots,
        ),
    )
    everything = naive.distances(values, m, naive.less_its_mean)
    seen = 0
    for start in range(places):
        allowed = [
            distance
            for other, distance in everything.get(start, {}).items()
            if eligible[start] and eligible[other]
            if min((start - other) % day, (other - start) % day) <= near
            if start // day != other // day and abs(start - other) >= day - near
        ]
        nearest_one = min(allowed, default=math.inf)
        assert found.distances[start] == pytest.approx(nearest_one, abs=1e-6)
        seen += math.isfinite(nearest_one)
    assert seen > 50


def test_a_long_series_does_not_drift() -> None:
    """Three weeks with one stretch planted twice: found at 0, and nothing else is."""
    values = np.array(glucose(21, 6000, parts=1000), dtype=np.float64)
    values[5700:5748] = values[100:148]
    for measure in (un_normalised, mean_centred, z_normalised):
        found = measure(values, 48)
        assert found.distances[100] == found.distances[5700] == 0.0
        assert (found.partners[100], found.partners[5700]) == (5700, 100)
        assert np.count_nonzero(found.distances < 1e-3) == 2


@pytest.mark.parametrize(
    ("distances", "partners", "what"),
    [
        ([1.0], [0, 1], "as many partners"),
        ([np.inf, 1.0], [0, 0], "infinitely far"),
        ([1.0, 1.0], [-1, 0], "infinitely far"),
        ([np.inf, 1.0], [-2, 0], "infinitely far"),
        ([-1.0, 1.0], [1, 0], "0 or more"),
        ([np.nan, 1.0], [1, 0], "0 or more"),
        ([1.0, 1.0], [2, 0], "one of the windows"),
    ],
)
def test_what_is_no_profile_is_refused(
    distances: list[float], partners: list[int], what: str
) -> None:
    with pytest.raises(ValueError, match=what):
        Profile(3, np.array(distances), np.array(partners, dtype=np.int64))


def test_a_profile_cannot_be_changed() -> None:
    found = un_normalised(array(glucose(1, 40)), 5)
    with pytest.raises(ValueError, match="read-only"):
        found.distances[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        found.partners[0] = 0
