"""``lbp``: histograms of uniform local binary patterns over a grid (Ahonen et al. 2006).

Nothing is learnt and nothing is tuned: whatever it recognises was not fitted to any data set, and
no anonymizer was tuned against it. In exchange it is weak: it sees texture and rough shape, and
suffers from light and pose. An anonymizer that this recogniser defeats has failed; one that defeats
this recogniser has shown nothing yet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.spec import BuildContext
from framework.types import Image
from framework_recognizers.config import LbpOptions

NEIGHBOURS = 8
RADII = (1, 2)
_OFFSETS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def uniform_codes() -> NDArray[np.int64]:
    """(256,) bin of each pattern: those with at most two changes around the circle have a bin of
    their own (58 of them), all others share the last."""
    bins = np.full(256, 58, np.int64)
    following = 0
    for code in range(256):
        turned = ((code << 1) | (code >> 7)) & 255
        if bin(code ^ turned).count("1") <= 2:
            bins[code] = following
            following += 1
    return bins


MATCH_THRESHOLD = 0.801
"""Reached by one in 1,000 comparisons of strangers (95 % interval 0.797 to 0.804), and by 10 % of
images of the same person on another day: 400 persons of Labeled Faces in the Wild, from the three
quarters of the identities whose hashed name is above 1/4, which no table of ours uses; default
options; ``examples/calibrate_recognizer.py``."""
SUSPECT_THRESHOLD = 0.781
"""The same for one in 100 (0.777 to 0.785), and 21 %."""


class LbpRecognizer:
    """Square roots of cell histograms, so that the cosine of two faces is the mean Bhattacharyya
    coefficient of their cells.

    Attributes:
        match_threshold, suspect_threshold: :data:`MATCH_THRESHOLD` and :data:`SUSPECT_THRESHOLD`;
            None for other options than those they were measured with.
    """

    crop_scale = 1.0

    def __init__(self, options: LbpOptions) -> None:
        usual = options == LbpOptions()
        self.match_threshold = MATCH_THRESHOLD if usual else None
        self.suspect_threshold = SUSPECT_THRESHOLD if usual else None
        self.input_size = options.size
        self._grid = options.grid
        self._bins = uniform_codes()

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """(n, grid * grid * 59 * 2) unit length."""
        width = self._grid**2 * 59 * len(RADII)
        rows = [self._describe(face) for face in faces]
        return np.stack(rows) if rows else np.zeros((0, width), np.float32)

    def _describe(self, face: Image) -> NDArray[np.float32]:
        import cv2

        size = (self.input_size, self.input_size)
        if face.shape[:2] != size:
            face = np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_AREA), np.uint8)
        grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY).astype(np.int16)
        parts = [self._histograms(grey, radius) for radius in RADII]
        row = np.sqrt(np.concatenate(parts))
        return np.asarray(row / np.linalg.norm(row), np.float32)

    def _histograms(self, grey: NDArray[np.int16], radius: int) -> NDArray[np.float64]:
        inner = grey[radius:-radius, radius:-radius]
        height, width = inner.shape
        code = np.zeros(inner.shape, np.int64)
        for bit, (dy, dx) in enumerate(_OFFSETS):
            y, x = radius + dy * radius, radius + dx * radius
            code |= (grey[y : y + height, x : x + width] >= inner).astype(np.int64) << bit
        pattern = self._bins[code]
        row = np.arange(height) * self._grid // height
        column = np.arange(width) * self._grid // width
        cell = row[:, None] * self._grid + column[None, :]
        counts = np.bincount((cell * 59 + pattern).ravel(), minlength=self._grid**2 * 59)
        area = np.bincount(cell.ravel(), minlength=self._grid**2)
        return np.asarray(counts / np.repeat(area, 59), np.float64)


def build(options: LbpOptions, context: BuildContext) -> LbpRecognizer:
    """Factory named in the component's description."""
    return LbpRecognizer(options)
