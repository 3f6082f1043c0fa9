"""The track table: everything the analysis found, without a pixel.

Rows are (frame, track) pairs as parallel arrays, sorted by frame and then track, so that a
25-minute recording takes a few megabytes and the tracks of one frame are one slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.types import EMOTIONS, Role, Tracks


class RowState(IntEnum):
    """Where a row of the table comes from."""

    DETECTED = 0  # a detector saw the face in this frame
    CARRIED = 1  # unseen: interpolated in a gap, or carried beyond the first or last detection
    EDITED = 2  # put in by a person
    FOLLOWED = 3  # no detector saw it here, but the head was followed in the picture to this place


@dataclass(frozen=True, eq=False)
class EmotionSamples:
    """Every classified face.

    Attributes:
        frame, track_id: (k,) int64, a row of the table each.
        probabilities: (k, 7) float32 in the order of ``EMOTIONS``.
        quality: (k,) float32, 0 to 1, from size, sharpness and pose.
        interval_s: the sampling interval that was asked for, seconds (0: every frame).
    """

    frame: NDArray[np.int64]
    track_id: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    quality: NDArray[np.float32]
    interval_s: float = 0.2

    def __post_init__(self) -> None:
        k = len(self.frame)
        shapes = {
            "track_id": (self.track_id.shape, (k,)),
            "probabilities": (self.probabilities.shape, (k, len(EMOTIONS))),
            "quality": (self.quality.shape, (k,)),
        }
        for name, (got, want) in shapes.items():
            if got != want:
                raise ContractError(f"EmotionSamples.{name}: expected shape {want}, got {got}")

    @classmethod
    def empty(cls) -> EmotionSamples:
        none = np.zeros(0, np.int64)
        return cls(none, none, np.zeros((0, len(EMOTIONS)), np.float32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, eq=False)
class TrackTable:
    """Who is where in which frame.

    Attributes:
        width, height: of the upright picture with square pixels, in pixels.
        time_s: (n,) float64, presentation time of each frame, ascending, starting at 0.
        duration_s: length of the recording, seconds (last frame's own duration included).
        frame: (m,) int64, index of the frame of each row, ascending.
        track_id: (m,) int64.
        xyxy: (m, 4) float32 pixels.
        score: (m,) float32; 0 for rows that no detector saw.
        landmarks: (m, 5, 2) float32 pixels, NaN where not known.
        state: (m,) int8, values of :class:`RowState`.
        roles: role of each track; a track that is not named is ``unknown``.
        misses: frames whose faces could not be established, with the reason. ``--on-miss`` decides
            what happens to them.
        samples: the classified faces.
        fingerprint: of the recording's frames (:mod:`framework.pipeline.fingerprint`); "": unknown.
        repairs: what was mended when the table was read from a file, one sentence each.
    """

    width: int
    height: int
    time_s: NDArray[np.float64]
    duration_s: float
    frame: NDArray[np.int64]
    track_id: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    state: NDArray[np.int8]
    roles: Mapping[int, Role] = field(default_factory=dict)
    misses: dict[int, str] = field(default_factory=dict)
    samples: EmotionSamples = field(default_factory=EmotionSamples.empty)
    fingerprint: str = ""
    repairs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        m = len(self.frame)
        shapes = {
            "track_id": (self.track_id.shape, (m,)),
            "xyxy": (self.xyxy.shape, (m, 4)),
            "score": (self.score.shape, (m,)),
            "landmarks": (self.landmarks.shape, (m, 5, 2)),
            "state": (self.state.shape, (m,)),
        }
        for name, (got, want) in shapes.items():
            if got != want:
                raise ContractError(f"TrackTable.{name}: expected shape {want}, got {got}")
        if m and (self.frame[0] < 0 or self.frame[-1] >= len(self.time_s)):
            raise ContractError(
                f"TrackTable.frame: expected indices in [0, {len(self.time_s)}), "
                f"got {int(self.frame[0])} to {int(self.frame[-1])}"
            )
        key_order = np.lexsort((self.track_id, self.frame))
        if not np.array_equal(key_order, np.arange(m)):
            raise ContractError("TrackTable: expected rows sorted by frame, then track_id")

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def frame_count(self) -> int:
        return len(self.time_s)

    @cached_property
    def _row_start(self) -> NDArray[np.int64]:
        return np.searchsorted(self.frame, np.arange(self.frame_count + 1)).astype(np.int64)

    @cached_property
    def observed(self) -> NDArray[np.bool_]:
        """(m,) whether a detector or a person put the box of a row where it is."""
        return np.isin(self.state, (RowState.DETECTED, RowState.EDITED))

    @cached_property
    def frame_duration_s(self) -> NDArray[np.float64]:
        """(n,) seconds each frame is on screen; they sum to ``duration_s``."""
        if not self.frame_count:
            return np.zeros(0)
        return np.diff(np.append(self.time_s, max(self.duration_s, self.time_s[-1])))

    def role_of(self, track_id: int) -> Role:
        return self.roles.get(track_id, Role.UNKNOWN)

    def track_ids(self) -> list[int]:
        """Every track that has a row, ascending."""
        return [int(t) for t in np.unique(self.track_id)]

    def rows_of_frame(self, index: int) -> slice:
        """The rows of one frame. A frame beyond the table has none."""
        if not 0 <= index < self.frame_count:
            return slice(0, 0)
        return slice(int(self._row_start[index]), int(self._row_start[index + 1]))

    def tracks_at(self, index: int) -> Tracks:
        """The tracks of one frame, as an anonymizer gets them."""
        rows = self.rows_of_frame(index)
        ids = self.track_id[rows]
        return Tracks(
            xyxy=self.xyxy[rows],
            score=self.score[rows],
            landmarks=self.landmarks[rows],
            track_id=ids,
            role=tuple(self.role_of(int(t)) for t in ids),
            observed=self.observed[rows],
        )

    def rows_of_track(self, track_id: int) -> NDArray[np.int64]:
        """Row numbers of one track, in order of time."""
        return np.flatnonzero(self.track_id == track_id)

    def only(self, track_ids: Iterable[int]) -> TrackTable:
        """The table with these tracks alone, and their samples."""
        chosen = np.array(sorted(track_ids), np.int64)
        keep = np.isin(self.track_id, chosen)
        sampled = np.isin(self.samples.track_id, chosen)
        samples = replace(
            self.samples,
            frame=self.samples.frame[sampled],
            track_id=self.samples.track_id[sampled],
            probabilities=self.samples.probabilities[sampled],
            quality=self.samples.quality[sampled],
        )
        return replace(
            self,
            frame=self.frame[keep],
            track_id=self.track_id[keep],
            xyxy=self.xyxy[keep],
            score=self.score[keep],
            landmarks=self.landmarks[keep],
            state=self.state[keep],
            samples=samples,
        )

    def with_roles(self, roles: Mapping[int, Role]) -> TrackTable:
        return replace(self, roles=dict(roles))

    def with_samples(self, samples: EmotionSamples) -> TrackTable:
        return replace(self, samples=samples)

    def with_misses(self, misses: Mapping[int, str]) -> TrackTable:
        return replace(self, misses=dict(misses))
