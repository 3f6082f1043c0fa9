"""Suppression against a slow reference, and what it promises."""

from __future__ import annotations

import numpy as np
from framework_faces.nms import nms
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray


def _iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / union if union > 0 else 0.0


def _reference(boxes: NDArray[np.float32], score: NDArray[np.float32], limit: float) -> list[int]:
    kept: list[int] = []
    for row in sorted(range(len(boxes)), key=lambda r: (-score[r], r)):
        if all(_iou(boxes[row], boxes[k]) <= limit for k in kept):
            kept.append(row)
    return kept


@given(
    corners=st.lists(
        st.tuples(*(st.integers(0, 40) for _ in range(2)), *(st.integers(1, 30) for _ in range(2))),
        max_size=15,
    ),
    limit=st.sampled_from([0.2, 0.4, 0.7]),
    data=st.data(),
)
def test_keeps_what_the_definition_keeps(
    corners: list[tuple[int, int, int, int]], limit: float, data: st.DataObject
) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h in corners], np.float32).reshape(-1, 4)
    score = np.array(
        data.draw(
            st.lists(
                st.integers(0, 20).map(lambda s: s / 20),
                min_size=len(boxes),
                max_size=len(boxes),
            )
        ),
        np.float32,
    )
    assert nms(boxes, score, limit).tolist() == _reference(boxes, score, limit)
