"""Hair that falls beside the head and out of the region that is covered anyway.

There is no segmentation network: what looks like the hair around the face, and is connected with
it, is taken for hair. Only how far it reaches is used, five numbers in all: the region that is then
covered is a plain shape and doesn't trace the person's outline. Where the guess fails it covers
clothes or a wall as well, or it finds nothing and the head's own region stays, which no guess makes
smaller.

Coordinates of a head are in units of its half height b (:mod:`framework.regions`), upright, with
the middle of the detector's box as the origin.
"""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.regions import Region
from framework.types import Image

_LEFT, _TOP, _RIGHT, _BOTTOM = -2.4, -2.0, 2.4, 3.2  # what is looked at around a head
_CELLS = 20  # to b
_WIDEST = 2.2
_LOWEST = 3.0
_INNER = 0.55  # a side's region begins here, so that the neck of the donor stays over its own
_SHORTEST = 1.15  # hair that ends higher is inside the head's own region
_NARROWEST = 1.2  # and hair that isn't wider, too
_FLATTEST = 1.75  # nor higher
_LIKE = 3.5  # standard deviations from the colour of the hair
_GROW = 0.2


@dataclass(frozen=True)
class HairReach:
    """How far hair reaches on each side of the picture, in units of b; 0: not beyond the head."""

    above: float = 0.0
    left: float = 0.0
    left_below: float = 0.0
    right: float = 0.0
    right_below: float = 0.0

    def values(self) -> NDArray[np.float64]:
        """(5,) in the order of the fields."""
        return np.array([self.above, self.left, self.left_below, self.right, self.right_below])


NO_HAIR = HairReach()
"""Nothing beyond the head."""

SHOULDERS = HairReach(2.0, 1.7, 2.4, 1.7, 2.4)
"""As far as shoulder-length hair reaches, whether the person has any or not."""

FURTHEST = HairReach(-_TOP + _GROW, _WIDEST, _LOWEST, _WIDEST, _LOWEST)
"""As far as any hair is ever covered."""

_LOOKS = 30
_SHRINK_S = 4.0
_OF_LOOKS = 0.75  # quantile: what one in four shows is covered


class HairWatch:
    """What has been seen of one person's hair.

    A single look may err, so most of the last ones count. What is covered grows at once and shrinks
    slowly, so that nothing flickers.
    """

    def __init__(self) -> None:
        self._looks: deque[HairReach] = deque(maxlen=_LOOKS)
        self._shown: NDArray[np.float64] = HairReach().values()
        self._time: float | None = None
        self._settled = False

    def look(self, image: Image, region: Region) -> None:
        """Take note of one picture, with nothing covered yet."""
        if not self._settled:
            self._looks.append(find_hair(image, region))

    def settle(self) -> None:
        """A recording was watched: from now on its looks decide, once for all of it.

        Hair that hangs may be hidden half of the time. Hair that stands off the sides of a head is
        there whenever the head is: what is found in fewer than half of the looks is something
        behind the head.
        """
        if not self._looks:
            return
        looks = np.array([look.values() for look in self._looks])
        for far, below in ((1, 2), (3, 4)):
            found = looks[:, far] > 0
            if found.mean() < 0.5:
                standing = looks[:, below] < _SHORTEST + _GROW
                looks[standing, far] = looks[standing, below] = 0.0
        self._shown = np.asarray(np.quantile(looks, _OF_LOOKS, axis=0))
        self._settled = True

    @property
    def settled(self) -> bool:
        """Whether what is covered stays as it is from now on."""
        return self._settled

    def reach(self, time_s: float) -> HairReach:
        """What to cover now."""
        if not self._settled and self._looks:
            elapsed = 0.0 if self._time is None else max(0.0, time_s - self._time)
            usual = self._usual()
            slow = self._shown + (usual - self._shown) * (1 - math.exp(-elapsed / _SHRINK_S))
            self._shown = np.maximum(usual, slow)
        self._time = time_s
        shown = np.where(self._shown < 0.9, 0.0, self._shown)  # on its way to nothing
        return HairReach(*(float(v) for v in shown))

    def _usual(self) -> NDArray[np.float64]:
        return np.asarray(np.quantile([r.values() for r in self._looks], _OF_LOOKS, axis=0))


def find_hair(image: Image, region: Region) -> HairReach:
    """How far the hair of one head reaches.

    Args:
        image: (h, w, 3) BGR with nothing covered yet.
        region: of this head; its centre and size are what counts.
    """
    import cv2

    lab, seen = _around(image, region)
    if seen.mean() < 0.3:
        return HairReach()
    height, width = seen.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = _LEFT + (x + 0.5) / _CELLS, _TOP + (y + 0.5) / _CELLS
    wide = np.abs(x)
    crown = (y < -1.05) & (y > -1.40) & (wide < 0.55)
    temples = (y > -0.85) & (y < 0.1) & (wide > 0.88) & (wide < 1.05)
    skin = (wide < 0.5) & (y > -0.5) & (y < 0.75)
    behind = ((wide > 2.0) & (y < 0.0)) | (y < -1.8)
    if (behind & seen).sum() < _CELLS**2:  # the head fills the picture
        behind |= (wide > 1.45) & (y < -0.2)
    clothes = (y > 2.1) & (wide < 0.5)
    models = [_colours(lab[part & seen]) for part in (skin, behind, clothes)]
    against = np.min([_distance(lab, m) for m in models], axis=0)
    strands = _colours(lab[(crown | temples) & seen])
    # of what surrounds the face, only what is neither skin nor wall can be its hair
    strands = [
        (mean, inverse)
        for mean, inverse in strands
        if min(np.linalg.norm(mean - other) for m in models[:2] for other, _ in m) > 12
    ]
    if not strands:
        return HairReach()
    own = _distance(lab, strands)
    hair = (own < np.minimum(against, _LIKE)) & seen
    hair = cv2.morphologyEx(hair.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    hair = np.asarray(cv2.morphologyEx(hair, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8)
    hair[(wide < 0.5) & (y > -0.6)] = 0  # brows, eyes, beard and what lies below the chin
    top = _touching(hair, (wide < 0.9) & (y > -1.4) & (y < -0.9))
    above = float(-y[top].min()) + _GROW if top.any() else 0.0
    reach = []
    for side in (x < 0, x > 0):
        # hair hangs from the temple: a dark jacket below doesn't count, nor what passes the chin
        temple = (wide > 0.7) & (wide < 1.2) & (y > -0.9) & (y < 0.2) & side
        part = _touching(hair * side, temple) & (y > -0.9)
        rows = np.flatnonzero(part.sum(axis=1) >= 0.1 * _CELLS)
        below = float(y[rows.max(), 0]) if len(rows) else 0.0
        far = float(np.quantile(wide[part], 0.99)) if part.any() else 0.0
        if below < _SHORTEST and far < _NARROWEST:
            reach += [0.0, 0.0]
        else:
            reach += [min(far + _GROW, _WIDEST), min(max(below, 0.8) + _GROW, _LOWEST)]
    # who wears it long on one side does so on the other, seen or not
    if max(reach[1], reach[3]) > _SHORTEST + _GROW:
        longer = reach[:2] if reach[1] >= reach[3] else reach[2:]
        reach = [max(a, b) for a, b in zip(reach, 2 * longer, strict=True)]
    return HairReach(above if above > _FLATTEST else 0.0, *reach)


def _touching(mask: NDArray[np.uint8], start: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected parts of a mask that reach into ``start`` with more than a few cells."""
    import cv2

    _, labels = cv2.connectedComponents(mask)
    counts = np.bincount(labels[start & (mask > 0)], minlength=int(labels.max()) + 1)
    return np.asarray(np.isin(labels, np.flatnonzero(counts > 0.04 * _CELLS**2)) & (mask > 0))


def hair_regions(region: Region, reach: HairReach) -> list[Region]:
    """The regions that cover hair beside a head, besides its own."""
    turn = np.array(
        [
            [math.cos(region.roll), -math.sin(region.roll)],
            [math.sin(region.roll), math.cos(region.roll)],
        ]
    )
    shapes = []
    if reach.above > 0:
        high = reach.above
        lid = [(-1.0, -0.9), (-0.9, -1.3), (-0.5, -high), (0.5, -high), (0.9, -1.3), (1.0, -0.9)]
        shapes.append(np.array(lid) @ turn.T)
    sides = ((-1, reach.left, reach.left_below), (1, reach.right, reach.right_below))
    for sign, far, below in sides:
        if below <= 0:
            continue
        # hair hangs down whatever the head does: only the upper end leans with it
        top = np.array([[_INNER, -1.0], [0.8 * far, -0.9]]) * [sign, 1] @ turn.T
        far = max(far, 1.1)
        rest = np.array([[far, -0.2], [far, below - 0.3], [far - 0.3, below], [_INNER, below]])
        shapes.append(np.concatenate([top, rest * [sign, 1]]))
    b = region.face_px / 2
    return [
        dataclasses.replace(region, polygon=_hull(shape * b + np.array(region.centre)))
        for shape in shapes
    ]


def _hull(points: NDArray[np.float64]) -> NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.convexHull(points.astype(np.float32)), np.float32).reshape(-1, 2)


def _around(image: Image, region: Region) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The surroundings of a head in Lab, ``_CELLS`` to b, and which of them are in the picture."""
    import cv2

    b = region.face_px / 2
    size = (round((_RIGHT - _LEFT) * _CELLS), round((_BOTTOM - _TOP) * _CELLS))
    height, width = image.shape[:2]
    left, top = region.centre[0] + _LEFT * b, region.centre[1] + _TOP * b
    scale = _CELLS / b
    step = max(1, int(1 / scale))
    small, offset = image, 0.0
    if step > 1:  # averaged first, so that single strands don't alias
        small = np.asarray(
            cv2.resize(
                image, (max(1, width // step), max(1, height // step)), interpolation=cv2.INTER_AREA
            ),
            np.uint8,
        )
        offset = (step - 1) / 2
    matrix = np.array([[scale, 0, -left * scale - 0.5], [0, scale, -top * scale - 0.5]])
    matrix[:, 2] += matrix[:, :2] @ np.array([offset, offset])
    matrix[:, :2] *= step
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    layers = np.dstack([lab, np.ones(lab.shape[:2], np.float32)])
    moved = cv2.warpAffine(layers, matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray(moved[..., :3], np.float32), np.asarray(moved[..., 3] > 0.99)


_Colour = tuple[NDArray[np.float64], NDArray[np.float64]]


def _colours(sample: NDArray[np.float32]) -> list[_Colour]:
    """Up to three normal distributions of a sample (n, 3): means and inverse covariances."""
    import cv2

    if len(sample) < 20:
        return []
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 0.5)
    # started from the darkest, the middle and the lightest third: nothing here is left to chance
    labels = np.zeros((len(sample), 1), np.int32)
    labels[np.argsort(sample[:, 0]), 0] = np.arange(len(sample)) * 3 // len(sample)
    _, found, _ = cv2.kmeans(
        np.ascontiguousarray(sample), 3, labels, criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS
    )
    labels = np.asarray(found)
    result = []
    for k in range(3):
        part = sample[labels.ravel() == k]
        if len(part) < 0.12 * len(sample):
            continue
        spread = np.cov(part.T) + np.diag([16.0, 6.0, 6.0])
        result.append((part.mean(0, np.float64), np.linalg.inv(spread)))
    return result


def _distance(lab: NDArray[np.float32], colours: Sequence[_Colour]) -> NDArray[np.float64]:
    """(h, w) standard deviations to the nearest of the colours."""
    if not colours:
        return np.full(lab.shape[:2], np.inf)
    far = []
    for mean, inverse in colours:
        off = lab - mean
        far.append(np.sqrt(np.maximum(np.einsum("...i,ij,...j", off, inverse, off), 0)))
    return np.asarray(np.min(far, axis=0))
