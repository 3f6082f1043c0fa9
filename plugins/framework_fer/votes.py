"""What people said they see in a face, and what the networks answer about it.

FER+ (Barsoum et al., ICMI 2016) asked ten people about each picture of FER2013. They could choose
the seven expressions, contempt, "unknown" or "no face". The networks forecast how those ten votes
are shared out. A second head forecasts FER2013's own label, which is that of one search for words;
it exists for comparison with the literature and is never the default.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from framework.types import EMOTIONS

CHOICES = (*EMOTIONS, "contempt", "unknown", "no face")
"""What one person could choose, in the order of the votes and of the first head."""

OTHER = len(EMOTIONS)
"""Label of a face whose majority chose contempt, unknown or no face."""

OUTPUTS = len(CHOICES) + len(EMOTIONS)
"""Logits of a network: the first head (:data:`CHOICES`), then the second (FER2013's labels)."""

HEADS = (slice(0, len(CHOICES)), slice(len(CHOICES), OUTPUTS))
"""Where the two heads lie in the logits."""

Labelling = Literal["votes", "fer2013"]
"""``votes``: what most of ten people chose; ``fer2013``: FER2013's own label."""


def shares(votes: NDArray[Any]) -> NDArray[np.float32]:
    """Counts of votes (n, 10) as shares (n, 10) float32 that sum to 1.

    Choices that a single person made are dropped, as in FER+'s own preparation, unless nothing
    would be left.
    """
    counts = np.asarray(votes, np.float32)
    several = np.where(counts > 1, counts, 0)
    kept = np.where(several.sum(axis=1, keepdims=True) > 0, several, counts)
    return np.asarray(kept / np.maximum(kept.sum(axis=1, keepdims=True), 1e-9), np.float32)


def majority(votes: NDArray[Any]) -> NDArray[np.int64]:
    """(n,) index of the choice with the most votes; :data:`OTHER` for the last three.

    Of two choices with equally many votes the first one counts.
    """
    chosen = np.asarray(votes).argmax(axis=1)
    return np.asarray(np.minimum(chosen, OTHER), np.int64)


def targets(
    labels: NDArray[np.int64],
    votes: NDArray[np.float32] | None,
    original: NDArray[np.int64] | None,
    second: float = 0.3,
) -> NDArray[np.float32]:
    """What the networks learn, (n, 17) float32.

    Args:
        labels: (n,), 0 to 6 or :data:`OTHER`.
        votes: (n, 10) counts; a row of NaN is a face without votes, of which only the label is
            known. Such a face gets the mean votes of the others with its label, and half of the
            weight goes to the label itself.
        original: (n,) FER2013's labels, -1 where there is none; such a row teaches the second head
            nothing.
        second: sum of the second head's targets, the weight of its loss.
    """
    hard = np.zeros((len(labels), len(CHOICES)), np.float32)
    hard[np.arange(len(labels)), labels] = 1.0
    first = hard.copy()
    if votes is not None:
        asked = np.isfinite(votes).all(axis=1)
        first[asked] = shares(votes[asked])
        for label in np.unique(labels[~asked]):
            alike = asked & (labels == label)
            if alike.any():
                rows = ~asked & (labels == label)
                first[rows] = (hard[rows] + first[alike].mean(axis=0)) / 2
    other = np.zeros((len(labels), len(EMOTIONS)), np.float32)
    if original is not None:
        known = original >= 0
        other[known, original[known]] = second
    return np.concatenate([first, other], axis=1)


def seven_and_other(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits of the seven expressions and of anything else, (n, 8), from a network's (n, 17)."""
    seven = np.asarray(logits[:, :OTHER], np.float64)
    rest = np.asarray(logits[:, OTHER : len(CHOICES)], np.float64)
    top = rest.max(axis=1, keepdims=True)
    other = top + np.log(np.exp(rest - top).sum(axis=1, keepdims=True))
    return np.concatenate([seven, other], axis=1).astype(np.float32)


def among_seven(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (n, 8) as (n, 7): what belongs to none of the seven is spread evenly over them.

    The answer stays the same and its probability falls, so that a face in which people see contempt
    or nothing they could name becomes ``unknown`` sooner.
    """
    seven = probabilities[:, :OTHER] + probabilities[:, OTHER:] / OTHER
    return np.asarray(seven / seven.sum(axis=1, keepdims=True), np.float32)


def second_panel(votes: NDArray[Any], draws: int = 20, seed: int = 0) -> float:
    """How often another ten people would choose the same majority, 0 to 1, by simulation.

    What a face is seen as by everybody is drawn from the Dirichlet posterior of its votes (prior:
    the mean votes of all faces, worth two people), ten new votes from that. A classifier that
    agrees more often with the first panel than this does no worse than people do.

    Args:
        votes: (n, 10) counts, of faces whose majority is one of the seven.
        draws: panels for each face.
        seed: of the draws.
    """
    counts = np.asarray(votes, np.float64)
    prior = 2.0 * counts.mean(axis=0) / counts.sum(axis=1).mean() + 1e-6
    rng = np.random.default_rng(seed)
    chosen = majority(counts)
    people = int(np.rint(counts.sum(axis=1).mean()))
    same = 0
    for _ in range(draws):
        seen = rng.gamma(counts + prior)
        panel = rng.multinomial(people, seen / seen.sum(axis=1, keepdims=True))
        same += int((majority(panel) == chosen).sum())
    return same / (draws * len(counts))
