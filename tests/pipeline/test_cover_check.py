from __future__ import annotations

import numpy as np
import pytest

from framework.errors import ContractError
from framework.pipeline.cover_check import uncovered, whole_frame_cover
from framework.types import Frame, Tracks


def frame() -> Frame:
    rng = np.random.default_rng(0)
    return Frame(rng.integers(0, 256, (60, 80, 3), dtype=np.uint8), 0, 0.0)


def tracks(*boxes: tuple[float, float, float, float]) -> Tracks:
    n = len(boxes)
    return Tracks(xyxy=np.array(boxes), score=np.ones(n), track_id=np.arange(1, n + 1))


def test_a_face_that_came_back_as_it_was_is_found() -> None:
    f = frame()
    image = f.bgr.copy()
    image[10:30, 10:30] = 0
    assert uncovered(f, image, tracks((10, 10, 30, 30))) == []
    assert uncovered(f, image, tracks((10, 10, 30, 30), (40, 10, 60, 30))) == [2]
    assert uncovered(f, f.bgr.copy(), tracks((-5, -5, 15, 15))) == [1]


def test_half_a_face_is_not_enough() -> None:
    f = frame()
    image = f.bgr.copy()
    image[10:18, 10:30] = 0
    assert uncovered(f, image, tracks((10, 10, 30, 30))) == [1]


def test_the_same_memory_is_never_a_new_picture() -> None:
    f = frame()
    assert uncovered(f, f.bgr, tracks((0, 0, 9, 9))) == [1]
    assert uncovered(f, f.bgr, Tracks.empty()) == []


def test_outside_the_picture_and_flat_areas_have_nothing_to_show() -> None:
    f = frame()
    assert uncovered(f, f.bgr.copy(), tracks((200, 200, 240, 240), (-50, 0, -10, 30))) == []
    grey = Frame(np.full((60, 80, 3), 90, np.uint8), 0, 0.0)
    assert uncovered(grey, grey.bgr.copy(), tracks((10, 10, 30, 30))) == []


def test_what_is_no_picture_of_the_same_shape_is_refused() -> None:
    f = frame()
    for wrong in (f.bgr[:-1].copy(), f.bgr.astype(np.float32), f.bgr[:, :, 0].copy(), None):
        with pytest.raises(ContractError):
            uncovered(f, wrong, Tracks.empty())  # type: ignore[arg-type]


def test_the_whole_cover_shows_nothing() -> None:
    f = frame()
    cover = whole_frame_cover(f)
    assert cover.shape == f.bgr.shape
    assert cover.std() == 0
