"""When the model can't be trusted with a frame: reasons to show the mask instead."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.quality import head_pose
from framework_fomm.config import FommOptions
from framework_fomm.model import Keypoints

LOST = "lost"
SMALL = "small"
EDGE = "edge"
TURNED = "turned"
MOTION = "motion"
HIDDEN = "hidden"
WARM_UP = "warm-up"
SHORT = "short"
NO_DONOR = "no-donor"
FAILED = "failed"

_VISIBLE_SHARE = 0.8  # of the box that has to be inside the picture
_LYING_DEG = 75.0
_MAX_SHIFT = 0.45  # of any keypoint against the neutral frame, in half pictures
_MAX_COORDINATE = 1.3
_JACOBIAN_RANGE = (0.2, 5.0)  # area change of a local map against the neutral frame
# Of 1,200 ordinary views of eight people of the training set, 32 to 160 pixels tall, none exceeds
# 1.60; with a patch over the eyes 92 % exceed 1.65, over the mouth 61 % (examples/fomm_hidden.py).
_MAX_SPREAD_RATIO = 1.65


@dataclass(frozen=True)
class FaceView:
    """One face in one frame, as the tracker gives it."""

    xyxy: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None
    observed: bool


def unusable_view(face: FaceView, frame_size: tuple[int, int], options: FommOptions) -> str | None:
    """Why a face can't be swapped, from box and landmarks alone; None if it can."""
    if not face.observed:
        return LOST
    left, top, right, bottom = (float(v) for v in face.xyxy)
    if bottom - top < options.min_face_px or right - left < 0.4 * options.min_face_px:
        return SMALL
    width, height = frame_size
    seen_x = min(right, width) - max(left, 0.0)
    seen_y = min(bottom, height) - max(top, 0.0)
    visible = max(0.0, seen_x) * max(0.0, seen_y)
    if visible < _VISIBLE_SHARE * (right - left) * (bottom - top):
        return EDGE
    if face.landmarks is not None and np.isfinite(face.landmarks).all():
        points = face.landmarks.astype(np.float64)
        eyes, mouth = points[:2].mean(0), points[3:].mean(0)
        if mouth[1] <= eyes[1]:  # upside down, however the points are numbered
            return TURNED
        pose = head_pose(points)
        turned = (
            abs(pose.yaw) > options.max_yaw_deg
            or abs(pose.pitch) > options.max_pitch_deg
            or abs(pose.roll) > options.max_roll_deg
        )
        if turned:
            return TURNED
    return None


def roll(landmarks: NDArray[np.float32] | None) -> float:
    """How far a head leans, radians, clockwise; nan if that isn't known or it lies on its side."""
    if landmarks is None or not np.isfinite(landmarks).all():
        return math.nan
    degrees = head_pose(landmarks.astype(np.float64)).roll
    return math.radians(degrees) if abs(degrees) < _LYING_DEG else math.nan


def frontality(face: FaceView) -> float:
    """0 to 1: 1 for a face that looks at the camera; 0.5 if there are no landmarks to tell."""
    if face.landmarks is None or not np.isfinite(face.landmarks).all():
        return 0.5
    pose = head_pose(face.landmarks.astype(np.float64))
    off = math.hypot(pose.yaw / 30, pose.pitch / 40, pose.roll / 30)
    return math.exp(-0.5 * off * off)


def unusable_motion(
    driving: Keypoints, neutral: Keypoints, spread: float, neutral_spread: float
) -> str | None:
    """Why a pose can't be rendered, from one frame's keypoints (1, K, ...); None if it can."""
    value = driving.value.numpy()
    jacobian = driving.jacobian.numpy()
    if not (np.isfinite(value).all() and np.isfinite(jacobian).all()):
        return MOTION
    shift = np.abs(value - neutral.value.numpy())
    # the median: one keypoint may follow a hand, a head moves them all
    if float(np.median(shift.max(axis=-1))) > _MAX_SHIFT or np.abs(value).max() > _MAX_COORDINATE:
        return MOTION
    area = np.linalg.det(jacobian) / np.linalg.det(neutral.jacobian.numpy())
    low, high = _JACOBIAN_RANGE
    if not low < float(np.median(area)) < high:
        return MOTION
    if spread > _MAX_SPREAD_RATIO * neutral_spread:
        return HIDDEN
    return None
