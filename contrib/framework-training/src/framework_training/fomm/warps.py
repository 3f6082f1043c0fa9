"""Thin-plate splines that move landmarks: true pairs from single pictures.

A still becomes a pair by moving its landmarks, and the picture with them (Bookstein, PAMI 1989).
The movements are those seen in clips, so that lids, brows and lips move as they do in life.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class ThinPlate:
    """T: (n, 2) -> (n, 2) with T(centres_i) close to what it was fitted to."""

    centres: Points  # (m, 2)
    weights: Points  # (m, 2)
    affine: Points  # (3, 2) rows: 1, x, y

    def __call__(self, points: Points) -> Points:
        """Map (n, 2) points."""
        bent = _kernel(points, self.centres) @ self.weights
        return np.asarray(bent + self.affine[0] + points @ self.affine[1:])

    def jacobian(self, points: Points, step: float = 0.5) -> Points:
        """(n, 2, 2) derivatives by central differences; column j is dT / dx_j."""
        columns = []
        for axis in range(2):
            offset = np.zeros(2)
            offset[axis] = step
            columns.append((self(points + offset) - self(points - offset)) / (2 * step))
        return np.stack(columns, axis=-1)


def _kernel(points: Points, centres: Points) -> Points:
    """(n, m): r^2 log r^2, 0 at r = 0."""
    squared = ((points[:, None] - centres[None]) ** 2).sum(-1)
    return np.asarray(squared * np.log(np.maximum(squared, 1e-9)))


def fit_thin_plate(start: Points, goal: Points, smoothness: float = 1.0) -> ThinPlate:
    """The least bent map that takes (m, 2) ``start`` to ``goal``, up to ``smoothness``.

    Points of ``start`` may coincide (a closed eye): smoothing makes the system regular.
    """
    m = len(start)
    system = np.zeros((m + 3, m + 3))
    system[:m, :m] = _kernel(start, start) + smoothness * np.eye(m)
    system[:m, m] = system[m, :m] = 1
    system[:m, m + 1 :] = start
    system[m + 1 :, :m] = start.T
    values = np.concatenate([goal, np.zeros((3, 2))])
    solved = np.linalg.solve(system, values)
    return ThinPlate(start.copy(), solved[:m], solved[m:])


def border_points(size: int) -> Points:
    """Eight points of the frame, which keep the surroundings in place."""
    last = size - 1.0
    line = (0.0, last / 2, last)
    return np.array([(x, y) for x in line for y in line if (x, y) != (line[1], line[1])])


def sample(picture: NDArray[np.uint8], warp: ThinPlate, coarse: int = 4) -> NDArray[np.uint8]:
    """The picture whose pixel z shows pixel ``warp(z)`` of ``picture`` (h, w, 3).

    The map is evaluated at every ``coarse``-th pixel and interpolated, which is fast and, a spline
    being smooth, exact to a few hundredths of a pixel.
    """
    import cv2

    height, width = picture.shape[:2]
    x = np.arange(0, width + coarse, coarse, dtype=np.float64)
    y = np.arange(0, height + coarse, coarse, dtype=np.float64)
    grid = np.stack(np.meshgrid(x, y), -1)
    mapped = warp(grid.reshape(-1, 2)).reshape(grid.shape).astype(np.float32)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) / coarse
    dense = cv2.remap(mapped, columns, rows, cv2.INTER_LINEAR)
    warped = cv2.remap(
        picture, dense[..., 0], dense[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)
