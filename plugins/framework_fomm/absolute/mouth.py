"""The inside of an open mouth: donors have closed lips, so what is between them is painted.

How bright each place between the lips is, the basis says: regressed over thousands of open mouths
on the expression and on how far the lips are apart. So a smile shows teeth, astonishment a dark
cavity, and a cry the tongue. No real mouth is shown: bright places become the ivory of teeth with
faint gaps between them, dark ones the red of a cavity.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from framework_measures import mesh
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_GAP = 0.012
"""Eye units between the inner lips; less is a line where they meet."""

_TEETH = np.array([0.88, 0.98, 1.04], np.float32)  # BGR for a brightness of 1
_CAVITY = np.array([0.72, 0.66, 1.22], np.float32)
_BRIGHTNESS = 148.0  # grey value of a ratio of 1 under the donors' light
_TOOTH_FROM, _TOOTH_TO = 0.50, 0.70  # ratio to the face's brightness between cavity and tooth
_TOOTH = 0.082  # width of a front tooth in eye units


@dataclass(frozen=True)
class Opening:
    """How a mouth is open.

    Attributes:
        brightness: (v, u) float32 ratio to the face's brightness, from the upper lip down and from
            the person's right to left.
        unit: pixels for an eye unit.
    """

    brightness: NDArray[np.float32]
    unit: float


def gap_of(shape: Floats) -> float:
    """Mean distance of the inner lips in the middle of a mouth, in the units of the shape."""
    return float(np.mean([shape[low, 1] - shape[up, 1] for up, low in mesh.INNER_LIP_PAIRS[3:6]]))


def draw(picture: NDArray[np.float32], points: Floats, opening: Opening) -> None:
    """Paint the inside between the inner lips, in place.

    Args:
        picture: (s, s, 4) float32, premultiplied by the matte.
        points: (n, 2) pixels, the moved points.
    """
    loop = points[list(mesh.INNER_LIPS)]
    if gap_of(points) < LEAST_GAP * opening.unit:
        return
    size = len(picture)
    left, top = np.clip(np.floor(loop.min(0)) - 2, 0, size).astype(int)
    right, bottom = np.clip(np.ceil(loop.max(0)) + 3, 0, size).astype(int)
    if left >= right or top >= bottom:
        return
    inside = _soft_inside(loop, (left, top, right, bottom), opening.unit)
    across, down, x = _coordinates(loop, (left, top, right, bottom))
    rows, columns = opening.brightness.shape
    bright = cv2.remap(
        opening.brightness,
        (across * columns - 0.5).astype(np.float32),
        (down * rows - 0.5).astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    colour = _colours(np.asarray(bright, np.float32), x / np.float32(opening.unit))
    view = picture[top:bottom, left:right]
    alpha = inside[..., None]
    view[..., :3] += alpha * (colour - view[..., :3])
    view[..., 3:] += alpha * (255 - view[..., 3:])


def _soft_inside(loop: Floats, box: tuple[int, int, int, int], unit: float) -> NDArray[np.float32]:
    """(h, w) in [0, 1]: the opening, soft at its edge."""
    left, top, right, bottom = box
    mask = np.zeros((bottom - top, right - left), np.uint8)
    fixed = np.round((loop - (left, top)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.6, 0.007 * unit))
    return np.asarray(soft, np.float32) / np.float32(255)


def _coordinates(
    loop: Floats, box: tuple[int, int, int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Of each pixel: its place from corner to corner and from lip to lip, 0 to 1; x off the middle.

    The line through the corners may lean, as that of a mouth drawn to one side does.
    """
    left, top, right, bottom = box
    along = loop[10] - loop[0]
    width = max(2.0, float(np.hypot(*along)))
    turn = np.array([[along[0], along[1]], [-along[1], along[0]]]) / width
    level = (loop - loop[0]) @ turn.T
    y, x = np.mgrid[top:bottom, left:right].astype(np.float64)
    u = (x - loop[0, 0]) * turn[0, 0] + (y - loop[0, 1]) * turn[0, 1]
    v = (x - loop[0, 0]) * turn[1, 0] + (y - loop[0, 1]) * turn[1, 1]
    upper, lower = level[:11], np.concatenate([level[:1], level[:10:-1], level[10:11]])
    upper, lower = upper[np.argsort(upper[:, 0])], lower[np.argsort(lower[:, 0])]
    high, low = np.interp(u, *upper.T), np.interp(u, *lower.T)
    down = np.clip((v - high) / np.maximum(low - high, 1.0), 0, 1)
    across = np.clip(u / width, 0, 1)
    return across.astype(np.float32), down.astype(np.float32), (u - width / 2).astype(np.float32)


def _colours(bright: NDArray[np.float32], x: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, 3) BGR of places so bright, ``x`` eye units beside the middle."""
    tooth = np.clip((bright - _TOOTH_FROM) / (_TOOTH_TO - _TOOTH_FROM), 0, 1)
    tooth = tooth * tooth * (3 - 2 * tooth)
    # side teeth are seen at an angle and look narrower
    place = np.sign(x) * np.abs(x / _TOOTH) ** 1.12
    off = place - np.round(place)
    gaps = 1 - 0.09 * np.exp(-np.square((np.abs(off) - 0.5) / 0.09))
    teeth = np.clip(1.15 * bright, 0.85, 1.2) * gaps
    cavity = np.clip(bright, 0.1, 0.62) * 0.72
    colour = (tooth * teeth)[..., None] * _TEETH + ((1 - tooth) * cavity)[..., None] * _CAVITY
    return np.asarray(_BRIGHTNESS * colour, np.float32)
