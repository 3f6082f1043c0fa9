"""Comparing faces with a recogniser: aligned crops, embeddings, and what is checked about both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.alignment import align, landmarks_from_box
from framework.errors import ContractError
from framework.protocols import Recognizer
from framework.table import TrackTable
from framework.types import Image


def embed(recognizer: Recognizer, faces: Sequence[Image]) -> NDArray[np.float32]:
    """Call a recogniser and check what comes back.

    Raises:
        ContractError: not one finite vector of unit length a face.
    """
    rows = np.asarray(recognizer.embed(faces), np.float32)
    if rows.ndim != 2 or len(rows) != len(faces) or not np.isfinite(rows).all():
        raise ContractError(f"embed: expected {len(faces)} finite vectors, got {rows.shape}")
    length = np.linalg.norm(rows, axis=1)
    if np.abs(length - 1).max(initial=0.0) > 1e-3:
        raise ContractError("embed: expected vectors of unit length")
    return rows


def crop_of_row(image: Image, table: TrackTable, row: int, recognizer: Recognizer) -> Image | None:
    """The aligned face of a row of the table, cut from any picture of the same moment.

    Args:
        image: (h, w, 3) BGR, the original or the covered picture.
        row: row number in the table; its landmarks, guessed from its box where there are none, say
            where the face is.

    Returns:
        A square crop as the recogniser wants it; None if the landmarks coincide.
    """
    points = table.landmarks[row]
    if not np.isfinite(points).all():
        points = landmarks_from_box(table.xyxy[row])[0]
    try:
        return align(image, points, recognizer.input_size, recognizer.crop_scale)
    except ValueError:
        return None
