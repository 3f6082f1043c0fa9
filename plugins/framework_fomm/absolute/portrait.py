"""A donor laid open for moving: its mesh, its triangles, and where the light falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from framework_measures import mesh
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from framework_fomm.absolute.basis import Basis

Floats = NDArray[np.float64]
_BORDER = 0.02  # points on the picture's border lie this far outside of it, as a share


@dataclass(frozen=True)
class Portrait:
    """A donor.

    Attributes:
        picture: (s, s, 4) float32, colours premultiplied by the matte, and the matte, 0 to 255.
        shape: (478, 3) frontal and neutral, eye units.
        around: (m, 3) rings around the face, eye units.
        to_picture: (2, 3) eye units -> pixels, of the frontal face.
        points: (n, 2) pixels of all points: mesh, rings, border.
        triangles: (t, 3) indices into ``points``.
        canvas_map: x and y, (s, s) float32, where each pixel lies on the light's canvas.
        lit: (s, s) float32 in [0, 1], where the light may change.
    """

    picture: NDArray[np.float32]
    shape: Floats
    around: Floats
    to_picture: Floats
    points: Floats
    triangles: NDArray[np.int64]
    canvas_map: tuple[NDArray[np.float32], NDArray[np.float32]]
    lit: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Side of the picture, pixels."""
        return len(self.picture)


def prepare(picture: NDArray[np.float32], landmarks: Floats, basis: Basis) -> Portrait:
    """Lay a donor open.

    Args:
        picture: (s, s, 4) float32, colours premultiplied by the matte, and the matte, 0 to 255.
        landmarks: (478, 3) pixels; z in pixels too.
    """
    size = len(picture)
    rotation, scale, middle = mesh.fit_rotation(landmarks, basis.reference)
    # the portrait is taken as frontal: its own few degrees of turn stay in its shape
    roll = np.arctan2(rotation[0, 1], rotation[0, 0])
    turn = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    target = basis.reference[list(mesh.STABLE)].mean(0)
    shape = scale * (landmarks - middle) @ turn.T + target
    around = mesh.rings(shape)
    linear = turn[:2, :2].T / scale
    to_picture = np.column_stack([linear, middle[:2] - linear @ target[:2]])
    flat = np.concatenate([shape, around])[:, :2] @ linear.T + to_picture[:, 2]
    points = np.concatenate([flat, _border(size)])
    triangles = np.asarray(Delaunay(points).simplices, np.int64)
    triangles = triangles[~_inside(triangles, mesh.INNER_LIPS)]
    canvas = _canvas_map(points[: mesh.POINTS], basis, size)
    return Portrait(
        picture,
        shape,
        around,
        to_picture,
        points,
        triangles,
        canvas[0],
        canvas[1],
    )


def _border(size: int) -> Floats:
    """(16, 2) points around the picture that stay where they are."""
    low, high = -_BORDER * size, (1 + _BORDER) * size
    line = np.linspace(low, high, 5)
    sides = [np.c_[line, np.full(5, low)], np.c_[line, np.full(5, high)]]
    sides += [np.c_[np.full(3, low), line[1:4]], np.c_[np.full(3, high), line[1:4]]]
    return np.concatenate(sides)


def _inside(triangles: NDArray[np.int64], loop: tuple[int, ...]) -> NDArray[np.bool_]:
    """(t,) triangles whose corners all lie on a loop: they fill its inside."""
    return np.asarray(np.isin(triangles, loop).all(1))


def _canvas_map(
    points: Floats, basis: Basis, size: int
) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]:
    """Where each pixel of the picture lies on the light's canvas, and the soft mask of the face."""
    goal = basis.canvas(basis.reference)
    mesh_triangles = Delaunay(points)
    rows, columns = np.mgrid[:size, :size].astype(np.float64)
    pixels = np.c_[columns.ravel(), rows.ravel()]
    found = mesh_triangles.find_simplex(pixels)
    inside = found >= 0
    affine = mesh_triangles.transform[found[inside]]
    part = np.einsum("nij,nj->ni", affine[:, :2], pixels[inside] - affine[:, 2])
    bary = np.c_[part, 1 - part.sum(1)]
    result = np.full((size * size, 2), -1.0, np.float32)
    corners = mesh_triangles.simplices[found[inside]]
    result[inside] = np.einsum("nk,nkd->nd", bary, goal[corners])
    mask = inside.reshape(size, size).astype(np.uint8)
    reach = cv2.distanceTransform(cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT), 2, 5)
    soft = np.clip(reach[1:-1, 1:-1] / (0.05 * size), 0, 1)
    # the warp alone closes eyes: skin over a dark iris is no matter of light
    eyes = np.zeros((size, size), np.uint8)
    for eye, _ in mesh.EYES:
        cv2.fillPoly(eyes, [np.round(points[list(eye)]).astype(np.int32)], 255)
    wider = cv2.dilate(eyes, np.ones((5, 5), np.uint8))
    soft *= 1 - cv2.GaussianBlur(wider, (0, 0), 0.008 * size).astype(np.float32) / 255
    x, y = (np.ascontiguousarray(part).reshape(size, size) for part in result.T)
    return (x, y), np.asarray(soft, np.float32)
