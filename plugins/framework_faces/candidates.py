"""Boxes with scores and landmarks on their way to becoming detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework_faces.nms import nms


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a pass of the network found, in pixels of the image.

    Attributes:
        xyxy: (k, 4) float32.
        score: (k,) float32.
        landmarks: (k, 5, 2) float32.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.score)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> Candidates:
        """These rows alone."""
        return Candidates(self.xyxy[rows], self.score[rows], self.landmarks[rows])

    @staticmethod
    def join(parts: Sequence[Candidates]) -> Candidates:
        """The rows of several passes, one after the other."""
        return Candidates(
            np.concatenate([p.xyxy for p in parts]),
            np.concatenate([p.score for p in parts]),
            np.concatenate([p.landmarks for p in parts]),
        )


def suppressed(candidates: Candidates, overlap: float, most: int) -> Candidates:
    """One row for each face, best score first: non-maximum suppression at this overlap (IoU)."""
    return candidates.take(nms(candidates.xyxy, candidates.score, overlap)[:most])
