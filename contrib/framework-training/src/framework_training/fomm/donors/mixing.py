"""Mixes portraits of several sitters into one picture with an alpha matte.

Laplacian pyramids (Burt and Adelson 1983): coarse bands are means, fine bands are taken region by
region from single sitters, because a mean of fine bands would be a blur.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from framework_fomm.crop import square_of_box
from framework_fomm.donors.store import BACKGROUND
from numpy.typing import NDArray

from framework_training.fomm.donors.hair import (
    HAIRLINE_ANGLES,
    OUTLINE_ANGLES,
    hairline_radii,
    on_rays,
    outline_radii,
)
from framework_training.fomm.donors.shape import (
    FACE,
    OUTSIDE,
    Points,
    backward_field,
    box_of_shape,
    mean_shape,
    region_masks,
    resample,
    scale_of,
)

BANDS = 6
FACE_MEAN_FROM = 3  # bands from here on are the mean of all; band k has details of 2^k pixels
OUTSIDE_MEAN_FROM = 4  # strands and ears don't coincide as features do: their mean starts later
NECK_MEAN_FROM = 2  # folds of a neck are few and personal
_PALE = 26.0  # Lab; skin is 35 and more from the wall, dark hair 60


@dataclass(frozen=True)
class Portrait:
    """One sitter: BGR (h, w, 3), matte and distance to the wall (h, w), landmarks (68, 2)."""

    identity: str
    bgr: NDArray[np.uint8]
    matte: NDArray[np.float32]
    wall: NDArray[np.float32]
    points: NDArray[np.float64]


def laplacian_pyramid(image: NDArray[np.float32], bands: int) -> list[NDArray[np.float32]]:
    """``bands`` levels, finest first; the last is the remaining low-pass."""
    import cv2

    levels = []
    for _ in range(bands - 1):
        down = cv2.pyrDown(image)
        up = cv2.pyrUp(down, dstsize=(image.shape[1], image.shape[0]))
        levels.append(np.asarray(image - up, np.float32))
        image = np.asarray(down, np.float32)
    return [*levels, image]


def collapse(levels: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Inverse of :func:`laplacian_pyramid`."""
    import cv2

    image = levels[-1]
    for band in reversed(levels[:-1]):
        image = cv2.pyrUp(image, dstsize=(band.shape[1], band.shape[0])) + band
    return np.asarray(image, np.float32)


@dataclass(frozen=True)
class Aligned:
    """Portraits moved onto their mean shape, ready to be mixed."""

    faces: dict[str, NDArray[np.float32]]  # sitter -> (size, size, 3) BGR
    outsides: dict[str, NDArray[np.float32]]  # the same, colours of the head carried outwards
    matte: NDArray[np.float32]  # (size, size), of the mean outline
    hair: NDArray[np.float32]  # (size, size): 1 where hair is, inside the mean hairline
    shape: Points  # (68, 2)
    masks: dict[str, NDArray[np.float32]]


def align(faces: Sequence[Portrait], outsides: Sequence[Portrait], size: int) -> Aligned:
    """Warp everybody onto the mean shape of ``faces`` and the mean outline of ``outsides``."""
    shape = mean_shape([p.points for p in faces])
    matrix = square_of_box(box_of_shape(shape)).matrix(size)
    shape = shape @ matrix[:, :2].T + matrix[:, 2]
    pictures = {
        p.identity: resample(p.bgr.astype(np.float32), backward_field(p.points, shape, size))
        for p in faces
    }
    fields = {p.identity: backward_field(p.points, shape, size) for p in outsides}
    edges, hairlines = {}, {}
    for p in outsides:
        field = fields[p.identity]
        edges[p.identity] = outline_radii(resample(p.matte, field), shape)
        moved = resample(p.bgr.astype(np.float32), field)
        hairlines[p.identity] = hairline_radii(moved, shape, edges[p.identity])
    edge = np.mean(list(edges.values()), axis=0)
    hairline = np.mean(list(hairlines.values()), axis=0)
    target = np.concatenate(
        [on_rays(shape, OUTLINE_ANGLES, edge), on_rays(shape, HAIRLINE_ANGLES, hairline)]
    )
    moved_outsides, mattes = {}, []
    for p in outsides:
        here = np.concatenate(
            [
                on_rays(shape, OUTLINE_ANGLES, edges[p.identity]),
                on_rays(shape, HAIRLINE_ANGLES, hairlines[p.identity]),
            ]
        )
        there = np.stack([_at(fields[p.identity], point) for point in here])
        field = backward_field(p.points, shape, size, (there, target))
        matte = np.clip(resample(p.matte, field), 0, 1)
        moved = resample(p.bgr.astype(np.float32), field)
        solid = _own_colours(matte, resample(p.wall, field), shape)
        moved_outsides[p.identity] = extend_colours(moved, solid)
        mattes.append(matte)
    return Aligned(
        pictures,
        moved_outsides,
        mean_matte(mattes, shape),
        hair_mask(shape, hairline, size),
        shape,
        region_masks(shape, size),
    )


def _at(field: NDArray[np.float32], point: Points) -> Points:
    import cv2

    x, y = np.array(point, np.float32).reshape(2, 1, 1)
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR)[0, 0], np.float64)


def _own_colours(
    matte: NDArray[np.float32], wall: NDArray[np.float32], shape: Points
) -> NDArray[np.float32]:
    """(size, size): 1 where a pixel is surely the sitter's.

    Beside the head the wall shows between strands near the outline, and what is as pale as the
    wall isn't trusted there. Above, pale is where hair shines.
    """
    import cv2

    solid = _solid(matte)
    width = round(0.12 * scale_of(shape)) * 2 + 1
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    deep = cv2.erode((matte > 0.5).astype(np.float32), ellipse)
    pale = cv2.dilate((wall < _PALE).astype(np.float32), np.ones((3, 3), np.uint8))
    pale[: round(float(shape[27, 1] - 0.3 * scale_of(shape)))] = 0
    return np.asarray(solid * np.maximum(deep, 1 - pale), np.float32)


def mean_matte(mattes: Sequence[NDArray[np.float32]], shape: Points) -> NDArray[np.float32]:
    """(size, size): 1 where most heads are, with a border about as soft as one head's.

    Below the ears only where nearly all are: nobody's hair is to hang there.
    """
    import cv2

    half = np.median(mattes, axis=0)
    most = np.quantile(mattes, 0.2, axis=0)
    lobes = float(shape[[2, 14], 1].mean())
    below = (np.arange(len(half)) - lobes) / (0.15 * scale_of(shape))
    share = np.clip(below, 0, 1)[:, None]
    matte = (share * most + (1 - share) * half).astype(np.float32)
    soft = cv2.GaussianBlur(matte, (0, 0), 2.0)
    return np.asarray(np.clip((soft - 0.5) * 3 + 0.5, 0, 1), np.float32)


def hair_mask(shape: Points, hairline: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """(size, size): 1 beyond the hairline, 0 on skin; at the sides it ends above the ears."""
    import cv2

    y, x = np.mgrid[:size, :size].astype(np.float64)
    right, up = x - shape[27, 0], shape[27, 1] - y
    angle = np.rad2deg(np.arctan2(right, up))
    beyond = np.hypot(right, up) - np.interp(angle, HAIRLINE_ANGLES, hairline)
    hair = ((beyond > 0) & (np.abs(angle) < 80)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(hair, (0, 0), 0.02 * scale_of(shape)), np.float32)


def mix(aligned: Aligned, taken: Mapping[str, str]) -> NDArray[np.uint8]:
    """(size, size, 4) BGRA, colours not multiplied by alpha and extended beyond the matte.

    Args:
        aligned: of :func:`align`.
        taken: which sitter each region's fine bands are from.
    """
    import cv2

    faces = list(aligned.faces.values())
    face = np.sum([aligned.masks[name] for name in FACE], axis=0)[..., None]
    skin = np.mean([_mean_colour(p, face) for p in faces], axis=0)
    outsides = _same_colours(aligned, skin)
    mean = [np.mean(bands, axis=0) for bands in zip(*map(_bands, faces), strict=True)]
    around = [np.mean(b, axis=0) for b in zip(*map(_bands, outsides.values()), strict=True)]
    fine = {name: _bands(aligned.faces[taken[name]]) for name in FACE}
    fine |= {name: _bands(outsides[taken[name]]) for name in OUTSIDE}
    result = []
    for band in range(BANDS):
        height, width = mean[band].shape[:2]
        out = np.zeros_like(mean[band])
        for region, mask in aligned.masks.items():
            weight = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)[..., None]
            if region in FACE:
                chosen = mean[band] if band >= FACE_MEAN_FROM else fine[region][band]
            else:
                start = NECK_MEAN_FROM if region == "neck" else OUTSIDE_MEAN_FROM
                chosen = around[band] if band >= start else fine[region][band]
            out += weight * chosen
        result.append(out.astype(np.float32))
    bgr = collapse(result)
    matte = np.maximum(aligned.matte, face[..., 0])
    small = np.ones((3, 3), np.uint8)
    alpha = cv2.erode(matte * head_only(aligned.shape, len(bgr)), small)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.0)
    bgr = np.clip(extend_colours(bgr, _solid(matte)), 0, 255)
    return np.dstack([np.round(bgr), np.round(alpha * 255)]).astype(np.uint8)


def _bands(picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return laplacian_pyramid(picture, BANDS)


def _mean_colour(picture: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray((picture * weight).sum((0, 1), np.float64) / weight.sum())


def _same_colours(aligned: Aligned, skin: NDArray[np.float64]) -> dict[str, NDArray[np.float32]]:
    """Everybody's hair in the mean colour of all hair, ears and neck in that of the face."""
    face = np.sum([aligned.masks[name] for name in FACE], axis=0)[..., None]
    hair = aligned.hair[..., None]
    here = hair * aligned.matte[..., None]
    colours = {i: _mean_colour(p, here) for i, p in aligned.outsides.items()}
    wanted = np.mean(list(colours.values()), axis=0)
    result = {}
    for identity, picture in aligned.outsides.items():
        of_skin = skin / _mean_colour(picture, face * (1 - hair))
        of_hair = wanted / colours[identity]
        gain = of_skin * (1 - hair) + of_hair * hair
        result[identity] = np.asarray(np.clip(picture * gain, 0, 255), np.float32)
    return result


def _solid(matte: NDArray[np.float32]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(
        cv2.erode((matte > 0.95).astype(np.float32), np.ones((3, 3), np.uint8)), np.float32
    )


def head_only(shape: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """(size, size) in [0, 1]: fades out below the chin and beside the neck, so no clothes show."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    chin = float(shape[8, 1])
    depth = 0.22 * float(chin - shape[27, 1])
    middle = float(shape[[5, 11], 0].mean())
    half = 0.60 * float(shape[12, 0] - shape[4, 0])
    # round like a neckline, deepest in the middle: a straight end would look cut off
    neckline = chin + depth * (1.3 - 0.8 * np.clip(np.abs(x - middle) / half, 0, 1) ** 2)
    below = np.clip((neckline - y) / (0.6 * depth), 0, 1)
    beside = np.clip((half - np.abs(x - middle)) / (0.3 * depth) + 1, 0, 1)
    neck = np.clip((y - float(shape[[5, 11], 1].mean())) / depth, 0, 1)
    return np.asarray(below * (beside * neck + 1 - neck), np.float32)


def extend_colours(bgr: NDArray[np.float32], solid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Carry the head's own colours outwards, so that no light background fringes the matte."""
    import cv2

    result = bgr.copy()
    known = solid.copy()
    for sigma in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0):
        weight = cv2.GaussianBlur(known, (0, 0), sigma)
        colour = cv2.GaussianBlur(result * known[..., None], (0, 0), sigma)
        fill = (known == 0) & (weight > 0.02)
        result[fill] = colour[fill] / weight[fill, None]
        known[fill] = 1.0
    result[known == 0] = BACKGROUND
    return result
