"""A person's resting face, taken out of their readings.

Some people's mouths droop, others' brows frown, without any expression at all; a classifier reads
them as sad or angry for a whole session. What the classifier says about a person's *most neutral*
moments is therefore compared with what it says about neutral faces in general, and what is
systematically more is taken off everywhere.

With z = log p and the rows' mean subtracted (centred log-ratio, Aitchison 1982):

1. the person's rest r is the quality-weighted mean of z over the quarter of their samples in which
   ``neutral`` is highest;
2. the excess of each other class c is e_c = min(max(r_c - n_c, 0), limit), n being the mean z of
   neutral faces of many people (from the weight file); e is 0 for ``neutral``;
3. every sample becomes softmax(z - e).

It never adds evidence for an expression, moves nobody whose rest looks like other people's, and is
bounded. It cannot tell a resting face from an expression that lasts for the whole session: raw
values are always kept beside the corrected ones, and the option is off unless asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.types import EMOTIONS

_FLOOR = 1e-4
"""Least probability before the logarithm."""


def centred_log_ratio(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """log p with each row's mean subtracted, (n, classes)."""
    logs = np.log(np.maximum(np.asarray(probabilities, np.float64), _FLOOR))
    return np.asarray(logs - logs.mean(axis=1, keepdims=True), np.float64)


def neutral_profile(
    probabilities: NDArray[np.floating], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean centred log-ratio of the faces labelled neutral, (classes,): the reference n.

    Without such faces nothing is known; the profile is then one that no rest exceeds, so that
    nothing is ever taken off.
    """
    rows = centred_log_ratio(probabilities)[labels == EMOTIONS.index("neutral")]
    if len(rows) == 0:
        return np.full(probabilities.shape[1], -np.log(_FLOOR))
    return np.asarray(rows.mean(axis=0), np.float64)


@dataclass(frozen=True)
class RestingFace:
    """The correction, as a function of one person's samples.

    Attributes:
        reference: mean centred log-ratio of neutral faces in general, in the order of
            :data:`framework.types.EMOTIONS`.
        share: of the samples that count as this person's most neutral moments.
        min_samples: with fewer samples nothing is corrected.
        limit: largest excess that is taken off, nats; 2.5 divides the odds by 12.
    """

    reference: Sequence[float]
    share: float = 0.25
    min_samples: int = 50
    limit: float = 2.5

    def excess(
        self, probabilities: NDArray[np.float32], quality: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """What is taken off the log-probabilities, (7,), each from 0 to ``limit``."""
        usable = np.isfinite(probabilities).all(axis=1) & np.isfinite(quality)
        if int(usable.sum()) < self.min_samples:
            return np.zeros(len(EMOTIONS))
        rows = centred_log_ratio(probabilities[usable])
        weight = np.maximum(quality[usable].astype(np.float64), 0.0)
        if weight.sum() <= 0:
            return np.zeros(len(EMOTIONS))
        neutral = EMOTIONS.index("neutral")
        count = max(1, round(self.share * len(rows)))
        calm = np.argsort(-rows[:, neutral], kind="stable")[:count]
        if weight[calm].sum() <= 0:
            return np.zeros(len(EMOTIONS))
        rest = np.average(rows[calm], axis=0, weights=weight[calm])
        excess = np.clip(rest - np.asarray(self.reference, np.float64), 0.0, self.limit)
        excess[neutral] = 0.0
        return np.asarray(excess, np.float64)

    def __call__(
        self, probabilities: NDArray[np.float32], quality: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Corrected rows.

        Args:
            probabilities: (k, 7), all of one person's samples in order of time.
            quality: (k,), 0 to 1.

        Returns:
            (k, 7) float32, rows sum to 1. Rows that are not finite stay as they are.
        """
        given = np.asarray(probabilities, np.float32)
        excess = self.excess(given, np.asarray(quality, np.float32))
        if not excess.any():
            return given.copy()
        with np.errstate(invalid="ignore"):
            scaled = given.astype(np.float64) * np.exp(-excess)
            total = scaled.sum(axis=1, keepdims=True)
        return np.asarray(scaled / total, np.float32)
