"""Bootstrap over persons with bias-corrected and accelerated intervals (Efron 1987)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""From (b, n) weights, how often each person is drawn, to (b,) values."""

RESAMPLES = 2000
FEWEST_PERSONS = 3
"""Below this a resample has hardly anything to vary; no interval is given."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and what it may be.

    Attributes:
        value: over all persons; None if it is undefined.
        low, high: limits of the interval; None if none can be given.
        persons: n of the bootstrap.
        level: coverage, 0.95.
        method: ``bca``, ``percentile`` (where BCa is undefined), ``clopper-pearson`` (all persons
            alike, where resampling shows no variation at all) or ``none``.
    """

    value: float | None
    low: float | None
    high: float | None
    persons: int
    level: float = 0.95
    method: str = "bca"


def person_weights(persons: int, resamples: int, seed: int) -> NDArray[np.float64]:
    """(resamples, persons) counts of drawing ``persons`` persons with replacement."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(persons, np.full(persons, 1.0 / persons), size=resamples).astype(
        np.float64
    )


def interval(
    statistic: Statistic,
    persons: int,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
    proportion: bool = False,
) -> Interval:
    """A confidence interval by resampling persons.

    Args:
        statistic: see :data:`Statistic`.
        persons: how many there are.
        proportion: the value is a share of persons in [0, 1]. If all resamples agree on 0 or 1 the
            exact binomial interval is given, since [0, 0] would claim certainty from n persons.

    Returns:
        The interval; ``low`` and ``high`` are None for fewer than three persons.
    """
    from scipy.stats import norm

    if persons == 0:
        return Interval(None, None, None, 0, level, "none")
    point = float(statistic(np.ones((1, persons)))[0])
    if not np.isfinite(point):
        return Interval(None, None, None, persons, level, "none")
    if persons < FEWEST_PERSONS:
        return Interval(point, None, None, persons, level, "none")
    values = statistic(person_weights(persons, resamples, seed))
    values = values[np.isfinite(values)]
    if len(values) < resamples // 2:
        return Interval(point, None, None, persons, level, "none")
    tail = (1 - level) / 2
    if np.ptp(values) < 1e-12:
        if proportion and (point < 1e-9 or point > 1 - 1e-9):
            low, high = exact_binomial(round(point) * persons, persons, level)
            return Interval(point, low, high, persons, level, "clopper-pearson")
        return Interval(point, point, point, persons, level, "percentile")
    same = np.isclose(values, point, rtol=1e-9, atol=1e-12)  # sums in another order differ a hair
    below = float((~same & (values < point)).mean() + 0.5 * same.mean())
    jackknife = statistic(1.0 - np.eye(persons))
    shift = jackknife.mean() - jackknife
    spread = float((shift**2).sum()) ** 1.5
    if not 0 < below < 1 or not np.isfinite(spread) or spread == 0:
        low, high = np.quantile(values, [tail, 1 - tail])
        return Interval(point, float(low), float(high), persons, level, "percentile")
    bias = norm.ppf(below)
    acceleration = float((shift**3).sum()) / (6 * spread)
    z = norm.ppf([tail, 1 - tail]) + bias
    quantiles = norm.cdf(bias + z / (1 - acceleration * z))
    low, high = np.quantile(values, quantiles)
    return Interval(point, float(low), float(high), persons, level, "bca")


def exact_binomial(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's (1934) interval of ``hits`` out of ``n``."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits == n else float(beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high
