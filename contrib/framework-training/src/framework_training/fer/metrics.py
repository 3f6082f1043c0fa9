"""How good a classifier's probabilities are, with intervals.

Everything is computed from stored probabilities and labels, so that it can be computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]
Labels = NDArray[np.int64]

BINS = 15
"""Equal-width bins of the calibration error."""


def confusion_matrix(labels: Labels, predicted: Labels, classes: int) -> NDArray[np.int64]:
    """(classes, classes) counts; rows are the labels, columns the answers."""
    flat = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Share of right answers, 0 to 1."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def recalls(probabilities: Probabilities, labels: Labels) -> NDArray[np.float64]:
    """Recall of each class, (classes,); NaN for a class without examples."""
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    totals = matrix.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(totals > 0, np.diag(matrix) / totals, np.nan)


def unweighted_average_recall(probabilities: Probabilities, labels: Labels) -> float:
    """Mean recall over the classes that occur, 0 to 1."""
    return float(np.nanmean(recalls(probabilities, labels)))


def expected_calibration_error(
    probabilities: Probabilities, labels: Labels, bins: int = BINS
) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017), 0 to 1."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(index, minlength=bins)
    gaps = np.abs(
        np.bincount(index, weights=confidence, minlength=bins)
        - np.bincount(index, weights=right, minlength=bins)
    )
    return float(gaps.sum() / counts.sum())


def negative_log_likelihood(probabilities: Probabilities, labels: Labels) -> float:
    """Mean -log of the probability of the label, nats."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def bootstrap(
    statistic: Callable[[Probabilities, Labels], float],
    probabilities: Probabilities,
    labels: Labels,
    draws: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of a statistic over resampled rows.

    Args:
        statistic: for instance :func:`accuracy`.
        draws: number of resamples.
        seed: of the resampling.
    """
    rng = np.random.default_rng(seed)
    values = np.empty(draws)
    for draw in range(draws):
        rows = rng.integers(0, len(labels), len(labels))
        values[draw] = statistic(probabilities[rows], labels[rows])
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """What abstention buys: how much is answered at each threshold, and how often wrongly.

    Attributes:
        threshold: (k,) ascending.
        coverage: (k,) share answered, 0 to 1.
        risk: (k,) share of wrong answers among those answered, 0 to 1 (NaN: nothing is answered).
    """

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]


def risk_coverage(
    probabilities: Probabilities, labels: Labels, thresholds: NDArray[np.float64] | None = None
) -> RiskCoverage:
    """The risk-coverage curve of the top probability (Geifman and El-Yaniv 2017)."""
    if thresholds is None:
        thresholds = np.round(np.arange(0.0, 1.0, 0.01), 2)
    confidence = probabilities.max(axis=1)
    wrong = probabilities.argmax(axis=1) != labels
    answered = confidence[None, :] >= thresholds[:, None]
    counts = answered.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        risk = np.where(counts > 0, (answered & wrong).sum(axis=1) / counts, np.nan)
    return RiskCoverage(thresholds, counts / len(labels), risk)


def threshold_for_risk(curve: RiskCoverage, risk: float, least_coverage: float) -> float:
    """The lowest threshold whose risk is at most ``risk``.

    Where that would leave less than ``least_coverage`` answered, the highest threshold that still
    answers that share.
    """
    good = np.flatnonzero((curve.risk <= risk) & (curve.coverage >= least_coverage))
    if good.size:
        return float(curve.threshold[good[0]])
    enough = np.flatnonzero(curve.coverage >= least_coverage)
    return float(curve.threshold[enough[-1]]) if enough.size else 0.0
