"""Faces that occur more than once.

FER2013 was collected by image search, so that the same photograph is in it several times: with
another label, and on both sides of the official split. Rows that look alike are one group; a group
is never divided between training and measuring.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from framework_training.fer.augment import plain_view
from framework_training.fer.datasets import LabelledFaces

SIDE = 12
SIMILAR = 0.985
"""Correlation of the 12 x 12 miniatures from which two pictures count as the same photograph."""
_BLANK = 8.0
"""Standard deviation, in grey levels, under which a picture shows nothing."""


def miniatures(faces: LabelledFaces) -> NDArray[np.float32]:
    """(n, 144) float32, each row with mean 0 and length 1 (length 0 for a blank picture)."""
    rows = np.zeros((len(faces), SIDE * SIDE), np.float32)
    for i, (grey, placement) in enumerate(zip(faces.greys, faces.placement, strict=True)):
        view = plain_view(grey, placement, 4 * SIDE)
        small = cv2.resize(view, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        rows[i] = small.reshape(-1)
    rows -= rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(np.where(length > 1e-3, rows / np.maximum(length, 1e-3), 0.0), np.float32)


def blank(faces: LabelledFaces) -> NDArray[np.bool_]:
    """(n,) True where a picture shows nothing: FER2013 contains a few such rows."""
    return np.array([float(grey.std()) < _BLANK for grey in faces.greys], bool)


def groups(rows: NDArray[np.float32], names: Sequence[str] = ()) -> NDArray[np.int64]:
    """A group number for each row: rows that look alike, or show the same person, share it.

    Args:
        rows: from :func:`miniatures`.
        names: who is who, empty strings where unknown; or nothing.

    Returns:
        (n,) int64, the smallest row index of the group.
    """
    parent = np.arange(len(rows))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    def join(i: int, j: int) -> None:
        a, b = root(i), root(j)
        parent[max(a, b)] = min(a, b)

    for start in range(0, len(rows), 2048):
        close = rows[start : start + 2048] @ rows[start:].T > SIMILAR
        for i, j in zip(*np.nonzero(close), strict=True):
            if i < j:
                join(start + int(i), start + int(j))
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if name:
            join(i, first.setdefault(name, i))
    return np.array([root(i) for i in range(len(rows))], np.int64)


def seen_in(rows: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,) True for the rows that also occur in ``others``."""
    out = np.zeros(len(rows), bool)
    if len(others):
        for start in range(0, len(rows), 2048):
            out[start : start + 2048] = (rows[start : start + 2048] @ others.T).max(
                axis=1
            ) > SIMILAR
    return out
