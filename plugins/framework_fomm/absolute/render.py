"""Draws a donor with moved points: triangles, nearest last, then the inside of the mouth.

The picture between the points moves piecewise affinely: every pixel of the result belongs to the
triangle in front at that place, and is looked up where the triangle lies in the portrait. Triangles
are painted from the back to the front, so that the nose of a turned head hides the cheek behind it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from framework_fomm.absolute import mouth
from framework_fomm.absolute.portrait import Portrait

Floats = NDArray[np.float64]
_SHIFT = 4  # fractional bits of the rasteriser
_BRIGHTEST, _DARKEST = 0.2, 0.45
"""Limits of the change of light, natural logarithm: folds are dark, and skin doesn't shine."""


def draw(
    portrait: Portrait,
    points: Floats,
    depth: Floats,
    shade: NDArray[np.float32] | None,
    opening: mouth.Opening | None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The donor with its points moved.

    Args:
        points: (n, 2) pixels, one for each of the portrait's.
        depth: (n,) the larger, the further from the camera.
        shade: (c, c) change of the light's logarithm on the canvas, or None.
        opening: what is seen between the lips, or None for closed ones.

    Returns:
        (s, s, 3) uint8 BGR premultiplied by the matte, and the matte (s, s) uint8.
    """
    lit = light_up(portrait, shade)
    source = _source_map(portrait, points, depth)
    moved = np.asarray(
        cv2.remap(lit, *source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT),
        np.float32,
    )
    if opening is not None:
        mouth.draw(moved, points, opening)
    result = np.clip(moved, 0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(result[..., :3]), np.ascontiguousarray(result[..., 3])


def light_up(portrait: Portrait, shade: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """(s, s, 4) the portrait, unmoved, under another light."""
    if shade is None:
        return portrait.picture
    limit = np.where(shade > 0, np.float32(_BRIGHTEST), np.float32(_DARKEST))
    soft = limit * np.tanh(shade / limit)
    there = cv2.remap(soft, *portrait.canvas_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    factor = cv2.exp(there * portrait.lit)
    result = portrait.picture.copy()
    colours = cv2.multiply(result[..., :3], cv2.merge([factor, factor, factor]))
    # nothing brighter than white, softly: the brightest skin gains least
    np.minimum(colours, 250.0, out=result[..., :3])
    return result


def _source_map(
    portrait: Portrait, points: Floats, depth: Floats
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two (s, s): where in the portrait each pixel of the result is looked up, x and y."""
    size = portrait.size
    triangles = portrait.triangles
    corners = points[triangles]  # (t, 3, 2)
    order = np.argsort(-depth[triangles].mean(1), kind="stable")
    owner = np.zeros((size, size), np.int32)
    fixed = np.round(corners * (1 << _SHIFT)).astype(np.int32)
    for index in order.tolist():
        cv2.fillConvexPoly(owner, fixed[index], index, cv2.LINE_8, _SHIFT)
    affine = _affine(corners, portrait.points[triangles]).astype(np.float32)  # (t, 2, 3)
    flat = affine.reshape(len(affine), 6)[owner]  # (s, s, 6)
    x = np.arange(size, dtype=np.float32)
    y = x[:, None]
    return (
        flat[..., 0] * x + flat[..., 1] * y + flat[..., 2],
        flat[..., 3] * x + flat[..., 4] * y + flat[..., 5],
    )


def _affine(moved: Floats, original: Floats) -> Floats:
    """(t, 2, 3) maps from moved triangles to the original ones; degenerate ones map to a corner."""
    a, b = moved[:, 1] - moved[:, 0], moved[:, 2] - moved[:, 0]
    det = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    safe = np.where(np.abs(det) < 1e-3, np.inf, det)
    inverse = (
        np.stack([np.stack([b[:, 1], -b[:, 0]], 1), np.stack([-a[:, 1], a[:, 0]], 1)], 1)
        / safe[:, None, None]
    )
    edges = np.stack([original[:, 1] - original[:, 0], original[:, 2] - original[:, 0]], 2)
    linear = edges @ inverse
    shift = original[:, 0] - np.einsum("tij,tj->ti", linear, moved[:, 0])
    return np.concatenate([linear, shift[..., None]], 2)
