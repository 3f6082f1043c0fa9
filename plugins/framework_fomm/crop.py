"""The square the network sees: where it lies around a head, cutting it out, putting it back.

One rule for training, donors and rendering, because a network animates well only what is framed as
its training pictures were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SIDE_PER_HEIGHT = 1.5
"""Side of the square over the height of the detector's box: hair, ears and chin are inside."""

HEIGHT_PER_WIDTH = 1.25
"""A box wider than this is tall by (a head bent down) is taken for that tall."""

RISE_PER_HEIGHT = 0.05
"""The square's centre lies this much of the box height above the box's centre, for the hair."""

_UPRIGHT = math.radians(12)  # the network has seen heads lean that far


@dataclass(frozen=True)
class Square:
    """A square in picture coordinates: centre and side in pixels (not rounded).

    Its top edge runs from left to right, turned by ``angle`` (radians, clockwise).
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @property
    def reach(self) -> float:
        """Half the side of the upright square that contains it, pixels."""
        return self.side / 2 * (abs(math.cos(self.angle)) + abs(math.sin(self.angle)))

    def matrix(self, size: int) -> NDArray[np.float64]:
        """(2, 3): picture pixels -> pixels of a crop of ``size`` by ``size``."""
        scale = size / self.side
        along, across = scale * math.cos(self.angle), scale * math.sin(self.angle)
        turn = np.array([[along, across], [-across, along]])
        # pixel centres are at whole numbers, hence the half pixels
        shift = (size - 1) / 2 - turn @ [self.x, self.y]
        return np.column_stack([turn, shift])


def square_of_box(xyxy: NDArray[np.floating]) -> Square:
    """The square around the head whose face the detector's box (4,) encloses.

    >>> square_of_box(np.array([10.0, 20.0, 90.0, 120.0]))
    Square(x=50.0, y=65.0, side=150.0, angle=0.0)
    """
    left, top, right, bottom = (float(v) for v in xyxy)
    height = max(bottom - top, HEIGHT_PER_WIDTH * (right - left), 1.0)
    return Square(
        (left + right) / 2,
        (top + bottom) / 2 - RISE_PER_HEIGHT * height,
        SIDE_PER_HEIGHT * height,
    )


def lean(roll: float) -> float:
    """How far the square turns with a head that leans by ``roll``; both in radians.

    Not at all while the head is about upright, and then by the rest, so that the network always
    sees a head that leans no further than those it was trained on.

    >>> lean(0.1), round(lean(-0.6), 3)
    (0.0, -0.391)
    """
    return math.copysign(max(0.0, abs(roll) - _UPRIGHT), roll) if abs(roll) > _UPRIGHT else 0.0


def extract(picture: NDArray[np.uint8], square: Square, size: int) -> NDArray[np.uint8]:
    """Cut the square out of a picture (h, w, c) at ``size`` by ``size`` pixels, edges replicated.

    Shrinking averages first, so that nothing aliases; the position keeps its fraction of a pixel,
    so that the crop of a slowly moving head doesn't jump.
    """
    import cv2

    shrink = max(1, int(square.side / size))
    matrix = square.matrix(size)
    if shrink > 1:
        height, width = picture.shape[:2]
        reach = square.reach + 2 * shrink
        # whole blocks of shrink x shrink pixels on a fixed grid: the average never depends on where
        # the square happens to lie
        x0 = _clip_to_grid(square.x - reach, shrink, width)
        y0 = _clip_to_grid(square.y - reach, shrink, height)
        columns = max(1, min(width - x0, math.ceil(2 * reach / shrink + 1) * shrink) // shrink)
        rows = max(1, min(height - y0, math.ceil(2 * reach / shrink + 1) * shrink) // shrink)
        block = picture[y0 : y0 + rows * shrink, x0 : x0 + columns * shrink]
        if block.shape[0] >= shrink and block.shape[1] >= shrink:
            picture = np.asarray(
                cv2.resize(block, (columns, rows), interpolation=cv2.INTER_AREA), np.uint8
            )
            # pixel i of the small picture is centred on x0 + shrink * i + (shrink - 1) / 2
            matrix[:, 2] += matrix[:, :2] @ (np.array([x0, y0]) + (shrink - 1) / 2)
            matrix[:, :2] *= shrink
    crop = cv2.warpAffine(
        picture, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def _clip_to_grid(start: float, step: int, length: int) -> int:
    """The multiple of ``step`` at or below ``start`` that lies in the picture."""
    last = max(0, (length // step - 1) * step)
    return min(max(0, math.floor(start / step) * step), last)
