"""The tests: naive ones that take every second for independent, and ones that know of encounters.

Seconds of one conversation resemble each other, so a chi-square over seconds finds significance in
anything. Beside it stand estimates whose unit is the encounter: a cluster bootstrap for intervals
(Field and Welsh 2007) and cluster-robust Wald tests by Taylor linearisation for P values (as for
cluster samples; Binder 1983). Both roles of an encounter stay together, since they are a pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
LEVEL = 0.95
CHUNK = 500
"""Bootstrap samples at a time, so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a test of whether two distributions are the same.

    Attributes:
        statistic: chi-square or F.
        df: degrees of freedom, of the numerator for F.
        df2: of the denominator; None for chi-square.
        p: P value, 0 to 1; NaN where there is nothing to test.
    """

    statistic: float
    df: int
    df2: int | None
    p: float


NOTHING = Outcome(float("nan"), 0, None, float("nan"))


def chi_square(table: Counts) -> Outcome:
    """Pearson's chi-square of independence without continuity correction.

    Args:
        table: (r, c) counts. Empty rows and columns are left out.
    """
    from scipy import stats

    kept = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(kept.shape) < 2:
        return NOTHING
    found = stats.chi2_contingency(kept, correction=False)
    return Outcome(float(found.statistic), int(found.dof), None, float(found.pvalue))


def cramers_v(table: Counts) -> float:
    """Cramer's V, 0 (no association) to 1; for two by two the absolute phi. NaN without a test."""
    test = chi_square(table)
    if test.df == 0:
        return float("nan")
    kept = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    return float(np.sqrt(test.statistic / (table.sum() * (min(kept.shape) - 1))))


def wilson(count: int, whole: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), as if seconds were independent."""
    from scipy import stats

    if whole == 0:
        return float("nan"), float("nan")
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    p = count / whole
    centre = (p + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z / (1 + z * z / whole) * np.sqrt(p * (1 - p) / whole + z * z / (4 * whole**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def newcombe(a: int, n: int, b: int, m: int) -> tuple[float, float]:
    """95 % interval of the difference a/n - b/m (Newcombe 1998, method 10), naive as well."""
    if n == 0 or m == 0:
        return float("nan"), float("nan")
    p, q = a / n, b / m
    (pl, pu), (ql, qu) = wilson(a, n), wilson(b, m)
    low = p - q - np.sqrt((p - pl) ** 2 + (qu - q) ** 2)
    high = p - q + np.sqrt((pu - p) ** 2 + (q - ql) ** 2)
    return float(low), float(high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's (1979) adjusted P values, in the given order; NaN stays and counts as no test."""
    p = np.array(p_values, np.float64)
    adjusted = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    running = 0.0
    for rank, k in enumerate(order):
        running = max(running, min(1.0, float(p[k]) * (len(order) - rank)))
        adjusted[k] = running
    return [float(v) for v in adjusted]


def shares(counts: Counts) -> NDArray[np.float64]:
    """Shares of the last axis, NaN where its sum is 0."""
    whole = counts.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0, counts / whole, np.nan), np.float64)


def bootstrap_counts(counts: Counts, samples: int, seed: int) -> NDArray[np.float64]:
    """Totals of cohorts drawn from the encounters with replacement.

    Args:
        counts: (g, ...) of g encounters.

    Returns:
        (samples, ...).
    """
    generator = np.random.default_rng(seed)
    g = len(counts)
    flat = counts.reshape(g, -1).astype(np.float64)
    parts = []
    for start in range(0, samples, CHUNK):
        size = min(CHUNK, samples - start)
        weights = generator.multinomial(g, np.full(g, 1 / g), size).astype(np.float64)
        parts.append(weights @ flat)
    return np.concatenate(parts).reshape(samples, *counts.shape[1:])


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95 % percentile interval; NaN if half of the samples are not defined."""
    usable = values[np.isfinite(values)]
    if len(usable) < len(values) / 2 or not len(usable):
        return float("nan"), float("nan")
    low, high = np.quantile(usable, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def influence(counts: Counts) -> NDArray[np.float64]:
    """How much each encounter moves the shares: (g, c) linearised contributions.

    Args:
        counts: (g, c) of one role.
    """
    total = counts.sum(axis=0)
    whole = max(int(total.sum()), 1)
    size = counts.sum(axis=1, keepdims=True)
    return np.asarray((counts - size * (total / whole)) / whole, np.float64)


def difference_test(
    first: Counts, second: Counts
) -> tuple[NDArray[np.float64], list[Outcome], Outcome]:
    """Cluster-robust tests of the difference of two roles' shares.

    Args:
        first, second: (g, c) counts of the same g encounters; a role that an encounter lacks has
            zeros.

    Returns:
        Standard errors of the c differences, a test of each against t with g - 1 degrees of
        freedom (as F with 1 and g - 1), and one of all together.
    """
    from scipy import stats

    g, c = first.shape
    none = np.full(c, np.nan)
    if g < 2 or not first.sum() or not second.sum():
        return none, [NOTHING] * c, NOTHING
    moved = influence(first) - influence(second)
    covariance = g / (g - 1) * moved.T @ moved
    delta = shares(first.sum(axis=0)) - shares(second.sum(axis=0))
    error = np.sqrt(np.diag(covariance))
    each = []
    for d, se in zip(delta, error, strict=True):
        if se <= 1e-12:
            each.append(NOTHING)
            continue
        f = float((d / se) ** 2)
        each.append(Outcome(f, 1, g - 1, float(stats.f.sf(f, 1, g - 1))))
    rank = int(np.linalg.matrix_rank(covariance, tol=1e-12, hermitian=True))
    if rank < 1 or g <= rank:
        return error, each, NOTHING
    inverse = np.linalg.pinv(covariance, rcond=1e-9, hermitian=True)
    wald = float(delta @ inverse @ delta)
    f = wald * (g - rank) / (rank * (g - 1))
    return error, each, Outcome(f, rank, g - rank, float(stats.f.sf(f, rank, g - rank)))
