"""Emotion before and after, from confusion matrices that were counted for each person.

The figures of one matrix are those of :mod:`framework.agreement`; here they are computed for
thousands of resampled sums at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.types import EMOTIONS, UNKNOWN

LABELS = (*EMOTIONS, UNKNOWN)


def count_labels(first: Sequence[str], second: Sequence[str]) -> NDArray[np.int64]:
    """(7, 8) counts of pairs: rows are :data:`EMOTIONS`, columns also have ``unknown``.

    Pairs whose first label is ``unknown`` are not counted: there is nothing to agree with.
    """
    counts = np.zeros((len(EMOTIONS), len(LABELS)), np.int64)
    for a, b in zip(first, second, strict=True):
        if a != UNKNOWN:
            counts[EMOTIONS.index(a), LABELS.index(b)] += 1
    return counts


class ConfusionFigure:
    """A figure of summed confusion matrices, callable on resampling weights.

    Attributes:
        counts: (n, 7, 8) float64, one matrix a person.
    """

    def __init__(self, counts: NDArray[np.int64], figure: str) -> None:
        self.counts = np.asarray(counts, np.float64).reshape(-1, len(EMOTIONS), len(LABELS))
        self._figure = FIGURES[figure]

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def value(self) -> float | None:
        """The figure over everybody; None where it is undefined."""
        found = float(self._figure(self.counts.sum(axis=0)[None])[0])
        return found if np.isfinite(found) else None

    def __call__(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The figure of each resample, (b,)."""
        return self._figure(np.tensordot(weights, self.counts, axes=1))


def agreement(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of pairs with the same label, for (b, 7, 8) matrices."""
    return _divide(_diagonal(counts).sum(axis=1), counts.sum(axis=(1, 2)))


def kappa(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cohen's kappa (1960); NaN where chance agreement is 1."""
    n = counts.sum(axis=(1, 2))
    rows, columns = counts.sum(axis=2), counts.sum(axis=1)[:, : len(EMOTIONS)]
    by_chance = (rows * columns).sum(axis=1)
    return _divide(_diagonal(counts).sum(axis=1) * n - by_chance, n * n - by_chance)


def jsd(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Jensen-Shannon divergence (Lin 1991), base 2, of the labels before and after."""
    n = counts.sum(axis=(1, 2))[:, None]
    before = np.pad(counts.sum(axis=2), ((0, 0), (0, 1)))
    p, q = _divide(before, n), _divide(counts.sum(axis=1), n)
    middle = (p + q) / 2

    def divergence(x: NDArray[np.float64]) -> NDArray[np.float64]:
        ratio = _divide(x, middle)
        logs = np.log2(ratio, out=np.zeros_like(ratio), where=ratio > 0)
        return np.asarray((x * logs).sum(axis=1))

    return np.asarray((divergence(p) + divergence(q)) / 2)


def macro_f1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean F1 over the classes that occur in the rows (the truth).

    A class that nobody shows has no recall, and would only measure how often it is guessed; guesses
    of it already cost the recall of the class that was there.
    """
    hit = _diagonal(counts)
    truth, given = counts.sum(axis=2), counts.sum(axis=1)[:, : len(EMOTIONS)]
    f1 = _divide(2 * hit, truth + given)
    present = truth > 0
    total = np.where(present, np.nan_to_num(f1), 0.0).sum(axis=1)
    return _divide(total, present.sum(axis=1).astype(np.float64))


def _diagonal(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.diagonal(counts[:, :, : len(EMOTIONS)], axis1=1, axis2=2))


def _divide(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    shape = np.broadcast(above, below).shape
    below = np.broadcast_to(below, shape)
    return np.asarray(np.divide(above, below, out=np.full(shape, np.nan), where=below != 0))


FIGURES = {"agreement": agreement, "kappa": kappa, "jsd": jsd, "macro-f1": macro_f1}
