"""Geometry of 68 facial landmarks, for composing donors: mean shape, warp, regions of a face.

Point numbers are those of the iBUG 300-W scheme: 0-16 jaw, 17-26 brows, 27-35 nose, 36-47 eyes,
48-67 mouth; left is the picture's left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def similarity_points(source: Points, target: Points) -> Points:
    """``source`` (k, 2) under the similarity that brings it nearest to ``target`` (Procrustes)."""
    a = (source - source.mean(0)) @ np.array([1, 1j])
    b = (target - target.mean(0)) @ np.array([1, 1j])
    turn = np.vdot(a, b) / np.vdot(a, a)
    moved = turn * a
    return np.asarray(np.stack([moved.real, moved.imag], 1) + target.mean(0))


def mean_shape(shapes: list[Points]) -> Points:
    """Generalised Procrustes mean (68, 2), upright, in the pixels of the first shape's scale."""
    mean = shapes[0]
    for _ in range(5):
        mean = np.mean([similarity_points(s, mean) for s in shapes], axis=0)
    return level(mean)


def level(shape: Points) -> Points:
    """Turn the shape so that the line between the eyes is horizontal."""
    eyes = shape[42:48].mean(0) - shape[36:42].mean(0)
    angle = -np.arctan2(eyes[1], eyes[0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray((shape - shape.mean(0)) @ turn.T + shape.mean(0))


def box_of_shape(shape: Points) -> NDArray[np.float64]:
    """(4,) the box a face detector puts around these landmarks: hairline to chin, ear to ear."""
    left, right = shape[:, 0].min(), shape[:, 0].max()
    brow, chin = shape[17:27, 1].min(), shape[8, 1]
    return np.array([left, brow - 0.35 * (chin - brow), right, chin])


def frame_points(shape: Points) -> Points:
    """Points around the head that only a similarity moves: the warp stays calm outside."""
    centre = shape[27:36].mean(0)
    reach = 2.6 * np.ptp(shape[:, 1])
    angle = np.arange(16) * 2 * np.pi / 16
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    inner = centre + ring[8:] * reach * 0.46 - [0, 0.1 * reach]  # upper half: about the hair's edge
    return np.concatenate([centre + ring * reach, inner])


def move_onto(
    picture: NDArray[np.float32], points: Points, shape: Points, size: int
) -> NDArray[np.float32]:
    """Warp a picture (h, w, c) so that its ``points`` come to lie on ``shape``: (size, size, c).

    A thin-plate spline from the target back to the picture, evaluated on a coarse grid. The frame
    of the head follows a similarity, so hair and neck keep their form.
    """
    import cv2
    from scipy.interpolate import RBFInterpolator

    ring = frame_points(shape)
    everything = np.concatenate([shape, ring])
    # where the frame lies in the picture: the similarity of the face, extended to it
    a = (shape - shape.mean(0)) @ np.array([1, 1j])
    b = (points - points.mean(0)) @ np.array([1, 1j])
    turn = np.vdot(a, b) / np.vdot(a, a)
    carried = turn * ((ring - shape.mean(0)) @ np.array([1, 1j]))
    target = np.concatenate([points, np.stack([carried.real, carried.imag], 1) + points.mean(0)])
    spline = RBFInterpolator(everything, target, kernel="thin_plate_spline", smoothing=2.0)
    step = 4
    coarse = np.arange(0, size + step, step, dtype=np.float64)
    grid = np.stack(np.meshgrid(coarse, coarse), -1)
    back = spline(grid.reshape(-1, 2)).reshape(*grid.shape).astype(np.float32)
    index = (np.arange(size, dtype=np.float32) / step).astype(np.float32)
    mx, my = np.meshgrid(index, index)
    field = cv2.remap(back, mx, my, cv2.INTER_LINEAR)
    moved = cv2.remap(
        picture,
        field[..., 0],
        field[..., 1],
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


def region_masks(shape: Points, size: int) -> dict[str, NDArray[np.float32]]:
    """Soft masks (size, size) of the parts of a face that sum to 1 at every pixel."""
    import cv2

    scale = float(shape[8, 1] - shape[27, 1])  # nose bridge to chin
    eyes = shape[36:48].mean(0)
    up = np.array([0.0, scale])

    def area(points: Points, grow: float, blur: float) -> NDArray[np.float32]:
        hull = cv2.convexHull(points.astype(np.float32).reshape(-1, 1, 2))
        flat = np.zeros((size, size), np.float32)
        cv2.fillConvexPoly(flat, np.round(hull).astype(np.int32), 1.0)
        width = max(1, round(grow * scale)) * 2 + 1
        mask = cv2.dilate(flat, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), blur * scale), np.float32)

    # the landmarks end at the brows: the forehead is their arch, raised
    brows = shape[17:27]
    raised = brows - 0.30 * up - 0.12 * (brows - brows.mean(0))
    jaw = shape[1:16] + 0.05 * (eyes - shape[1:16])
    face = area(np.concatenate([jaw, raised]), 0.0, 0.045)
    parts = {
        "eyes": area(shape[np.r_[17:27, 36:48]], 0.04, 0.04),
        "nose": area(np.concatenate([shape[28:36], shape[31:36] + 0.03 * up]), 0.05, 0.05),
        "mouth": area(np.concatenate([shape[48:60], shape[6:11] - 0.08 * up]), 0.03, 0.05),
        "forehead": area(np.concatenate([raised, brows - 0.1 * up]), 0.08, 0.08),
        "cheek-left": area(np.concatenate([shape[1:6], shape[[31, 48]]]), 0.02, 0.08),
        "cheek-right": area(np.concatenate([shape[11:16], shape[[35, 54]]]), 0.02, 0.08),
    }
    total = sum(parts.values()) + 1e-4
    masks = {name: np.asarray(face * part / total, np.float32) for name, part in parts.items()}
    masks["outside"] = np.asarray(1 - sum(masks.values()), np.float32)
    return masks
