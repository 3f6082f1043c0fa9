"""Landmark teachers: they seed the keypoints while training and are no part of the product.

Every teacher gives the 68 points of the iBUG scheme (Sagonas et al., ICCV-W 2013) and the centres
of the two irises, (70, 2) in pixels; a teacher that doesn't know the irises gives NaN for them.

    0..16 jaw   17..21 brow   22..26 brow   27..35 nose   36..41 eye   42..47 eye
    48..59 outer lip   60..67 inner lip   68, 69 irises          (image-left of each pair first)
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framework.errors import ComponentError
from framework_training.fomm.expression import head_frame

POINTS = 70

# fmt: off
MIRROR = np.array([
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65, 69, 68,
])
# fmt: on
"""``mirrored[i]`` is the point ``MIRROR[i]`` of the original with its x turned round."""

KEYPOINTS: tuple[tuple[int, ...], ...] = (
    (17, 18),  # brows: outer end, peak, inner end
    (19,),
    (21,),
    (22,),
    (24,),
    (25, 26),
    (36,),  # image-left eye: outer corner, upper lid, inner corner, lower lid
    (37, 38),
    (39,),
    (40, 41),
    (42,),  # image-right eye: inner corner, upper lid, outer corner, lower lid
    (43, 44),
    (45,),
    (46, 47),
    (48,),  # mouth corners
    (54,),
    (51,),  # outer lips, upper and lower middle
    (57,),
    (62,),  # inner lips, upper and lower middle
    (66,),
    (30,),  # tip of the nose
    (8,),  # chin
    (3, 4),  # jaw
    (12, 13),
    (0, 1),  # temples
    (15, 16),
    (68,),  # irises
    (69,),
)
"""What each of the first keypoints is taught: the mean of these landmarks."""

OUTLINE: tuple[tuple[float, float], ...] = (
    (0.0, 2.3),  # crown
    (-1.35, 1.6),  # hair, upper corners
    (1.35, 1.6),
    (-1.7, -0.4),  # ears
    (1.7, -0.4),
)
"""What the keypoints after those are taught: places where a head ends, which no landmark marks.

(right, up) from the middle of the eyes along and across their line, in half sizes of the head
(:func:`~framework_training.fomm.expression.head_scale`). Without them hair and ears stay behind
when a head moves, until the network has learnt to take them along.
"""

USUAL_SCALE = 0.31
"""Median size of a head over the side of its crop."""

TAUGHT = len(KEYPOINTS) + len(OUTLINE)
"""Number of keypoints that are taught."""


INSTALL_DLIB = "pip install dlib-bin face_recognition_models"


class Teacher(Protocol):
    """Finds the landmarks of the largest face of a picture."""

    name: str

    def find(self, bgr: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """(70, 2) pixels, or None where no face is found."""
        ...

    def begin_clip(self) -> None:
        """The pictures from here on are frames of one clip, in order."""
        ...

    def begin_stills(self) -> None:
        """The pictures from here on have nothing to do with each other."""
        ...


def keypoint_targets(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 70, 2) landmarks -> (..., 33, 2) what the keypoints are taught, :data:`TAUGHT`."""
    parts = [landmarks[..., list(points), :].mean(axis=-2) for points in KEYPOINTS]
    eyes = landmarks[..., [36, 39, 42, 45], :].mean(axis=-2)
    frame = head_frame(landmarks)
    parts += [eyes + frame @ np.array([x, -y]) for x, y in OUTLINE]
    return np.stack(parts, axis=-2).astype(np.float32)


def jacobian_target(landmarks: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(..., 2, 2) what every jacobian is taught, from (..., 70, 2) points in a crop of ``size``.

    The turn and size of the head against an upright one of usual size: a place between two
    keypoints then moves alike with either, where plain shifts would tear it when the head leans.
    """
    return (head_frame(landmarks) / (USUAL_SCALE / 2 * size)).astype(np.float32)


def dlib_model(name: str) -> Path:
    """A model file of the package face_recognition_models; :class:`ComponentError` without it.

    Looked up rather than imported: the package itself needs ``pkg_resources``, which is gone from
    setuptools.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    folder = Path(spec.origin).parent if spec and spec.origin else None
    if folder is None or not (folder / "models" / name).is_file():
        raise ComponentError(f"the model file {name} is not installed: {INSTALL_DLIB}")
    return folder / "models" / name


class DlibTeacher:
    """dlib's 68 points (Kazemi and Sullivan, CVPR 2014), each picture by itself; no irises."""

    name = "dlib"

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError as error:
            raise ComponentError(
                f"the landmark teacher dlib can't be imported ({error}): {INSTALL_DLIB}"
            ) from None
        self._detect = dlib.get_frontal_face_detector()
        self._predict = dlib.shape_predictor(
            str(dlib_model("shape_predictor_68_face_landmarks.dat"))
        )

    def find(self, bgr: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """See :class:`Teacher`."""
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        faces = self._detect(rgb, 0) or self._detect(rgb, 1)
        if not faces:
            return None
        shape = self._predict(rgb, max(faces, key=lambda box: box.area()))
        found = np.full((POINTS, 2), np.nan, np.float32)
        found[:68] = [(point.x, point.y) for point in shape.parts()]
        return found

    def begin_clip(self) -> None:
        """Nothing is carried from picture to picture."""

    def begin_stills(self) -> None:
        """Nothing is carried from picture to picture."""


class MediapipeTeacher:
    """MediaPipe's face mesh with attention (Grishchenko et al., 2020): closer at lids and lips.

    Wheels up to 0.10.21 contain the network; they want numpy 1, hence an environment of their own
    in which only the packing program runs.
    """

    name = "mediapipe"

    # fmt: off
    _MESH = (
        162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
        71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
        33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
        61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
        468, 473,
    )
    # fmt: on

    def __init__(self) -> None:
        try:
            from mediapipe.python.solutions.face_mesh import (  # type: ignore[import-not-found]
                FaceMesh,
            )
        except ImportError as error:
            raise ComponentError(
                f"the landmark teacher mediapipe can't be imported ({error}): "
                "pip install mediapipe==0.10.21 av in an environment of its own (it wants numpy 1)"
            ) from None
        self._video = FaceMesh(static_image_mode=False, max_num_faces=1, refine_landmarks=True)
        self._still = FaceMesh(static_image_mode=True, max_num_faces=1, refine_landmarks=True)
        self._mesh = self._still

    def find(self, bgr: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """See :class:`Teacher`."""
        result = self._mesh.process(np.ascontiguousarray(bgr[..., ::-1]))
        if not result.multi_face_landmarks:
            return None
        points = result.multi_face_landmarks[0].landmark
        height, width = bgr.shape[:2]
        return np.array(
            [(points[i].x * width, points[i].y * height) for i in self._MESH], np.float32
        )

    def begin_clip(self) -> None:
        """See :class:`Teacher`."""
        self._mesh = self._video
        self._mesh.reset()

    def begin_stills(self) -> None:
        """See :class:`Teacher`."""
        self._mesh = self._still


def build_teacher(name: str) -> Teacher:
    """``dlib``, ``mediapipe``, or ``auto``: the better one that is installed.

    Raises :class:`~framework.errors.ComponentError` that names the packages to install.
    """
    if name == "mediapipe":
        return MediapipeTeacher()
    if name == "dlib":
        return DlibTeacher()
    if name != "auto":
        raise ComponentError(f"no landmark teacher {name!r}: choose auto, dlib or mediapipe")
    try:
        return MediapipeTeacher()
    except ComponentError:
        return DlibTeacher()
