from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from framework.alignment import TEMPLATE, align
from framework.quality import (
    HeadPose,
    blur_effect,
    face_quality,
    head_pose,
    inter_ocular,
    pose_score,
    sharpness_score,
    size_score,
)

# A head in units of its inter-ocular distance: eyes, nose tip, mouth corners; x right, y down, z
# towards the camera. The proportions of the alignment template, the nose 0.48 in front.
HEIGHT = 40.7 / 35.2
HEAD = np.array(
    [
        [-0.5, 0.0, 0.0],
        [0.5, 0.0, 0.0],
        [0.0, 0.544 * HEIGHT, 0.48],
        [-0.41, HEIGHT, 0.0],
        [0.41, HEIGHT, 0.0],
    ]
)


def seen(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0, size: float = 60.0) -> np.ndarray:
    """The five landmarks of the head, turned by these angles (degrees), at ``size`` pixels."""
    a, b, c = np.radians([yaw, pitch, roll])
    around_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    around_x = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
    turned = HEAD @ around_y.T @ around_x.T
    flat = np.array([[np.cos(c), -np.sin(c)], [np.sin(c), np.cos(c)]])
    return turned[:, :2] @ flat.T * size + 100.0


def noise(side: int = 112, seed: int = 0) -> np.ndarray:
    """A crop full of detail at every scale."""
    rng = np.random.default_rng(seed)
    total = np.zeros((side, side, 3))
    for step in (2, 4, 8):
        small = rng.uniform(0, 255, (-(-side // step), -(-side // step), 3))
        total += np.kron(small, np.ones((step, step, 1)))[:side, :side]
    return (total / 3).astype(np.uint8)


@pytest.mark.parametrize("yaw", [-60, -35, -10, 0, 20, 45, 60])
@pytest.mark.parametrize("roll", [-40, 0, 90])
def test_yaw_and_roll_of_a_turned_head(yaw: float, roll: float) -> None:
    pose = head_pose(seen(yaw=yaw, roll=roll))
    assert pose.yaw == pytest.approx(yaw, abs=3)
    assert pose.roll == pytest.approx(roll, abs=3)
    assert abs(pose.pitch) < 3


@pytest.mark.parametrize("pitch", [-40, -20, 0, 20, 40])
def test_pitch_of_a_nodding_head(pitch: float) -> None:
    pose = head_pose(seen(pitch=pitch))
    assert pose.pitch == pytest.approx(pitch, abs=3)
    assert abs(pose.yaw) < 3


def test_the_direction_of_the_angles() -> None:
    frontal = seen()
    assert head_pose(frontal + np.outer([0, 0, 1, 0, 0], [9, 0])).yaw > 5  # nose to the right
    assert head_pose(frontal + np.outer([0, 0, 1, 0, 0], [0, 9])).pitch > 5  # nose down


@settings(max_examples=100, deadline=None)
@given(
    st.floats(-70, 70), st.floats(-45, 45), st.floats(-80, 80), st.floats(5, 500), st.floats(-9, 9)
)
def test_angles_do_not_depend_on_size_or_place(
    yaw: float, pitch: float, roll: float, size: float, shift: float
) -> None:
    a = head_pose(seen(yaw, pitch, roll))
    b = head_pose(seen(yaw, pitch, roll, size=size) + shift)
    for name in ("yaw", "pitch", "roll"):
        assert getattr(a, name) == pytest.approx(getattr(b, name), abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(npst.arrays(np.float64, (5, 2), elements=st.floats(-1e4, 1e4)))
def test_any_finite_landmarks_give_finite_angles_and_bounded_scores(points: np.ndarray) -> None:
    pose = head_pose(points)
    assert np.isfinite([pose.yaw, pose.pitch, pose.roll]).all()
    assert 0 <= pose_score(pose) <= 1
    assert 0 <= size_score(inter_ocular(points)) <= 1


def test_turning_the_head_costs_pose_and_not_size() -> None:
    frontal, turned = inter_ocular(seen()), inter_ocular(seen(yaw=60))
    assert turned == pytest.approx(frontal, rel=0.02)
    scores = [pose_score(head_pose(seen(yaw=y))) for y in (0, 15, 30, 45, 60, 75)]
    assert scores[:2] == [1.0, 1.0]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] == 0.0
    assert pose_score(HeadPose(0, 60, 0)) == 0 == pose_score(HeadPose(0, 0, 120))


def test_size_is_logarithmic_between_its_limits() -> None:
    assert [size_score(x) for x in (0, 6, 24, 300)] == [0, 0, 1, 1]
    assert size_score(12) == pytest.approx(0.5)


def test_more_blur_is_less_sharp_and_contrast_does_not_matter() -> None:
    crop = noise()
    blurred = [crop] + [cv2.GaussianBlur(crop, (0, 0), s) for s in (1, 2, 3, 5)]
    scores = [sharpness_score(c, 60.0) for c in blurred]
    assert scores[0] == 1.0
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < scores[0] - 0.5
    faint = (crop // 4 + 90).astype(np.uint8)
    assert sharpness_score(faint, 60.0) == pytest.approx(scores[0], abs=0.05)


def test_motion_blur_in_one_direction_counts_in_full() -> None:
    crop = noise()
    moved = cv2.blur(crop, (9, 1))
    spread = cv2.blur(crop, (9, 9))
    effects = [
        blur_effect(cv2.cvtColor(c, cv2.COLOR_BGR2GRAY).astype(np.float32)) for c in (moved, spread)
    ]
    assert effects[0] == pytest.approx(effects[1], abs=0.12)


def test_a_small_sharp_face_is_small_not_blurred() -> None:
    scene = noise(448, seed=3)
    points = (TEMPLATE * 4).astype(np.float32)
    large = face_quality(align(scene, points, 112), points)
    small_scene = cv2.resize(scene, None, fx=1 / 12, fy=1 / 12, interpolation=cv2.INTER_AREA)
    small_points = points / 12
    small = face_quality(align(small_scene, small_points, 112), small_points)
    assert small.inter_ocular_px == pytest.approx(large.inter_ocular_px / 12, rel=1e-3)
    assert small.size < 0.6 < large.size
    assert small.sharpness > 0.6


def test_a_flat_crop_and_landmarks_that_are_not_known_have_no_quality() -> None:
    flat = np.full((112, 112, 3), 128, np.uint8)
    assert face_quality(flat, TEMPLATE).overall == 0
    unknown = np.full((5, 2), np.nan, np.float32)
    assert face_quality(noise(), unknown).overall == 0


def test_the_face_is_as_good_as_its_weakest_component() -> None:
    q = face_quality(noise(), seen(yaw=40, size=15).astype(np.float32))
    assert q.overall == min(q.size, q.sharpness, q.pose)
    assert 0 < q.pose < 1 and 0 < q.size < 1


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.5])
@pytest.mark.parametrize("side", [48, 112, 224])
def test_crops_of_any_size_and_scale_are_taken(side: int, scale: float) -> None:
    scene = noise(448)
    points = (TEMPLATE * 3).astype(np.float32)
    q = face_quality(align(scene, points, side, scale), points, scale)
    assert 0.5 < q.sharpness <= 1
