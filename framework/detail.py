"""Does the fine structure of a face come through at its place?

Recognition needs a face that a detector finds. A face in profile, behind a hand or at the edge may
not be found and may still be plain to see. So the covered picture is also compared with the
original inside each face: both are reduced to their fine structure (what a face-sized blur
removes), and correlated. An uncovered face correlates near 1 even after re-encoding; blur, squares,
patches and other people's faces do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.types import Image

SIDE = 48
LOW_PASS = 3.0
"""Standard deviation, in pixels of the 48-pixel face, of what counts as coarse."""
PASSES = 0.6
"""Correlation from which detail is said to come through in a frame. Between faces of 600 strangers
(Labeled Faces in the Wild, aligned by their landmarks, hashed name above 1/4) one pair in 10,000
reaches 0.59; half of the pairs 0.16, because all faces have eyes and a mouth."""
MEAN_PASSES = 0.45
"""The same for the mean of a track's frames, of which there is one: one pair in 100 reaches 0.44. A
blur that is too weak is seen in every frame a little."""
FEWEST = 5
"""Frames from which a mean is taken."""
FLAT = 1.5
"""Standard deviation of fine structure (0 to 255) under which there is none to compare."""
CORE = 0.8
"""Share of the box, around its centre: hair and background at its border may rightly stay."""


def detail_correlation(original: Image, covered: Image, box: NDArray[np.float32]) -> float | None:
    """Correlation of the fine structure of one face, -1 to 1.

    Args:
        original, covered: pictures of the same moment, of one size.
        box: (4,) pixels.

    Returns:
        None where the original has no fine structure, or nothing of the box is in the picture.
    """
    fine = [fine_structure(image, box) for image in (original, covered)]
    if fine[0] is None or fine[1] is None:
        return None
    a, b = fine[0], fine[1]
    if a.std() < FLAT:
        return None
    scale = float(a.std() * b.std())
    return float((a * b).mean() / scale) if scale > 1e-6 else 0.0


def fine_structure(
    image: Image, box: NDArray[np.float32], core: float = CORE
) -> NDArray[np.float32] | None:
    """What a face-sized blur removes from one place of a picture: (48, 48), mean 0.

    Args:
        box: (4,) pixels.
        core: share of the box, around its centre, that is looked at.

    Returns:
        None where less than 8 pixels of it are in the picture.
    """
    import cv2

    height, width = image.shape[:2]
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * core
    left, top = np.maximum(np.floor(centre - half), 0).astype(int)
    right, bottom = np.minimum(np.ceil(centre + half), [width, height]).astype(int)
    if right - left < 8 or bottom - top < 8:
        return None
    grey = cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = small - cv2.GaussianBlur(small, (0, 0), LOW_PASS)
    return np.asarray(fine - fine.mean(), np.float32)
