"""Unbroken pieces of somebody's path, as the tracker left them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.resolve.log import RowKind, Rows
from framework.resolve.sightings import Seen, Sightings

SAME_FACE_IOU = 0.3
"""Two boxes of one frame that overlap by this much may be one face."""

CUT_S = 0.3
"""A track that was not seen for longer is cut, and joined again only if nothing fits better."""


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
        track_id: the tracker's number for it; -1 for a detection that no track took.
    """

    frame: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float64]
    rows: NDArray[np.int64]
    row_frame: NDArray[np.int64]
    track_id: int

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def first(self) -> int:
        return int(self.frame[0])

    @property
    def last(self) -> int:
        return int(self.frame[-1])

    @property
    def extent(self) -> Seen:
        """Where it begins and ends."""
        return Seen((self.first, self.last), (self.xyxy[0], self.xyxy[-1]))

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
            self.track_id,
        )

    def rows_of(self, observations: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The rows of the log that these observations stand for."""
        return self.rows[np.isin(self.row_frame, self.frame[observations])]


def collect(
    rows: Rows,
    time_s: NDArray[np.float64],
    sightings: Sightings | None = None,
    size: tuple[int, int] = (1, 1),
) -> list[Tracklet]:
    """Every observed track and every stray detection, in order of their first frame.

    Predicted rows are left out: what lies between two observations is interpolated later, from both
    sides. A track that was not seen for a while is cut there: the tracker's guess who it is that
    reappears was made without knowing what follows. So is one that runs through a change of shot:
    whoever comes after it is somebody else to begin with. A tracker that reports filtered boxes
    gets the detector's boxes back.

    Args:
        rows: the log.
        time_s: (frames,) presentation times, seconds.
        sightings: what the pictures say; None: nothing is known of changes of shot.
        size: (width, height) of the picture, pixels.
    """
    track = _adopt_strays(rows)
    observed = np.flatnonzero(rows.kind != RowKind.PREDICTED)
    alone = track[observed] < 0
    group = track[observed].copy()
    group[alone] = group.max(initial=0) + 1 + np.arange(alone.sum())
    order = np.lexsort((rows.kind[observed], rows.frame[observed], group))
    observed, group = observed[order], group[order]
    missing = np.diff(rows.frame[observed]) > 1
    unseen = missing & (np.diff(time_s[rows.frame[observed]]) > CUT_S)
    if sightings is not None:
        unseen |= _changed(rows, observed, np.diff(group) == 0, sightings, size)
    starts = np.flatnonzero((np.diff(group) != 0) | unseen) + 1
    pieces = [_tracklet(rows, m, int(track[m[0]])) for m in np.split(observed, starts) if len(m)]
    pieces.sort(key=lambda t: (t.first, float(t.xyxy[0, 0]), float(t.xyxy[0, 1])))
    return pieces


def _changed(
    rows: Rows,
    observed: NDArray[np.intp],
    same: NDArray[np.bool_],
    sightings: Sightings,
    size: tuple[int, int],
) -> NDArray[np.bool_]:
    """Between which consecutive rows of a track, all in ``observed``, the shot changed."""
    frame = rows.frame[observed]
    cut = np.zeros(len(same), bool)
    begins = np.append(0, np.flatnonzero(~same) + 1)
    for change in sightings.changes:
        around = same & (frame[:-1] < change.middle) & (frame[1:] >= change.middle)
        for k in np.flatnonzero(around).tolist():
            group = int(np.searchsorted(begins, k, side="right"))
            last = begins[group] - 1 if group < len(begins) else len(frame) - 1
            if change.side_of(int(frame[begins[group - 1]]), int(frame[last])) >= 0:
                continue  # it came with the new shot, while the old one was still to be seen
            if frame[last] <= change.end:
                continue  # and this one goes with the old shot
            boxes = rows.xyxy[observed[k : k + 2]]
            cut[k] |= any(change.holds_at(box, *size) for box in boxes)
    return cut


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


def _tracklet(rows: Rows, members: NDArray[np.intp], track_id: int) -> Tracklet:
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
        track_id=track_id,
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
        track_id=ordered[0].track_id,
    )
