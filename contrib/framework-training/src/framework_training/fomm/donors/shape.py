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


def scale_of(shape: Points) -> float:
    """Bridge of the nose to chin in pixels: the unit of everything that is laid out by hand."""
    return float(shape[8, 1] - shape[27, 1])


def frame_points(shape: Points, upper: bool = True) -> Points:
    """Points around the head that only a similarity moves: the warp stays calm outside.

    Args:
        upper: with points about the hair's edge; False where the hair has points of its own.
    """
    centre = shape[27:36].mean(0)
    reach = 2.6 * np.ptp(shape[:, 1])
    angle = np.arange(16) * 2 * np.pi / 16
    ring = np.stack([np.cos(angle), np.sin(angle)], 1)
    inner = centre + ring[8:] * reach * 0.46 - [0, 0.1 * reach]  # upper half: about the hair's edge
    return np.concatenate([centre + ring * reach, inner if upper else inner[:0]])


def backward_field(
    points: Points, shape: Points, size: int, more: tuple[Points, Points] | None = None
) -> NDArray[np.float32]:
    """(size, size, 2): where in a picture each pixel comes from, so that ``points`` meet ``shape``.

    A thin-plate spline from the target back to the picture, evaluated on a coarse grid. The frame
    of the head follows a similarity, so hair and neck keep their form, unless ``more`` says where
    they belong.

    Args:
        points: (68, 2) landmarks of the picture.
        shape: (68, 2) where they are to lie in the result.
        size: side of the result in pixels.
        more: further points (n, 2) of the picture, and where they are to lie.
    """
    import cv2
    from scipy.interpolate import RBFInterpolator

    ring = frame_points(shape, upper=more is None)
    # where the frame lies in the picture: the similarity of the face, extended to it
    a = (shape - shape.mean(0)) @ np.array([1, 1j])
    b = (points - points.mean(0)) @ np.array([1, 1j])
    turn = np.vdot(a, b) / np.vdot(a, a)
    carried = turn * ((ring - shape.mean(0)) @ np.array([1, 1j]))
    source = [points, np.stack([carried.real, carried.imag], 1) + points.mean(0)]
    target = [shape, ring]
    if more is not None:
        source.append(more[0])
        target.append(more[1])
    spline = RBFInterpolator(
        np.concatenate(target), np.concatenate(source), kernel="thin_plate_spline", smoothing=2.0
    )
    step = 4
    coarse = np.arange(0, size + step, step, dtype=np.float64)
    grid = np.stack(np.meshgrid(coarse, coarse), -1)
    back = spline(grid.reshape(-1, 2)).reshape(*grid.shape).astype(np.float32)
    index = (np.arange(size, dtype=np.float32) / step).astype(np.float32)
    mx, my = np.meshgrid(index, index)
    return np.asarray(cv2.remap(back, mx, my, cv2.INTER_LINEAR), np.float32)


def resample(picture: NDArray[np.float32], field: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture (h, w) or (h, w, c) seen through a field of :func:`backward_field`."""
    import cv2

    moved = cv2.remap(
        picture,
        field[..., 0],
        field[..., 1],
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(moved, np.float32)


FACE = ("eyes", "brows", "nose", "mouth", "chin", "forehead", "cheek-left", "cheek-right")
OUTSIDE = ("crown", "hair-left", "hair-right", "ear-left", "ear-right", "neck")
"""Parts of a composite; each shows the fine detail of another sitter."""


def region_masks(shape: Points, size: int) -> dict[str, NDArray[np.float32]]:
    """Soft masks (size, size) of :data:`FACE` and :data:`OUTSIDE` that sum to 1 at every pixel."""
    masks = face_masks(shape, size)
    rest = 1 - sum(masks.values())
    return masks | {
        name: np.asarray(rest * mask, np.float32)
        for name, mask in outside_masks(shape, size).items()
    }


def face_masks(shape: Points, size: int) -> dict[str, NDArray[np.float32]]:
    """Soft masks (size, size) of the parts of the face; their sum falls to 0 at its border."""
    import cv2

    scale = scale_of(shape)
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
    left, right = shape[[17, 36]].mean(0), shape[[26, 45]].mean(0)
    parts = {
        "eyes": area(np.concatenate([shape[36:48], shape[36:48] + 0.04 * up]), 0.05, 0.03),
        "brows": area(np.concatenate([brows - 0.05 * up, left[None], right[None]]), 0.03, 0.03),
        "nose": area(np.concatenate([shape[28:36], shape[31:36] + 0.03 * up]), 0.05, 0.05),
        "mouth": area(shape[48:60], 0.06, 0.035),
        "chin": area(
            np.concatenate([shape[6:11] - 0.03 * up, shape[[57]] + 0.10 * up]), 0.03, 0.04
        ),
        "forehead": area(np.concatenate([raised, brows - 0.1 * up]), 0.08, 0.08),
        "cheek-left": area(np.concatenate([shape[1:6], shape[[31, 48]]]), 0.02, 0.08),
        "cheek-right": area(np.concatenate([shape[11:16], shape[[35, 54]]]), 0.02, 0.08),
    }
    total = sum(parts.values()) + 1e-4
    return {name: np.asarray(face * parts[name] / total, np.float32) for name in FACE}


def outside_masks(shape: Points, size: int) -> dict[str, NDArray[np.float32]]:
    """Soft sectors (size, size) around the bridge of the nose that sum to 1 at every pixel."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    angle = np.rad2deg(np.arctan2(x - shape[27, 0], shape[27, 1] - y))  # 0 is up, right is positive
    borders = (-128.0, -78.0, -24.0, 24.0, 78.0, 128.0)
    soft = 5.0  # degrees
    beyond = [1 / (1 + np.exp(-(angle - border) / (0.3 * soft))) for border in borders]
    sectors = {
        "ear-left": beyond[0] * (1 - beyond[1]),
        "hair-left": beyond[1] * (1 - beyond[2]),
        "crown": beyond[2] * (1 - beyond[3]),
        "hair-right": beyond[3] * (1 - beyond[4]),
        "ear-right": beyond[4] * (1 - beyond[5]),
        "neck": 1 - beyond[0] + beyond[5],
    }
    total = sum(sectors.values())
    return {name: np.asarray(sectors[name] / total, np.float32) for name in OUTSIDE}
