"""The face mesh: which of the 478 points is what, and the rings of points around the face.

The order of the points is that of MediaPipe's face mesh (468 of the skin, five of each iris).
Right and left are the person's own. Shapes are in *eye units*: the distance between the outer eye
corners is 1; x runs to the right of the picture, y down, z away from the camera.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POINTS = 478
RIGHT_EYE_OUTER, RIGHT_EYE_INNER, LEFT_EYE_INNER, LEFT_EYE_OUTER = 33, 133, 362, 263
BRIDGE, NOSE_TIP, CHIN, FOREHEAD = 168, 4, 152, 10
MOUTH_RIGHT, MOUTH_LEFT = 61, 291

OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The outline of the face, from the middle of the forehead over the person's left side."""

INNER_LIPS = (
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415),
    *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
)
"""The edge of the lips' opening: upper lip from the right corner, then lower lip back."""

INNER_LIP_PAIRS = tuple(zip(INNER_LIPS[1:10], INNER_LIPS[:10:-1], strict=True))
"""(upper, lower) points of the inner lips that meet when the mouth closes."""

LIPS = (
    *(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409),
    *INNER_LIPS,
)
BROWS = (
    *(70, 63, 105, 66, 107, 46, 53, 52, 65, 55),
    *(300, 293, 334, 296, 336, 276, 283, 282, 295, 285),
)
RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
"""The lids: outer corner, upper lid, inner corner, lower lid."""
RIGHT_IRIS, LEFT_IRIS = tuple(range(468, 473)), tuple(range(473, 478))

EYES = ((RIGHT_EYE, RIGHT_IRIS), (LEFT_EYE, LEFT_IRIS))

STABLE = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 109, 67, 103, 54, 21, 162, 127, 234),
    *(168, 6, 197, 195, 33, 133, 362, 263, 151, 9, 8, 5, 4, 122, 351, 245, 465, 193, 417),
)
"""Points of skull, temples, eye corners and nose: no expression moves them far."""

RINGS = ((1.22, 0.35), (1.55, 0.6), (2.3, 0.75))
"""Around the face: how far out from its centre, and how far behind it, in eye units."""


def lid_pairs(eye: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(upper, lower) points of one eye's lids that meet when it closes."""
    return tuple(zip(eye[1:8], eye[:8:-1], strict=True))


def rings(shape: Floats) -> Floats:
    """Points around a face in three rings: hair, ears, neck and what is behind them.

    Args:
        shape: (478, 3) in eye units.

    Returns:
        (108, 3) in eye units.
    """
    outline = shape[list(OVAL)]
    middle = (shape[FOREHEAD] + shape[CHIN]) / 2
    result = []
    for out, behind in RINGS:
        ring = middle + out * (outline - middle)
        ring[:, 2] = outline[:, 2] + behind
        result.append(ring)
    return np.concatenate(result)


def fit_rotation(points: Floats, reference: Floats) -> tuple[Floats, float, Floats]:
    """The similarity in space that lays a face onto the frontal reference, by its stable points.

    Orthogonal Procrustes with scale (Umeyama 1991).

    Args:
        points: (478, 3) of the face.
        reference: (478, 3) frontal, in eye units.

    Returns:
        Rotation (3, 3) and scale with ``frontal = scale * rotation @ (point - middle)``, plus the
        mean of the reference's stable points; and ``middle`` (3,).
    """
    stable = list(STABLE)
    middle, target = points[stable].mean(0), reference[stable].mean(0)
    p, q = points[stable] - middle, reference[stable] - target
    u, s, vt = np.linalg.svd(p.T @ q)
    d = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = vt.T @ np.diag(d) @ u.T
    scale = float((s * d).sum() / (p**2).sum())
    return rotation, scale, middle


def frontal(points: Floats, reference: Floats) -> Floats:
    """(478, 3) the face turned to the front, in eye units; see :func:`fit_rotation`."""
    rotation, scale, middle = fit_rotation(points, reference)
    target = reference[list(STABLE)].mean(0)
    return np.asarray(scale * (points - middle) @ rotation.T + target, np.float64)


def angles(rotation: Floats) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees of a head whose :func:`fit_rotation` is ``rotation``.

    Yaw is positive when the face turns to the right of the picture, pitch when it bends down, roll
    when it leans clockwise.
    """
    r = rotation
    yaw = np.degrees(np.arctan2(r[0, 2], r[2, 2]))
    pitch = np.degrees(np.arctan2(r[1, 2], np.hypot(r[0, 2], r[2, 2])))
    roll = np.degrees(np.arctan2(-r[1, 0], r[1, 1]))
    return float(yaw), float(pitch), float(roll)


def rotation_of(yaw: float, pitch: float) -> Floats:
    """(3, 3): turns a frontal face; degrees, signs as in :func:`angles`."""
    y, p = np.radians(yaw), np.radians(pitch)
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    return np.asarray(about_x @ about_y, np.float64)
