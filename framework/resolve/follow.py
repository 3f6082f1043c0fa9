"""Following a head in the picture where no detector sees it.

Points on the face are followed from frame to frame by the pyramidal method of Lucas and Kanade, and
back again (Kalal et al., Forward-backward error, ICPR 2010); a point that does not come back to
where it was is lost. The median of the others moves the box. As long as enough points of the last
look are left, the face itself is followed. When they are gone, it has turned away or something is
before it: then points of whatever is in the box now tell how the place moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

SIDE = 960
"""Long side of the grey picture in which faces are followed, pixels."""

GRID = 7
"""Points on a face: so many rows and columns."""

WINDOW = 9
"""Side of the window that is compared around a point, pixels of the grey picture."""

AROUND = 64
"""Pixels of the grey picture around the points that take part."""

LEVELS = 3
"""Halvings of the picture; with the window, a face may move by 35 pixels from frame to frame."""

RETURN_PX = 0.7
"""How far from its start a point may come back, pixels of the grey picture."""

ALIVE = 0.25
"""Share of the points of the last look below which the face is no longer followed."""

AGREE = 0.4
"""Share of the points that must be found in a step for the picture to say anything."""

FEWEST = 4
"""Points below which it says nothing."""

BLINKS = 2
"""So many steps in a row may say nothing (motion blur) before the place is lost."""

WALKING = 0.6
"""From this speed on somebody walks, in face sizes per second."""

WALKED = 1.0
"""So far it has moved, in face sizes: a head that only turns shifts its face by half as much."""

TRAILING = 0.1
"""So far behind the middle of the face, in its sizes, the last of its points lie when somebody
walks behind something."""


def grey_of(bgr: NDArray[np.uint8], side: int = SIDE) -> tuple[Grey, float]:
    """The grey picture faces are followed in, and its pixels per pixel of the frame."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    height, width = grey.shape
    scale = min(1.0, side / max(height, width))
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        method = cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA
        grey = cv2.resize(grey, size, interpolation=method)
    return np.asarray(grey, np.uint8), scale


@dataclass(eq=False)
class Followed:
    """One face on its way through the frames in one direction of time.

    Attributes:
        xyxy: (4,) where it is, pixels of the grey picture.
        doubt: how far off that may be on each side, in face sizes.
        face: points of the last look are still there.
        lost: nothing can be said any more; ``xyxy`` is the last place of which it could.
        gone: it went behind something.
        travelled: (2,) how far it had moved within the last second when it was last seen, in
            pixels of the grey picture.
    """

    xyxy: NDArray[np.float64]
    doubt: float = 0.0
    face: bool = True
    lost: bool = False
    gone: bool = False
    travelled: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def __post_init__(self) -> None:
        self._points = _grid(self.xyxy)
        self._first = len(self._points)
        self._base = self.xyxy.copy()
        self._scale = 1.0
        self._moved = np.zeros(2)
        self._blinks = 0
        self._speed: list[NDArray[np.float64]] = []

    @property
    def size(self) -> float:
        """Of the face, pixels of the grey picture, at least 1."""
        sides = np.maximum(self.xyxy[2:] - self.xyxy[:2], 1.0)
        return float(np.sqrt(sides[0] * sides[1]))

    @property
    def blinking(self) -> bool:
        """The last step said nothing."""
        return self._blinks > 0

    def points(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """(k, 2) what is to be found in the next picture."""
        if not self.face:
            self._points = _grid(self.xyxy)
        height, width = shape[:2]
        inside = ((self._points >= 1) & (self._points < [width - 1, height - 1])).all(axis=1)
        self._points = self._points[inside]
        return self._points

    def move(self, there: NDArray[np.float32], good: NDArray[np.bool_], seconds: float) -> None:
        """Take in where the points were found.

        Args:
            there: (k, 2) their places in the next picture.
            good: (k,) whether they came back to where they were.
            seconds: between the two pictures.
        """
        share = float(good.mean()) if len(good) else 0.0
        if good.sum() < FEWEST or share < AGREE:
            self._blink(there[good])
            return
        self._blinks = 0
        here, there = self._points[good], there[good]
        step = there - here
        shift = np.median(step, axis=0).astype(np.float64)
        scatter = float(np.median(np.hypot(*(step - shift).T))) / self.size
        # What moves quite otherwise belongs to something else.
        near = np.hypot(*(step - shift).T) < max(1.5, 0.15 * self.size)
        if near.sum() >= FEWEST:
            here, there = here[near], there[near]
        self._scale *= _scaling(here, there)
        self._moved += shift
        self._place()
        self.doubt += 0.5 * scatter
        self._points = there
        self._judge(shift / self.size / max(seconds, 1e-3))

    def _place(self) -> None:
        middle = (self._base[:2] + self._base[2:]) / 2 + self._moved
        half = (self._base[2:] - self._base[:2]) / 2 * float(np.clip(self._scale, 1.0, 3.0))
        self.xyxy = np.concatenate([middle - half, middle + half])

    def _judge(self, velocity: NDArray[np.float64]) -> None:
        """Whether the face is still there, or went behind something."""
        self._speed = [*self._speed[-7:], velocity]
        if self.face and len(self._points) < ALIVE * max(self._first, 1):
            self.face = False
            self.gone = self.lost = self._went_behind(self._points)

    def _blink(self, rest: NDArray[np.float32]) -> None:
        """The step said nothing; ``rest`` are the few points that were found all the same."""
        if self.face:
            self.gone = self.lost = self._went_behind(rest)
        self.face = False
        self._blinks += 1
        self.doubt += 0.05
        self.lost |= self._blinks > BLINKS

    def _went_behind(self, rest: NDArray[np.float32]) -> bool:
        """Whether somebody who walked went behind something.

        What is hidden first by something in the way is what goes ahead; the points of a head that
        turns, or stops, are not lost in this order.
        """
        way = self.travelled + self._moved
        length = float(np.hypot(*way))
        if not len(rest) or length < WALKED * self.size:
            return False
        if self._speed:
            speed = np.median(self._speed, axis=0)
            if float(np.hypot(*speed)) < WALKING:
                return False
            way, length = speed, float(np.hypot(*speed))
        middle = (self.xyxy[:2] + self.xyxy[2:]) / 2
        ahead = float((rest.mean(axis=0) - middle) @ way) / length
        return ahead < -TRAILING * self.size


def step(
    before: Grey,
    after: Grey,
    faces: Sequence[Followed],
    seconds: float,
) -> None:
    """Move every face from one picture to the next, all points in one go.

    Args:
        before, after: the two grey pictures, of one size.
        faces: those to be moved; the lost ones stay.
        seconds: between the pictures.
    """
    active = [face for face in faces if not face.lost]
    sets = [face.points(before.shape) for face in active]
    total = np.concatenate([np.zeros((0, 2), np.float32), *sets]).astype(np.float32)
    if len(total):
        there, good = _flow(before, after, total)
    else:
        there, good = total, np.zeros(0, bool)
    edges = np.cumsum([0, *(len(s) for s in sets)])
    for face, start, stop in zip(active, edges[:-1], edges[1:], strict=True):
        face.move(there[start:stop], good[start:stop], seconds)


def _flow(
    before: Grey, after: Grey, points: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    # Only the part around the points: the pyramids of the whole picture would take longer.
    height, width = before.shape
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int) - AROUND, 0).tolist()
    right, bottom = (np.ceil(points.max(axis=0)).astype(int) + AROUND).tolist()
    part = slice(top, min(bottom, height)), slice(left, min(right, width))
    corner = np.array([left, top], np.float32)
    one, two = before[part], after[part]
    window = (WINDOW, WINDOW)
    start = points - corner
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        one, two, start, np.empty_like(start), winSize=window, maxLevel=LEVELS
    )
    back, again, _ = cv2.calcOpticalFlowPyrLK(
        two, one, there, np.empty_like(start), winSize=window, maxLevel=LEVELS
    )
    away = np.hypot(*(back + corner - points).T)
    good = (found.ravel() > 0) & (again.ravel() > 0) & (away < RETURN_PX)
    return np.asarray(there + corner, np.float32), np.asarray(good, bool)


def _grid(xyxy: NDArray[np.float64]) -> NDArray[np.float32]:
    """Points on the oval inside a box, fewer on a small one, (k, 2)."""
    count = int(np.clip(float((xyxy[2:] - xyxy[:2]).min()) / 1.5, 4, GRID))
    unit = (np.arange(count) + 0.5) / count * 2 - 1
    x, y = np.meshgrid(unit, unit)
    oval = x**2 + y**2 <= 1.15
    half, middle = (xyxy[2:] - xyxy[:2]) / 2, (xyxy[:2] + xyxy[2:]) / 2
    return (np.stack([x[oval], y[oval]], axis=1) * half * 0.9 + middle).astype(np.float32)


def _scaling(here: NDArray[np.float32], there: NDArray[np.float32]) -> float:
    """How much larger a set of points became, 0.95 to 1.05."""
    if len(here) < 6:
        return 1.0
    first = np.hypot(*(here - np.median(here, axis=0)).T)
    second = np.hypot(*(there - np.median(there, axis=0)).T)
    far = first > np.median(first)
    if not far.any():
        return 1.0
    return float(np.clip(np.median(second[far] / np.maximum(first[far], 1e-6)), 0.95, 1.05))
