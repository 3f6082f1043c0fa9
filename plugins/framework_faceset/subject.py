"""Where the face of an item is: in the original, and in what an anonymizer made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.alignment import align, landmarks_from_box
from framework.boxes import iou
from framework.errors import FrameworkError
from framework.harness import Recording
from framework.protocols import Detector, Tracker
from framework.resolve import ObservationLog, assign_roles, resolve
from framework.table import TrackTable
from framework.types import Detections, Frame, Image, Role

SAME_FACE_IOU = 0.3
BATCH = 8


class NoFaceError(FrameworkError):
    """No face was found in an original."""


@dataclass(frozen=True, eq=False)
class Subject:
    """The main person of an item.

    Attributes:
        table: tracks of everybody; the main person is the patient.
        track_id: of the main person.
        boxes: (n, 4) of the main person in each frame, NaN where absent.
        landmarks: (n, 5, 2), from the detector or from the box, NaN where absent.
    """

    table: TrackTable
    track_id: int
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    @property
    def present(self) -> NDArray[np.bool_]:
        """(n,) frames in which the face is there."""
        return np.asarray(np.isfinite(self.boxes[:, 0]))


def find_subject(recording: Recording, detector: Detector, tracker: Tracker) -> Subject:
    """Detect, track and resolve, as a run does.

    Raises:
        NoFaceError: there is no face.
    """
    tracker.reset()
    log = ObservationLog()
    for frames, found in _detected(recording.frames, detector):
        for frame, detections in zip(frames, found, strict=True):
            log.append(frame, tracker.update(frame, detections), detections)
    first = recording.frames[0]
    resolution = resolve(
        log,
        width=first.width,
        height=first.height,
        duration_s=recording.duration_s,
        empty_is_miss=False,
    )
    table = assign_roles(resolution.table, people=1)
    main = [t for t in table.track_ids() if table.role_of(t) is Role.PATIENT]
    if not main:
        raise NoFaceError("no face was found in the original")
    rows = table.rows_of_track(main[0])
    n = len(recording.frames)
    boxes = np.full((n, 4), np.nan, np.float32)
    points = np.full((n, 5, 2), np.nan, np.float32)
    boxes[table.frame[rows]] = table.xyxy[rows]
    points[table.frame[rows]] = table.landmarks[rows]
    guessed = np.isfinite(boxes[:, 0]) & ~np.isfinite(points).all(axis=(1, 2))
    points[guessed] = landmarks_from_box(boxes[guessed])
    return Subject(table, main[0], boxes, points)


@dataclass(frozen=True, eq=False)
class Sightings:
    """The subject as a detector sees it in a covered item.

    Attributes:
        found: (n,) bool: a face was found where the subject is.
        boxes, landmarks: of that face; NaN where none was found.
        score: (n,) the detector's score; 0 where none was found.
    """

    found: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]
    score: NDArray[np.float32]


def look_again(
    images: Sequence[Image],
    recording: Recording,
    subject: Subject,
    detector: Detector,
    only: NDArray[np.bool_] | None = None,
) -> Sightings:
    """Detect in covered pictures, and take the face that overlaps the subject most.

    Args:
        only: (n,) frames to look at; None: all in which the subject is present.
    """
    n = len(images)
    found = np.zeros(n, bool)
    boxes = np.full((n, 4), np.nan, np.float32)
    points = np.full((n, 5, 2), np.nan, np.float32)
    score = np.zeros(n, np.float32)
    wanted = subject.present if only is None else subject.present & only
    frames = [
        Frame(images[i], i, recording.frames[i].time_s) for i in np.flatnonzero(wanted).tolist()
    ]
    for batch, detected in _detected(frames, detector):
        for frame, faces in zip(batch, detected, strict=True):
            if not len(faces):
                continue
            overlap = iou(subject.boxes[frame.index][None], np.asarray(faces.xyxy))[0]
            best = int(overlap.argmax())
            if overlap[best] < SAME_FACE_IOU:
                continue
            i = frame.index
            found[i], boxes[i], score[i] = True, faces.xyxy[best], faces.score[best]
            points[i] = (
                landmarks_from_box(faces.xyxy[best])[0]
                if faces.landmarks is None or not np.isfinite(faces.landmarks[best]).all()
                else faces.landmarks[best]
            )
    return Sightings(found, boxes, points, score)


def sightings_of(subject: Subject) -> Sightings:
    """The subject in the original."""
    present = subject.present
    return Sightings(present, subject.boxes, subject.landmarks, present.astype(np.float32))


def crops(
    images: Sequence[Image],
    subject: Subject,
    sightings: Sightings,
    size: int,
    scale: float,
    only: Sequence[int] | None = None,
) -> tuple[list[int], list[Image]]:
    """Aligned crops of the subject: where a face was found, by it; elsewhere, by where it was.

    An attacker sees where a cover lies. Giving them the original's position is the worst case.

    Args:
        only: indices of frames; None: all in which the subject is present.

    Returns:
        Indices and crops (size, size, 3).
    """
    indices, made = [], []
    for i in np.flatnonzero(subject.present).tolist() if only is None else only:
        points = sightings.landmarks[i] if sightings.found[i] else subject.landmarks[i]
        try:
            made.append(align(images[i], points, size, scale))
        except ValueError:
            continue
        indices.append(i)
    return indices, made


def representative(sightings: Sightings, subject: Subject) -> int | None:
    """The frame a single-picture attacker would take: the surest face, else the middle one."""
    present = np.flatnonzero(subject.present)
    if not len(present):
        return None
    if sightings.found.any():
        return int(sightings.score.argmax())
    return int(present[len(present) // 2])


def _detected(
    frames: Sequence[Frame], detector: Detector
) -> list[tuple[Sequence[Frame], list[Detections]]]:
    parts = [frames[k : k + BATCH] for k in range(0, len(frames), BATCH)]
    return [(part, detector.detect(part)) for part in parts]
