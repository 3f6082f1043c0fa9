"""Who goes on under the same number after a change of shot.

Covering never depends on it. The timeline does: where a film goes back and forth between two
cameras, or where a flash was taken for a cut, a person would be somebody new in every shot. People
are joined only where that is certain: the picture after the change is the one that an earlier shot
ended with, and at their place, in their size, there is nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.resolve.motion import centre, size
from framework.resolve.path import Path
from framework.resolve.sightings import Sightings
from framework.resolve.tracklets import Tracklet

ALIKE = 0.9
"""Correlation of two thumbnails of the same view."""

NEAR = 0.5
"""How far from its old place a face may be, in face sizes."""

SIZE_RATIO = 1.4
"""How much larger or smaller."""

REACH = 25
"""Seen at most so many frames after the change, and before it."""


def reunited(
    seen: Sequence[Tracklet],
    paths: Sequence[Path],
    sightings: Sightings | None,
    picture: tuple[int, int],
) -> list[int]:
    """The number of each path, from 1 in their order; those of one person get the same.

    Args:
        seen: what each path was made of, in the order of their first frames.
        paths: that they are.
        sightings: the changes of shot; without them everybody has a number of their own.
        picture: (width, height), pixels.
    """
    leader = list(range(len(paths)))
    ends = [int(p.frame[-1]) for p in paths]  # of everybody under one number, by its leader
    if sightings is not None:
        for position, change in enumerate(sightings.changes):
            earlier = [
                c for c in sightings.changes[: position + 1] if _alike(c.before, change.after)
            ]
            if not earlier or not change.blocks.all():
                continue
            left = earlier[-1]
            ended = _around(seen, left.middle, before=True)
            begun = _around(seen, change.middle, before=False)
            for one, other in _certain(seen, ended, begun):
                first = leader[one]
                if leader[other] == other and ends[first] < paths[other].frame[0]:
                    leader[other] = first
                    ends[first] = int(paths[other].frame[-1])
    number: dict[int, int] = {}
    return [number.setdefault(lead, len(number) + 1) for lead in leader]


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    if min(one.std(), other.std()) < 1.0:
        return False
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) >= ALIKE


def _around(seen: Sequence[Tracklet], middle: int, before: bool) -> list[int]:
    """Who is seen right before, or right after, a change."""
    return [
        k
        for k, t in enumerate(seen)
        if (middle - REACH <= t.last < middle if before else middle <= t.first < middle + REACH)
    ]


def _certain(seen: Sequence[Tracklet], ended: list[int], begun: list[int]) -> list[tuple[int, int]]:
    """Pairs at one place and of one size, none of which fits anybody else."""
    pairs = []
    for a in ended:
        box = seen[a].xyxy[-1]
        for b in begun:
            other = seen[b].xyxy[0]
            mean = float(np.sqrt(size(box) * size(other)))
            away = float(np.hypot(*(centre(other) - centre(box))))
            ratio = abs(float(np.log(size(other) / size(box))))
            if away < 2 * NEAR * mean and ratio < np.log(SIZE_RATIO):
                pairs.append((a, b, away / mean))
    return [
        (a, b)
        for a, b, away in pairs
        if away < NEAR and sum(p[0] == a for p in pairs) == 1 and sum(p[1] == b for p in pairs) == 1
    ]
