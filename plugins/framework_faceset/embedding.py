"""Embeddings that are checked before anything is concluded from them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.protocols import Recognizer
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
