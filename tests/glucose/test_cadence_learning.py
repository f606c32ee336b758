"""What timing teaches: the estimate against its slow twin, the plan, and what a restart keeps."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings, strategies as st

from glucose.cadence_learning import (
    _BLUR,
    _EDGES,
    _ROUNDS,
    DELAYS_KEPT,
    GAPS_KEPT,
    Learned,
    _distribution,
    _prior,
    plan_asks,
)

seconds = st.floats(0, 5000)
delays = st.lists(st.tuples(seconds, seconds).map(lambda pair: (min(pair), max(pair))), max_size=40)


def slow_distribution(learned: Learned, interval: float) -> list[float]:
    """Return what _distribution does, each observation and bin by hand."""
    size = len(_EDGES)
    bins = range(size)
    prior = _prior(interval)
    chances = [weight / sum(prior) for weight in prior]
    covered = []
    for after, by in learned.delays:
        start = max(i for i in bins if _EDGES[i] <= after)
        inside = [i for i in bins if i >= start and _EDGES[i] < by]
        covered.append(set(inside) | {start})

    def blur(values: list[float]) -> list[float]:
        means = []
        for i in bins:
            near = [values[j] for j in bins if abs(i - j) <= _BLUR]
            means.append(sum(near) / len(near))
        return [mean / sum(means) for mean in means]

    for _ in range(_ROUNDS):
        blurred = blur(chances)
        shares = [1 / sum(blurred[i] for i in inside) for inside in covered]
        weights = [
            prior[i]
            + chances[i]
            * sum(share for share, inside in zip(shares, covered, strict=True) if i in inside)
            for i in bins
        ]
        chances = [weight / sum(weights) for weight in weights]
    final = blur(chances)
    return [sum(final[:i]) for i in range(size + 1)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_distribution_agrees_with_its_slow_twin(seed: int) -> None:
    rng = random.Random(seed)
    learned = Learned()
    for _ in range(30):
        after = rng.choice([0.0, rng.uniform(0, 40), rng.uniform(0, 4000)])
        learned = learned.with_delay(after, after + rng.choice([0.0, rng.uniform(0, 500)]))

    found = _distribution(learned, 300)

    assert found == pytest.approx(slow_distribution(learned, 300), abs=1e-9)


@settings(deadline=None)
@given(delays=delays, interval=st.floats(60, 900), allowance=st.floats(1.1, 1.6))
def test_every_plan_is_one_to_four_moments_in_order(
    delays: list[tuple[float, float]], interval: float, allowance: float
) -> None:
    plan = plan_asks(Learned(delays=tuple(delays), allowance=allowance), interval)

    assert 1 <= len(plan) <= 4
    assert list(plan) == sorted(plan)
    assert plan[0] > 0
    assert plan[-1] <= 4.5 * interval + 1


def test_a_source_never_seen_is_asked_within_a_minute() -> None:
    assert all(5 < ask < 90 for ask in plan_asks(Learned(), 300)[:3])
    assert all(2 < ask < 45 for ask in plan_asks(Learned(), 60)[:3])


def test_uniform_delays_are_asked_for_after_their_bulk_and_at_their_end() -> None:
    rng = random.Random(5)
    learned = Learned(allowance=1.25)
    for _ in range(DELAYS_KEPT):
        delay = rng.uniform(5, 25)
        learned = learned.with_delay(delay - rng.uniform(0, 3), delay + rng.uniform(0, 3))

    first, second, *_ = plan_asks(learned, 300)

    assert first == pytest.approx(20, abs=1.5)
    assert second == pytest.approx(26, abs=2)


def test_a_phone_that_slept_for_minutes_does_not_move_the_plan() -> None:
    prompt = Learned(delays=((8.0, 12.0),) * 90)
    slept = Learned(delays=(*prompt.delays, *((250.0, 400.0),) * 10))

    assert plan_asks(slept, 300)[0] == pytest.approx(plan_asks(prompt, 300)[0], abs=3)


def test_a_phone_that_mostly_sleeps_still_gets_a_plan() -> None:
    assert plan_asks(Learned(delays=((300.0, 2600.0),) * 200), 300)


@pytest.mark.parametrize(("requests", "sign"), [(1, 1), (3, -1)])
def test_the_allowance_is_corrected_by_what_was_spent(requests: int, sign: int) -> None:
    learned = Learned()

    assert (learned.with_spent(requests, 1).allowance - learned.allowance) * sign > 0


def test_the_allowance_stays_within_bounds() -> None:
    mean, generous = Learned(), Learned()
    for _ in range(500):
        mean, generous = mean.with_spent(9, 1), generous.with_spent(1, 3)

    assert (mean.allowance, generous.allowance) == (1.1, 1.6)


@given(
    times=st.lists(st.floats(0, 1e6), max_size=60).map(sorted),
    delays=delays,
    spent=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=9),
)
def test_what_was_learned_survives_a_restart(
    times: list[float], delays: list[tuple[float, float]], spent: list[tuple[int, int]]
) -> None:
    learned = Learned().with_times(times)
    for after, by in delays:
        learned = learned.with_delay(after, by)
    for requests, readings in spent:
        learned = learned.with_spent(requests, readings)

    assert Learned.from_dict(json.loads(json.dumps(learned.to_dict()))) == learned


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    json_values
    | st.fixed_dictionaries(
        {}, optional={"gaps": json_values, "delays": json_values, "allowance": json_values}
    )
)
def test_a_damaged_memory_is_dropped_and_still_gives_a_plan(stored: object) -> None:
    learned = Learned.from_dict(stored)

    assert plan_asks(learned, learned.interval(300))


def test_memory_is_bounded() -> None:
    learned = Learned().with_times([300.0 * n for n in range(1000)])
    for n in range(1000):
        learned = learned.with_delay(0, n)

    assert (len(learned.gaps), len(learned.delays)) == (GAPS_KEPT, DELAYS_KEPT)
