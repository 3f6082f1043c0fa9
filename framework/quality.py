"""How well an expression can be read from one face: 0 (not at all) to 1 (nothing in the way).

Three components, each in [0, 1]; the face is as good as the weakest of them, because a large sharp
profile is as unreadable as a frontal face of six pixels, and an average would hide that.

* **size**: inter-ocular distance in pixels of the recording, see :func:`size_score`.
* **sharpness**: the blur effect of Crété et al. (2007) on the aligned crop, see
  :func:`sharpness_score`.
* **pose**: how far the head is turned, from the five landmarks, see :func:`head_pose` and
  :func:`pose_score`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.alignment import TEMPLATE, TEMPLATE_SIZE
from framework.types import Image

SMALLEST_PX = 6.0
"""Inter-ocular distance at which nothing can be read (a face of about 15 pixels)."""
ENOUGH_PX = 24.0
"""Inter-ocular distance beyond which more pixels add little (a face of about 60 pixels; the common
training sets of expression recognition are 48 pixels wide)."""

SHARP_BLUR_EFFECT = 0.48
UNREADABLE_BLUR_EFFECT = 0.82
"""Blur effect of a face in focus, and of one without features. On 204 sharp frontal photographs
(Face Research Lab London Set, DeBruine and Jones) aligned to 35 pixels between the eyes, the median
is 0.40, and 0.60, 0.75 and 0.82 after a Gaussian blur of 1, 2 and 3 of these pixels; the last
leaves about what a face of :data:`SMALLEST_PX` has."""

YAW_FREE_DEG, YAW_LIMIT_DEG = 20.0, 65.0
PITCH_FREE_DEG, PITCH_LIMIT_DEG = 25.0, 55.0
ROLL_FREE_DEG, ROLL_LIMIT_DEG = 45.0, 100.0
"""Angles up to which the pose costs nothing, and from which the score is 0."""

_TEMPLATE_EYES = float(TEMPLATE[1, 0] - TEMPLATE[0, 0])
_TEMPLATE_HEIGHT = float(TEMPLATE[3:, 1].mean() - TEMPLATE[:2, 1].mean())
# Nose tip in front of the plane of eyes and mouth, over the inter-ocular distance of a frontal
# face. Adults: about 30 mm over 63 mm.
_NOSE_DEPTH = 0.48
# Where on the way from eyes to mouth the nose tip of a frontal face is seen: the median of
# RetinaFace's landmarks on the photographs named above.
_NOSE_HEIGHT = 0.544


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Approximate angles in degrees; 0, 0, 0 faces the camera.

    Attributes:
        yaw: positive when the nose points to the right of the picture.
        pitch: positive when the nose points down.
        roll: positive when the head leans clockwise in the picture.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """Quality of one face for reading its expression.

    Attributes:
        overall: the least of the three components, 0 to 1.
        size, sharpness, pose: the components, 0 to 1.
        inter_ocular_px: what ``size`` rests on, pixels of the recording (corrected for yaw).
        angles: what ``pose`` rests on.
    """

    overall: float
    size: float
    sharpness: float
    pose: float
    inter_ocular_px: float
    angles: HeadPose


def face_quality(
    crop: Image, landmarks: NDArray[np.float32], crop_scale: float = 1.0
) -> FaceQuality:
    """Quality of one face.

    Args:
        crop: (s, s, 3) BGR, from :func:`framework.alignment.align` with the same landmarks.
        landmarks: (5, 2) pixels **of the recording**, not of the crop.
        crop_scale: the ``scale`` the crop was aligned with.

    Returns:
        Quality with every component. Landmarks that are not finite give a quality of 0: the face
        cannot have been aligned.
    """
    points = np.asarray(landmarks, np.float64).reshape(5, 2)
    if not np.isfinite(points).all():
        return FaceQuality(0.0, 0.0, 0.0, 0.0, 0.0, HeadPose(0.0, 0.0, 0.0))
    distance = inter_ocular(points)
    angles = head_pose(points)
    size = size_score(distance)
    sharpness = sharpness_score(crop, distance, crop_scale)
    pose = pose_score(angles)
    return FaceQuality(min(size, sharpness, pose), size, sharpness, pose, distance, angles)


def inter_ocular(landmarks: NDArray[np.float64]) -> float:
    """Distance between the eyes in pixels, as it would be if the face were seen from the front.

    Turning the head shortens the distance between the eyes, but not the one from eyes to mouth;
    nodding does the reverse. The larger of the two (the latter scaled by the proportions of the
    alignment template) is used, so that ``size`` speaks of pixels and only ``pose`` of the angle.
    """
    points = np.asarray(landmarks, np.float64).reshape(5, 2)
    eyes = float(np.linalg.norm(points[1] - points[0]))
    height = float(np.linalg.norm(points[3:].mean(axis=0) - points[:2].mean(axis=0)))
    return max(eyes, height * _TEMPLATE_EYES / _TEMPLATE_HEIGHT)


def size_score(inter_ocular_px: float) -> float:
    """0 below :data:`SMALLEST_PX`, 1 from :data:`ENOUGH_PX`, linear in the logarithm between them.

    Logarithmic because what counts is by which factor the face had to be enlarged.
    """
    if inter_ocular_px <= SMALLEST_PX:
        return 0.0
    span = math.log(ENOUGH_PX / SMALLEST_PX)
    return min(1.0, math.log(inter_ocular_px / SMALLEST_PX) / span)


def sharpness_score(crop: Image, inter_ocular_px: float, crop_scale: float = 1.0) -> float:
    """Focus and motion blur, independent of contrast and of the size of the face.

    The blur effect is measured at the resolution at which the recording shows the face, or at that
    of the alignment template if that is less: enlarging a small face must not make it count as
    blurred (its size already speaks against it), and a close-up must not have to be sharp to
    the pore.

    Args:
        crop: (s, s, 3) BGR, aligned.
        inter_ocular_px: in the recording, pixels.
        crop_scale: the ``scale`` the crop was aligned with.

    Returns:
        1 for a blur effect up to :data:`SHARP_BLUR_EFFECT`, 0 from :data:`UNREADABLE_BLUR_EFFECT`,
        linear between them; 0 for a crop without any structure.
    """
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_BGR2GRAY)
    side = grey.shape[0]
    in_crop = _TEMPLATE_EYES * side / (TEMPLATE_SIZE * crop_scale)
    wanted = min(inter_ocular_px, in_crop, _TEMPLATE_EYES)
    target = max(16, round(side * wanted / in_crop))
    if target < side:
        grey = cv2.resize(grey, (target, target), interpolation=cv2.INTER_AREA)
    effect = blur_effect(np.asarray(grey, np.float32))
    span = UNREADABLE_BLUR_EFFECT - SHARP_BLUR_EFFECT
    return float(np.clip((UNREADABLE_BLUR_EFFECT - effect) / span, 0.0, 1.0))


def blur_effect(grey: NDArray[np.float32], kernel: int = 9) -> float:
    """How little a picture changes when it is blurred once more (Crété et al. 2007).

    For each direction the variation between neighbouring pixels is compared with that of the
    picture after a moving average of ``kernel`` pixels: a sharp picture loses most of it, a blurred
    one almost nothing. The result is the larger of both directions, so that motion blur in one
    direction counts in full.

    Args:
        grey: (h, w).
        kernel: width of the moving average, pixels.

    Returns:
        0 (sharp) to 1 (blurred); 1 for a flat picture, whose strongest edge is below two grey
        levels.
    """
    import cv2

    worst = 0.0
    for axis in (0, 1):
        shape = (1, kernel) if axis == 0 else (kernel, 1)  # cv2 wants (width, height)
        blurred = cv2.blur(grey, shape, borderType=cv2.BORDER_REPLICATE)
        sharp_step = np.abs(np.diff(grey, axis=axis))
        if sharp_step.size == 0 or float(sharp_step.max()) < 2.0:
            return 1.0
        lost = np.maximum(0.0, sharp_step - np.abs(np.diff(blurred, axis=axis)))
        total = float(sharp_step.sum())
        worst = max(worst, (total - float(lost.sum())) / total)
    return worst


def head_pose(landmarks: NDArray[np.float64]) -> HeadPose:
    """Angles of the head from five landmarks, in closed form.

    Orthographic projection of a head whose nose tip stands out from the plane of eyes and mouth by
    ``d`` = 0.48 inter-ocular distances. With the roll taken out, the nose moves against the middle
    of the face by ``d sin(yaw)`` while the eyes come together by ``cos(yaw)``, so that ``tan(yaw) =
    (nose offset / eye distance) / d``, and likewise for the pitch along the line from eyes to
    mouth. These are proxies: people's noses differ, and so do detectors' landmarks. On the
    frontal photographs named above, 96 % lie within 8 degrees of yaw and 20 degrees of pitch. They
    separate frontal from half profile and half profile from profile.

    Args:
        landmarks: (5, 2) finite pixels.
    """
    points = np.asarray(landmarks, np.float64).reshape(5, 2)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across, down = points[1] - points[0], mouth - eyes
    # In profile the two eyes nearly coincide and their direction is noise, so the line from eyes to
    # mouth, which stays long, has its say in proportion to its length.
    upright = across + np.array([down[1], -down[0]])
    norm = float(np.linalg.norm(upright))
    if norm < 1e-9:
        return HeadPose(0.0, 0.0, 0.0)
    x_axis = upright / norm
    y_axis = np.array([-x_axis[1], x_axis[0]])
    roll = math.degrees(math.atan2(x_axis[1], x_axis[0]))

    width = abs(float(across @ x_axis))
    height = abs(float(down @ y_axis))
    nose = points[2] - eyes
    # Where the nose would be seen if it did not stand out from the plane of the face.
    base = down * _NOSE_HEIGHT
    offset = nose - base
    full_width = max(width, height * _TEMPLATE_EYES / _TEMPLATE_HEIGHT, 1e-9)
    depth = _NOSE_DEPTH * full_width
    yaw = math.degrees(math.atan2(float(offset @ x_axis) / depth, max(width / full_width, 1e-9)))
    foreshortened = max(height / (full_width * _TEMPLATE_HEIGHT / _TEMPLATE_EYES), 1e-9)
    pitch = math.degrees(math.atan2(float(offset @ y_axis) / depth, foreshortened))
    return HeadPose(yaw=yaw, pitch=pitch, roll=roll)


def pose_score(angles: HeadPose) -> float:
    """1 for a face that looks at the camera, 0 for a profile: the least of three ramps.

    Yaw is free up to 20 degrees and costs everything at 65; pitch, less certain from five points,
    25 and 55. Roll is undone by the alignment and counts only where landmarks become doubtful: 45
    and 100.
    """
    scores = (
        _ramp_down(abs(angles.yaw), YAW_FREE_DEG, YAW_LIMIT_DEG),
        _ramp_down(abs(angles.pitch), PITCH_FREE_DEG, PITCH_LIMIT_DEG),
        _ramp_down(abs(angles.roll), ROLL_FREE_DEG, ROLL_LIMIT_DEG),
    )
    return min(scores)


def _ramp_down(value: float, free: float, limit: float) -> float:
    return min(1.0, max(0.0, (limit - value) / (limit - free)))
