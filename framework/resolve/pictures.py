"""Watches the pictures of the first pass: what the resolution must know beside the detections.

One call for each frame. Held are the grey pictures of the last seconds, at most ``HELD_BYTES``, and
for each unseen head its way; nothing grows with the length of the recording but those ways.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.protocols import CloserDetector, Detector
from framework.resolve.changes import ChangeFinder, Thumbnail, thumbnail
from framework.resolve.follow import Followed, Grey, grey_of, step
from framework.resolve.options import ResolveOptions
from framework.resolve.second_look import SecondLooks
from framework.resolve.sightings import Sightings, Way
from framework.types import Detections, Frame

HELD_BYTES = 24 << 20
"""Grey pictures that are held for looking back, bytes."""

HELD_S = 3.0
"""And for at most this long, seconds."""

SAME_IOU = 0.25
"""Overlap with a box in the next frame from which a detection is the same face."""

NEAR = 0.6
"""Or its centre is this near, in face sizes, and its size alike: faces are small and move fast."""

TRAIL_S = 1.0
"""Where a face came from is remembered for so long, seconds."""

MOST_WAYS = 24
"""Heads that are followed at a time; the weakest beyond it are covered as if nothing was known."""


@dataclass(frozen=True, eq=False)
class _Held:
    grey: Grey
    time_s: float
    xyxy: NDArray[np.float64]
    score: NDArray[np.float32]
    trail: list[list[tuple[float, NDArray[np.float64]]]]


@dataclass(eq=False)
class _Open:
    """A way that is being followed forwards."""

    anchor: int
    time_s: float
    box: NDArray[np.float64]
    score: float
    face: Followed
    rows: list[tuple[int, NDArray[np.float64], float, bool]] = field(default_factory=list)
    pending: list[tuple[int, NDArray[np.float64], float, bool]] = field(default_factory=list)


class PictureWatch:
    """Collects :class:`Sightings` while the recording goes by.

    Args:
        options: how long a face is followed, and what is looked at again.
        detector: looks again, if it can.
    """

    def __init__(self, options: ResolveOptions, detector: Detector | None = None) -> None:
        self._options = options
        self._looks = None
        if isinstance(detector, CloserDetector):
            self._looks = SecondLooks(detector, options)
        self._next: tuple[int, Grey, Thumbnail] | None = None
        self._changes = ChangeFinder()
        self._held: deque[_Held] = deque()
        self._open: list[_Open] = []
        self._found = Sightings()
        self._scale = 1.0
        self._index = -1

    def look(self, frame: Frame, detections: Detections) -> Detections:
        """Look again where that is due, before the tracker and :meth:`add` get the detections.

        Returns:
            The same detections, followed by faces that only a larger look finds.
        """
        if self._looks is None:
            return detections
        new_shot = self._changes.suspects(self._made(frame)[1])
        more = self._looks.large(frame, detections, new_shot)
        for look in self._looks.doubtful(frame, more):
            self._found.looks.setdefault(look.frame, []).append(look)
        return more

    def _made(self, frame: Frame) -> tuple[Grey, Thumbnail]:
        """The grey picture of a frame and its thumbnail, made once."""
        if self._next is None or self._next[0] != frame.index:
            grey, self._scale = grey_of(frame.bgr)
            self._next = (frame.index, grey, thumbnail(grey))
        return self._next[1:]

    def add(self, frame: Frame, detections: Detections) -> None:
        """Take in the next frame and what was detected in it; the frame is not kept."""
        self._index += 1
        grey, small = self._made(frame)
        self._changes.add(small, frame.time_s)
        boxes = detections.xyxy.astype(np.float64) * self._scale
        score = self._sureness(frame.index, detections)
        now = _Held(grey, frame.time_s, boxes, score, [[] for _ in boxes])
        if self._held:
            if self._held[-1].grey.shape == grey.shape:
                self._onward(self._held[-1], now)
            else:
                self._held.clear()
                self._close(self._open)
                self._open = []
        self._held.append(now)
        while len(self._held) > 2 and (
            frame.time_s - self._held[0].time_s > HELD_S
            or len(self._held) * grey.nbytes > HELD_BYTES
        ):
            self._held.popleft()
        if len(self._held) > 1:
            self._back(now)

    def finish(self) -> Sightings:
        """Everything that was seen, after the last frame."""
        self._close(self._open)
        self._open = []
        return Sightings(
            tuple(self._changes.finish()),
            self._found.after,
            self._found.before,
            self._found.looks,
        )

    def _sureness(self, index: int, detections: Detections) -> NDArray[np.float32]:
        """The score of each detection, or of the second look at it if that is better."""
        score = detections.score.copy()
        for look in self._found.looks.get(index, []):
            same = (np.abs(detections.xyxy - look.box) < 1e-3).all(axis=1)
            score[same] = np.maximum(score[same], np.float32(look.score))
        return score

    def _longest(self, score: float) -> float:
        """How long a way may get, seconds: a doubtful face is carried no longer than that."""
        options = self._options
        sure = score >= options.keep_score
        return max(options.max_gap_s if sure else options.support_s, options.carry_s)

    def _onward(self, before: _Held, now: _Held) -> None:
        """Move the open ways into this frame, close those that arrive, begin new ones."""
        partner = _matched(before.xyxy, now.xyxy)
        seen = partner >= 0
        # Once surely seen, a face stays surely seen while it is detected from frame to frame.
        now.score[partner[seen]] = np.maximum(now.score[partner[seen]], before.score[seen])
        for row, other in enumerate(partner.tolist()):
            here = (before.time_s, (before.xyxy[row, :2] + before.xyxy[row, 2:]) / 2)
            trail = [*(t for t in before.trail[row] if now.time_s - t[0] <= TRAIL_S), here]
            before.trail[row] = trail
            if other >= 0:
                now.trail[other] = trail
        known = [o.face.xyxy for o in self._open]
        for row in np.flatnonzero(~seen).tolist():
            box = before.xyxy[row]
            if known and _same(box[None], np.array(known)).any():
                continue
            face = Followed(box.copy(), travelled=_travelled(before.trail[row]))
            start = _Open(self._index - 1, before.time_s, box, float(before.score[row]), face)
            self._open.append(start)
        if len(self._open) > MOST_WAYS:
            self._open.sort(key=lambda o: -o.score)
            self._close(self._open[MOST_WAYS:])
            del self._open[MOST_WAYS:]
        if not self._open:
            return
        step(before.grey, now.grey, [o.face for o in self._open], now.time_s - before.time_s)
        still: list[_Open] = []
        done: list[_Open] = []
        for way in self._open:
            arrived = bool(len(now.xyxy)) and _same(way.face.xyxy[None], now.xyxy).any()
            _note(way, self._index)
            old = now.time_s - way.time_s > self._longest(way.score)
            left = _outside(way.face.xyxy, now.grey)
            (done if arrived or way.face.lost or old or left else still).append(way)
        self._close(done)
        self._open = still

    def _back(self, now: _Held) -> None:
        """Follow faces that are seen for the first time, or again, into the frames before."""
        before = self._held[-2]
        new = np.flatnonzero(_matched(now.xyxy, before.xyxy) < 0)
        if len(new) > MOST_WAYS:
            new = new[np.argsort(-now.score[new], kind="stable")[:MOST_WAYS]]
        ways = [
            _Open(
                self._index,
                now.time_s,
                now.xyxy[r],
                float(now.score[r]),
                Followed(now.xyxy[r].copy()),
            )
            for r in new.tolist()
        ]
        active, later = ways, now
        for back in range(2, len(self._held) + 1):
            if not active:
                break
            held = self._held[-back]
            step(later.grey, held.grey, [w.face for w in active], later.time_s - held.time_s)
            still = []
            for way in active:
                _note(way, self._index + 1 - back)
                arrived = bool(len(held.xyxy)) and _same(way.face.xyxy[None], held.xyxy).any()
                old = way.time_s - held.time_s > self._longest(way.score)
                left = _outside(way.face.xyxy, held.grey)
                if not (arrived or way.face.lost or old or left):
                    still.append(way)
            active, later = still, held
        for way in ways:
            self._keep(way, self._found.before)

    def _close(self, ways: list[_Open]) -> None:
        for way in ways:
            self._keep(way, self._found.after)

    def _keep(self, way: _Open, into: dict[int, list[Way]]) -> None:
        rows = way.rows
        into.setdefault(way.anchor, []).append(
            Way(
                way.anchor,
                way.box / self._scale,
                np.array([r[0] for r in rows], np.int64),
                np.array([r[1] for r in rows], np.float64).reshape(-1, 4) / self._scale,
                np.array([r[2] for r in rows], np.float64),
                np.array([r[3] for r in rows], bool),
                way.face.gone,
            )
        )


def _note(way: _Open, index: int) -> None:
    """Write down a step; steps of which the picture said nothing count once it speaks again."""
    face = way.face
    if face.lost:
        return
    row = (index, face.xyxy.copy(), face.doubt, face.face)
    if face.blinking:
        way.pending.append(row)
    else:
        way.rows += [*way.pending, row]
        way.pending = []


def _travelled(trail: list[tuple[float, NDArray[np.float64]]]) -> NDArray[np.float64]:
    """(2,) how far a face came on its trail, pixels of the grey picture."""
    return trail[-1][1] - trail[0][1] if trail else np.zeros(2)


def _outside(xyxy: NDArray[np.float64], grey: Grey) -> bool:
    """Whether a box has left the picture."""
    height, width = grey.shape
    low, high = np.clip(xyxy[:2], 0, [width, height]), np.clip(xyxy[2:], 0, [width, height])
    whole = float(np.prod(np.maximum(xyxy[2:] - xyxy[:2], 1e-6)))
    return float(np.prod(np.maximum(high - low, 0))) < 0.1 * whole


def _same(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n, m) whether boxes of two neighbouring frames may be one face."""
    overlap = iou(one.astype(np.float32), other.astype(np.float32)) >= SAME_IOU
    size_a, size_b = (
        np.sqrt(np.prod(np.maximum(b[:, 2:] - b[:, :2], 1), axis=1)) for b in (one, other)
    )
    away = np.linalg.norm(
        (one[:, None, :2] + one[:, None, 2:] - other[None, :, :2] - other[None, :, 2:]) / 2, axis=2
    )
    mean = np.sqrt(size_a[:, None] * size_b[None])
    alike = np.abs(np.log(size_a[:, None] / size_b[None])) < np.log(1.6)
    return np.asarray(overlap | ((away < NEAR * mean) & alike))


def _matched(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.intp]:
    """(n,) the box of the same face in the other frame, -1 for none; each serves one."""
    found = np.full(len(one), -1, np.intp)
    if not len(one) or not len(other):
        return found
    same = _same(one, other)
    middle_a, middle_b = (one[:, :2] + one[:, 2:]) / 2, (other[:, :2] + other[:, 2:]) / 2
    away = np.linalg.norm(middle_a[:, None] - middle_b[None], axis=2)
    taken = np.zeros(len(other), bool)
    pairs = np.argwhere(same)
    for a, b in pairs[np.argsort(away[same], kind="stable")].tolist():
        if found[a] < 0 and not taken[b]:
            found[a], taken[b] = b, True
    return found
