"""Are two methods different on the same persons? Sign-flip test, and Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FLIPS = 10_000
EXACT_UP_TO = 12
"""Persons up to which all sign patterns are enumerated."""


def sign_flip_p(difference: NDArray[np.float64], seed: int = 0) -> float:
    """Two-sided p of "the mean difference is 0" by flipping the sign of each person's difference.

    Exact for up to twelve persons, else from 10,000 random patterns, the observed one included
    (Phipson and Smyth 2010), so that p is never 0.

    Args:
        difference: (n,) one value a person, method a minus method b.
    """
    d = np.asarray(difference, np.float64)
    d = d[np.isfinite(d)]
    n = len(d)
    if n == 0 or not np.any(d):
        return 1.0
    observed = abs(d.sum()) - 1e-12
    if n <= EXACT_UP_TO:
        signs = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((np.abs(signs @ d) >= observed).mean())
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], size=(FLIPS, n))
    return float(((np.abs(signs @ d) >= observed).sum() + 1) / (FLIPS + 1))


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down adjusted p values, in the given order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    m = len(values)
    stepped = np.maximum.accumulate(values[order] * (m - np.arange(m)))
    adjusted = np.empty(m)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(v) for v in adjusted]
