"""Anonymizers: every face is covered, wherever it is, and nothing far from a face changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.regions import REACH
from framework.testing import scenes
from framework.testing.checks.anonymizer_contract import FACE, HEIGHT, WIDTH, apply
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Image, Tracks

UNPROTECTED = ("unprotected",)
MIN_CHANGED = 0.9
MAX_DETAIL = 0.5
INNER = 0.7
"""Share of a box, in each direction, that has to be covered by any shape: an ellipse within the box
leaves out the corners."""


def inner(box: Sequence[float], image: Image) -> tuple[slice, slice]:
    """The inner part of a box, clipped to the picture."""
    x0, x1 = sorted((box[0], box[2]))
    y0, y1 = sorted((box[1], box[3]))
    dx, dy = (1 - INNER) / 2 * (x1 - x0), (1 - INNER) / 2 * (y1 - y0)
    height, width = image.shape[:2]
    left, right = (int(np.clip(round(v), 0, width)) for v in (x0 + dx, x1 - dx))
    top, bottom = (int(np.clip(round(v), 0, height)) for v in (y0 + dy, y1 - dy))
    return slice(top, max(top, bottom)), slice(left, max(left, right))


def require_covered(before: Image, after: Image, box: Sequence[float], what: str) -> None:
    """Every box's inner part must look different, and its fine detail must be gone."""
    rows, columns = inner(box, before)
    a, b = before[rows, columns].astype(np.float64), after[rows, columns].astype(np.float64)
    if a.size == 0:
        return
    changed = float((np.abs(a - b) > 2).any(axis=2).mean())
    require(changed >= MIN_CHANGED, f"{what}: only {changed:.0%} of the face changed")
    if min(a.shape[:2]) >= 8:
        kept = _correlation(_detail(a), _detail(b))
        require(kept <= MAX_DETAIL, f"{what}: fine detail correlates {kept:.2f} with the original")


def _detail(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences between neighbouring pixels in both directions, where a face has its detail."""
    grey = image.mean(axis=2)
    return np.stack([np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1]])


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return 0.0 if scale < 1e-9 else float((a * b).sum()) / scale


@check(unless=UNPROTECTED, essential=True)
def covers_each_track(subject: Subject) -> None:
    """Faces of different sizes, several in one picture."""
    boxes: list[scenes.Box] = [(10, 20, 60, 84), (90, 10, 130, 60), (80, 80, 96, 100)]
    image = scenes.picture(WIDTH, HEIGHT, boxes)
    out = apply(subject, image, scenes.tracks(*boxes))
    for number, box in enumerate(boxes):
        require_covered(image, out, box, f"face {number + 1} of {len(boxes)}")


@check(unless=UNPROTECTED, essential=True)
def covers_at_the_borders(subject: Subject) -> None:
    """Faces that are cut off by each side and corner of the frame."""
    w, h = WIDTH, HEIGHT
    for x in (-25, w / 2 - 25, w - 25):
        for y in (-30, h / 2 - 32, h - 34):
            box = (x, y, x + 50, y + 64)
            image = scenes.picture(w, h, [box])
            out = apply(subject, image, scenes.tracks(box))
            require_covered(image, out, box, f"box {tuple(round(v) for v in box)} in {w} x {h}")


@check(unless=UNPROTECTED, essential=True)
def covers_overlapping_faces(subject: Subject) -> None:
    """Two faces that overlap, and one within another, in either order."""
    pairs: list[tuple[scenes.Box, scenes.Box]] = [
        ((30, 30, 80, 95), (55, 40, 105, 105)),
        ((20, 10, 120, 120), (60, 50, 80, 75)),
    ]
    for pair in pairs:
        image = scenes.picture(WIDTH, HEIGHT, pair)
        for boxes in (pair, pair[::-1]):
            out = apply(subject, image, scenes.tracks(*boxes))
            for box in boxes:
                require_covered(image, out, box, f"overlapping box {box}")


@check(unless=UNPROTECTED, essential=True)
def covers_without_landmarks(subject: Subject) -> None:
    """Landmarks that are missing, not a number, all in one point, or far away."""
    image = scenes.picture(WIDTH, HEIGHT, [FACE])
    plain = scenes.tracks(FACE, landmarks=False)
    for name, value in (("missing", None), ("NaN", np.nan), ("one point", 60.0), ("far", -9e3)):
        points = None if value is None else np.full((1, 5, 2), value, np.float32)
        tracks = Tracks(
            xyxy=plain.xyxy, score=plain.score, landmarks=points, track_id=plain.track_id
        )
        out = apply(subject, image, tracks)
        require_covered(image, out, FACE, f"landmarks {name}")


@check(unless=UNPROTECTED, essential=True)
def covers_carried_tracks(subject: Subject) -> None:
    """A box that no detector saw in this frame is covered like any other."""
    image = scenes.picture(WIDTH, HEIGHT, [FACE])
    out = apply(subject, image, scenes.tracks(FACE, observed=False))
    require_covered(image, out, FACE, "carried track")


@check(unless=UNPROTECTED, essential=True)
def covers_tilted_faces(subject: Subject) -> None:
    """Landmarks of a head that is turned in the plane, up to upside down."""
    image = scenes.picture(WIDTH, HEIGHT, [FACE])
    upright = scenes.tracks(FACE)
    assert upright.landmarks is not None
    centre = np.array([(FACE[0] + FACE[2]) / 2, (FACE[1] + FACE[3]) / 2], np.float32)
    for degrees in (30, 90, 180, -60):
        a = np.deg2rad(degrees)
        turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]], np.float32)
        points = np.asarray((upright.landmarks - centre) @ turn.T + centre, np.float32)
        tracks = Tracks(
            xyxy=upright.xyxy, score=upright.score, landmarks=points, track_id=upright.track_id
        )
        out = apply(subject, image, tracks)
        require_covered(image, out, FACE, f"head turned by {degrees} degrees")


@check()
def survives_degenerate_boxes(subject: Subject) -> None:
    """Boxes of zero size, reversed, outside the frame, and enormous."""
    image = scenes.picture(WIDTH, HEIGHT)
    boxes: list[scenes.Box] = [
        (50, 50, 50, 50),
        (50, 50, 50, 90),
        (90, 50, 50, 50),
        (100, 90, 50, 30),
        (-300, -300, -200, -200),
        (1000, 10, 1100, 100),
        (-1e5, -1e5, 1e5, 1e5),
    ]
    for box in boxes:
        apply(subject, image, scenes.tracks(box))
    apply(subject, image, scenes.tracks(*boxes))


@check(unless=("whole-frame",))
def leaves_the_outside_alone(subject: Subject) -> None:
    """Pixels further from a box than its longer side stay as they are."""
    size = 260
    box: scenes.Box = (115.0, 110.0, 145.0, 150.0)
    image = scenes.picture(size, size, [box])
    reach = REACH * max(16.0, box[2] - box[0], box[3] - box[1])
    for observed in (True, False):
        out = apply(subject, image, scenes.tracks(box, observed=observed))
        changed = (out != image).any(axis=2)
        x0, y0 = int(box[0] - reach), int(box[1] - reach)
        x1, y1 = int(np.ceil(box[2] + reach)), int(np.ceil(box[3] + reach))
        changed[y0:y1, x0:x1] = False
        require(
            not changed.any(),
            f"{int(changed.sum())} pixels changed outside; announce 'whole-frame' if that is meant",
        )


CHECKS = (
    covers_each_track,
    covers_at_the_borders,
    covers_overlapping_faces,
    covers_without_landmarks,
    covers_carried_tracks,
    covers_tilted_faces,
    survives_degenerate_boxes,
    leaves_the_outside_alone,
)
