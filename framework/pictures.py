"""Single pictures in one line each: find faces, read expressions, cover, draw.

>>> import cv2, framework                                                # doctest: +SKIP
>>> picture = cv2.imread("portrait.jpg")                                 # doctest: +SKIP
>>> cv2.imwrite("covered.jpg", framework.cover(picture, "blur"))         # doctest: +SKIP

A picture is an (h, w, 3) uint8 array in the order blue, green, red, as OpenCV reads it, or a path.
Each call builds its components anew; for many pictures, put them into a folder and use
:func:`framework.run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import CheckError, ConfigError, ContractError
from framework.types import EMOTIONS, UNKNOWN, Detections, Frame, Image, Role, Tracks

if TYPE_CHECKING:
    from framework.pipeline.run import Run
    from framework.table import TrackTable

Picture = Image | str | PathLike[str]
COLOURS = ((80, 200, 80), (220, 140, 60), (60, 160, 240), (200, 80, 200), (60, 220, 220))
"""Of boxes by track number; blue, green, red."""


@dataclass(frozen=True)
class FaceExpression:
    """The expression of one face.

    Attributes:
        xyxy: (4,) float32 pixels: left, top, right, bottom.
        label: the most probable expression, or ``unknown`` if none is probable enough.
        probabilities: of each of ``EMOTIONS``; they sum to 1.
        quality: 0 to 1, from size, sharpness and pose.
    """

    xyxy: NDArray[np.float32]
    label: str
    probabilities: dict[str, float]
    quality: float


def detect(
    picture: Picture, detector: str = "retinaface", *, options: Iterable[str] = ()
) -> Detections:
    """Find the faces of a picture.

    Args:
        picture: an (h, w, 3) uint8 array in the order blue, green, red, or a path.
        detector: name of the component.
        options: ``"detector.NAME=VALUE"`` texts, as after ``-o``.

    Returns:
        Boxes, scores and landmarks in pixels; in no order.

    Raises:
        UserError: the picture or the component cannot be used.
    """
    run = _run(options, detector=detector, fer="none", recommender="none")
    return _detected(run, _frame(picture))


def read_expression(
    picture: Picture,
    fer: str = "resnet",
    *,
    detector: str = "retinaface",
    options: Iterable[str] = (),
) -> list[FaceExpression]:
    """Read the expression of every face of a picture, from left to right.

    Raises:
        UserError: the picture or a component cannot be used.
    """
    from framework.alignment import align, landmarks_from_box
    from framework.quality import face_quality

    run = _run(options, detector=detector, fer=fer, recommender="none")
    classifier = run.components.classifier()
    if classifier is None:
        raise ConfigError("read_expression needs an emotion classifier; fer: 'none' is none")
    frame = _frame(picture)
    faces = _detected(run, frame)
    read = []
    for k in np.argsort(faces.xyxy[:, 0], kind="stable").tolist():
        box = faces.xyxy[k]
        points = None if faces.landmarks is None else faces.landmarks[k]
        if points is None or not np.isfinite(points).all():
            points = landmarks_from_box(box[None])[0]
        points = np.asarray(points, np.float32)
        crop = align(frame.bgr, points, classifier.input_size, classifier.crop_scale)
        given = np.asarray(classifier.classify([crop]), np.float32)[0]
        by_name = dict(zip(classifier.labels, given.tolist(), strict=True))
        probabilities = {name: float(by_name.get(name, 0.0)) for name in EMOTIONS}
        best = max(probabilities, key=lambda name: probabilities[name])
        known = probabilities[best] >= classifier.unknown_below
        quality = face_quality(crop, points, classifier.crop_scale).overall
        read.append(FaceExpression(box, best if known else UNKNOWN, probabilities, float(quality)))
    return read


def cover(
    picture: Picture,
    anonymizer: str = "blur",
    *,
    detector: str = "retinaface",
    allow_no_faces: bool = False,
    options: Iterable[str] = (),
    key_file: str | Path | None = None,
) -> Image:
    """Cover every face of a picture that the detector finds.

    What comes back is checked as in a run: a face that the component left as it was is an error.

    Returns:
        (h, w, 3) uint8, blue, green, red; a new array.

    Raises:
        UserError: the picture or a component cannot be used.
        CheckError: no face was found, which ``allow_no_faces`` lets pass; or the component failed.
    """
    from framework.pipeline.cover import Coverer

    run = _run(
        options,
        detector=detector,
        anonymizer=anonymizer,
        fer="none",
        recommender="none",
        key_file=key_file,
    )
    run.components.refuse_unprotected()
    frame = _frame(picture)
    faces = _detected(run, frame)
    if not len(faces):
        if allow_no_faces:
            return frame.bgr.copy()
        raise CheckError(
            "no face was found in the picture; look at it, and give allow_no_faces=True if there "
            "is none"
        )
    tracks = Tracks(
        xyxy=faces.xyxy,
        score=faces.score,
        landmarks=faces.landmarks,
        track_id=np.arange(1, len(faces) + 1),
        role=(Role.PATIENT,) * len(faces),
    )
    coverer = Coverer(run.components.anonymizer())
    if coverer.looks_ahead:
        coverer.prepare(_OneFrame(_table(frame, tracks), frame))
    made = coverer.cover([frame], [tracks])[0]
    if made.error is not None or made.image is None:
        raise CheckError(
            f"anonymizer '{anonymizer}' failed on this picture ({type(made.error).__name__}); "
            "nothing was returned"
        )
    return np.array(made.image)


def draw(picture: Image | Frame, tracks: Detections, *, thickness: int | None = None) -> Image:
    """Draw boxes, and of tracks their number and role.

    Args:
        picture: (h, w, 3) uint8, blue, green, red, or a frame.
        tracks: detections, or tracks as :meth:`framework.RunResult.frames` gives them.
        thickness: of the lines, pixels; None: by the size of the picture.

    Returns:
        A new picture.
    """
    import cv2

    image = np.array(picture.bgr if isinstance(picture, Frame) else picture)
    size = max(1, round(min(image.shape[:2]) / 240))
    line = size if thickness is None else thickness
    for k in range(len(tracks)):
        number = int(tracks.track_id[k]) if isinstance(tracks, Tracks) else k + 1
        colour = COLOURS[number % len(COLOURS)]
        x1, y1, x2, y2 = np.round(tracks.xyxy[k]).astype(int).tolist()
        cv2.rectangle(image, (x1, y1), (x2, y2), colour, line)
        text = f"{tracks.score[k]:.2f}"
        if isinstance(tracks, Tracks):
            text = f"{number} {tracks.role[k]}"
        place = (x1, max(y1 - 2 * size, 10 * size))
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4 * size, colour, size)
    return image


@dataclass(frozen=True)
class _OneFrame:
    """A picture as an anonymizer may look at it before covering (``ClipView``)."""

    table: TrackTable
    frame: Frame

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]:
        """The picture, if it is asked for."""
        if 0 in set(indices):
            yield self.frame


def _table(frame: Frame, tracks: Tracks) -> TrackTable:
    from framework.table import RowState, TrackTable

    n = len(tracks)
    landmarks = tracks.landmarks
    return TrackTable(
        width=frame.bgr.shape[1],
        height=frame.bgr.shape[0],
        time_s=np.zeros(1),
        duration_s=0.0,
        frame=np.zeros(n, np.int64),
        track_id=tracks.track_id,
        xyxy=tracks.xyxy,
        score=tracks.score,
        landmarks=np.full((n, 5, 2), np.nan, np.float32) if landmarks is None else landmarks,
        state=np.full(n, RowState.DETECTED, np.int8),
        roles={int(t): Role.PATIENT for t in tracks.track_id},
    )


def _detected(run: Run, frame: Frame) -> Detections:
    found = list(run.components.detector().detect([frame]))
    if len(found) != 1 or not isinstance(found[0], Detections):
        raise ContractError(f"detect: expected 1 Detections, got {len(found)} items")
    return found[0]


def _frame(picture: Picture) -> Frame:
    if isinstance(picture, np.ndarray):
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ConfigError(
                f"picture: expected (h, w, 3) uint8 in the order blue, green, red, got shape "
                f"{picture.shape} of {picture.dtype}"
            )
        return Frame(np.array(picture), 0, 0.0)
    from framework.media import open_reader

    with open_reader(Path(picture)) as reader:
        return next(iter(reader))


def _run(options: Iterable[str], **settings: Any) -> Run:
    from framework.pipeline.run import Run

    return Run.configured(options=options, **settings)
