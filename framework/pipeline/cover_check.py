"""The last look before a frame leaves: was every face really changed?

An anonymizer can fail without raising: a wrong index, an early return, a mask that missed. The
check compares the picture that came back with the one that went in, on a grid of points inside each
face. It is not a measure of privacy, it is a tripwire: a face whose pixels came back as they were
is caught.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.types import Frame, Image, Tracks

Grid = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Index arrays of rows and columns, as ``np.ix_`` gives them."""

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


@dataclass(frozen=True, eq=False)
class Evidence:
    """Points inside each face of a frame as they were before an anonymizer saw it.

    They lie in memory that no plugin holds, so a plugin that paints on its input changes nothing.

    Attributes:
        track_ids: every face that had to be covered.
        points: by face, the index arrays of a grid inside it and the (k, l, 3) values there. A face
            outside the frame, and one on which there is nothing to recognise, has none.
    """

    track_ids: tuple[int, ...]
    points: tuple[tuple[int, Grid, Image], ...]

    @classmethod
    def of(cls, frame: Frame, tracks: Tracks) -> Evidence:
        """Note the faces of a frame."""
        ids = tuple(int(t) for t in tracks.track_id)
        points = []
        for box, track_id in zip(tracks.xyxy, ids, strict=True):
            grid = _grid(box, frame.width, frame.height)
            if grid is None:
                continue
            before = frame.bgr[grid].copy()
            if before.std(axis=(0, 1)).max() >= FLAT:
                points.append((track_id, grid, before))
        return cls(ids, tuple(points))

    def left_open(self, image: Image) -> tuple[int, ...]:
        """Ids of the tracks whose face is in ``image`` as it was."""
        return tuple(
            track_id
            for track_id, grid, before in self.points
            if (before == image[grid]).all(axis=2).mean() > UNCHANGED_LIMIT
        )


def uncovered(frame: Frame, image: Image, tracks: Tracks) -> list[int]:
    """Ids of the tracks whose face came back as it was.

    Args:
        frame: what went into the anonymizer, unchanged since.
        image: what came back, same shape.
        tracks: the faces that had to be covered.
    """
    check_picture(frame, image)
    if len(tracks) and np.shares_memory(frame.bgr, image):
        return [int(t) for t in tracks.track_id]
    return list(Evidence.of(frame, tracks).left_open(image))


def _grid(box: NDArray[np.float32], width: int, height: int) -> Grid | None:
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
