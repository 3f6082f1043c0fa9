"""Is the distribution of emotions the same for practical purposes?

"Not significantly different" is no evidence of sameness: with few persons nothing is. The two
one-sided tests (TOST, Schuirmann 1987) reverse the burden of proof: equivalence is claimed only if
the difference is significantly inside a margin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework_benchmark.statistics.paired import holm

MARGIN = 0.10
"""Difference in the share of an emotion that a reader would not act upon (ten points)."""


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Result for one class.

    Attributes:
        mean: mean difference over persons (after minus before).
        p: of the two one-sided tests, Holm-adjusted over the classes.
        equivalent: p < 0.05.
        persons: n.
    """

    mean: float
    p: float
    equivalent: bool
    persons: int


def tost(difference: NDArray[np.float64], margin: float = MARGIN) -> float:
    """p of "the mean difference is outside (-margin, margin)", paired t tests.

    Args:
        difference: (n,) one value a person.
        margin: > 0.

    Returns:
        1.0 for fewer than two persons.
    """
    from scipy.stats import t as student

    d = np.asarray(difference, np.float64)
    n = len(d)
    if n < 2:
        return 1.0
    mean, error = float(d.mean()), float(d.std(ddof=1)) / np.sqrt(n)
    if error < 1e-15:
        return 0.0 if abs(mean) < margin else 1.0
    above = float(student.sf((mean + margin) / error, n - 1))
    below = float(student.cdf((mean - margin) / error, n - 1))
    return max(above, below)


def equivalent_distributions(
    before: NDArray[np.float64], after: NDArray[np.float64], margin: float = MARGIN
) -> list[Equivalence]:
    """TOST for each class, Holm-adjusted over the classes.

    Args:
        before, after: (n, c) shares of each class, a row a person.
    """
    difference = np.asarray(after, np.float64) - np.asarray(before, np.float64)
    classes = difference.shape[1]
    adjusted = holm([tost(difference[:, c], margin) for c in range(classes)])
    return [
        Equivalence(float(difference[:, c].mean()), p, p < 0.05, len(difference))
        for c, p in zip(range(classes), adjusted, strict=True)
    ]
