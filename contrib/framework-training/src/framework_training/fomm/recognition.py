"""The measuring side's own eyes: dlib finds landmarks and compares identities.

They are not the training's teacher where that was MediaPipe, and never part of the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework_training.fomm.landmarks import DlibTeacher
from framework_training.fomm.split import FaceEmbedder

SIZE = 256
"""Side in pixels at which every picture is looked at, as in the FOMM paper."""


@dataclass(frozen=True)
class Sight:
    """What is seen in a series of ``n`` pictures; NaN rows where no face was found."""

    landmarks: NDArray[np.float64]  # (n, 68, 2) pixels at SIZE
    embedding: NDArray[np.float64]  # (n, 128)

    @property
    def found(self) -> NDArray[np.bool_]:
        """(n,) whether a face was found."""
        return np.isfinite(self.landmarks[:, 0, 0])


class Observer:
    """Landmarks and embeddings of face crops."""

    def __init__(self) -> None:
        self._teacher = DlibTeacher()
        self._embedder = FaceEmbedder()

    def find(self, frame: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        """(70, 2) landmarks in pixels of a whole frame (h, w, 3), None without a face."""
        return self._teacher.find(frame)

    def look(self, pictures: Sequence[NDArray[np.uint8]], embed: bool = True) -> Sight:
        """See (s, s, 3) BGR pictures of any size, one face each."""
        import cv2

        landmarks = np.full((len(pictures), 68, 2), np.nan)
        embedding = np.full((len(pictures), 128), np.nan)
        for index, picture in enumerate(pictures):
            if picture.shape[0] != SIZE:
                method = cv2.INTER_AREA if picture.shape[0] > SIZE else cv2.INTER_CUBIC
                resized = cv2.resize(picture, (SIZE, SIZE), interpolation=method)
                picture = np.asarray(resized, np.uint8)
            points = self._teacher.find(picture)
            if points is None:
                continue
            landmarks[index] = points[:68]
            if embed:
                embedding[index] = self._embedder.embed(picture, points)
        return Sight(landmarks, embedding)


def five_points(landmarks: NDArray[np.floating]) -> NDArray[np.float32]:
    """(68, 2) -> (5, 2): eye centres, nose tip, mouth corners, as detectors give them."""
    groups = (range(36, 42), range(42, 48), (30,), (48,), (54,))
    return np.stack([landmarks[list(g)].mean(0) for g in groups]).astype(np.float32)
