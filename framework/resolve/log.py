"""What was observed, in compact growing columns and without a pixel."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.types import Detections, Frame, Tracks


class RowKind(IntEnum):
    """Where a row of the log comes from."""

    DETECTION = 0  # a detection that a track reports as it is
    FILTERED = 1  # a seen track whose box is the tracker's own
    PREDICTED = 2  # a track without a detection
    STRAY = 3  # a detection that no track reports as it is


@dataclass(frozen=True, eq=False)
class Rows:
    """The log as arrays, in the order of the frames.

    Attributes:
        frame: (m,) int64.
        track_id: (m,) int64 of the tracker; -1 for strays.
        kind: (m,) int8, values of :class:`RowKind`.
        xyxy: (m, 4) float32 pixels.
        score: (m,) float32, 0 to 1.
        landmarks: (m, 5, 2) float32 pixels, NaN where not known.
    """

    frame: NDArray[np.int64]
    track_id: NDArray[np.int64]
    kind: NDArray[np.int8]
    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Rows:
        """These rows alone."""
        return Rows(
            self.frame[rows],
            self.track_id[rows],
            self.kind[rows],
            self.xyxy[rows],
            self.score[rows],
            self.landmarks[rows],
        )


class ObservationLog:
    """Every frame's time, tracks and detections: about 75 bytes a row.

    A detection that a track reports with the very same box is stored once.
    """

    def __init__(self) -> None:
        self._time = array("d")
        self._frame = array("q")
        self._id = array("q")
        self._kind = array("b")
        self._box = array("f")
        self._score = array("f")
        self._points = array("f")
        self.failures: dict[int, str] = {}

    @classmethod
    def restored(
        cls, time_s: NDArray[np.float64], rows: Rows, failures: dict[int, str]
    ) -> ObservationLog:
        """A log with the content of another one.

        Args:
            time_s: what :meth:`time_s` gave.
            rows: what :meth:`rows` gave.
            failures: what ``failures`` held.
        """
        log = cls()
        log._time.frombytes(np.asarray(time_s, np.float64).tobytes())
        log._frame.frombytes(np.asarray(rows.frame, np.int64).tobytes())
        log._id.frombytes(np.asarray(rows.track_id, np.int64).tobytes())
        log._kind.frombytes(np.asarray(rows.kind, np.int8).tobytes())
        log._box.frombytes(np.asarray(rows.xyxy, np.float32).tobytes())
        log._score.frombytes(np.asarray(rows.score, np.float32).tobytes())
        log._points.frombytes(np.asarray(rows.landmarks, np.float32).tobytes())
        log.failures = dict(failures)
        return log

    @property
    def frame_count(self) -> int:
        """How many frames were appended."""
        return len(self._time)

    def __len__(self) -> int:
        """How many rows are stored."""
        return len(self._frame)

    def append(
        self,
        frame: Frame,
        tracks: Tracks,
        detections: Detections,
        failure: str | None = None,
    ) -> None:
        """Take in the next frame.

        Args:
            frame: its index must be the number of frames before it; its pixels are not kept.
            tracks: what the tracker returned for it.
            detections: what the detector returned for it.
            failure: why detector or tracker gave no result; the frame becomes a miss.

        Raises:
            ContractError: frames out of order, or a time that runs backwards.
        """
        if frame.index != self.frame_count:
            raise ContractError(
                f"ObservationLog.append: expected frame {self.frame_count}, got {frame.index}"
            )
        if self._time and frame.time_s < self._time[-1]:
            raise ContractError(
                f"ObservationLog.append: expected a time of at least {self._time[-1]:.6f} s, "
                f"got {frame.time_s:.6f} s"
            )
        self._time.append(frame.time_s)
        if failure is not None:
            self.failures[frame.index] = failure
        assert tracks.observed is not None  # set in Tracks.__post_init__
        same = (tracks.xyxy[:, None] == detections.xyxy[None]).all(axis=2)
        same &= tracks.observed[:, None]
        kind = np.where(tracks.observed, np.int8(RowKind.FILTERED), np.int8(RowKind.PREDICTED))
        kind[same.any(axis=1)] = RowKind.DETECTION
        self._extend(frame.index, tracks, tracks.track_id, kind)
        stray = detections[~same.any(axis=0)]
        minus = np.full(len(stray), -1, np.int64)
        self._extend(frame.index, stray, minus, np.full(len(stray), RowKind.STRAY, np.int8))

    def _extend(
        self, index: int, faces: Detections, ids: NDArray[np.int64], kind: NDArray[np.int8]
    ) -> None:
        n = len(faces)
        if not n:
            return
        points = faces.landmarks
        if points is None:
            points = np.full((n, 5, 2), np.nan, np.float32)
        self._frame.frombytes(np.full(n, index, np.int64).tobytes())
        self._id.frombytes(np.asarray(ids, np.int64).tobytes())
        self._kind.frombytes(np.asarray(kind, np.int8).tobytes())
        self._box.frombytes(np.asarray(faces.xyxy, np.float32).tobytes())
        self._score.frombytes(np.asarray(faces.score, np.float32).tobytes())
        self._points.frombytes(np.asarray(points, np.float32).tobytes())

    def time_s(self) -> NDArray[np.float64]:
        """(n,) presentation time of each frame, seconds."""
        return np.array(self._time, np.float64)

    def rows(self) -> Rows:
        """Everything stored so far, as arrays of its own."""
        m = len(self)
        return Rows(
            frame=np.array(self._frame, np.int64),
            track_id=np.array(self._id, np.int64),
            kind=np.array(self._kind, np.int8),
            xyxy=np.array(self._box, np.float32).reshape(m, 4),
            score=np.array(self._score, np.float32),
            landmarks=np.array(self._points, np.float32).reshape(m, 5, 2),
        )
