"""PCMCI is asked for by who has tigramite; everybody else is told what is missing."""

from __future__ import annotations

import importlib.util
import math
import sys
from types import ModuleType

import numpy as np
import pytest

from fakes.lives import Life
from glucose.insight import Outcome
from glucose.lifestyle.pcmci import (
    TigramiteMissingError,
    TooFewDaysError,
    causal_links,
    false_shares,
)
from glucose.metrics.number import FloatArray


class StandIn:
    """Answers as tigramite's PCMCI does, with plain lagged correlations: (from, to, lag)."""

    def __init__(self, frame: FloatArray, test: object, *, verbosity: int) -> None:
        self.table = frame

    def run_pcmci(self, *, tau_min: int, tau_max: int) -> dict[str, FloatArray]:
        count = self.table.shape[1]
        r = np.zeros((count, count, tau_max + 1))
        p = np.ones_like(r)
        for lag in range(tau_min, tau_max + 1):
            for one in range(count):
                for other in range(count):
                    x, y = self.table[:-lag, one], self.table[lag:, other]
                    known = (x != 1e6) & (y != 1e6)
                    found = float(np.corrcoef(x[known], y[known])[0, 1])
                    r[one, other, lag] = found
                    z = math.atanh(np.clip(found, -0.999, 0.999)) * math.sqrt(known.sum() - 3)
                    p[one, other, lag] = math.erfc(abs(z) / math.sqrt(2))
        return {"val_matrix": r, "p_matrix": p}


def frame(table: FloatArray, *, missing_flag: float) -> FloatArray:
    assert missing_flag == 1e6
    return table


def test_with_it_its_links_are_told_corrected_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: dict[str, dict[str, object]] = {
        "tigramite.data_processing": {"DataFrame": frame},
        "tigramite.pcmci": {"PCMCI": StandIn},
        "tigramite.independence_tests.parcorr": {"ParCorr": object},
    }
    for name in ("tigramite", "tigramite.independence_tests", *parts):
        module = ModuleType(name)
        for attribute, value in parts.get(name, {}).items():
            setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, name, module)
    life = Life(days=90, seed=1, share=0.0).link("sleep", 2, -1.5)
    links = causal_links(life.outcomes(), life.logged(), lags=2)
    assert (links[0].factor, links[0].lag_days) == ("sleep", 2)
    assert {link.outcome for link in links} >= {Outcome.MEAN, Outcome.IN_RANGE}
    for link in links:
        assert link.chance <= 0.05
        assert (link.correlation > 0) is (link.outcome in {Outcome.IN_RANGE, Outcome.LOW})
    assert [link.chance for link in links] == sorted(link.chance for link in links)


def test_without_tigramite_it_is_said_what_to_install() -> None:
    assert importlib.util.find_spec("tigramite") is None, "tigramite never gets into our locks"
    life = Life(days=60, seed=1)
    with pytest.raises(TigramiteMissingError, match="pip install tigramite"):
        causal_links(life.outcomes(), life.logged())


def test_too_few_days_are_said_before_anything_is_asked_for() -> None:
    life = Life(days=20, seed=1)
    with pytest.raises(TooFewDaysError):
        causal_links(life.outcomes(), life.logged())
    with pytest.raises(TooFewDaysError):
        causal_links(Life(days=60, seed=1).outcomes(), {})


def test_false_shares_are_those_of_benjamini_and_hochberg() -> None:
    # Their example of 15 p-values: four are told at 5 %.
    chances = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
    chances += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    found = false_shares(chances)
    assert sum(share <= 0.05 for share in found) == 4
    slow = [
        min(1, *(p * 15 / (k + 1) for k, p in enumerate(chances) if k >= at)) for at in range(15)
    ]
    assert found == pytest.approx(slow)
    assert false_shares([]) == ()
