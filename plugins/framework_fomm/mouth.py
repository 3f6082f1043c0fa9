"""The inside of an open mouth, which a portrait with closed lips can't show.

A warp draws closed lips apart and finds more lip between them, and a small network paints a blur.
So a plain drawing is laid between the inner lips: dark, with the edge of the upper teeth. It is the
same for everybody and shows no real mouth; how far it opens is the driver's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework_fomm.expression import take_apart
from framework_fomm.model import Keypoints

_CORNERS = (14, 15)
_UPPER, _LOWER = 18, 19  # inner lips
_INSIDE = np.array([38.0, 30.0, 62.0], np.float32)  # BGR
_TEETH = np.array([192.0, 203.0, 209.0], np.float32)
_TEETH_COVER = 0.9
_REACH = 0.86  # of the half width: the inner corners lie inside the outer ones
_ROUND = 2.2  # exponent of the lips' curve
# lengths in half sizes of the head
_SEEN = 0.03  # a smaller parting than this shows as a line, fading in
_TEETH_SEEN = (0.04, 0.12)  # teeth fade in with the parting
_TEETH_EDGE = 0.1  # the upper teeth end so far below where closed lips meet, wherever the lips are
_TEETH_HEIGHT = (0.08, 0.24)
_SOFT = 0.02
LARGEST_REST = 0.1
"""A donor whose lips are further apart has an inside of the mouth of its own."""


def open_mouths(pictures: NDArray[np.uint8], driving: Keypoints, donor: Keypoints) -> None:
    """Draw the inside of the mouth of ``n`` portraits (n, s, s, 3), in place.

    Args:
        driving: the pose of each.
        donor: the donor at rest, a batch of one. With lips apart it shows a mouth of its own, and
            nothing is drawn.
    """
    own = take_apart(donor.value.numpy())
    rest = float(own.lip_gap[0])
    if rest > LARGEST_REST:
        return
    motion = take_apart(driving.value.numpy())
    across, meet = own.face[0, [_UPPER, _LOWER]].mean(0)
    edges = motion.middle + motion.turn @ np.array([across, meet + _TEETH_EDGE])
    parts = zip(pictures, driving.value.numpy(), motion.size, edges, strict=True)
    for picture, points, size, edge in parts:
        draw_inside(picture, points, float(size), rest, edge)


def draw_inside(
    portrait: NDArray[np.uint8],
    points: NDArray[np.floating],
    size: float,
    rest: float,
    teeth_edge: NDArray[np.floating],
) -> None:
    """Draw the inside of the mouth between the lips of a portrait, in place.

    Args:
        portrait: (s, s, 3) BGR.
        points: (33, 2) its keypoints in [-1, 1].
        size: half a head in half pictures.
        rest: gap of the donor's lips at rest, in half sizes of the head: so much between the
            keypoints is lip.
        teeth_edge: (2,) where the upper teeth end, in [-1, 1]. They belong to the skull: a smile
            that draws the lip up bares them, a jaw that drops doesn't.
    """
    side = len(portrait)
    unit = size * side / 2  # pixels
    pixels = (np.asarray(points, np.float64) + 1) / 2 * (side - 1)
    left, right = pixels[_CORNERS[0]], pixels[_CORNERS[1]]
    width = float(np.linalg.norm(right - left))
    if width < 0.1 * unit:
        return
    along = (right - left) / width
    down = np.array([-along[1], along[0]])
    origin = (left + right) / 2
    upper, lower = ((pixels[i] - origin) @ np.stack([along, down], 1) for i in (_UPPER, _LOWER))
    lip = max(0.0, rest) * unit / 2
    gap = lower[1] - upper[1] - 2 * lip
    if gap < 0.5 * _SEEN * unit:
        return
    reach = 0.6 * width + abs(upper[1]) + abs(lower[1]) + 2
    x0, y0 = (int(v) for v in np.clip(np.floor(origin - reach), 0, side))
    x1, y1 = (int(v) for v in np.clip(np.ceil(origin + reach) + 1, 0, side))
    if x0 >= x1 or y0 >= y1:
        return
    ys, xs = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    x = (xs - origin[0]) * along[0] + (ys - origin[1]) * along[1]
    y = (xs - origin[0]) * down[0] + (ys - origin[1]) * down[1]
    half = _REACH * width / 2
    # the middle of the lips needn't lie between the corners: a mouth drawn to one side
    off = (upper[0] + lower[0]) / 2 * (1 - np.abs(x) / half)
    place = np.clip(np.abs(x - off) / half, 0, 1)
    curve = 1 - place**_ROUND
    corner = 0.15 * (upper[1] + lower[1]) / 2
    top = corner + (upper[1] + lip - corner) * curve
    bottom = corner + (lower[1] - lip - corner) * curve
    soft = max(1.0, _SOFT * unit)
    inside = np.clip((y - top) / soft + 0.5, 0, 1) * np.clip((bottom - y) / soft + 0.5, 0, 1)
    inside *= (np.abs(x) < half) * np.clip(gap / (_SEEN * unit) - 0.5, 0, 1)
    ends = ((np.asarray(teeth_edge, np.float64) + 1) / 2 * (side - 1) - origin) @ down
    least, most = _TEETH_HEIGHT
    tall = float(np.clip(ends - (upper[1] + lip), least * unit, most * unit))
    low, high = _TEETH_SEEN
    teeth = np.clip((top + tall - y) / (2 * soft) + 0.5, 0, 1) * np.clip(1.15 - place**2, 0, 1)
    teeth *= _TEETH_COVER * np.clip((gap / unit - low) / (high - low), 0, 1)
    view = portrait[y0:y1, x0:x1]
    colour = _INSIDE + teeth[..., None].astype(np.float32) * (_TEETH - _INSIDE)
    mixed = view + (colour - view) * inside[..., None].astype(np.float32)
    view[:] = np.round(mixed).clip(0, 255).astype(np.uint8)
