"""The detector with its real network, on a real face."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from framework_faces.anchors import anchors
from framework_faces.config import RetinaFaceOptions
from framework_faces.letterbox import fit
from framework_faces.network import MEAN_BGR, MULTIPLE, Network
from framework_faces.retinaface import RetinaFace, build

from framework.spec import BuildContext
from framework.types import Detections, Frame, Image
from tests.faces.carphone import first_frames

CPU = BuildContext(threads=1, device="cpu")

# Box of the first frame of carphone_pristine.mp4, pixels.
GOLDEN_BOX = (65.7, 35.4, 110.8, 97.5)


@pytest.fixture(scope="module")
def face() -> Image:
    return first_frames(1)[0]


def _detect(image: Image, **options: Any) -> Detections:
    return build(RetinaFaceOptions(**options), CPU).detect([Frame(image, 0, 0.0)])[0]


def _on_canvas(face: Image, width: int, height: int, face_width: int, x: int, y: int) -> Image:
    """The clip's picture scaled so that its face is about ``face_width`` wide, at (x, y)."""
    scale = face_width / 45.0
    small = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((height, width, 3), 110, np.uint8)
    h, w = min(small.shape[0], height - y), min(small.shape[1], width - x)
    canvas[y : y + h, x : x + w] = small[:h, :w]
    return canvas


def test_finds_the_face_of_the_demo_clip(face: Image) -> None:
    found = _detect(face)
    assert len(found) == 1
    assert found.score[0] > 0.9
    np.testing.assert_allclose(found.xyxy[0], GOLDEN_BOX, atol=3.0)


def test_frames_side_by_side_give_what_single_frames_give(face: Image) -> None:
    frames = [
        Frame(_on_canvas(face, 640, 360, 40 + 9 * i, 50 * i, 20), i, i / 25) for i in range(5)
    ]
    frames[3] = Frame(np.full((360, 640, 3), 110, np.uint8), 3, 3 / 25)
    several = build(RetinaFaceOptions(), BuildContext(threads=3, device="cpu"))
    together = several.detect(frames)
    for frame, found in zip(frames, together, strict=True):
        alone = several.detect([frame])[0]
        assert len(alone) == len(found) == (0 if frame.index == 3 else 1)
        np.testing.assert_allclose(found.xyxy, alone.xyxy, atol=1e-3)
        np.testing.assert_allclose(found.score, alone.score, atol=1e-5)
        np.testing.assert_allclose(found.landmarks, alone.landmarks, atol=1e-3)


def test_landmarks_are_in_the_order_of_the_contract(face: Image) -> None:
    found = _detect(face)
    assert found.landmarks is not None
    left_eye, right_eye, nose, left_mouth, right_mouth = found.landmarks[0]
    assert left_eye[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    left, top, right, bottom = found.xyxy[0]
    assert (found.landmarks[0] > [left, top]).all()
    assert (found.landmarks[0] < [right, bottom]).all()


def test_several_frames_give_what_each_gives_alone(face: Image) -> None:
    detector = build(RetinaFaceOptions(size=320), CPU)
    frames = [
        Frame(face, 0, 0.0),
        Frame(np.ascontiguousarray(face[:, ::-1]), 1, 0.04),
        Frame(np.ascontiguousarray(face[:100, :90]), 2, 0.08),
    ]
    together = detector.detect(frames)
    assert len(together) == 3
    for frame, found in zip(frames, together, strict=True):
        alone = detector.detect([frame])[0]
        np.testing.assert_allclose(found.xyxy, alone.xyxy, atol=1e-3)
        np.testing.assert_allclose(found.score, alone.score, atol=1e-5)
    assert detector.detect([]) == []


@pytest.mark.parametrize("options", [{}, {"refine": False, "rotations": "always"}])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_faces_are_found_with_their_landmarks(
    face: Image, turns: int, options: dict[str, Any]
) -> None:
    upright = _detect(face)
    turned = _detect(np.ascontiguousarray(np.rot90(face, -turns)), **options)
    assert len(turned) >= 1
    assert turned.score[0] > 0.8
    assert upright.landmarks is not None
    assert turned.landmarks is not None
    height, width = face.shape[:2]
    x, y = upright.landmarks[0].T
    expected = {1: (height - y, x), 2: (width - x, height - y), 3: (y, width - x)}[turns]
    # The person's own right eye comes first, however the head is turned.
    np.testing.assert_allclose(turned.landmarks[0], np.stack(expected, axis=1), atol=6.0)


@pytest.mark.parametrize(
    ("width", "height", "face_width"), [(1280, 720, 48), (1280, 720, 300), (3840, 2160, 400)]
)
def test_small_and_large_faces_in_large_pictures(
    face: Image, width: int, height: int, face_width: int
) -> None:
    found = _detect(_on_canvas(face, width, height, face_width, width // 3, height // 8))
    assert found.score[0] > 0.5
    box_width = found.xyxy[0, 2] - found.xyxy[0, 0]
    assert 0.6 * face_width < box_width < 1.5 * face_width


def test_a_face_that_fills_the_picture(face: Image) -> None:
    left, top, right, bottom = _detect(face).xyxy[0].round().astype(int)
    closeup = cv2.resize(face[top:bottom, left:right], (1280, 720))
    found = _detect(closeup)
    assert found.score[0] > 0.5


@pytest.mark.parametrize("shape", [(16, 16), (1, 1), (2, 640), (640, 2)])
def test_tiny_and_odd_pictures_do_no_harm(shape: tuple[int, int]) -> None:
    found = _detect(np.full((*shape, 3), 128, np.uint8))
    assert found.landmarks is not None
    assert found.landmarks.shape == (len(found), 5, 2)


def test_nothing_is_found_where_nothing_is() -> None:
    assert len(_detect(np.full((360, 640, 3), 127, np.uint8))) == 0


def test_smaller_faces_than_asked_for_are_left_out(face: Image) -> None:
    assert len(_detect(face, min_face=40)) == 1
    assert len(_detect(face, min_face=150)) == 0


class _FixedNetwork:
    """Stands for the session: every anchor scores the same."""

    def __init__(self, score: float) -> None:
        self._score = score

    def run(self, names: tuple[str, ...], inputs: dict[str, Any]) -> list[np.ndarray]:
        height, width = inputs["input"].shape[2:]
        n = sum(2 * (height // s) * (width // s) for s in (8, 16, 32))
        batch = len(inputs["input"])
        conf = np.full((batch, n, 2), self._score, np.float32)
        return [
            np.zeros((batch, n, 4), np.float32),
            conf,
            np.zeros((batch, n, 10), np.float32),
        ]


def test_noise_everywhere_stays_bounded() -> None:
    detector = RetinaFace(RetinaFaceOptions(max_faces=50), _FixedNetwork(0.9))
    found = detector.detect([Frame(np.zeros((360, 640, 3), np.uint8), 0, 0.0)])[0]
    assert 0 < len(found) <= 50


class _EmptyUpright:
    """Counts the passes; sees nothing."""

    def __init__(self) -> None:
        self.widths: list[int] = []

    def run(self, names: tuple[str, ...], inputs: dict[str, Any]) -> list[np.ndarray]:
        self.widths.append(inputs["input"].shape[3])
        return _FixedNetwork(0.0).run(names, inputs)


@pytest.mark.parametrize(
    ("options", "widths"),
    [
        ({"rotations": "never"}, [640]),
        ({"rotations": "empty", "rotation_size": 320}, [640, 192, 320, 192]),
        ({"rotations": "never", "coarse_size": 256}, [640, 256]),
    ],
)
def test_each_option_adds_its_passes(options: dict[str, Any], widths: list[int]) -> None:
    network = _EmptyUpright()
    detector = RetinaFace(RetinaFaceOptions(size=640, **options), network)
    detector.detect([Frame(np.zeros((360, 640, 3), np.uint8), 0, 0.0)])
    assert network.widths == widths


def test_a_weak_network_answer_is_no_face() -> None:
    detector = RetinaFace(RetinaFaceOptions(threshold=0.3), _FixedNetwork(0.29))
    assert len(detector.detect([Frame(np.zeros((64, 64, 3), np.uint8), 0, 0.0)])[0]) == 0


def test_the_network_sees_what_opencv_would_show_it() -> None:
    seen: list[np.ndarray] = []

    class Session:
        def run(self, names: tuple[str, ...], given: dict[str, np.ndarray]) -> list[np.ndarray]:
            seen.append(given["input"])
            count = len(anchors(64, 96))
            shapes = ((1, count, 4), (1, count, 2), (1, count, 10))
            return [np.zeros(shape, np.float32) for shape in shapes]

    picture = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    fitted, placement = fit(picture, 96, 0, MULTIPLE, MEAN_BGR)
    Network(Session(), 0.5).candidates([fitted], [placement])
    np.testing.assert_array_equal(seen[0], cv2.dnn.blobFromImages([fitted], mean=MEAN_BGR))


def test_second_look_finds_a_face_in_coordinates_of_the_picture(face: Image) -> None:
    canvas = _on_canvas(face, 640, 360, 30, 200, 90)
    detector = build(RetinaFaceOptions(), CPU)
    frame = Frame(canvas, 0, 0.0)
    usual = detector.detect([frame])[0]
    again = detector.detect_closer(frame, usual.xyxy[0])
    assert again.score[0] > 0.95
    np.testing.assert_allclose(again.xyxy[0], usual.xyxy[0], atol=5.0)


def test_second_look_at_a_face_on_the_border_works(face: Image) -> None:
    canvas = _on_canvas(face, 640, 360, 60, 560, 100)
    found = build(RetinaFaceOptions(), CPU).detect_closer(
        Frame(canvas, 0, 0.0), np.array([600, 140, 660, 220], np.float32)
    )
    assert np.isfinite(found.xyxy).all()


def test_second_look_at_an_even_place_finds_nothing() -> None:
    frame = Frame(np.full((360, 640, 3), 110, np.uint8), 0, 0.0)
    box = np.array([100, 100, 150, 160], np.float32)
    assert len(build(RetinaFaceOptions(), CPU).detect_closer(frame, box)) == 0


def test_large_look_finds_a_face_that_the_usual_one_misses(face: Image) -> None:
    canvas = _on_canvas(face, 1280, 720, 11, 600, 300)
    detector = build(RetinaFaceOptions(), CPU)
    frame = Frame(canvas, 0, 0.0)
    assert len(detector.detect([frame])[0]) == 0
    found = detector.detect_larger(frame)
    assert len(found) == 1
    assert found.score[0] >= 0.6
    middle = (found.xyxy[0, :2] + found.xyxy[0, 2:]) / 2
    np.testing.assert_allclose(middle, (600 + 88 * 11 / 45, 300 + 66 * 11 / 45), atol=6.0)


def test_no_large_look_where_it_would_enlarge_too_much(face: Image) -> None:
    assert len(build(RetinaFaceOptions(), CPU).detect_larger(Frame(face, 0, 0.0))) == 0
