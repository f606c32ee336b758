"""Days as chance would have them are like the wearer's own in all but what goes with them."""

from __future__ import annotations

import numpy as np
import pytest

from fakes.lives import Life
from glucose.insight import Outcome
from glucose.lifestyle.effective_size import autocorrelations
from glucose.lifestyle.invented_days import InventedDays
from glucose.lifestyle.laid import Laid
from glucose.metrics.number import FloatArray

ROUNDS = 300


def invented(laid: Laid) -> dict[Outcome, FloatArray]:
    parts = list(InventedDays(laid.outcomes, np.random.default_rng(1)).invent(ROUNDS))
    return {outcome: np.concatenate([part[outcome] for part in parts]) for outcome in parts[0]}


@pytest.mark.parametrize("share", [0.0, 0.4, 0.7])
def test_they_follow_each_other_as_the_real_days_do(share: float) -> None:
    away = []
    for seed in range(6):
        laid = Laid.of(Life(days=90, seed=seed, share=share).outcomes(), {}, (0,))
        row = laid.outcomes[Outcome.MEAN]
        real = autocorrelations(row.ranks, row.known, 1)[0]
        found = autocorrelations(invented(laid)[Outcome.MEAN], row.known, 1)[:, 0]
        away.append(found.mean() - real)
        assert found.std() > 0.05
    # Every share is at least 0: days that swing by chance are not invented so.
    assert abs(np.mean(away)) < 0.08 + 0.1 * (share == 0)


def test_they_go_with_each_other_as_the_real_outcomes_do() -> None:
    laid = Laid.of(Life(days=90, seed=1).outcomes(), {}, (0,))
    days = invented(laid)
    for one, other in ((Outcome.MEAN, Outcome.IN_RANGE), (Outcome.MEAN, Outcome.OVERNIGHT_MEAN)):
        real = np.corrcoef(laid.outcomes[one].ranks, laid.outcomes[other].ranks)[0, 1]
        found = [np.corrcoef(x, y)[0, 1] for x, y in zip(days[one], days[other], strict=True)]
        assert np.mean(found) == pytest.approx(real, abs=0.1)


def test_where_a_weekday_is_high_there_is_less_room_as_in_the_real_days() -> None:
    def room(rows: FloatArray) -> float:
        weekend = np.arange(90) % 7 >= 5
        return float(rows[..., weekend].std() / rows[..., ~weekend].std())

    real, found = [], []
    for seed in range(6):
        laid = Laid.of(Life(days=90, seed=seed, weekend=3, lost=0).outcomes(), {}, (0,))
        real.append(room(laid.outcomes[Outcome.MEAN].ranks))
        found.append(room(invented(laid)[Outcome.MEAN]))
    # Were weekdays not invented, all would have the same room.
    assert np.mean(real) < 0.6
    assert np.mean(found) < 0.7


def test_unknown_days_stay_unknown_and_nothing_of_the_weekday_is_left() -> None:
    laid = Laid.of(Life(days=60, seed=2, lost=0.2).outcomes(), {}, (0,))
    row = laid.outcomes[Outcome.LOW]
    days = invented(laid)[Outcome.LOW]
    assert not days[:, ~row.known].any()
    for weekday in range(7):
        chosen = row.known & (row.weekdays == weekday)
        assert days[:, chosen].sum(axis=1) == pytest.approx(np.zeros(ROUNDS), abs=1e-6)
