"""What a face does, read from its landmarks: for choosing pairs, moving stills and measuring.

All lengths are divided by the size of the head (:func:`head_scale`), so that neither the distance
to the camera nor roll changes them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SIGNALS = ("mouth_opening", "smile_width", "brow_height", "lid_opening")
"""The columns of :func:`signals`."""

RIGID = (36, 39, 42, 45, 27, 28, 29, 30, 31, 33, 35)
"""Points that move with the skull alone (lids' corners and the nose)."""


def _gap(points: Floats, upper: tuple[int, ...], lower: tuple[int, ...]) -> Floats:
    difference = points[..., list(upper), :].mean(-2) - points[..., list(lower), :].mean(-2)
    return np.asarray(np.linalg.norm(difference, axis=-1))


def signals(landmarks: NDArray[np.floating]) -> Floats:
    """(..., 68 or 70, 2) landmarks -> (..., 4) values of :data:`SIGNALS`.

    Mouth opening: gap of the inner lips. Smile width: between the mouth corners. Brow height: mean
    distance of the brows from the eye corners below them. Lid opening: mean gap of the lids.
    """
    points = np.asarray(landmarks, np.float64)
    scale = head_scale(points)
    mouth = _gap(points, (61, 62, 63), (67, 66, 65))
    smile = _gap(points, (48,), (54,))
    brow = (_gap(points, (18, 19, 20, 21), (36, 39)) + _gap(points, (22, 23, 24, 25), (42, 45))) / 2
    lid = (
        _gap(points, (37,), (41,))
        + _gap(points, (38,), (40,))
        + _gap(points, (43,), (47,))
        + _gap(points, (44,), (46,))
    ) / 4
    return np.stack([mouth, smile, brow, lid], -1) / scale[..., None]


def head_scale(landmarks: NDArray[np.floating]) -> Floats:
    """(...,) size of the head in pixels from points that no expression moves.

    The larger of the span of the outer eye corners and 1.7 times the nose from bridge to base:
    turning the head shortens the first, nodding the second.
    """
    points = np.asarray(landmarks, np.float64)
    span = np.linalg.norm(points[..., 36, :] - points[..., 45, :], axis=-1)
    nose = np.linalg.norm(points[..., 27, :] - points[..., 33, :], axis=-1)
    return np.asarray(np.maximum(np.maximum(span, 1.7 * nose), 1e-6))


def head_frame(landmarks: NDArray[np.floating]) -> Floats:
    """(..., 2, 2): columns point right along the eyes and down across them, half a head long."""
    points = np.asarray(landmarks, np.float64)
    right = points[..., 45, :] - points[..., 36, :]
    right = right / np.maximum(np.linalg.norm(right, axis=-1, keepdims=True), 1e-6)
    right = right * (head_scale(points)[..., None] / 2)
    down = np.stack([-right[..., 1], right[..., 0]], axis=-1)
    return np.stack([right, down], axis=-1)


def similarity(start: Floats, goal: Floats) -> tuple[Floats, Floats]:
    """(2, 2) matrix A and (2,) shift b, least squares of A start + b = goal, no shear (Umeyama)."""
    a, b = start - start.mean(0), goal - goal.mean(0)
    norm = (a**2).sum()
    cosine = (a * b).sum() / norm
    sine = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / norm
    matrix = np.array([[cosine, -sine], [sine, cosine]])
    return matrix, goal.mean(0) - matrix @ start.mean(0)


def transfer(face: Floats, before: Floats, after: Floats) -> Floats:
    """Move (70, 2) ``face`` by what another face did between ``before`` and ``after``.

    Head motion between the two is taken out by a similarity of the rigid points; the movement that
    is left is turned and scaled to ``face``.
    """
    rigid = list(RIGID)
    matrix, shift = similarity(after[rigid], before[rigid])
    movement = after @ matrix.T + shift - before
    matrix, _ = similarity(before[rigid], face[rigid])
    return np.asarray(face + movement @ matrix.T)
