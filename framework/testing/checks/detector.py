"""Detectors: stateless, batched, and able to find a face."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from framework.testing import scenes
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Detections, Frame, Image

FACE: scenes.Box = (250.0, 120.0, 392.0, 320.0)


def sample() -> list[Frame]:
    """Frames with a face, without one, and with two."""
    plain: list[list[scenes.Box]] = [[FACE], [], [FACE, (40.0, 200.0, 111.0, 300.0)]]
    return [scenes.frame(scenes.picture(640, 480, b, k), k) for k, b in enumerate(plain)]


def detect(component: Any, frames: list[Frame]) -> list[Detections]:
    """Detect, and check the form of the answer."""
    out = component.detect(frames)
    require(isinstance(out, list), f"expected a list, got {type(out).__name__}")
    require(len(out) == len(frames), f"expected {len(frames)} answers, got {len(out)}")
    for found in out:
        require(isinstance(found, Detections), f"expected Detections, got {type(found).__name__}")
        require(((found.score >= 0) & (found.score <= 1)).all(), "a score outside [0, 1]")
        size = found.xyxy[:, 2:] - found.xyxy[:, :2]
        require((size >= 0).all(), "a box with left > right or top > bottom")
    return list(out)


def require_same(a: list[Detections], b: list[Detections], what: str, tolerance: float) -> None:
    """Fail unless both found the same faces, up to a tolerance in pixels."""
    for index, (one, two) in enumerate(zip(a, b, strict=True)):
        require(len(one) == len(two), f"{what}: frame {index}: {len(one)} faces, then {len(two)}")
        if len(one):
            worst = float(np.abs(one.xyxy - two.xyxy).max())
            require(worst <= tolerance, f"{what}: frame {index}: boxes differ by {worst:.2f} px")


@check()
def answers_for_each_frame(subject: Subject) -> None:
    """One answer a frame, in order, of the right form; none for no frames."""
    component = subject.create()
    detect(component, sample())
    require(component.detect([]) == [], "no frames: expected []")


@check()
def finds_a_face(subject: Subject) -> str:
    """A frontal face of 200 pixels is found, near its place."""
    found = detect(subject.create(), sample())[0]
    centre = np.array([(FACE[0] + FACE[2]) / 2, (FACE[1] + FACE[3]) / 2])
    middles = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
    near = np.abs(middles - centre).max(axis=1) < 40 if len(found) else np.zeros(0, bool)
    require(near.any(), "a frontal face of 200 pixels was not found")
    return f"score {float(found.score[near].max()):.2f}"


@check(needs=("landmarks",))
def gives_plausible_landmarks(subject: Subject) -> None:
    """Five points in the announced order: eyes above the mouth, the left ones on the left."""
    found = detect(subject.create(), sample())[0]
    require(found.landmarks is not None, "announces 'landmarks' and gives none")
    assert found.landmarks is not None
    require(len(found), "the face was not found")
    left_eye, right_eye, nose, left_mouth, right_mouth = found.landmarks[int(found.score.argmax())]
    require(left_eye[0] < right_eye[0], "left eye: expected left of the right eye in the picture")
    require(left_mouth[0] < right_mouth[0], "left mouth corner: expected left of the right one")
    require(
        max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1]),
        "expected eyes above the nose above the mouth",
    )


@check()
def batch_equals_single(subject: Subject) -> None:
    """Several frames at once give what one by one gives."""
    component, frames = subject.create(), sample()
    one_by_one = [detect(component, [frame])[0] for frame in frames]
    require_same(one_by_one, detect(component, frames), "batch", 1.0)


@check()
def is_stateless_and_repeatable(subject: Subject) -> None:
    """The order of frames does not matter, and a second run gives the same."""
    component, frames = subject.create(), sample()
    first = detect(component, frames)
    require_same(first, detect(component, frames), "second call", 0.01)
    require_same(first, detect(component, frames[::-1])[::-1], "reversed order", 1.0)
    require_same(first, detect(subject.create(), frames), "second instance", 0.01)


@check()
def leaves_the_input_alone(subject: Subject) -> None:
    """Frames are not written to."""
    image = scenes.picture(320, 240, [(100, 60, 160, 140)]).copy()
    before = image.copy()
    detect(subject.create(), [scenes.frame(image)])
    require(np.array_equal(image, before), "the input picture was changed")


@check()
def accepts_any_size(subject: Subject) -> None:
    """1 x 1, 16 x 16, 4K, very wide, very high, and sizes mixed in one batch."""
    component = subject.create()
    for width, height in ((1, 1), (16, 16), (3840, 2160), (2000, 20), (20, 2000)):
        detect(component, [scenes.frame(scenes.noise(width, height))])
    detect(component, [scenes.frame(scenes.noise(64, 48)), scenes.frame(scenes.noise(100, 90), 1)])


@check()
def accepts_any_content(subject: Subject) -> None:
    """Black, white, greyscale and non-contiguous pictures."""
    component = subject.create()
    face = scenes.picture(640, 480, [FACE])
    grey = np.repeat(face.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    pictures: list[Image] = [
        np.zeros((120, 160, 3), np.uint8),
        np.full((120, 160, 3), 255, np.uint8),
        grey,
    ]
    for image in pictures:
        detect(component, [scenes.frame(image)])
    strided = np.repeat(face, 2, axis=1)[:, ::2]
    require_same(
        detect(component, [scenes.frame(face)]),
        detect(component, [scenes.frame(strided)]),
        "non-contiguous",
        0.01,
    )


@check()
def works_from_two_threads(subject: Subject) -> None:
    """Two instances in two threads do as if each were alone."""
    frames = sample()
    pair = [subject.create(), subject.create()]
    alone = [detect(component, frames) for component in pair]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(detect, pair, [frames, frames]))
    for one, other in zip(alone, together, strict=True):
        require_same(one, other, "thread", 0.01)


@check()
def time_per_frame(subject: Subject) -> str:
    """Reported, not judged: 1280 x 720 with one face."""
    component = subject.create()
    frames = [scenes.frame(scenes.picture(1280, 720, [(540, 260, 700, 460)]))]
    times = []
    for _ in range(6):
        start = time.perf_counter()
        component.detect(frames)
        times.append(time.perf_counter() - start)
    return f"median {statistics.median(times[1:]) * 1000:.1f} ms a frame, n = {len(times) - 1}"


CHECKS = (
    answers_for_each_frame,
    finds_a_face,
    gives_plausible_landmarks,
    batch_equals_single,
    is_stateless_and_repeatable,
    leaves_the_input_alone,
    accepts_any_size,
    accepts_any_content,
    works_from_two_threads,
    time_per_frame,
)
