"""Closed-set identification: is the right person among the first k of the gallery?

A probe in which no face was found is not left out. Its attacker guesses, and a guess hits with
probability k / N. Ties are broken at random, in expectation: a recogniser that gives every gallery
entry the same score is at chance, not perfect and not hopeless.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def hits(scores: NDArray[np.float64], mate: NDArray[np.int64], k: int = 1) -> NDArray[np.float64]:
    """Probability that each probe's mate is among the k best.

    Args:
        scores: (p, g) similarities; higher is more alike. A row with a NaN is a probe without a
            face. A column of -inf is an entry that could not be enrolled.
        mate: (p,) column of each probe's own entry.
        k: 1 <= k.

    Returns:
        (p,) in [0, 1].

    Raises:
        ValueError: shapes do not fit, or a mate is outside the gallery.
    """
    if scores.ndim != 2 or mate.shape != (len(scores),):
        raise ValueError(
            f"hits: expected (p, g) scores and p mates, got {scores.shape}, {mate.shape}"
        )
    size = scores.shape[1]
    if len(mate) and (mate.min() < 0 or mate.max() >= size):
        raise ValueError(f"hits: expected mates in [0, {size}), got {mate.min()} to {mate.max()}")
    if k < 1:
        raise ValueError(f"hits: expected k of at least 1, got {k}")
    chance = min(1.0, k / size) if size else 0.0
    own = scores[np.arange(len(mate)), mate][:, None]
    with np.errstate(invalid="ignore"):
        better = (scores > own).sum(axis=1)
        equal = (scores == own).sum(axis=1)  # at least the mate itself
    result = np.clip((k - better) / np.maximum(equal, 1), 0.0, 1.0)
    # An entry that was never enrolled cannot be found by comparing, only by guessing.
    guessed = np.isnan(scores).any(axis=1) | np.isneginf(own[:, 0])
    return np.asarray(np.where(guessed, chance, result), np.float64)


def normalised(rate: float, k: int, size: int) -> float | None:
    """Rank-k rate on a scale where 0 is chance and 1 is perfect: (r_k - k/N) / (1 - k/N).

    Makes galleries of different size comparable. None where chance is already perfect (k >= N).
    """
    chance = k / size if size else 1.0
    return None if chance >= 1.0 else (rate - chance) / (1.0 - chance)
