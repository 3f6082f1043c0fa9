"""The donors, all with their landmarks at the same place, and the distance to a face."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from framework import ComponentError, Frame, Image, Kind, Registry
from framework.alignment import align, similarity, template
from framework.suggest import did_you_mean
from framework_kanon.config import KSameOptions

SIZE = 256
"""Side of a donor picture, pixels."""
LANDMARKS: NDArray[np.float32] = np.array(
    [[96.8, 115.5], [156.5, 114.3], [125.7, 145.6], [102.2, 177.2], [153.5, 176.3]], np.float32
)
"""Of every donor, pixels: the mean over the embedded ones, whose spread is 2 to 5 of 384 pixels."""
SPREAD = 5.0 * SIZE / 384
"""How far the landmarks of donors lie apart, pixels."""
SIGNATURE = 24
"""Side of the grey crop in which faces are compared, pixels."""
INNER = 0.62
"""Width of that crop in widths of the ArcFace template: eyes, nose and mouth, no background."""
MIN_VISIBLE = 0.1
"""Least share of a face that says anything about likeness."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Donor pictures.

    Attributes:
        bgr: (n, SIZE, SIZE, 3) float32, 0 to 255.
        matte: (n, SIZE, SIZE) float32, 0 to 1.
    """

    bgr: NDArray[np.float32]
    matte: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.bgr)

    @cached_property
    def signatures(self) -> NDArray[np.float32]:
        """(n, SIGNATURE ** 2), grey, 0 to 255."""
        pictures = [np.rint(image).astype(np.uint8) for image in self.bgr]
        return np.stack([signature(image, LANDMARKS)[0] for image in pictures])

    def likeness(self, image: Image, landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n,) correlation of each donor with what is in the picture of a face, -1 to 1."""
        face, visible = signature(image, landmarks)
        if visible.sum() < MIN_VISIBLE * visible.size:
            return np.zeros(len(self), np.float32)
        rows = np.concatenate([self.signatures, face[None]])[:, visible]
        rows = rows - rows.mean(axis=1, keepdims=True)
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
        return np.asarray(rows[:-1] @ rows[-1], np.float32)

    def nearest(self, image: Image, landmarks: NDArray[np.float32], k: int) -> list[int]:
        """The k donors most like a face, in ascending order of their numbers.

        The order of likeness is forgotten on purpose: the average does not depend on it.
        """
        likeness = self.likeness(image, landmarks)
        return sorted(int(i) for i in np.argsort(-likeness, kind="stable")[:k])

    def average(self, chosen: Sequence[int]) -> NDArray[np.float32]:
        """The mean of these donors, (SIZE, SIZE, 4) float32: premultiplied colour, matte (0 to 1).

        Every step is linear and the same for each donor, so that laid over grey the result is
        exactly the mean of the donors laid over that grey, each with the weight 1/k. Each goes in
        together with its mirror image: moles, partings and the light are gone, which an average of
        few would keep. Detail finer than the spread of the landmarks, which would belong to one
        donor and not to k, is smoothed away.

        Args:
            chosen: numbers of the donors, none of them twice.
        """
        import cv2

        matte = self.matte[chosen][..., None]
        layers = np.concatenate([self.bgr[chosen] * matte, matte], axis=3).mean(axis=0)
        centre = 2 * float(LANDMARKS[:, 0].mean()) - (SIZE - 1)
        mirrored = np.roll(layers[:, ::-1], round(centre), axis=1)
        return np.asarray(cv2.GaussianBlur((layers + mirrored) / 2, (0, 0), SPREAD), np.float32)


def signature(
    image: Image, landmarks: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """What faces are compared by: the small aligned grey face, and which of it is in the picture.

    Newton, Sweeney and Malin 2005 compare pixels, or their principal components; on so few donors
    the components span what the donors span, and the pixels do.
    """
    grey = align(image, landmarks, SIGNATURE, INNER).mean(axis=2, dtype=np.float32).reshape(-1)
    back = similarity(template(SIGNATURE, INNER), landmarks)
    y, x = np.mgrid[:SIGNATURE, :SIGNATURE].reshape(2, -1)
    places = np.stack([x, y, np.ones_like(x)]).T @ back.T
    height, width = image.shape[:2]
    visible = ((places >= 0) & (places < [width, height])).all(axis=1)
    return grey, np.asarray(visible)


def load_gallery(options: KSameOptions) -> Gallery:
    """The donors that the options select, none of them twice.

    Raises:
        ComponentError: there are fewer than k different ones, no face is found in an added one, or
            one that is to be left out is not there.
        UserError: a donor was changed, or has no licence.
    """
    from framework_fomm.donors.store import load_selection

    pictures, mattes = [], []
    found = load_selection(options.donors, options.folder)
    names = [donor.name for donor in found]
    for name in options.exclude:
        if name not in names:
            raise ComponentError(
                f"anonymizer k-same: there is no donor {name} to exclude{did_you_mean(name, names)}"
            )
    # A portrait that was added under two names would count for two of the k.
    different = {hashlib.sha256(d.bgra.tobytes()).digest(): d for d in reversed(found)}
    donors = [d for d in different.values() if d.name not in options.exclude][::-1]
    if len(donors) < options.k:
        raise ComponentError(
            f"anonymizer k-same: k is {options.k}, and there are {len(donors)} donors; add some "
            f"with 'framework donors add', or lower anonymizer.k"
        )
    for donor in donors:
        bgr, matte = donor.at_size(SIZE)
        if "k" not in donor.record:  # the embedded composites have their landmarks in place
            bgr, matte = _moved(bgr, matte, donor.name)
        pictures.append(bgr.astype(np.float32))
        mattes.append(matte.astype(np.float32) / 255)
    return Gallery(np.stack(pictures), np.stack(mattes))


def _moved(bgr: Image, matte: NDArray[np.uint8], name: str) -> tuple[Image, NDArray[np.uint8]]:
    """An added portrait with its landmarks where those of the embedded donors are."""
    import cv2

    detector = Registry.load(only=()).create(Kind.DETECTOR, "retinaface")
    (found,) = detector.detect([Frame(bgr, 0, 0.0)])
    if not len(found):
        raise ComponentError(f"anonymizer k-same: no face is found in donor {name}; remove it")
    matrix = similarity(found.landmarks[int(found.score.argmax())], LANDMARKS)
    layers = np.dstack([bgr, matte])
    moved = cv2.warpAffine(layers, matrix, (SIZE, SIZE), flags=cv2.INTER_LINEAR)
    return np.asarray(moved[..., :3], np.uint8), np.asarray(moved[..., 3], np.uint8)
