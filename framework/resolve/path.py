"""One person's path through every frame: gaps filled from both sides, ends carried on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.resolve.motion import centre, coast, end_velocity, size
from framework.resolve.options import ResolveOptions
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
    width: int,
    height: int,
    options: ResolveOptions,
    hold: tuple[float, float] = (0.0, 0.0),
) -> Path:
    """Fill, carry and smooth one person's observations.

    Args:
        seen: all observations, in order of time.
        time_s: (frames,) presentation times of the recording, seconds.
        width, height: of the picture, pixels.
        options: see there.
        hold: seconds that must at least be carried before the first and after the last observation.
    """
    sure = float(seen.score.max()) >= options.keep_score
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
        # Two parts of one person must not meet in a frame: each gets its side of the gap's middle.
        low = 0
        high = len(time_s) - 1
        if number > 0:
            low = (int(seen.frame[part[0] - 1]) + int(seen.frame[part[0]])) // 2 + 1
        if number < len(parts) - 1:
            high = (int(seen.frame[part[-1]]) + int(seen.frame[part[-1] + 1])) // 2
        piece = seen.take(part)
        paths.append(
            _complete_part(piece, time_s, (width, height), options, (before, after), (low, high))
        )
    return Path(
        frame=np.concatenate([p.frame for p in paths]),
        xyxy=np.concatenate([p.xyxy for p in paths]),
        score=np.concatenate([p.score for p in paths]),
        landmarks=np.concatenate([p.landmarks for p in paths]),
        state=np.concatenate([p.state for p in paths]),
    )


def _complete_part(
    seen: Tracklet,
    time_s: NDArray[np.float64],
    picture: tuple[int, int],
    options: ResolveOptions,
    carry: tuple[float, float],
    limits: tuple[int, int],
) -> Path:
    head, head_boxes = _carried(seen, time_s, picture, options, carry[0], limits, at_end=False)
    tail, tail_boxes = _carried(seen, time_s, picture, options, carry[1], limits, at_end=True)
    middle = np.arange(seen.first, seen.last + 1)
    where = seen.frame - seen.first
    state = np.full(len(middle), np.int8(RowState.CARRIED))
    state[where] = RowState.DETECTED
    score = np.zeros(len(middle), np.float32)
    score[where] = seen.score
    boxes = _grown(_interpolated(time_s, seen.frame, seen.xyxy, middle), seen, time_s, options)
    landmarks = _interpolated_landmarks(time_s, seen, middle)

    frame = np.concatenate([head, middle, tail])
    required = np.concatenate([head_boxes, boxes, tail_boxes])
    times = time_s[frame]
    smooth = smooth_boxes(times, required, options.smooth_s)
    points = np.concatenate(
        [
            _moved(landmarks[0], boxes[0], head_boxes),
            gaussian(time_s[middle], landmarks, options.smooth_landmarks_s),
            _moved(landmarks[-1], boxes[-1], tail_boxes),
        ]
    )
    return Path(
        frame=frame,
        xyxy=smooth,
        score=np.pad(score, (len(head), len(tail))),
        landmarks=points,
        state=np.pad(state, (len(head), len(tail)), constant_values=np.int8(RowState.CARRIED)),
    )


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


def _carried(
    seen: Tracklet,
    time_s: NDArray[np.float64],
    picture: tuple[int, int],
    options: ResolveOptions,
    carry_s: float,
    limits: tuple[int, int],
    at_end: bool,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Frames beyond one end, ascending, and their boxes.

    A face that is no longer seen may have stopped or gone on, so that the box contains both: where
    it was seen, and where its motion leads. It ends where that motion has left the picture.
    """
    edge = seen.last if at_end else seen.first
    box = seen.xyxy[-1 if at_end else 0]
    if at_end:
        stop = int(np.searchsorted(time_s, time_s[edge] + carry_s, side="right")) - 1
        frames = np.arange(edge + 1, min(stop, limits[1]) + 1)
    else:
        start = int(np.searchsorted(time_s, time_s[edge] - carry_s, side="left"))
        frames = np.arange(edge - 1, max(start, limits[0]) - 1, -1)
    away_s = np.abs(time_s[frames] - time_s[edge])
    velocity = end_velocity(time_s[seen.frame], seen.xyxy, at_end)
    shift = coast(velocity if at_end else -velocity, away_s)
    gone = _left(box + np.tile(shift, 2), picture)
    if gone.any():
        keep = int(gone.argmax())
        frames, away_s, shift = frames[:keep], away_s[:keep], shift[:keep]
    ahead = box + np.tile(shift, 2)
    hull = np.concatenate([np.minimum(box[:2], ahead[:, :2]), np.maximum(box[2:], ahead[:, 2:])], 1)
    boxes = _inflated(hull, size(box), away_s, options)
    return (frames, boxes) if at_end else (frames[::-1], boxes[::-1])


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
