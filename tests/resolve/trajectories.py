"""Logs made from paths: what a tracker would have written for faces that move as we say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from framework.resolve import ObservationLog
from framework.types import Detections, Frame, Tracks

WIDTH, HEIGHT, RATE = 640, 360, 25
PICTURE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)

Seen = tuple[int, float, float, float, float]
"""Track id (0: a detection without a track), centre x, centre y, size, score."""


def box(x: float, y: float, size: float) -> tuple[float, float, float, float]:
    return (x - size / 2, y - size / 2, x + size / 2, y + size / 2)


def _landmarks(x: float, y: float, size: float) -> list[tuple[float, float]]:
    offsets = ((-0.2, -0.1), (0.2, -0.1), (0, 0.05), (-0.15, 0.25), (0.15, 0.25))
    return [(x + size * u, y + size * v) for u, v in offsets]


def log_of(
    faces: Sequence[Sequence[Seen]],
    times: Sequence[float] | None = None,
    failures: dict[int, str] | None = None,
) -> ObservationLog:
    """One log entry for each frame. ``faces[i]`` is what was seen in frame i."""
    log = ObservationLog()
    for i, rows in enumerate(faces):
        time_s = i / RATE if times is None else times[i]
        detections = Detections(
            xyxy=[box(x, y, s) for _, x, y, s, _ in rows],
            score=[score for *_, score in rows],
            landmarks=[_landmarks(x, y, s) for _, x, y, s, _ in rows],
        )
        tracked = [k for k, row in enumerate(rows) if row[0] > 0]
        chosen = detections[np.array(tracked, int)]
        tracks = Tracks(
            xyxy=chosen.xyxy,
            score=chosen.score,
            landmarks=chosen.landmarks,
            track_id=np.array([rows[k][0] for k in tracked], np.int64),
        )
        failure = (failures or {}).get(i)
        log.append(Frame(PICTURE, i, time_s), tracks, detections, failure)
    return log


def path(frames: int, *faces: Callable[[int], Seen | None]) -> list[list[Seen]]:
    """Frames of faces, each given as a function from the frame number to what is seen."""
    return [[seen for face in faces if (seen := face(i)) is not None] for i in range(frames)]
