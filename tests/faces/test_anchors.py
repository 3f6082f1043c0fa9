"""Anchors and decoding against a slow reference written from the definition."""

from __future__ import annotations

import math

import numpy as np
from framework_faces.anchors import anchors, decode_boxes, decode_landmarks


def _reference_anchors(height: int, width: int) -> list[tuple[float, float, float]]:
    result = []
    for stride, sizes in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512))):
        for row in range(math.ceil(height / stride)):
            for column in range(math.ceil(width / stride)):
                for size in sizes:
                    result.append(((column + 0.5) * stride, (row + 0.5) * stride, size))
    return result


def test_anchors_follow_the_order_of_the_outputs() -> None:
    for height, width in ((32, 32), (64, 96), (40, 72)):
        np.testing.assert_allclose(anchors(height, width), _reference_anchors(height, width))


def test_anchors_are_made_once_for_each_size_and_cannot_be_changed() -> None:
    assert anchors(64, 64) is anchors(64, 64)
    assert not anchors(64, 64).flags.writeable


def test_decoding_matches_the_formulas() -> None:
    rng = np.random.default_rng(0)
    anchor = anchors(64, 96)[rng.integers(0, 100, 20)]
    location = rng.normal(size=(20, 4)).astype(np.float32)
    marks = rng.normal(size=(20, 10)).astype(np.float32)
    boxes, points = decode_boxes(location, anchor), decode_landmarks(marks, anchor)
    for k, (x, y, side) in enumerate(anchor):
        cx, cy = x + 0.1 * side * location[k, 0], y + 0.1 * side * location[k, 1]
        w, h = side * math.exp(0.2 * location[k, 2]), side * math.exp(0.2 * location[k, 3])
        expected = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2]
        np.testing.assert_allclose(boxes[k], expected, rtol=1e-4, atol=1e-3)
        for p in range(5):
            expected = [x + 0.1 * side * marks[k, 2 * p], y + 0.1 * side * marks[k, 2 * p + 1]]
            np.testing.assert_allclose(points[k, p], expected, rtol=1e-4, atol=1e-3)
