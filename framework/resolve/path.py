"""One person's path through every frame: gaps filled from both sides, ends carried on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.resolve.motion import centre, coast, end_velocity, size
from framework.resolve.options import ResolveOptions
from framework.resolve.sightings import Sightings, Way
from framework.resolve.smooth import gaussian, smooth_boxes
from framework.resolve.tracklets import Tracklet
from framework.table import RowState

VISIBLE = 0.1
"""A carried box with less than this share inside the picture has left it."""


@dataclass(frozen=True, eq=False)
class Path:
    """Where one person is, frame by frame.

    Attributes:
        frame: (n,) int64, ascending, not necessarily without a break.
        xyxy: (n, 4) float64 pixels.
        score: (n,) float32, 0 where carried.
        landmarks: (n, 5, 2) float64 pixels, NaN where not known.
        state: (n,) int8, values of :class:`RowState`.
    """

    frame: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float64]
    state: NDArray[np.int8]


def complete(
    seen: Tracklet,
    time_s: NDArray[np.float64],
    picture: tuple[int, int],
    options: ResolveOptions,
    hold: tuple[float, float] = (0.0, 0.0),
    sightings: Sightings | None = None,
) -> Path:
    """Fill, carry and smooth one person's observations.

    Args:
        seen: all observations, in order of time.
        time_s: (frames,) presentation times of the recording, seconds.
        picture: (width, height), pixels.
        options: see there.
        hold: seconds that must at least be carried before the first and after the last observation.
        sightings: what the pictures say; None: only the boxes are known.
    """
    sightings = sightings or Sightings()
    sure = (
        max(float(seen.score.max()), sightings.best_look(seen.frame, seen.xyxy))
        >= options.keep_score
    )
    longest = options.max_gap_s if sure else min(options.max_gap_s, options.support_s)
    breaks = np.flatnonzero(np.diff(time_s[seen.frame]) > longest) + 1
    parts = np.split(np.arange(len(seen)), breaks)
    paths = []
    for number, part in enumerate(parts):
        # A face that was never seen well is carried no longer than it was seen.
        seen_s = float(time_s[seen.frame[part[-1]]] - time_s[seen.frame[part[0]]])
        carry = options.carry_s if sure else min(options.carry_s, seen_s)
        before = max(carry, hold[0]) if number == 0 else carry
        after = max(carry, hold[1]) if number == len(parts) - 1 else carry
        piece = seen.take(part)
        low, last = sightings.shot_around(piece.extent, picture)
        high = len(time_s) - 1 if last is None else last
        # Two parts of one person must not meet in a frame: each gets its side of the gap's middle.
        if number > 0:
            low = max(low, (int(seen.frame[part[0] - 1]) + int(seen.frame[part[0]])) // 2 + 1)
        if number < len(parts) - 1:
            high = min(high, (int(seen.frame[part[-1]]) + int(seen.frame[part[-1] + 1])) // 2)
        reach = _Reach((before, after), (low, high), sure, (hold[0] > 0, hold[1] > 0))
        paths.append(_complete_part(piece, time_s, picture, options, reach, sightings))
    return Path(
        frame=np.concatenate([p.frame for p in paths]),
        xyxy=np.concatenate([p.xyxy for p in paths]),
        score=np.concatenate([p.score for p in paths]),
        landmarks=np.concatenate([p.landmarks for p in paths]),
        state=np.concatenate([p.state for p in paths]),
    )


@dataclass(frozen=True)
class _Reach:
    """How far beyond its observations a part goes.

    Attributes:
        carry_s: before the first and after the last one, unseen, seconds.
        limits: first and last frame at most.
        sure: it was seen well; otherwise it is not followed beyond ``carry_s`` either.
        held: whether each side must be covered for ``carry_s`` whatever the picture says.
    """

    carry_s: tuple[float, float]
    limits: tuple[int, int]
    sure: bool
    held: tuple[bool, bool]


def _complete_part(
    seen: Tracklet,
    time_s: NDArray[np.float64],
    picture: tuple[int, int],
    options: ResolveOptions,
    reach: _Reach,
    sightings: Sightings,
) -> Path:
    head = end_of(seen, time_s, picture, options, reach, sightings, at_end=False)
    tail = end_of(seen, time_s, picture, options, reach, sightings, at_end=True)
    middle = np.arange(seen.first, seen.last + 1)
    where = seen.frame - seen.first
    boxes = _grown(_interpolated(time_s, seen.frame, seen.xyxy, middle), seen, time_s, options)
    state = np.full(len(middle), np.int8(RowState.CARRIED))
    _follow_gaps(boxes, state, seen, time_s, options, sightings)
    state[where] = RowState.DETECTED
    score = np.zeros(len(middle), np.float32)
    score[where] = seen.score
    landmarks = _interpolated_landmarks(time_s, seen, middle)

    frame = np.concatenate([head.frame, middle, tail.frame])
    required = np.concatenate([head.xyxy, boxes, tail.xyxy])
    smooth = smooth_boxes(time_s[frame], required, options.smooth_s)
    points = np.concatenate(
        [
            _moved(landmarks[0], boxes[0], head.xyxy),
            gaussian(time_s[middle], landmarks, options.smooth_landmarks_s),
            _moved(landmarks[-1], boxes[-1], tail.xyxy),
        ]
    )
    return Path(
        frame=frame,
        xyxy=smooth,
        score=np.pad(score, (len(head.frame), len(tail.frame))),
        landmarks=points,
        state=np.concatenate([head.state, state, tail.state]),
    )


def _follow_gaps(
    boxes: NDArray[np.float64],
    state: NDArray[np.int8],
    seen: Tracklet,
    time_s: NDArray[np.float64],
    options: ResolveOptions,
    sightings: Sightings,
) -> None:
    """Replace, in place, the boxes within gaps by what the picture says of them.

    Where both ways are known, from the last look and from the next one, the box is around both: a
    difference between them is doubt that was measured.
    """
    for row in np.flatnonzero(np.diff(seen.frame) > 1).tolist():
        first, last = int(seen.frame[row]), int(seen.frame[row + 1])
        onward = sightings.way(first, seen.xyxy[row], onward=True)
        back = sightings.way(last, seen.xyxy[row + 1], onward=False)
        known: dict[int, NDArray[np.float64]] = {}
        for way in (onward, back):
            if way is None:
                continue
            inside = way.take((way.frame > first) & (way.frame < last))
            for index, box in zip(inside.frame.tolist(), _doubted(inside, options), strict=True):
                other = known.get(index)
                known[index] = box if other is None else _hull(box, other)
        if not known:
            continue
        frames = np.arange(first + 1, last)
        ends = {first: seen.xyxy[row], last: seen.xyxy[row + 1]} | known
        anchors = np.array(sorted(ends), np.int64)
        between = _interpolated(time_s, anchors, np.array([ends[a] for a in anchors]), frames)
        after = anchors[np.searchsorted(anchors, frames)]
        before = anchors[np.searchsorted(anchors, frames, side="right") - 1]
        unseen = np.minimum(time_s[frames] - time_s[before], time_s[after] - time_s[frames])
        face = np.sqrt(size(seen.xyxy[row]) * size(seen.xyxy[row + 1]))
        filled = _inflated(between, np.full(len(frames), face), unseen, options)
        followed = np.isin(frames, np.array(list(known)))
        boxes[frames - seen.first] = filled
        state[frames - seen.first] = np.where(
            followed, np.int8(RowState.FOLLOWED), np.int8(RowState.CARRIED)
        )


def _doubted(way: Way, options: ResolveOptions) -> NDArray[np.float64]:
    """(n, 4) boxes of a way, grown on each side by its doubt."""
    margin = (np.minimum(way.doubt, options.max_growth) * size(way.xyxy))[:, None]
    return np.concatenate([way.xyxy[:, :2] - margin, way.xyxy[:, 2:] + margin], axis=1)


def _hull(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([np.minimum(one[:2], other[:2]), np.maximum(one[2:], other[2:])])


def _interpolated(
    time_s: NDArray[np.float64],
    known: NDArray[np.int64],
    values: NDArray[np.float64],
    wanted: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Linear in time, column by column: (k, m) values at known frames to (n, m) at wanted ones."""
    at, t = time_s[known], time_s[wanted]
    if len(known) > 1 and not (np.diff(at) > 0).all():
        at, t = known.astype(np.float64), wanted.astype(np.float64)  # equal timestamps
    return np.stack([np.interp(t, at, column) for column in values.T], axis=1)


def _interpolated_landmarks(
    time_s: NDArray[np.float64], seen: Tracklet, wanted: NDArray[np.int64]
) -> NDArray[np.float64]:
    known = np.isfinite(seen.landmarks).all(axis=(1, 2))
    if not known.any():
        return np.full((len(wanted), 5, 2), np.nan)
    flat = seen.landmarks[known].reshape(-1, 10)
    return _interpolated(time_s, seen.frame[known], flat, wanted).reshape(-1, 5, 2)


def _grown(
    boxes: NDArray[np.float64],
    seen: Tracklet,
    time_s: NDArray[np.float64],
    options: ResolveOptions,
) -> NDArray[np.float64]:
    """Interpolated boxes, larger the farther the nearest observation is in time."""
    frames = np.arange(seen.first, seen.last + 1)
    next_seen = np.searchsorted(seen.frame, frames)
    last_seen = np.maximum(next_seen - (seen.frame[next_seen] != frames), 0)
    since = time_s[frames] - time_s[seen.frame[last_seen]]
    until = time_s[seen.frame[next_seen]] - time_s[frames]
    return _inflated(boxes, size(boxes), np.minimum(since, until), options)


def _inflated(
    boxes: NDArray[np.float64],
    face_size: NDArray[np.float64],
    unseen_s: NDArray[np.float64],
    options: ResolveOptions,
) -> NDArray[np.float64]:
    """Boxes (n, 4) grown on each side by the share of the face's size that its absence asks for.

    Args:
        face_size: (n,) or one for all, pixels; a box around two places is larger than its face.
        unseen_s: (n,) since the nearest observation, seconds.
    """
    share = np.minimum(options.growth * unseen_s, options.max_growth)
    margin = (share * face_size)[:, None]
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


@dataclass(frozen=True, eq=False)
class End:
    """What lies beyond one end of the observations, ascending.

    Attributes:
        frame: (n,) int64.
        xyxy: (n, 4) float64 pixels.
        state: (n,) int8, followed or carried.
    """

    frame: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    state: NDArray[np.int8]


def end_of(
    seen: Tracklet,
    time_s: NDArray[np.float64],
    picture: tuple[int, int],
    options: ResolveOptions,
    reach: _Reach,
    sightings: Sightings,
    at_end: bool,
) -> End:
    """Frames beyond one end: first those into which the face was followed, then the unseen ones.

    While the face itself is followed it stays covered, as long as the longest gap. Where only its
    place is followed (it turned away, or something is before it) that counts as unseen time.
    Whoever went behind something is covered for ``hidden_s`` more.
    """
    edge = seen.last if at_end else seen.first
    box = seen.xyxy[-1 if at_end else 0]
    carry_s = reach.carry_s[at_end]
    way = sightings.way(edge, box, onward=at_end)
    times, boxes = time_s[seen.frame], seen.xyxy
    frames, followed = np.zeros(0, np.int64), np.zeros((0, 4))
    if way is not None:
        way = _usable(way, time_s, options, reach, carry_s)
        frames, followed = way.frame, _doubted(way, options)
        if len(way):
            edge, box = int(frames[-1]), way.xyxy[-1]
            lost_s = _turned_s(way, time_s)
            carry_s = max(0.0, carry_s - lost_s)
            if way.gone and not reach.held[at_end]:
                carry_s = min(carry_s, options.hidden_s)
            if at_end:
                times = np.concatenate([times, time_s[frames]])
                boxes = np.concatenate([boxes, way.xyxy])
            else:
                times = np.concatenate([time_s[frames[::-1]], times])
                boxes = np.concatenate([way.xyxy[::-1], boxes])
    velocity = end_velocity(times, boxes, at_end)
    more, carried = _carried(
        edge, box, velocity, time_s, picture, options, carry_s, reach.limits, at_end
    )
    if len(followed):
        carried = _with_doubt(carried, followed[-1], box)
    state = np.concatenate(
        [
            np.full(len(frames), np.int8(RowState.FOLLOWED)),
            np.full(len(more), np.int8(RowState.CARRIED)),
        ]
    )
    frame, xyxy = np.concatenate([frames, more]), np.concatenate([followed, carried])
    return End(frame, xyxy, state) if at_end else End(frame[::-1], xyxy[::-1], state[::-1])


def _usable(
    way: Way,
    time_s: NDArray[np.float64],
    options: ResolveOptions,
    reach: _Reach,
    carry_s: float,
) -> Way:
    """The part of a way that is covered at an open end."""
    away = np.abs(time_s[way.frame] - time_s[way.anchor])
    longest = max(options.max_gap_s, carry_s) if reach.sure else carry_s
    low, high = reach.limits
    stay = (away <= longest) & (way.frame >= low) & (way.frame <= high)
    if not way.face.all():
        turned = int(np.argmin(way.face))
        since = away - (away[turned - 1] if turned else 0.0)
        stay &= way.face | (since <= carry_s)
    stay = np.logical_and.accumulate(stay)
    return way.take(stay)


def _turned_s(way: Way, time_s: NDArray[np.float64]) -> float:
    """For how long only the place was followed at the end of a way, seconds."""
    if way.face.all():
        return 0.0
    turned = int(np.argmin(way.face))
    since = way.anchor if turned == 0 else int(way.frame[turned - 1])
    return float(abs(time_s[way.frame[-1]] - time_s[since]))


def _with_doubt(
    carried: NDArray[np.float64], last: NDArray[np.float64], box: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Carried boxes grown by the doubt that the last followed box had already."""
    return carried + (last - box)


def _carried(
    edge: int,
    box: NDArray[np.float64],
    velocity: NDArray[np.float64],
    time_s: NDArray[np.float64],
    picture: tuple[int, int],
    options: ResolveOptions,
    carry_s: float,
    limits: tuple[int, int],
    at_end: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frames beyond one end, going away from it, and their boxes.

    A face that is no longer seen may have stopped or gone on, so that the box contains both: where
    it was seen, and where its motion leads. It ends where that motion has left the picture.

    Args:
        edge: the last frame in which its place is known.
        box: (4,) that place, pixels.
        velocity: (2,) pixels per second at that end.
    """
    if at_end:
        stop = int(np.searchsorted(time_s, time_s[edge] + carry_s, side="right")) - 1
        frames = np.arange(edge + 1, min(stop, limits[1]) + 1)
    else:
        start = int(np.searchsorted(time_s, time_s[edge] - carry_s, side="left"))
        frames = np.arange(edge - 1, max(start, limits[0]) - 1, -1)
    away_s = np.abs(time_s[frames] - time_s[edge])
    shift = coast(velocity if at_end else -velocity, away_s)
    gone = _left(box + np.tile(shift, 2), picture)
    if gone.any():
        keep = int(gone.argmax())
        frames, away_s, shift = frames[:keep], away_s[:keep], shift[:keep]
    ahead = box + np.tile(shift, 2)
    hull = np.concatenate([np.minimum(box[:2], ahead[:, :2]), np.maximum(box[2:], ahead[:, 2:])], 1)
    return frames, _inflated(hull, size(box), away_s, options)


def _left(boxes: NDArray[np.float64], picture: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether a box that moves has all but left the picture."""
    limit = np.array([*picture, *picture], np.float64)
    visible = np.clip(boxes, 0, limit)
    shown = np.prod(visible[:, 2:] - visible[:, :2], axis=1)
    whole = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-9), axis=1)
    return np.asarray(shown < VISIBLE * whole)


def _moved(
    points: NDArray[np.float64], box: NDArray[np.float64], boxes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """One face's landmarks (5, 2), carried along with the centre of its box: (n, 5, 2)."""
    return points[None] + (centre(boxes) - centre(box))[:, None]
