"""Trackers: no face is lost on the way, and a person keeps the number."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from framework.alignment import landmarks_from_box
from framework.testing import scenes
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Detections, Tracks

IMAGE = scenes.noise(320, 240)


def found(*boxes: scenes.Box, score: float = 0.9) -> Detections:
    """Detections with these boxes."""
    xyxy = np.array(boxes, np.float32).reshape(len(boxes), 4)
    return Detections(
        xyxy=xyxy,
        score=np.full(len(boxes), score, np.float32),
        landmarks=landmarks_from_box(xyxy),
    )


def walk(step: int, start_x: float = 40.0, speed: float = 2.0, y: float = 80.0) -> scenes.Box:
    """A face of 50 x 62 pixels that moves evenly."""
    x = start_x + speed * step
    return (x, y, x + 50, y + 62)


def follow(component: Any, detections: Sequence[Detections], first: int = 0) -> list[Tracks]:
    """Feed detections frame by frame; checks the form of each answer."""
    out = []
    for index, given in enumerate(detections, first):
        tracks = component.update(scenes.frame(IMAGE, index), given)
        require(isinstance(tracks, Tracks), f"expected Tracks, got {type(tracks).__name__}")
        require((tracks.track_id >= 0).all(), "a negative track_id")
        out.append(tracks)
    return out


def best(tracks: Tracks, box: scenes.Box) -> tuple[int, float]:
    """Number of the track that overlaps a box most, and how much (intersection over union)."""
    if not len(tracks):
        return -1, 0.0
    low = np.maximum(tracks.xyxy[:, :2], box[:2])
    high = np.minimum(tracks.xyxy[:, 2:], box[2:])
    inter = np.clip(high - low, 0, None).prod(axis=1)
    area = (tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]).prod(axis=1)
    own = (box[2] - box[0]) * (box[3] - box[1])
    overlap = inter / np.maximum(area + own - inter, 1e-9)
    k = int(overlap.argmax())
    return int(tracks.track_id[k]), float(overlap[k])


@check()
def tracks_every_confident_face(subject: Subject) -> None:
    """From the third frame on, each confident detection lies under a track."""
    boxes = [[walk(k), walk(k, 200.0, -1.0, 20.0)] for k in range(20)]
    tracks = follow(subject.create(), [found(*b) for b in boxes])
    for index in range(2, 20):
        for box in boxes[index]:
            overlap = best(tracks[index], box)[1]
            require(overlap > 0.5, f"frame {index}: a face is covered to {overlap:.0%} only")


@check()
def keeps_the_number_of_a_person(subject: Subject) -> None:
    """Two people who move steadily keep one number each."""
    boxes = [[walk(k), walk(k, 200.0, -1.0, 160.0)] for k in range(30)]
    tracks = follow(subject.create(), [found(*b) for b in boxes])
    for person in (0, 1):
        numbers = {best(tracks[k], boxes[k][person])[0] for k in range(3, 30)}
        require(len(numbers) == 1, f"one person, {len(numbers)} numbers: {sorted(numbers)}")


@check()
def bridges_short_gaps(subject: Subject) -> None:
    """A face that is not detected in three frames keeps its number."""
    given = [found(walk(k)) if k not in (10, 11, 12) else Detections.empty() for k in range(20)]
    tracks = follow(subject.create(), given)
    before, after = best(tracks[9], walk(9))[0], best(tracks[16], walk(16))[0]
    require(before == after, f"number {before} before the gap, {after} after it")


@check()
def separates_different_people(subject: Subject) -> None:
    """Two faces far apart never share a number, and numbers are unique in a frame."""
    boxes = [[walk(k), walk(k, 200.0, -1.0, 160.0)] for k in range(10)]
    tracks = follow(subject.create(), [found(*b) for b in boxes])
    for index in range(3, 10):
        numbers = [best(tracks[index], box)[0] for box in boxes[index]]
        require(numbers[0] != numbers[1], f"frame {index}: two people with number {numbers[0]}")


@check()
def marks_what_was_not_observed(subject: Subject) -> None:
    """A track in a frame without detections is not marked as observed."""
    given = [found(walk(k)) for k in range(8)] + [Detections.empty()]
    last = follow(subject.create(), given)[-1]
    assert last.observed is not None
    require(not last.observed.any(), "a track is 'observed' in a frame without detections")


@check()
def accepts_odd_detections(subject: Subject) -> None:
    """None, hundreds, of zero size, off the frame, low scores, and a jump in time."""
    component = subject.create()
    corners = [(float(x), float(y)) for x in range(0, 320, 20) for y in range(0, 240, 20)]
    many = [(x, y, x + 12, y + 15) for x, y in corners]
    odd: list[Detections] = [
        Detections.empty(),
        found(*many),
        found((50, 50, 50, 50), (-500, -500, -400, -380), (60, 60, 61, 160)),
        found(walk(0), score=0.01),
        Detections(xyxy=np.array([walk(1)], np.float32), score=np.full(1, 0.9, np.float32)),
        Detections.empty(),
    ]
    follow(component, odd)
    follow(component, [found(walk(k)) for k in range(3)], first=100_000)


@check()
def reset_restores(subject: Subject) -> None:
    """After ``reset()`` the same detections give the same tracks as at first."""
    given = [found(walk(k), walk(k, 200.0, -1.0, 160.0)) for k in range(8)]
    component = subject.create()
    first = follow(component, given)
    follow(component, [found((5, 5, 45, 55), walk(k, 150.0, -3.0, 100.0)) for k in range(5)], 8)
    component.reset()
    require_same(first, follow(component, given), "after reset()")


@check()
def instances_share_nothing(subject: Subject) -> None:
    """Two instances that take turns do as if each were alone."""
    one = [found(walk(k)) for k in range(8)]
    two = [found(walk(k, 200.0, -1.0, 20.0)) for k in range(8)]
    alone = follow(subject.create(), one), follow(subject.create(), two)
    a, b = subject.create(), subject.create()
    turns: tuple[list[Tracks], list[Tracks]] = ([], [])
    for index in range(8):
        turns[0].extend(follow(a, [one[index]], index))
        turns[1].extend(follow(b, [two[index]], index))
    require_same(alone[0], turns[0], "first instance")
    require_same(alone[1], turns[1], "second instance")


def require_same(a: list[Tracks], b: list[Tracks], what: str) -> None:
    """Fail unless both are the same tracks."""
    for index, (one, two) in enumerate(zip(a, b, strict=True)):
        assert one.observed is not None and two.observed is not None  # set by Tracks
        same = (
            np.array_equal(one.track_id, two.track_id)
            and np.array_equal(one.xyxy, two.xyxy)
            and np.array_equal(one.observed, two.observed)
        )
        require(same, f"{what}: frame {index} has other tracks")


@check()
def time_per_frame(subject: Subject) -> str:
    """Reported, not judged: ten faces."""
    component = subject.create()
    times = []
    for k in range(60):
        boxes = [walk(k % 20, 10.0 + 60 * (n % 5), 0.5, 20.0 + 110 * (n // 5)) for n in range(10)]
        given, frame = found(*boxes), scenes.frame(IMAGE, k)
        start = time.perf_counter()
        component.update(frame, given)
        times.append(time.perf_counter() - start)
    return f"median {statistics.median(times[5:]) * 1000:.2f} ms a frame, n = {len(times) - 5}"


CHECKS = (
    tracks_every_confident_face,
    keeps_the_number_of_a_person,
    bridges_short_gaps,
    separates_different_people,
    marks_what_was_not_observed,
    accepts_odd_detections,
    reset_restores,
    instances_share_nothing,
    time_per_frame,
)
