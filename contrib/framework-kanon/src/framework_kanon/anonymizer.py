"""The anonymizer ``k-same``.

Newton, Sweeney, Malin 2005, "Preserving privacy by de-identifying face images" (IEEE TKDE 17(2)).
Each face becomes the average of the k faces of a gallery that are most like it, so that what is
shown belongs equally to k people. Aligned by landmarks, as Gross et al. 2006 (k-Same-M) ask for,
because an average of faces that do not lie on each other shows ghosts.

The donors are chosen once for each track and kept: a choice in every frame would flicker, and the
sequence of choices would say more about the face than one choice does.
"""

from __future__ import annotations

import hashlib
import secrets

import numpy as np
from numpy.typing import NDArray

from framework import BuildContext, Frame, Image, Tracks
from framework.alignment import landmarks_from_box, similarity
from framework.regions import Region, regions_of
from framework_kanon.config import KSameOptions
from framework_kanon.gallery import LANDMARKS, SIZE, Gallery, load_gallery

BASE = (128, 128, 128)
"""Under the donors: whatever of the head region they do not reach is this grey."""
DRAWN = 0.9
"""Size of the average over that of the face: not feature upon feature with what it replaces."""
MIN_SPAN = 0.15
"""Least distance from eyes to mouth, as a share of the box's height, for landmarks to be used."""


class KSame:
    """Replaces each head. Keeps one average for each track."""

    def __init__(self, gallery: Gallery, options: KSameOptions, secret: bytes) -> None:
        self._gallery = gallery
        self._options = options
        self._secret = secret
        self._faces: dict[int, NDArray[np.float32]] = {}

    def reset(self) -> None:
        """Forget which donors stand for whom."""
        self._faces.clear()

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        """A new picture in which no pixel of a head region is the original's."""
        out = frame.bgr.copy()
        points = {int(t): usable_landmarks(tracks, i) for i, t in enumerate(tracks.track_id)}
        # Chosen before anything is covered: the second of two faces must not look like the first.
        for track_id, landmarks in points.items():
            if track_id not in self._faces:
                chosen = self._choose(frame.bgr, landmarks, track_id)
                self._faces[track_id] = self._gallery.average(chosen)
        size = (frame.width, frame.height)
        for region in regions_of(tracks, size, margin=self._options.margin):
            region.fill(out, BASE)
            self._draw(out, region, points[region.track_id])
        return out

    def _choose(
        self, image: Image, landmarks: NDArray[np.float32] | None, track_id: int
    ) -> list[int]:
        k = self._options.k
        if self._options.choice == "nearest" and landmarks is not None:
            nearest: list[int] = self._gallery.nearest(image, landmarks, k)
            return nearest
        text = self._secret + track_id.to_bytes(8, "big", signed=True)
        seed = int.from_bytes(hashlib.sha256(text).digest(), "big")
        drawn = np.random.default_rng(seed).permutation(len(self._gallery))[:k]
        return sorted(int(i) for i in drawn)

    def _draw(self, image: Image, region: Region, landmarks: NDArray[np.float32] | None) -> None:
        """Lay the average over the region, and over nothing else."""
        import cv2

        rect, mask = region.raster()
        if rect.empty or landmarks is None:
            return
        layers = self._faces[region.track_id]
        centre = landmarks.mean(axis=0)
        target = (landmarks - centre) * DRAWN + centre - np.array(rect[:2], np.float32)
        matrix = similarity(LANDMARKS, target)
        shrink = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        if shrink < 1e-3:
            return
        if shrink < 0.5:  # averaged first, or small faces would flicker with aliasing
            side = max(8, round(2 * shrink * SIZE))
            layers = cv2.resize(layers, (side, side), interpolation=cv2.INTER_AREA)
            matrix = matrix.copy()
            matrix[:, :2] *= SIZE / side
        warped = cv2.warpAffine(layers, matrix, (rect.width, rect.height), flags=cv2.INTER_LINEAR)
        inside = (mask > 0)[..., None]
        alpha = warped[..., 3:]
        view = image[rect.slices]
        blended = np.clip(np.rint(warped[..., :3] + view * (1 - alpha)), 0, 255).astype(np.uint8)
        view[...] = np.where(inside, blended, view)


def usable_landmarks(tracks: Tracks, index: int) -> NDArray[np.float32] | None:
    """(5, 2) landmarks of one track: its own, those of an upright face in its box, or None.

    None: the box has no area, so that there is nothing to align to.
    """
    low = np.minimum(tracks.xyxy[index, :2], tracks.xyxy[index, 2:])
    high = np.maximum(tracks.xyxy[index, :2], tracks.xyxy[index, 2:])
    extent = high - low
    if extent.min() < 1:
        return None
    if tracks.landmarks is not None:
        points = tracks.landmarks[index]
        slack = 0.5 * extent
        if np.isfinite(points).all() and ((points >= low - slack) & (points <= high + slack)).all():
            span = float(np.linalg.norm(points[3:].mean(axis=0) - points[:2].mean(axis=0)))
            if span > MIN_SPAN * float(extent[1]):
                return np.asarray(points, np.float32)
    upright = landmarks_from_box(np.concatenate([low, high]))[0]
    return np.asarray(upright, np.float32)


def build(options: KSameOptions, context: BuildContext) -> KSame:
    """Factory named in the component's description. Errors: see :func:`load_gallery`."""
    key = context.key
    if key is None:
        key = secrets.token_bytes(32) if options.choice == "random" else b""
    return KSame(load_gallery(options), options, b"k-same" + key)
