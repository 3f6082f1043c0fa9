"""Change points: where somebody's expression as a whole becomes another one for a while.

Optimal partitioning (Jackson et al. 2005) of the seven probabilities over the readable seconds: the
segmentation that minimises the squared distance to each segment's mean plus a penalty for every
segment. The variance that scales the penalty is taken from differences between neighbouring
seconds, so that slow changes do not count as noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from framework.types import EMOTIONS, PersonTimeline

MIN_SEGMENT_S = 5
"""Readable seconds of the shortest segment."""
PENALTY = 3.0
"""Times variance times log(n) times dimensions: above the 1 of the Bayesian information criterion,
because neighbouring seconds resemble each other."""
MIN_STEP = 0.15
"""Least change of some emotion's mean probability that is worth a mark."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A moment at which the mean expression changes.

    Attributes:
        person: pseudonym.
        time_s: start of the first second of the new segment, on the shared clock.
        rises, falls: emotions whose mean probability changed most, up and down.
        by: how much ``rises`` rose, 0 to 1.
    """

    person: str
    time_s: float
    rises: str
    falls: str
    by: float


def change_points(timeline: PersonTimeline) -> list[ChangePoint]:
    """The change points of one person, in order of time."""
    known = np.isfinite(timeline.probabilities).all(axis=1)
    values = timeline.probabilities[known].astype(np.float64)
    seconds = timeline.second[known]
    if len(values) < 2 * MIN_SEGMENT_S:
        return []
    edges = [0, *segment(values), len(values)]
    means = [values[a:b].mean(axis=0) for a, b in pairwise(edges)]
    found = []
    for cut, before, after in zip(edges[1:-1], means, means[1:], strict=False):
        step = after - before
        if float(np.abs(step).max()) < MIN_STEP:
            continue
        up, down = int(step.argmax()), int(step.argmin())
        found.append(
            ChangePoint(
                timeline.person,
                float(seconds[cut]),
                EMOTIONS[up],
                EMOTIONS[down],
                round(float(step[up]), 4),
            )
        )
    return found


def segment(values: NDArray[np.float64]) -> list[int]:
    """First rows of every segment but the first.

    Args:
        values: (n, d).
    """
    n, d = values.shape
    steps = np.diff(values, axis=0)
    # Var(x[k+1] - x[k]) = 2 Var(x); the mean over dimensions keeps constant ones from being free.
    noise = max(float(np.mean(np.median(np.abs(steps), axis=0) / 0.6745) ** 2 / 2), 1e-4)
    penalty = PENALTY * noise * d * np.log(n)
    sums = np.concatenate([np.zeros((1, d)), np.cumsum(values, axis=0)])
    squares = np.concatenate([[0.0], np.cumsum((values**2).sum(axis=1))])
    best = np.full(n + 1, np.inf)
    best[0] = -penalty
    previous = np.zeros(n + 1, np.int64)
    for end in range(MIN_SEGMENT_S, n + 1):
        start = np.arange(0, end - MIN_SEGMENT_S + 1)
        inside = sums[end] - sums[start]
        cost = squares[end] - squares[start] - (inside**2).sum(axis=1) / (end - start)
        total = best[start] + cost + penalty
        previous[end] = int(total.argmin())
        best[end] = float(total[previous[end]])
    cuts = []
    at = n
    while at > 0:
        at = int(previous[at])
        if at:
            cuts.append(at)
    return cuts[::-1]
