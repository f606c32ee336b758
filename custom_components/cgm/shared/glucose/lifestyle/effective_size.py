"""How many independent days two series of days are worth, and how strong their correlation is.

Days resemble their neighbours, and two series that do so agree by chance more often than unlike
days would: 1/n_eff = 1/n + (2/n) sum over k <= n/5 of (1 - k/n) rho_x(k) rho_y(k) (Bartlett 1935,
J R Stat Soc 98:536; Pyper and Peterman 1998, Can J Fish Aquat Sci 55:2127). The strength is
z = atanh(r) sqrt(n_eff - 3) (Fisher 1921, Metron 1:3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..metrics.number import BoolArray, FloatArray, IntArray

LAG_SHARE = 5
_FISHER = 3
# Of a correlation of exactly one, which has no arc tangent.
_ALMOST_ONE = 1 - 1e-12


def autocorrelations(rows: FloatArray, known: BoolArray, lags: int) -> FloatArray:
    """Return (rows, lags) for lags 1 and up, of rows with mean 0 and 0 where not known.

    Each lag's mean product of known pairs, in units of the variance; 0 where there is no pair.
    """
    length = 2 * rows.shape[-1]
    power = np.abs(np.fft.rfft(rows, length)) ** 2
    sums = np.fft.irfft(power, length)[..., : lags + 1]
    there = np.abs(np.fft.rfft(known.astype(np.float64), length)) ** 2
    pairs = np.rint(np.fft.irfft(there, length)[: lags + 1])
    products = np.where(pairs > 0, sums / np.maximum(pairs, 1), 0.0)
    variance = products[..., :1]
    found = np.zeros_like(products)
    np.divide(products, variance, out=found, where=variance > 0)
    autocorrelation: FloatArray = found[..., 1:]
    return autocorrelation


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Correlated:
    """Pairs of series: `r`, how many days both know, what those are worth, the strength."""

    r: FloatArray
    days: IntArray
    n_eff: FloatArray
    strength: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """Series of days with mean 0: (series, days), 0 where not `known`, and autocorrelations.

    `known` is (series, days), too.
    """

    rows: FloatArray
    known: FloatArray
    autocorrelations: FloatArray


def correlate(ones: Side, others: FloatArray, known: BoolArray, rho: FloatArray) -> Correlated:
    """Correlate every one of `ones` with every row of `others`, which share their holes.

    All arrays found are (others, ones), `days` (ones,). NaN where one side does not differ.
    """
    there = known.astype(np.float64)
    n = ones.known @ there
    counted = np.maximum(n, 1)
    sums_x, sums_y = ones.rows @ there, others @ ones.known.T
    spread_x = (ones.rows**2) @ there - sums_x**2 / counted
    spread_y = (others**2) @ ones.known.T - sums_y**2 / counted
    product = others @ ones.rows.T - sums_y * sums_x / counted
    scale = np.sqrt(np.maximum(spread_x, 0) * np.maximum(spread_y, 0))
    r = np.full(product.shape, np.nan)
    np.divide(product, scale, out=r, where=scale > 0)
    lag = np.arange(1, rho.shape[-1] + 1)
    share = np.where(lag <= n[:, None] / LAG_SHARE, 1 - lag / counted[:, None], 0.0)
    weights = share * ones.autocorrelations
    inverse = (1 + 2 * rho @ weights.T) / counted
    # Series that swing against themselves would be worth more than they have days.
    n_eff = 1 / np.maximum(inverse, 1 / counted)
    bounded = np.clip(r, -_ALMOST_ONE, _ALMOST_ONE)
    strength = np.arctanh(bounded) * np.sqrt(np.maximum(n_eff - _FISHER, 0))
    return Correlated(r=r, days=n.astype(np.int64), n_eff=n_eff, strength=strength)
