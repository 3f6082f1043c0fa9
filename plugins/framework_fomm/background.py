"""What stands behind the heads, remembered from the frames in which it could be seen.

Background subtraction by the temporal median (Lo and Velastin 2001); film calls it a clean plate.
Of every place the recording is asked what it shows there while no head is in front. A camera in a
consulting room stands still, so a place that shows the same each time is furniture or wall.

The privacy of it: a pixel that any frame's cover hides takes no part in anything here, not in the
plate, not in the exposure, not in the question whether the camera stands still. So every pixel of
the plate is one that the result itself shows, at the same place, in other frames.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.regions import Rect, Region
from framework.types import Frame, Image
from framework_fomm.cover import FEATHER, covered_mask, push_pull

SAMPLES = 24
"""Frames that are kept until the plate is made."""
_SAMPLE_PIXELS = 1_500_000  # of each; a larger rectangle is kept at half or a third of its size
_CANDIDATES = 600
_GRID = 96  # cells along the longer side of a frame, to plan by
_SMALL = 160  # pixels along it, to compare whole frames by
_SEEN_AT_LEAST = 3
_TOLERANCE = 12  # 0 to 255, in the worst channel
_UNREST = 0.35  # of the contrast around a pixel is allowed besides: a camera's tremor at an edge
_AGREEING = 0.75  # share of the samples of a place that must show the same
_STEADY = 0.7  # share of the samples that must be in place, or the camera moves
_FITTING = 0.25  # share of what has edges that must fit for that
_EDGE = 20  # contrast
_SHIFT = 4  # small pixels to each side that a camera may have moved between two samples
_BESIDE = 0.03  # left out around every region, as a share of the face
_AROUND = 0.4  # kept around the regions, to compare with

Covered = Callable[[int], Sequence[Region]]
"""Frame -> every region that is covered in it."""


@dataclass(frozen=True)
class Plate:
    """The background where it is known.

    Attributes:
        rect: of the frame; nothing is known outside.
        colour: (h, w, 3) of ``rect``; continued smoothly where it isn't known.
        weight: (h, w), 255 where it is known, with a soft border to 0 inside.
    """

    rect: Rect
    colour: Image
    weight: NDArray[np.uint8]

    def part(self, rect: Rect) -> tuple[Image, NDArray[np.uint8]] | None:
        """Colour and weight in a rectangle of the frame; None if nothing is known there."""
        left, top = max(rect.left, self.rect.left), max(rect.top, self.rect.top)
        right, bottom = min(rect.right, self.rect.right), min(rect.bottom, self.rect.bottom)
        if right <= left or bottom <= top:
            return None
        own = np.s_[
            top - self.rect.top : bottom - self.rect.top,
            left - self.rect.left : right - self.rect.left,
        ]
        if not self.weight[own].any():
            return None
        if (left, top, right, bottom) == tuple(rect):
            return self.colour[own], self.weight[own]
        colour = np.zeros((rect.height, rect.width, 3), np.uint8)
        weight = np.zeros((rect.height, rect.width), np.uint8)
        inside = np.s_[top - rect.top : bottom - rect.top, left - rect.left : right - rect.left]
        colour[inside], weight[inside] = self.colour[own], self.weight[own]
        return colour, weight


@dataclass
class _Sample:
    """One frame that was looked at: the rectangle of the plate, and all of it in small."""

    index: int
    time_s: float
    part: Image
    small: Image


class Background:
    """Chooses the frames to look at, looks at them, and makes the plate.

    In memory at any time: :data:`SAMPLES` pictures of the rectangle in which heads move, 1.5
    million pixels each at most, however long and large the recording is.
    """

    def __init__(
        self,
        frame_size: tuple[int, int],
        time_s: Sequence[float] | NDArray[np.float64],
        usable: Sequence[int],
        heads_at: Covered,
        widest_at: Covered | None = None,
    ) -> None:
        """Plan by the table alone.

        Args:
            frame_size: (width, height).
            time_s: of every frame of the recording.
            usable: frames that may be looked at, ascending: their faces are established.
            heads_at: what is likely to be covered.
            widest_at: what may be covered, at most; decides how much of a picture is kept.
        """
        self._size = frame_size
        self._time_s = np.asarray(time_s, np.float64)
        self._samples: list[_Sample] = []
        thinned = np.unique(np.linspace(0, len(usable) - 1, min(len(usable), _CANDIDATES)).round())
        candidates = [int(usable[int(i)]) for i in thinned]
        regions = {index: list(heads_at(index)) for index in candidates}
        chosen = _greedy(self._uncovered(regions), self._time_s[candidates])
        self.frames = frozenset(candidates[i] for i in chosen)
        """What :meth:`see` wants to be shown."""
        widest = regions if widest_at is None else {i: widest_at(i) for i in candidates}
        rect = _bounds([r for found in widest.values() for r in found], frame_size)
        self._step = step = max(1, math.ceil(math.sqrt(rect.width * rect.height / _SAMPLE_PIXELS)))
        self._rect = Rect(  # whole blocks
            rect.left,
            rect.top,
            rect.left + rect.width // step * step,
            rect.top + rect.height // step * step,
        )
        self._face_px = float(np.median([r.face_px for f in regions.values() for r in f] or [0.0]))

    def _uncovered(self, regions: dict[int, list[Region]]) -> NDArray[np.bool_]:
        """(candidates, cells): what each would show of the places that are covered in others."""
        width, height = self._size
        scale = min(1.0, _GRID / max(width, height))
        size = (max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale)))
        covered = np.zeros((len(regions), size[0] * size[1]), bool)
        for row, found in zip(covered, regions.values(), strict=True):
            row[:] = covered_mask([_scaled(r, scale, size) for r in found], size).ravel() > 0
        return np.asarray(~covered[:, covered.any(axis=0)])

    def see(self, frame: Frame) -> None:
        """Keep what is needed of one of :attr:`frames`."""
        import cv2

        scale = min(1.0, _SMALL / max(self._size))
        size = (max(1, round(self._size[0] * scale)), max(1, round(self._size[1] * scale)))
        small = cv2.resize(frame.bgr, size, interpolation=cv2.INTER_AREA)
        part = _shrunk(frame.bgr[self._rect.slices], self._step).copy()
        self._samples.append(_Sample(frame.index, frame.time_s, part, np.asarray(small, np.uint8)))

    def plate(self, covered_at: Covered) -> Plate | None:
        """What was learnt; the samples are forgotten.

        Args:
            covered_at: what the result covers; nothing of it gets into the plate.

        Returns:
            None if the camera moves, or nothing that is ever covered can be seen.
        """
        import cv2

        samples = sorted(self._samples, key=lambda s: s.index)
        self._samples = []
        if len(samples) < _SEEN_AT_LEAST or self._rect.empty:
            return None
        shape = samples[0].small.shape[:2]
        seen, small_seen = [], []
        for sample in samples:
            mask = self._mask(covered_at(sample.index))
            seen.append(_shrunk(mask[self._rect.slices], self._step) == 0)
            # as numbers with a fraction: a cell of which the least part is covered is covered
            share = cv2.resize(mask.astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
            small_seen.append(np.asarray(share == 0))
        always = np.all(small_seen, axis=0)
        gains = exposure([s.small for s in samples], always)
        if gains is None:
            return None
        still = in_place([s.small for s in samples], gains, always)
        if still.mean() < _STEADY:
            return None
        kept = np.flatnonzero(still)
        times = np.array([samples[i].time_s for i in kept])
        length = float(np.ptp(self._time_s)) if len(self._time_s) else 0.0
        apart = min(max(0.1 * length, 0.4), 5.0)
        parts = [_lit(samples[i].part, gains[i]) for i in kept]
        colour, known = agreement(parts, np.array(seen)[kept], times, apart)
        return self._finished(colour, known)

    def _mask(self, regions: Sequence[Region]) -> NDArray[np.uint8]:
        """Everything that is covered in a frame, the soft borders and a little more included."""
        width, height = self._size
        mask = np.zeros((height, width), np.uint8)
        for region in regions:
            rect, part = region.raster(max(2.0, (FEATHER + _BESIDE) * region.face_px))
            view = mask[rect.slices]
            view[part > 0] = 255
        return mask

    def _finished(self, colour: Image, known: NDArray[np.bool_]) -> Plate | None:
        """Specks removed, holes of a few pixels closed, a soft border, at the size of the frame."""
        import cv2

        share = cv2.blur(known.astype(np.float32), (5, 5))
        solid = (share > 0.55).astype(np.uint8)
        side = max(3, round(0.06 * self._face_px / self._step)) | 1
        solid = np.asarray(cv2.morphologyEx(solid, cv2.MORPH_OPEN, np.ones((side, side), np.uint8)))
        if not solid.any():
            return None
        soft = max(2.0, 0.03 * self._face_px / self._step)
        far = cv2.distanceTransform(solid, cv2.DIST_L2, 3)
        weight = (np.clip((far - 1) / soft, 0, 1) * 255).astype(np.uint8)
        there = known.astype(np.float32)
        filled = push_pull(colour.astype(np.float32) * there[..., None], there)
        filled = np.clip(np.where(known[..., None], colour, np.round(filled)), 0, 255)
        size = (self._rect.width, self._rect.height)
        whole = np.asarray(filled, np.uint8)
        if self._step > 1:
            whole = np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_LINEAR), np.uint8)
            weight = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        return Plate(self._rect, whole, weight)


def _greedy(uncovered: NDArray[np.bool_], times: NDArray[np.float64]) -> list[int]:
    """Up to :data:`SAMPLES` rows that together show each column often, and apart in time."""
    count = np.zeros(uncovered.shape[1])
    chosen: list[int] = []
    # a place that is hardly ever seen can't be learnt: it must not cost a sample
    worth = uncovered.sum(axis=0) >= _SEEN_AT_LEAST
    span = max(float(np.ptp(times)) if len(times) else 0.0, 1e-6) / SAMPLES
    nearest = np.full(len(uncovered), np.inf)
    shows = uncovered.astype(np.float32)
    for _ in range(min(SAMPLES, len(uncovered))):
        gain = shows @ (worth / (1.0 + count)).astype(np.float32)
        gain *= np.clip(nearest / span, 0.02, 1.0)
        gain[chosen] = -1.0
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen.append(best)
        count += uncovered[best]
        nearest = np.minimum(nearest, np.abs(times - times[best]))
    return chosen


def exposure(pictures: Sequence[Image], seen: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """What brings every picture to the same light.

    Args:
        pictures: (h, w, 3) each.
        seen: (h, w), the pixels to go by.

    Returns:
        (n, 3) factors; None if there is too little to go by.
    """
    if seen.mean() < 0.015:
        return None
    values = np.stack([p[seen] for p in pictures]).astype(np.float32)  # (n, pixels, 3)
    usual = np.median(values, axis=0)
    lit = (usual > 16) & (usual < 235)
    gains = np.ones((len(pictures), 3), np.float32)
    for channel in range(3):
        use = lit[:, channel]
        if use.sum() >= 32:
            ratio = usual[use, channel] / np.maximum(values[:, use, channel], 1)
            gains[:, channel] = np.median(ratio, axis=1)
    return np.clip(gains, 0.5, 2.0)


def in_place(
    pictures: Sequence[Image], gains: NDArray[np.float32], seen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which of the pictures show the scene where most of them show it.

    Even walls look the same wherever the camera points, so only pixels beside an edge are asked,
    and people may walk about: a picture is in place if more of these pixels fit the median where
    they are than after any shift of the whole picture, and not too few.

    Args:
        pictures: n of (h, w, 3).
        gains: (n, 3) of :func:`exposure`.
        seen: (h, w), the pixels to go by.

    Returns:
        (n,).
    """
    grey = np.stack(
        [_lit(p, g).mean(axis=2, dtype=np.float32) for p, g in zip(pictures, gains, strict=True)]
    )
    usual = np.median(grey, axis=0).astype(np.float32)
    at_edge = (np.median([_contrast(one) for one in grey], axis=0) > _EDGE) & seen
    rows, columns = np.nonzero(at_edge)
    if len(rows) < 32:
        return np.zeros(len(grey), bool)
    wanted = usual[rows, columns]
    shifts = range(2 * _SHIFT + 1)
    wide = np.pad(grey, ((0, 0), (_SHIFT, _SHIFT), (_SHIFT, _SHIFT)), "edge")
    fits = np.array(
        [
            [
                (np.abs(wide[:, rows + y, columns + x] - wanted) <= _TOLERANCE).mean(axis=1)
                for x in shifts
            ]
            for y in shifts
        ]
    )  # (shifts down, shifts right, n)
    here = fits[_SHIFT, _SHIFT]
    # an edge that runs one way fits as well when shifted along itself
    return np.asarray((here >= _FITTING) & (here >= 0.97 * fits.max(axis=(0, 1))))


def agreement(
    pictures: Sequence[Image],
    seen: NDArray[np.bool_],
    times: NDArray[np.float64],
    apart_s: float,
) -> tuple[Image, NDArray[np.bool_]]:
    """The median of each pixel over time, and where most agree with it.

    Args:
        pictures: n of (h, w, 3), in order of time.
        seen: (n, h, w), what of them counts.
        times: (n,) seconds.
        apart_s: how long a place must have been seen, from first to last.

    Returns:
        (h, w, 3), the mean of what agrees with the median; (h, w) whether that can be relied on.
    """
    n, height, width = seen.shape
    colour = np.zeros((height, width, 3), np.uint8)
    known = np.zeros((height, width), bool)
    rows = max(1, 200_000 // max(1, width))
    for top in range(0, height, rows):
        part = np.s_[top : top + rows]
        stack = np.stack([p[part] for p in pictures])
        valid = seen[:, part]
        count = valid.sum(axis=0)
        # what doesn't count is sorted to the end
        ordered = np.sort(np.where(valid[..., None], stack, 255), axis=0)
        middle = np.maximum(count - 1, 0) // 2
        median = np.take_along_axis(ordered, middle[None, ..., None], axis=0)[0]
        allowed = _TOLERANCE + _UNREST * _contrast(median, count > 0).max(axis=2)
        off = np.abs(stack.astype(np.int16) - median)
        near = valid & (off.max(axis=3) <= allowed)
        agreeing = near.sum(axis=0)
        total = (stack * near[..., None]).sum(axis=0, dtype=np.uint32)
        mean = (total + agreeing[..., None] // 2) // np.maximum(agreeing, 1)[..., None]
        first = times[np.argmax(near, axis=0)]
        last = times[n - 1 - np.argmax(near[::-1], axis=0)]
        colour[part] = mean
        known[part] = (
            (agreeing >= _SEEN_AT_LEAST)
            & (agreeing >= _AGREEING * count)
            & (last - first >= apart_s)
        )
    return colour, known


def _contrast(picture: NDArray[Any], seen: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Highest less lowest value among a pixel and its eight neighbours, of those that were seen."""
    import cv2

    kernel = np.ones((3, 3), np.uint8)
    high = low = picture
    if seen is not None:
        high, low = (np.where(seen[..., None], picture, v).astype(np.uint8) for v in (0, 255))
    above = np.asarray(cv2.dilate(high, kernel), np.float32)
    return np.maximum(above - np.asarray(cv2.erode(low, kernel), np.float32), 0)


def _lit(picture: Image, gain: NDArray[np.float32]) -> Image:
    """A picture with its channels multiplied."""
    import cv2

    if np.abs(gain - 1).max() < 1 / 512:
        return picture
    table = np.clip(np.round(np.arange(256)[:, None] * gain), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(picture, table[None]), np.uint8)


def _shrunk(picture: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Blocks of ``step`` by ``step`` pixels averaged; sides are multiples of ``step``."""
    import cv2

    if step == 1:
        return picture
    size = (picture.shape[1] // step, picture.shape[0] // step)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _scaled(region: Region, scale: float, size: tuple[int, int]) -> Region:
    """The region in a picture ``scale`` times as large, grown as it will be."""
    import dataclasses

    middle = region.polygon.mean(axis=0)
    reach = max(float(np.hypot(*(region.polygon - middle).T).mean()), 1.0)
    grow = 1 + (FEATHER + _BESIDE) * region.face_px / reach
    polygon = ((middle + grow * (region.polygon - middle)) * scale).astype(np.float32)
    return dataclasses.replace(region, polygon=polygon, frame_size=size)


def _bounds(regions: Sequence[Region], frame_size: tuple[int, int]) -> Rect:
    """The rectangle around all of them and what is looked at beside them."""
    rects = [r.bounds.grown(round(_AROUND * r.face_px), frame_size) for r in regions]
    rects = [r for r in rects if not r.empty]
    if not rects:
        return Rect(0, 0, 0, 0)
    return Rect(
        min(r.left for r in rects),
        min(r.top for r in rects),
        max(r.right for r in rects),
        max(r.bottom for r in rects),
    )
