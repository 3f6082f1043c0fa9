"""What lies under the donor: the person's head replaced by its surroundings.

The pixels of the head region aren't blurred, they are left out: what is put there is extrapolated
from the picture around all covered heads (push-pull interpolation, Gortler et al. 1996: known
pixels are averaged into ever coarser levels, and holes are filled from the finest level that knows
something). So nothing of the original can shine through a donor's soft edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framework.regions import Rect, Region
from framework.types import Image

if TYPE_CHECKING:
    from framework_fomm.background import Plate

FEATHER = 0.06
"""Width of the soft border outside a region, as a share of the face."""

_WORK_SIDE = 128  # at most: the fill is smooth, a hundred blocks across hold it
_UNKNOWN = 128.0  # grey, if a head fills the whole picture
_FEW = 24  # work pixels
_SAME = 20.0  # levels by which the plate may differ from the picture, beyond its light
_SUM = np.ones(3, np.float32)  # of the channels
_DOUBT, _TRUST = 0.45, 0.8  # share of agreement below which the plate isn't used, and is


def covered_mask(regions: Sequence[Region], frame_size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w): 255 in every region, the soft borders not included."""
    width, height = frame_size
    mask = np.zeros((height, width), np.uint8)
    for region in regions:
        rect, part = region.raster()
        view = mask[rect.slices]
        np.maximum(view, part, out=view)
    return mask


def cover_heads(
    image: Image,
    regions: Sequence[Region],
    mask: NDArray[np.uint8],
    feather: float = FEATHER,
    plate: Plate | None = None,
) -> None:
    """Replace every region of ``image``, in place, by what surrounds all of them.

    Args:
        image: (h, w, 3).
        regions: made for pictures of this size; may overlap, and reach past the picture.
        mask: (h, w) of :func:`covered_mask` for these and any other regions to leave out.
        feather: width of the soft border outside a region, as a share of the face.
        plate: what is known to be behind; used where the surroundings show that it still is.
    """
    import cv2

    # all read the original before the first is written
    fills = [_fill(image, mask, region, feather, plate) for region in regions]
    for rect, fill, weight in fills:
        if rect.empty:
            continue
        view = image[rect.slices]
        share = weight.astype(np.float32) * np.float32(1 / 255)
        # where the share is 1 the picture counts 0 times: nothing of it passes
        view[:] = cv2.blendLinear(fill, view, share, 1 - share)


def _fill(
    image: Image,
    mask: NDArray[np.uint8],
    region: Region,
    feather: float,
    plate: Plate | None,
) -> tuple[Rect, Image, NDArray[np.uint8]]:
    """Rectangle of a region and its border, what to put there and the weight in it."""
    import cv2

    rect, weight = region.raster(feather * region.face_px)
    if rect.empty:
        return rect, np.zeros((0, 0, 3), np.uint8), weight
    height, width = image.shape[:2]
    beside = rect.grown(round(0.35 * region.face_px), (width, height))
    work = _Work.around(beside)
    known = np.where(mask[beside.slices] == 0, np.uint8(255), np.uint8(0))
    picture = image[beside.slices]
    seen = np.asarray(cv2.bitwise_and(picture, picture, mask=known), np.uint8)
    total = work.shrunk(known) * np.float32(1 / 255)
    colour = work.shrunk(seen)
    part = None if plate is None else plate.part(beside)
    if part is None:
        return rect, work.wide(push_pull(colour, total), rect, np.uint8), weight
    fit = _fitted(colour, total, work.shrunk(part[0]), work.shrunk(part[1]) * np.float32(1 / 255))
    smooth = work.wide(fit.smooth, rect, np.uint8)
    top, left = rect.top - beside.top, rect.left - beside.left
    own = np.s_[top : top + rect.height, left : left + rect.width]
    use = work.wide(255 * fit.trust, rect, np.uint8).astype(np.float32)
    use *= part[1][own].astype(np.float32) * np.float32(1 / 255**2)
    shown = cv2.convertScaleAbs(part[0][own], alpha=fit.gain)
    shown = cv2.add(shown, work.wide(fit.shift, rect, np.int16), dtype=cv2.CV_8U)
    return rect, np.asarray(cv2.blendLinear(shown, smooth, use, 1 - use), np.uint8), weight


class _Work(NamedTuple):
    """Where a fill is worked out: blocks of ``step`` by ``step`` pixels are one, from ``rect`` on.

    The last blocks may reach past it.
    """

    rect: Rect
    step: int

    @classmethod
    def around(cls, rect: Rect) -> _Work:
        return cls(rect, max(1, -(-max(rect.width, rect.height) // _WORK_SIDE)))

    def shrunk(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The blocks of a picture of ``rect``; what lies past it counts as 0."""
        import cv2

        height, width = (-(-n // self.step) for n in picture.shape[:2])
        below, beyond = height * self.step - len(picture), width * self.step - picture.shape[1]
        if below or beyond:
            picture = cv2.copyMakeBorder(picture, 0, below, 0, beyond, cv2.BORDER_CONSTANT)  # type: ignore[assignment]
        return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)

    def wide(
        self, small: NDArray[np.float32], rect: Rect, kind: type[np.uint8] | type[np.int16]
    ) -> NDArray[Any]:
        """The pixels of ``rect``, which lies in this one, from blocks."""
        import cv2

        top, left = rect.top - self.rect.top, rect.left - self.rect.left
        # with two blocks more on each side the cut doesn't show
        y, x = max(0, top // self.step - 2), max(0, left // self.step - 2)
        part = small[y : -(-(top + rect.height) // self.step) + 2]
        part = part[:, x : -(-(left + rect.width) // self.step) + 2]
        limits = np.iinfo(kind)
        part = np.clip(np.round(part), limits.min, limits.max).astype(kind)
        size = (part.shape[1] * self.step, part.shape[0] * self.step)
        pixels = cv2.resize(part, size, interpolation=cv2.INTER_CUBIC)
        top, left = top - y * self.step, left - x * self.step
        return np.asarray(pixels[top : top + rect.height, left : left + rect.width], kind)


class _Fit(NamedTuple):
    """How the plate belongs into a picture, at the size of the work."""

    gain: float
    shift: NDArray[np.float32]  # (h, w, 3), to add after the gain
    trust: NDArray[np.float32]  # (h, w), 0 to 1
    smooth: NDArray[np.float32]  # (h, w, 3) for where there is no plate


def _fitted(
    colour: NDArray[np.float32],
    total: NDArray[np.float32],
    plate: NDArray[np.float32],
    share: NDArray[np.float32],
) -> _Fit:
    """Compare the plate with the picture around the hole, and carry the difference into it.

    What is interpolated is the difference to the plate (as in Poisson editing, Perez et al. 2003),
    so a light that was switched on is followed and no seam shows. Where the difference is no matter
    of light somebody's shoulder is in front of the wall: there the plate isn't trusted, and the
    less the nearer.
    """
    both = (total > 0.9) & (share > 0.9)
    picture = colour / np.maximum(total, 1e-6)[..., None]
    gain = 1.0
    light, dark = _brightest(plate), plate @ _SUM
    lit = both & (dark > 48) & (light < 240)
    if lit.sum() >= _FEW:
        gain = float(np.clip(np.median((picture @ _SUM)[lit] / dark[lit]), 0.4, 2.5))
    plate = np.minimum(plate * np.float32(gain), 255)
    shift = picture - plate
    usual = np.zeros(3, np.float32)
    if both.sum() >= _FEW:
        usual = np.median(shift[both], axis=0).astype(np.float32)
    off = _brightest(np.abs(shift - usual))
    agrees = np.exp(-np.square(off / _SAME)).astype(np.float32) * both
    # what is seen now and wasn't known has changed while the recording was watched: half a vote
    votes = both + np.float32(0.5) * ((total > 0.9) & (share < 0.1))
    layers = np.dstack([shift * agrees[..., None], agrees])
    carried = push_pull(layers, votes.astype(np.float32), 0.0)
    agreed = carried[..., 3:]
    # where nothing agrees there is nothing to carry over
    carried = (carried[..., :3] + 0.01 * usual) / (agreed + 0.01)
    trust = np.clip((agreed[..., 0] - _DOUBT) / (_TRUST - _DOUBT), 0, 1)
    put = (1 - total) * share * trust
    shown = np.clip(plate + carried, 0, 255)
    smooth = push_pull(colour + put[..., None] * shown, total + put)
    return _Fit(gain, carried, trust, smooth)


def _brightest(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest channel of each pixel; numpy's own is many times as slow over a short axis."""
    return np.maximum(np.maximum(picture[..., 0], picture[..., 1]), picture[..., 2])


def push_pull(
    colour: NDArray[np.float32],
    weight: NDArray[np.float32],
    unknown: float | NDArray[np.float32] = _UNKNOWN,
) -> NDArray[np.float32]:
    """Fill the holes of a picture.

    Args:
        colour: (h, w, c), multiplied by ``weight``.
        weight: (h, w) in [0, 1]; 0 is a hole.
        unknown: what to take if there is nothing to fill from; grey unless said.

    Returns:
        (h, w, c) without holes.
    """
    import cv2

    height, width = weight.shape
    value = colour / np.maximum(weight, 1e-6)[..., None]
    if max(height, width) <= 2:
        total = float(weight.sum())
        mean = colour.sum(axis=(0, 1)) / total if total > 1e-4 else np.float32(unknown)
        return np.asarray(np.where(weight[..., None] > 1e-4, value, mean), np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    # blurred before halving: without, the pixel grid shows in the fill
    soft_weight = cv2.GaussianBlur(weight, (5, 5), 1.0)
    soft_colour = cv2.GaussianBlur(colour, (5, 5), 1.0).reshape(colour.shape)
    low_weight = np.asarray(cv2.resize(soft_weight, half, interpolation=cv2.INTER_AREA), np.float32)
    low_colour = np.asarray(cv2.resize(soft_colour, half, interpolation=cv2.INTER_AREA), np.float32)
    low_colour = low_colour.reshape(*low_weight.shape, -1)
    # a coarse pixel that saw a few known ones counts as known: saturate, don't average away
    gain = np.minimum(1.0, 4 * low_weight) / np.maximum(low_weight, 1e-6)
    below = push_pull(
        (low_colour * gain[..., None]).astype(np.float32),
        (low_weight * gain).astype(np.float32),
        unknown,
    )
    up = cv2.resize(below, (width, height), interpolation=cv2.INTER_LINEAR).reshape(value.shape)
    share = np.clip(weight, 0, 1)[..., None]
    return np.asarray(share * value + (1 - share) * up, np.float32)
