"""The last look before a frame leaves: was every face really changed?

An anonymizer can fail without raising: a wrong index, an early return, a mask that missed. The
check compares the picture that came back with the one that went in, on a grid of points inside each
face. It is not a measure of privacy, it is a tripwire: a face whose pixels came back as they were
is caught.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.types import Frame, Image, Tracks

GRID = 24
"""Points along each side of a face."""
CORE = 0.7
"""Share of the box, around its centre, that any cover must reach."""
UNCHANGED_LIMIT = 0.5
"""Share of the points that may come back as they were. Flat skin can survive a blur by chance."""
FLAT = 2.0
"""Standard deviation (0 to 255) under which there is nothing to recognise, and nothing to check."""


def check_picture(frame: Frame, image: Image) -> None:
    """Raise unless ``image`` is a picture of the same shape and type, in memory of its own.

    Raises:
        ContractError: it is not.
    """
    if not isinstance(image, np.ndarray):
        raise ContractError(f"anonymize: expected an array, got {type(image).__name__}")
    if image.shape != frame.bgr.shape or image.dtype != np.uint8:
        raise ContractError(
            f"anonymize: expected {frame.bgr.shape} uint8, got {image.shape} {image.dtype}"
        )


def uncovered(frame: Frame, image: Image, tracks: Tracks) -> list[int]:
    """Ids of the tracks whose face came back as it was.

    Args:
        frame: what went into the anonymizer.
        image: what came back, same shape.
        tracks: the faces that had to be covered.
    """
    check_picture(frame, image)
    if len(tracks) and np.shares_memory(frame.bgr, image):
        return [int(t) for t in tracks.track_id]
    found = []
    for box, track_id in zip(tracks.xyxy, tracks.track_id, strict=True):
        grid = _grid(box, frame.width, frame.height)
        if grid is None:
            continue
        before, after = frame.bgr[grid], image[grid]
        if before.std(axis=(0, 1)).max() < FLAT:
            continue
        same = (before == after).all(axis=2).mean()
        if same > UNCHANGED_LIMIT:
            found.append(int(track_id))
    return found


def _grid(
    box: NDArray[np.float32], width: int, height: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Index arrays of a grid inside the visible core of a box; None if nothing is visible."""
    centre = (box[:2] + box[2:]) / 2
    half = (box[2:] - box[:2]) / 2 * CORE
    left, top = np.maximum(centre - half, 0)
    right, bottom = np.minimum(centre + half, [width, height])
    if right - left < 1 or bottom - top < 1:
        return None
    columns = np.unique(np.linspace(left, min(right, width) - 1, GRID).astype(np.intp))
    rows = np.unique(np.linspace(top, min(bottom, height) - 1, GRID).astype(np.intp))
    return np.ix_(rows, columns)  # type: ignore[return-value]


def whole_frame_cover(frame: Frame) -> Image:
    """A picture that shows nothing of the frame: mid-grey, of the same size."""
    return np.full_like(frame.bgr, 96)
