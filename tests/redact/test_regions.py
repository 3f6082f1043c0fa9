"""The region that is covered: contains the face, follows its tilt, never breaks on odd boxes."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from framework.alignment import landmarks_from_box
from framework.regions import REACH, Region, Shape, face_region, regions_of
from framework.types import Tracks

FRAME = (640, 480)

coordinate = st.floats(-2000, 3000, width=32)
boxes = st.tuples(coordinate, coordinate, coordinate, coordinate)


def covered(region: Region, frame: tuple[int, int] = FRAME, feather: float = 0.0) -> NDArray:
    """The whole frame's mask, made only here, for comparison."""
    full = np.zeros((frame[1], frame[0]), np.uint8)
    rect, mask = region.raster(feather)
    full[rect.slices] = mask
    return full


def box_of(centre: tuple[float, float], half: tuple[float, float]) -> NDArray[np.float32]:
    (x, y), (w, h) = centre, half
    return np.array([x - w, y - h, x + w, y + h], np.float32)


def rotated_face(degrees: float, size: float = 100.0) -> tuple[NDArray, NDArray, NDArray]:
    """Box, landmarks and outline (chin, ears, hairline) of an egg-shaped head at (320, 240)."""
    upright = landmarks_from_box(box_of((0, 0), (0.4 * size, 0.5 * size))[None])[0]
    t = np.linspace(0, 2 * math.pi, 100)
    face = np.stack([0.4 * size * np.cos(t), 0.5 * size * np.sin(t)], axis=1)
    head = np.stack([0.5 * size * np.cos(t), 0.6 * size * np.sin(t) - 0.12 * size], axis=1)
    a = math.radians(degrees)
    turn = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    face, head = face @ turn.T + [320, 240], head @ turn.T + [320, 240]
    box = np.concatenate([face.min(axis=0), face.max(axis=0)]).astype(np.float32)
    return box, (upright @ turn.T + [320, 240]).astype(np.float32), head


@pytest.mark.parametrize("shape", ["head", "box"])
@settings(max_examples=60, deadline=None)
@given(box=boxes, observed=st.booleans(), margin=st.floats(0, 1))
def test_region_contains_the_detectors_box(
    shape: Shape, box: tuple[float, ...], observed: bool, margin: float
) -> None:
    xyxy = np.array(box, np.float32)
    region = face_region(xyxy, FRAME, observed=observed, shape=shape, margin=margin)
    full = covered(region)
    left, right = sorted((xyxy[0], xyxy[2]))
    top, bottom = sorted((xyxy[1], xyxy[3]))
    ys, xs = np.mgrid[0 : FRAME[1], 0 : FRAME[0]]
    inside = (xs >= left) & (xs <= right) & (ys >= top) & (ys <= bottom)
    assert (full[inside] == 255).all()


@settings(max_examples=80, deadline=None)
@given(box=boxes, shape=st.sampled_from(["head", "box", "ellipse", "landmark"]))
def test_any_box_gives_a_raster_inside_the_frame(box: tuple[float, ...], shape: Shape) -> None:
    rect, mask = face_region(np.array(box, np.float32), FRAME, shape=shape).raster(7.0)
    assert mask.shape == (rect.height, rect.width)
    assert mask.dtype == np.uint8
    assert rect.left >= 0 and rect.right <= FRAME[0] and rect.top >= 0 and rect.bottom <= FRAME[1]


@settings(max_examples=60, deadline=None)
@given(x=st.floats(150, 450), y=st.floats(150, 330), w=st.floats(0, 60), h=st.floats(0, 60))
def test_default_region_stays_within_reach(x: float, y: float, w: float, h: float) -> None:
    box = box_of((x, y), (w, h))
    region = face_region(box, FRAME, observed=False)
    far = REACH * max(16.0, 2 * w, 2 * h)
    assert (region.polygon >= box[:2] - far).all()
    assert (region.polygon <= box[2:] + far).all()


@pytest.mark.parametrize("degrees", range(-180, 180, 15))
@pytest.mark.parametrize("shape", ["head", "box", "ellipse"])
def test_tilted_head_with_hair_and_ears_is_inside(degrees: int, shape: Shape) -> None:
    box, landmarks, head = rotated_face(degrees)
    region = face_region(box, FRAME, landmarks, shape=shape)
    mask = covered(region)
    points = np.round(head).astype(int)
    assert (mask[points[:, 1], points[:, 0]] == 255).mean() == 1.0
    error = (math.degrees(region.roll) - degrees + 180) % 360 - 180
    assert abs(error) < 3


@pytest.mark.parametrize("degrees", [-60, -30, 30, 60])
def test_roll_turns_the_ellipse_with_the_head(degrees: int) -> None:
    box, landmarks, _ = rotated_face(degrees)
    tilted = face_region(box, FRAME, landmarks, shape="ellipse")
    _, _, angle = cv2.fitEllipse(tilted.polygon)
    # fitEllipse gives the direction of the first axis, 0 to 180; the long one is the head's.
    assert abs((angle - degrees + 90) % 180 - 90) < 8


def test_profile_reaches_further_behind_the_ear() -> None:
    box = box_of((320, 240), (45, 60))
    points = landmarks_from_box(box[None])[0].copy()
    frontal = covered(face_region(box, FRAME, points, shape="ellipse"))
    # Looking to the right of the picture: eyes and mouth move there, the nose leads.
    points[:, 0] = [345, 352, 362, 345, 350]
    profile = covered(face_region(box, FRAME, points, shape="ellipse"))
    row = 240
    assert np.flatnonzero(profile[row])[0] < np.flatnonzero(frontal[row])[0] - 10
    points[:, 0] = 640 - points[:, 0]
    mirrored = covered(face_region(box, FRAME, points, shape="ellipse"))
    assert np.flatnonzero(mirrored[row])[-1] > np.flatnonzero(frontal[row])[-1] + 10


def test_profile_eyes_in_one_point_do_not_tilt_the_head() -> None:
    box = box_of((320, 240), (40, 60))
    points = np.array([[340, 215], [340, 217], [356, 240], [338, 265], [339, 266]], np.float32)
    assert abs(math.degrees(face_region(box, FRAME, points).roll)) < 10


@pytest.mark.parametrize(
    "points",
    [
        None,
        np.full((5, 2), np.nan, np.float32),
        np.full((5, 2), 320, np.float32),
        np.full((5, 2), 5000, np.float32),
    ],
)
def test_unusable_landmarks_leave_the_head_upright(points: NDArray[np.float32] | None) -> None:
    box = box_of((320, 240), (40, 50))
    plain = face_region(box, FRAME)
    assert np.array_equal(face_region(box, FRAME, points).polygon, plain.polygon)
    assert plain.roll == 0


def test_carried_box_gets_a_larger_region() -> None:
    box = box_of((320, 240), (40, 50))
    seen, carried = (covered(face_region(box, FRAME, observed=o)) > 0 for o in (True, False))
    assert (carried | ~seen).all()
    assert carried.sum() > 1.2 * seen.sum()


def test_scale_of_the_region_follows_the_face() -> None:
    small = covered(face_region(box_of((320, 240), (20, 25)), FRAME)) > 0
    large = covered(face_region(box_of((320, 240), (40, 50)), FRAME)) > 0
    assert large.sum() / small.sum() == pytest.approx(4.0, rel=0.06)


@pytest.mark.parametrize("box", [(50, 60, 50, 60), (50, 60, 50, 90), (80, 60, 20, 90)])
def test_degenerate_boxes_are_still_covered(box: tuple[int, ...]) -> None:
    mask = covered(face_region(np.array(box, np.float32), FRAME))
    assert mask[(box[1] + box[3]) // 2, (box[0] + box[2]) // 2] == 255


@pytest.mark.parametrize("box", [(-300, -300, -200, -200), (700, 10, 900, 200), (9e8, 0, 1e9, 50)])
def test_boxes_outside_the_frame_cover_nothing(box: tuple[float, ...]) -> None:
    rect, mask = face_region(np.array(box, np.float32), FRAME).raster(9)
    assert rect.empty
    assert mask.size == 0


def test_huge_box_covers_the_whole_frame() -> None:
    assert (covered(face_region(np.array([-1e6, -1e6, 1e6, 1e6], np.float32), FRAME)) == 255).all()


@pytest.mark.parametrize("feather", [2, 5, 30])
def test_feathering_only_adds(feather: int) -> None:
    for box in (box_of((320, 240), (40, 50)), box_of((5, 240), (40, 50))):
        region = face_region(box, FRAME)
        hard, soft = covered(region), covered(region, feather=feather)
        assert (soft[hard == 255] == 255).all()
        assert ((soft > 0) & (soft < 255)).any()


def test_fill_paints_what_raster_marks() -> None:
    for box in (box_of((320, 240), (40, 50)), box_of((-5, 478), (60, 50))):
        region = face_region(box, FRAME)
        image = np.zeros((FRAME[1], FRAME[0], 3), np.uint8)
        region.fill(image, (1, 2, 3))
        assert np.array_equal(image[:, :, 1] == 2, covered(region) == 255)


def test_order_is_by_size_whatever_the_order_of_tracks() -> None:
    xyxy = np.array([[0, 0, 10, 10], [50, 50, 90, 90], [20, 20, 40, 40]], np.float32)
    one = regions_of(Tracks(xyxy=xyxy, score=[1, 1, 1], track_id=[4, 5, 6]), FRAME)
    two = regions_of(Tracks(xyxy=xyxy[::-1], score=[1, 1, 1], track_id=[6, 5, 4]), FRAME)
    assert [r.track_id for r in one] == [r.track_id for r in two] == [5, 6, 4]


def test_bad_arguments_are_named() -> None:
    box = box_of((10, 10), (5, 5))
    with pytest.raises(ValueError, match="margin"):
        face_region(box, FRAME, margin=1.5)
    with pytest.raises(ValueError, match="shape"):
        face_region(box, FRAME, shape="star")  # type: ignore[arg-type]
