"""Puts an expression and a turn of the head on a donor.

The displacement of the basis is that of a mean face. A donor's own eyes and mouth are of other
sizes, so lids and lips go by shares of the donor's own opening: an eye is closed when its own gap
is used up, and lips never pass through each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from framework_measures import mesh
from framework_measures.gaze import EYEBALL
from numpy.typing import NDArray

from framework_fomm.absolute.basis import Basis
from framework_fomm.absolute.mouth import Opening, gap_of
from framework_fomm.absolute.portrait import Portrait

Floats = NDArray[np.float64]

MAX_YAW_DEG, MAX_PITCH_DEG = 32.0, 24.0
"""A portrait is turned no further: beyond it there is nothing to show of the other side."""

LIDS_SHUT = (0.3, 0.6)
"""Of the usual opening: below the first an eye is shut, from the second on it is not bounded."""

_PIVOT = np.array([0.0, 0.0, 0.45])  # from the stable points: where a neck carries the head
_LEAST_LID_GAP, _LARGEST_LID_GAP = 0.06, 1.5  # of the donor's
_CLOSING = 0.6  # of the strengthened displacement: how far eyes close is found in full
_SHUT = (
    0.3,
    0.6,
)  # of the usual opening: below the first an eye is shut, the second bounds nothing
_IRIS_SHARE = 0.5  # of the eye's half width that an iris may move aside
_IRIS_RANGE = (0.2, 0.75)  # of the gap between the lids, where the middle of an iris may lie
_CLOSED = 0.01  # eye units between inner lips that are closed


@dataclass(frozen=True)
class Gaze:
    """Where the eyes look, relative to the head, degrees.

    Attributes:
        right: to the right of the picture.
        down: below straight ahead.
    """

    right: float
    down: float


@dataclass(frozen=True)
class Moved:
    """A donor's points, ready to be drawn.

    Attributes:
        points: (n, 2) pixels.
        depth: (n,) the larger, the further from the camera.
        opening: the inside of the mouth.
        anchor: (2,) pixels, where the middle of the stable points is.
    """

    points: Floats
    depth: Floats
    opening: Opening
    anchor: Floats


def move(
    portrait: Portrait,
    basis: Basis,
    expression: Floats,
    displacement: Floats,
    gaze: Gaze,
    yaw: float,
    pitch: float,
    lids: tuple[float, float] = (1.0, 1.0),
) -> Moved:
    """Where the points of a donor go.

    Args:
        expression: (k,) what the inside of the mouth goes by.
        displacement: (478, 3) eye units, of a mean face.
        yaw, pitch: of the head, degrees, signs as in :func:`mesh.angles`.
        lids: how open the right and the left eye were seen, 1 is usual: what is nearly shut is
            shut, whatever the expression says.
    """
    displacement = basis.limited(displacement)
    shape = portrait.shape + displacement
    _move_lids(shape, portrait.shape, basis.reference, displacement, gaze, lids)
    _move_lips(shape, portrait.shape)
    around = portrait.around + _dragged(portrait, displacement)
    turn = mesh.rotation_of(
        float(np.clip(yaw, -MAX_YAW_DEG, MAX_YAW_DEG)),
        float(np.clip(pitch, -MAX_PITCH_DEG, MAX_PITCH_DEG)),
    )
    pivot = portrait.shape[list(mesh.STABLE)].mean(0) + _PIVOT
    faced = (shape - pivot) @ turn.T + pivot
    # rings turn less the further out they lie and the further below the chin: a neck stays
    share = _ring_share(portrait)
    turned = (around - pivot) @ turn.T + pivot
    turned = around + share[:, None] * (turned - around)
    space = np.concatenate([faced, turned])
    linear, shift = portrait.to_picture[:, :2], portrait.to_picture[:, 2]
    flat = space[:, :2] @ linear.T + shift
    border = portrait.points[len(flat) :]
    points = np.concatenate([flat, border])
    depth = np.concatenate([space[:, 2], np.full(len(border), 10.0)])
    unit = float(np.sqrt(abs(np.linalg.det(linear))))
    width = abs(shape[mesh.INNER_LIPS[10], 0] - shape[mesh.INNER_LIPS[0], 0])
    inside = basis.inside(expression, gap_of(shape), float(width))
    anchor = flat[list(mesh.STABLE)].mean(0)
    return Moved(points, depth, Opening(inside, unit), anchor)


def _dragged(portrait: Portrait, displacement: Floats) -> Floats:
    """(m, 3): how the rings follow the outline of the face; half of it near, nothing far."""
    outline = displacement[list(mesh.OVAL)]
    return np.concatenate([share * outline for share in (0.6, 0.2, 0.0)])


def _ring_share(portrait: Portrait) -> Floats:
    count = len(mesh.OVAL)
    chin = portrait.shape[mesh.CHIN, 1]
    below = np.clip((portrait.around[:, 1] - chin) / 0.7, 0, 1)
    far = np.repeat([1.0, 0.95, 0.75], count)
    return np.asarray(far * (1 - 0.75 * below), np.float64)


def _move_lids(
    shape: Floats,
    own: Floats,
    mean: Floats,
    displacement: Floats,
    gaze: Gaze,
    lids: tuple[float, float],
) -> None:
    """Lids by shares of the donor's own gap, irises by the gaze; in place."""
    for (eye, iris), seen in zip(mesh.EYES, lids, strict=True):
        corners = displacement[[eye[0], eye[8]]].mean(0)
        pairs = mesh.lid_pairs(eye)
        usual = np.mean([mean[low, 1] - mean[up, 1] for up, low in pairs])
        change = np.mean([displacement[low, 1] - displacement[up, 1] for up, low in pairs])
        if change < 0:
            change *= _CLOSING
        ratio = float(np.clip(1 + change / usual, _LEAST_LID_GAP, _LARGEST_LID_GAP))
        shut, narrow = LIDS_SHUT
        ratio = min(ratio, max(_LEAST_LID_GAP, (seen - shut) / (narrow - shut)))
        opened = min(1.0, ratio)
        for up, low in pairs:
            gap = own[low, 1] - own[up, 1]
            # the lower lid of a closing eye rises a little; the rest is the upper lid's
            rise = 0.15 * (1 - opened) * gap
            lower = own[low, 1] + corners[1] + 0.6 * (displacement[low, 1] - corners[1]) - rise
            shape[low, 1] = lower
            shape[up, 1] = lower - gap * ratio
        middle = (own[eye[0]] + own[eye[8]]) / 2
        half = abs(own[eye[8], 0] - own[eye[0], 0]) / 2
        iris_middle = own[iris[0]]
        turned = EYEBALL * np.sin(np.radians([gaze.right, gaze.down]))
        aside = float(iris_middle[0] - middle[0] + turned[0])
        aside = float(np.clip(aside, -_IRIS_SHARE * half, _IRIS_SHARE * half))
        upper, lower_y = shape[eye[4], 1], shape[eye[12], 1]
        own_upper, own_lower = own[eye[4], 1], own[eye[12], 1]
        place = (iris_middle[1] + turned[1] - own_upper) / max(1e-6, own_lower - own_upper)
        down = upper + np.clip(place, *_IRIS_RANGE) * (lower_y - upper)
        for index in iris:
            offset = own[index] - iris_middle
            shape[index, 0] = middle[0] + corners[0] + aside + offset[0]
            shape[index, 1] = down + offset[1] * opened
            shape[index, 2] = own[index, 2]


def _move_lips(shape: Floats, own: Floats) -> None:
    """Lips that would pass each other meet in the middle, in place."""
    for up, low in mesh.INNER_LIP_PAIRS:
        least = max(0.0, min(own[low, 1] - own[up, 1], _CLOSED))
        missing = least - (shape[low, 1] - shape[up, 1])
        if missing > 0:
            shape[up, 1] -= missing / 2
            shape[low, 1] += missing / 2
