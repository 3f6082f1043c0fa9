"""Joining tracklets of one person across gaps, from motion, size and place alone.

A join is made only where nobody else could be meant: if two tracklets that exist at the same time
both fit, neither is joined, and the gap is covered without saying whose it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.resolve.motion import centre, coast, end_velocity, size
from framework.resolve.options import ResolveOptions
from framework.resolve.sightings import Sightings, Way
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

FOLLOWED = 0.25
"""A join that the picture confirms costs this much of its price."""

WALKING, OPPOSED_S = 0.6, 0.5
"""Who walks this fast (face sizes per second) does not come back after so long (seconds)."""

ARRIVED = 0.4
"""Overlap (IoU) of a followed box with the face it arrives at."""

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
    tracklets: list[Tracklet],
    time_s: NDArray[np.float64],
    options: ResolveOptions,
    sightings: Sightings | None = None,
    picture: tuple[int, int] = (1, 1),
) -> Chains:
    """Join tracklets into people, none across a change of shot.

    Args:
        tracklets: in order of their first frame.
        time_s: (frames,) presentation times, seconds.
        options: the longest gap, and the score of a face that was seen well.
        sightings: what the pictures say; None: only the boxes are known.
        picture: (width, height), pixels.
    """
    n = len(tracklets)
    person = np.arange(n)
    hold_after, hold_before = np.zeros(n), np.zeros(n)
    if n < 2:
        return Chains(person, hold_after, hold_before)
    ends = _ends(tracklets, time_s)
    before, after, cost = _candidates(ends, options.max_gap_s)
    if sightings is not None:
        before, after, cost = _as_shown(
            tracklets, before, after, cost, ends, sightings, picture, options.max_gap_s
        )
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


def _as_shown(
    tracklets: list[Tracklet],
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    cost: NDArray[np.float64],
    ends: _Ends,
    sightings: Sightings,
    picture: tuple[int, int],
    max_gap_s: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The pairs and costs in the light of the pictures.

    Pairs that a change of shot parts are left out; pairs whose face was followed from one to the
    other are cheap, and are there wherever they are.
    """
    priced = dict(zip(zip(before.tolist(), after.tolist(), strict=True), cost, strict=True))
    followed = {
        pair
        for pair in _followed(tracklets, sightings)
        if ends.first_s[pair[1]] - ends.last_s[pair[0]] <= max_gap_s
    }
    shown: dict[tuple[int, int], float] = {}
    for pair in sorted(priced.keys() | followed):
        one, other = tracklets[pair[0]], tracklets[pair[1]]
        if sightings.parted(one.extent, other.extent, picture):
            continue
        if pair in followed:
            shown[pair] = FOLLOWED * priced.get(pair, 1.0)
        elif not _opposed(pair, ends, picture):
            shown[pair] = priced[pair]
    pairs = np.array(list(shown), np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], np.array(list(shown.values()), np.float64)


def _followed(tracklets: list[Tracklet], sightings: Sightings) -> set[tuple[int, int]]:
    """Pairs whose face was followed over the whole gap, from one side or the other."""
    first: dict[int, list[int]] = {}
    last: dict[int, list[int]] = {}
    for number, tracklet in enumerate(tracklets):
        first.setdefault(tracklet.first, []).append(number)
        last.setdefault(tracklet.last, []).append(number)
    pairs = set()
    for number, tracklet in enumerate(tracklets):
        onward = sightings.way(tracklet.last, tracklet.xyxy[-1], onward=True)
        for frame, box in _face_rows(onward):
            for other in first.get(frame, []):
                if _overlap(box, tracklets[other].xyxy[0]) >= ARRIVED:
                    pairs.add((number, other))
        back = sightings.way(tracklet.first, tracklet.xyxy[0], onward=False)
        for frame, box in _face_rows(back):
            for other in last.get(frame, []):
                if _overlap(box, tracklets[other].xyxy[-1]) >= ARRIVED:
                    pairs.add((other, number))
    return pairs


def _face_rows(way: Way | None) -> list[tuple[int, NDArray[np.float64]]]:
    if way is None:
        return []
    return list(zip(way.frame[way.face].tolist(), way.xyxy[way.face], strict=True))


def _overlap(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(iou(one[None].astype(np.float32), other[None].astype(np.float32))[0, 0])


def _opposed(pair: tuple[int, int], ends: _Ends, picture: tuple[int, int]) -> bool:
    """Whether one walked off, not through the border, and the other comes walking against that.

    Somebody who goes behind something and turns round there is rare; two people are not.
    """
    a, b = pair
    if ends.first_s[b] - ends.last_s[a] < OPPOSED_S:
        return False
    box, away, back = ends.last_box[a], ends.last_velocity[a], ends.first_velocity[b]
    face = float(size(box))
    speeds = float(np.hypot(*away)) / face, float(np.hypot(*back)) / float(size(ends.first_box[b]))
    low, high = box[:2] < 0.5 * face, box[2:] > np.array(picture) - 0.5 * face
    at_border = bool((low | high).any())
    return min(speeds) > WALKING and float(away @ back) < 0 and not at_border


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
