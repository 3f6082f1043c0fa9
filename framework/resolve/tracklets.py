"""Unbroken pieces of somebody's path, as the tracker left them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.resolve.log import RowKind, Rows
from framework.resolve.overlap import common_area

SAME_FACE_IOU = 0.3
"""Two boxes of one frame that overlap by this much may be one face."""

INSIDE = 0.65
"""A box with this share of its area inside another face's box may be a second box on that face."""


@dataclass(frozen=True, eq=False)
class Tracklet:
    """One face over consecutive observations, in order of time.

    Attributes:
        frame: (n,) int64, strictly ascending.
        xyxy: (n, 4) float64 pixels, contains the raw detection of each frame.
        score: (n,) float32.
        landmarks: (n, 5, 2) float64 pixels, NaN where not known.
        rows: (k,) int64, the rows of the log that it stands for.
        row_frame: (k,) int64, the frame of each of them.
    """

    frame: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float64]
    rows: NDArray[np.int64]
    row_frame: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def first(self) -> int:
        return int(self.frame[0])

    @property
    def last(self) -> int:
        return int(self.frame[-1])

    def take(self, observations: NDArray[np.bool_] | NDArray[np.intp]) -> Tracklet:
        """These observations alone."""
        frame = self.frame[observations]
        stay = np.isin(self.row_frame, frame)
        return Tracklet(
            frame,
            self.xyxy[observations],
            self.score[observations],
            self.landmarks[observations],
            self.rows[stay],
            self.row_frame[stay],
        )

    def rows_of(self, observations: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The rows of the log that these observations stand for."""
        return self.rows[np.isin(self.row_frame, self.frame[observations])]


def collect(rows: Rows) -> list[Tracklet]:
    """Every observed track and every stray detection, in order of their first frame.

    Predicted rows are left out: what lies between two observations is interpolated later, from both
    sides. A tracker that reports filtered boxes gets the detector's boxes back.
    """
    track = _adopt_strays(rows)
    observed = np.flatnonzero(rows.kind != RowKind.PREDICTED)
    alone = track[observed] < 0
    group = track[observed].copy()
    group[alone] = group.max(initial=0) + 1 + np.arange(alone.sum())
    order = np.lexsort((rows.kind[observed], rows.frame[observed], group))
    observed, group = observed[order], group[order]
    starts = np.flatnonzero(np.diff(group)) + 1
    pieces = [_tracklet(rows, m) for m in np.split(observed, starts) if len(m)]
    pieces.sort(key=lambda t: (t.first, float(t.xyxy[0, 0]), float(t.xyxy[0, 1])))
    return pieces


def _adopt_strays(rows: Rows) -> NDArray[np.int64]:
    """The track of each row; strays on a filtered track of their frame have joined it."""
    track = rows.track_id.copy()
    filtered = np.flatnonzero(rows.kind == RowKind.FILTERED)
    if not len(filtered):
        return track
    strays = np.flatnonzero(rows.kind == RowKind.STRAY)
    for stray in strays[np.isin(rows.frame[strays], rows.frame[filtered])].tolist():
        peers = filtered[rows.frame[filtered] == rows.frame[stray]]
        overlap = iou(rows.xyxy[stray][None], rows.xyxy[peers])[0]
        best = int(overlap.argmax())
        if overlap[best] >= SAME_FACE_IOU:
            track[stray] = rows.track_id[peers[best]]
    return track


def _tracklet(rows: Rows, members: NDArray[np.intp]) -> Tracklet:
    """One tracklet of these rows, ascending in frame; rows of one frame become their union."""
    frame, start = np.unique(rows.frame[members], return_index=True)
    boxes = rows.xyxy[members].astype(np.float64)
    xyxy = np.concatenate(
        [
            np.minimum.reduceat(boxes[:, :2], start, axis=0),
            np.maximum.reduceat(boxes[:, 2:], start, axis=0),
        ],
        axis=1,
    )
    return Tracklet(
        frame=frame,
        xyxy=xyxy,
        score=np.maximum.reduceat(rows.score[members], start),
        landmarks=rows.landmarks[members[start]].astype(np.float64),
        rows=np.asarray(members, np.int64),
        row_frame=rows.frame[members],
    )


def join(pieces: list[Tracklet]) -> Tracklet:
    """Tracklets that follow one another, as one."""
    ordered = sorted(pieces, key=lambda t: t.first)
    return Tracklet(
        frame=np.concatenate([t.frame for t in ordered]),
        xyxy=np.concatenate([t.xyxy for t in ordered]),
        score=np.concatenate([t.score for t in ordered]),
        landmarks=np.concatenate([t.landmarks for t in ordered]),
        rows=np.concatenate([t.rows for t in ordered]),
        row_frame=np.concatenate([t.row_frame for t in ordered]),
    )


def absorb_doubles(
    tracklets: list[Tracklet], frame_count: int, keep_score: float
) -> list[Tracklet]:
    """Second boxes on a face join the first: the detector sometimes sees a face and a part of it.

    A tracklet is a second box if, in every one of its frames, it lies mostly inside the box of one
    and the same stronger tracklet, or is weaker than ``keep_score`` throughout and overlaps it. The
    stronger one's box then becomes the union, so that nothing that was detected is left open.
    """
    at: list[list[int]] = [[] for _ in range(frame_count)]
    for number, tracklet in enumerate(tracklets):
        for frame in tracklet.frame.tolist():
            at[frame].append(number)
    crowded = {n for members in at if len(members) > 1 for n in members}
    result = list(tracklets)
    gone: set[int] = set()
    weight = [float(t.score.sum()) for t in tracklets]
    for number in sorted(crowded, key=lambda n: (weight[n], n)):
        hosts = set(at[result[number].first]) - {number} - gone
        for host in sorted(hosts, key=lambda n: (-weight[n], n)):
            if weight[host] > weight[number] and _doubles(result[number], result[host], keep_score):
                result[host] = _united(result[host], result[number])
                gone.add(number)
                break
    return [t for n, t in enumerate(result) if n not in gone]


def _doubles(small: Tracklet, large: Tracklet, keep_score: float) -> bool:
    where = np.searchsorted(large.frame, small.frame)
    if where[-1] >= len(large) or not np.array_equal(large.frame[where], small.frame):
        return False
    shared = common_area(small.xyxy, large.xyxy[where])
    own = common_area(small.xyxy, small.xyxy)
    inside = shared >= INSIDE * np.maximum(own, 1e-9)
    if float(small.score.max()) < keep_score:
        other = common_area(large.xyxy[where], large.xyxy[where])
        inside |= shared >= SAME_FACE_IOU * np.maximum(own + other - shared, 1e-9)
    return bool(inside.all())


def _united(host: Tracklet, guest: Tracklet) -> Tracklet:
    where = np.searchsorted(host.frame, guest.frame)
    xyxy = host.xyxy.copy()
    xyxy[where, :2] = np.minimum(xyxy[where, :2], guest.xyxy[:, :2])
    xyxy[where, 2:] = np.maximum(xyxy[where, 2:], guest.xyxy[:, 2:])
    rows = np.concatenate([host.rows, guest.rows])
    row_frame = np.concatenate([host.row_frame, guest.row_frame])
    return Tracklet(host.frame, xyxy, host.score, host.landmarks, rows, row_frame)
