"""Where a head ends and where its hair begins, along rays from the bridge of the nose.

Several people's hair can only be mixed if outline and hairline coincide, or there would be two of
each. Both are found for every sitter here; a composite takes their means, so that its outline and
its hairline are nobody's.

Angles are in degrees, 0 upwards, growing to the picture's right; landmarks as in ``shape.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework_training.fomm.donors.shape import Points, scale_of

OUTLINE_ANGLES = np.arange(-117.0, 117.1, 9.0)
HAIRLINE_ANGLES = np.arange(-63.0, 63.1, 9.0)

_FINE = 3.0  # degrees between the rays that are looked at
_STEPS = 160  # samples on a ray of 1.6 face heights
_REACH = 1.6


def directions(angles: NDArray[np.float64]) -> Points:
    """(n, 2) unit vectors.

    >>> bool(np.allclose(directions(np.array([0.0, 90.0])), [[0, -1], [1, 0]]))
    True
    """
    turn = np.deg2rad(angles)
    return np.stack([np.sin(turn), -np.cos(turn)], -1)


def on_rays(shape: Points, angles: NDArray[np.float64], radii: NDArray[np.float64]) -> Points:
    """(n, 2) points ``radii`` pixels from the bridge of the nose."""
    return np.asarray(shape[27] + directions(angles) * radii[:, None])


def outline_radii(matte: NDArray[np.float32], shape: Points) -> NDArray[np.float64]:
    """(len(OUTLINE_ANGLES),) pixels from the bridge to where the head ends.

    Loose strands are left out: along a ray the head ends where at most half of a short way
    beyond is still head.
    """
    import cv2

    scale = scale_of(shape)
    calm = cv2.morphologyEx(
        (matte > 0.5).astype(np.uint8),
        cv2.MORPH_OPEN,
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(0.16 * scale),) * 2),
    )
    lengths = np.linspace(0.3, _REACH, _STEPS) * scale
    rays = np.array([_along(calm, shape[27], d, lengths) for d in directions(OUTLINE_ANGLES)])
    inside = rays > 0.5
    last = np.array([int(np.flatnonzero(row)[-1]) if row.any() else 0 for row in inside])
    return _smooth(lengths[last], 0.5)


def hairline_radii(
    picture: NDArray[np.float32], shape: Points, outline: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(len(HAIRLINE_ANGLES),) pixels from the bridge to where skin becomes hair.

    Colours of the sitter's own skin and hair make two normal distributions; along each ray the
    border is where their log-likelihood ratio changes sides, and neighbouring rays are kept
    together by dynamic programming.

    Args:
        picture: (h, w, 3) BGR, 0 to 255, on which ``shape`` (68, 2) lies.
        outline: of :func:`outline_radii`.
    """
    import cv2

    scale = scale_of(shape)
    lab = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    lab = cv2.GaussianBlur(lab, (0, 0), 1.5)
    angles = np.arange(HAIRLINE_ANGLES[0], HAIRLINE_ANGLES[-1] + 0.1, _FINE)
    edge = np.interp(angles, OUTLINE_ANGLES, outline)
    lengths = np.linspace(0.0, _REACH, _STEPS) * scale
    rays = np.stack([_along(lab, shape[27], d, lengths) for d in directions(angles)])
    turn = np.deg2rad(angles)
    start = scale * np.hypot(0.56 * np.sin(turn), 0.40 * np.cos(turn))  # just beyond the brows
    reach = lengths[None, :]
    central = np.abs(angles)[:, None] < 45
    skin = rays[(reach > start[:, None]) & (reach < start[:, None] + 0.10 * scale) & central]
    hair = rays[(reach < edge[:, None] - 0.03 * scale) & (reach > edge[:, None] - 0.16 * scale)]
    ratio = np.clip(_log_density(rays, skin) - _log_density(rays, hair), -6, 6)
    outside = (reach < start[:, None]) | (reach > edge[:, None] - 0.05 * scale)
    ratio = np.where(outside, 0.0, ratio)
    score = 2 * np.cumsum(ratio, axis=1) - ratio.sum(axis=1, keepdims=True)  # skin up to here
    score[outside] = -1e6
    border = _best_path(score, 0.02 * _STEPS)
    return np.asarray(np.interp(HAIRLINE_ANGLES, angles, _smooth(lengths[border], 1.5)))


def _along(
    image: NDArray[Any], origin: Points, direction: Points, lengths: NDArray[np.float64]
) -> NDArray[np.float32]:
    import cv2

    x, y = (origin[:, None] + direction[:, None] * lengths).astype(np.float32)
    sampled = cv2.remap(image, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(sampled[0], np.float32)


def _log_density(values: NDArray[np.float32], sample: NDArray[np.float32]) -> NDArray[np.float64]:
    mean = np.median(sample, axis=0)
    deviation = sample - mean
    covariance = deviation.T @ deviation / len(sample) + 9.0 * np.eye(3)
    off = values - mean
    distance = np.einsum("...i,ij,...j", off, np.linalg.inv(covariance), off)
    return np.asarray(-0.5 * (distance + np.log(np.linalg.det(covariance))))


def _best_path(score: NDArray[np.float64], stiffness: float) -> NDArray[np.int64]:
    """The column of each row with the greatest sum of scores, less the squares of its steps."""
    rows, columns = score.shape
    step = (np.arange(columns)[:, None] - np.arange(columns)[None, :]) ** 2 * stiffness
    total, back = score[0].copy(), np.zeros((rows, columns), np.int64)
    for row in range(1, rows):
        choices = total[None, :] - step
        back[row] = choices.argmax(axis=1)
        total = choices.max(axis=1) + score[row]
    path = np.empty(rows, np.int64)
    path[-1] = int(total.argmax())
    for row in range(rows - 1, 0, -1):
        path[row - 1] = back[row, path[row]]
    return path


def _smooth(values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter1d, median_filter

    return np.asarray(gaussian_filter1d(median_filter(values, 3, mode="nearest"), sigma))
