"""Joining tracklets of one person across gaps, from motion, size and place alone.

A join is made only where nobody else could be meant: if two tracklets that exist at the same time
both fit, neither is joined, and the gap is covered without saying whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.resolve.motion import centre, coast, end_velocity, size
from framework.resolve.options import ResolveOptions
from framework.resolve.tracklets import Tracklet

NEAR = 0.5
"""How far off a face may be after no time at all, in face sizes."""

SPEED = 1.5
"""How much farther for each second of the gap."""

FARTHEST = 1.25
"""A long gap is bridged only at about the same place."""

SIZE_RATIO = 2.0
"""How much larger or smaller it may have become."""

SAME_TRACK = 0.5
"""A join that the tracker made too costs this much of its price."""

WEAK_COST = 1.0
"""What joining a piece costs that was never seen well: no false alarm may come in between."""

CLEARLY = 1.5
"""A join must cost this many times less than its rival, or it is ambiguous."""


@dataclass(frozen=True, eq=False)
class Chains:
    """Who follows whom.

    Attributes:
        person: (n,) int64, for each tracklet the number of its first piece.
        hold_after: (n,) float64, seconds for which a tracklet must stay covered after its end,
            because somebody who may be the same person appears then.
        hold_before: (n,) float64, the same before its start.
    """

    person: NDArray[np.int64]
    hold_after: NDArray[np.float64]
    hold_before: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Ends:
    first_s: NDArray[np.float64]
    last_s: NDArray[np.float64]
    first_box: NDArray[np.float64]
    last_box: NDArray[np.float64]
    first_velocity: NDArray[np.float64]
    last_velocity: NDArray[np.float64]


def stitch(
    tracklets: list[Tracklet], time_s: NDArray[np.float64], options: ResolveOptions
) -> Chains:
    """Join tracklets into people.

    Args:
        tracklets: in order of their first frame.
        time_s: (frames,) presentation times, seconds.
        options: the longest gap, and the score of a face that was seen well.
    """
    n = len(tracklets)
    person = np.arange(n)
    hold_after, hold_before = np.zeros(n), np.zeros(n)
    if n < 2:
        return Chains(person, hold_after, hold_before)
    ends = _ends(tracklets, time_s)
    before, after, cost = _candidates(ends, options.max_gap_s)
    track = np.array([t.track_id for t in tracklets])
    same = (track[before] == track[after]) & (track[before] >= 0)
    weak = np.array([float(t.score.max()) < options.keep_score for t in tracklets])
    cost = cost * np.where(same, SAME_TRACK, 1.0) + WEAK_COST * (weak[before] | weak[after])
    follower, leader = np.full(n, -1), np.full(n, -1)
    for pair in np.lexsort((after, before, cost)).tolist():
        a, b = int(before[pair]), int(after[pair])
        if follower[a] >= 0 or leader[b] >= 0:
            continue
        if _ambiguous(pair, before, after, cost, ends, follower, leader):
            gap = float(ends.first_s[b] - ends.last_s[a])
            hold_after[a] = max(hold_after[a], gap)
            hold_before[b] = max(hold_before[b], gap)
            continue
        follower[a], leader[b] = b, a
    for b in range(n):
        if leader[b] >= 0:  # a leader starts earlier, so its person is final
            person[b] = person[leader[b]]
    return Chains(person, hold_after, hold_before)


def _ends(tracklets: list[Tracklet], time_s: NDArray[np.float64]) -> _Ends:
    return _Ends(
        first_s=np.array([time_s[t.first] for t in tracklets]),
        last_s=np.array([time_s[t.last] for t in tracklets]),
        first_box=np.array([t.xyxy[0] for t in tracklets]),
        last_box=np.array([t.xyxy[-1] for t in tracklets]),
        first_velocity=np.array([end_velocity(time_s[t.frame], t.xyxy, False) for t in tracklets]),
        last_velocity=np.array([end_velocity(time_s[t.frame], t.xyxy, True) for t in tracklets]),
    )


def _candidates(
    ends: _Ends, max_gap_s: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs that pass every gate: rows before, rows after, and cost (0 is a perfect fit)."""
    before: list[NDArray[np.int64]] = []
    after: list[NDArray[np.int64]] = []
    costs: list[NDArray[np.float64]] = []
    for a in range(len(ends.last_s)):
        start = np.searchsorted(ends.first_s, ends.last_s[a], side="right")
        stop = np.searchsorted(ends.first_s, ends.last_s[a] + max_gap_s, side="right")
        b = np.arange(start, stop)
        gap = ends.first_s[b] - ends.last_s[a]
        here, there = centre(ends.last_box[a]), centre(ends.first_box[b])
        onward = here + coast(ends.last_velocity[a], gap)
        shift = coast(ends.first_velocity[b], gap)
        backward = there - shift
        size_a, size_b = size(ends.last_box[a]), size(ends.first_box[b])
        away = np.minimum.reduce(
            [
                np.hypot(*(there - here).T),
                np.hypot(*(there - onward).T),
                np.hypot(*(backward - here).T),
                np.hypot(*(backward - onward).T),
            ]
        ) / np.sqrt(size_a * size_b)
        reach = np.minimum(NEAR + SPEED * gap, FARTHEST)
        ratio = np.abs(np.log(size_b / size_a)) / np.log(SIZE_RATIO)
        fits = (away <= reach) & (ratio <= 1.0)
        before.append(np.full(int(fits.sum()), a, np.int64))
        after.append(b[fits].astype(np.int64))
        waiting = gap[fits] / max(max_gap_s, 1e-9)
        costs.append(0.05 + away[fits] / reach[fits] + ratio[fits] + 0.5 * waiting)
    return np.concatenate(before), np.concatenate(after), np.concatenate(costs)


def _ambiguous(
    pair: int,
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    cost: NDArray[np.float64],
    ends: _Ends,
    follower: NDArray[np.int64],
    leader: NDArray[np.int64],
) -> bool:
    """Whether somebody who was there at the same time fits nearly as well."""
    a, b = before[pair], after[pair]
    close = cost < CLEARLY * cost[pair]
    rivals = after[close & (before == a) & (after != b)]
    rivals = rivals[leader[rivals] < 0]
    if _together(rivals, int(b), ends).any():
        return True
    rivals = before[close & (after == b) & (before != a)]
    rivals = rivals[follower[rivals] < 0]
    return bool(_together(rivals, int(a), ends).any())


def _together(rivals: NDArray[np.int64], one: int, ends: _Ends) -> NDArray[np.bool_]:
    together = (ends.first_s[rivals] <= ends.last_s[one]) & (
        ends.first_s[one] <= ends.last_s[rivals]
    )
    return np.asarray(together)
