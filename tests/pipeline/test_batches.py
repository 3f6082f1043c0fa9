from __future__ import annotations

import numpy as np
import pytest

from framework.pipeline.batches import MOST, fitting, in_batches
from framework.types import Frame


def frames(count: int, width: int = 8, height: int = 4) -> list[Frame]:
    return [Frame(np.zeros((height, width, 3), np.uint8), i, i / 25) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, MOST - 1, MOST, MOST + 1, 3 * MOST])
def test_every_frame_once_in_order_and_no_empty_batch(count: int) -> None:
    given = frames(count)
    batches = list(in_batches(given))
    assert [f.index for batch in batches for f in batch] == list(range(count))
    assert all(0 < len(batch) <= MOST for batch in batches)
    assert [len(b) for b in in_batches(given, lambda _: 1)] == [1] * count


def test_large_pictures_make_small_batches() -> None:
    assert fitting(frames(1)[0]) == MOST
    assert fitting(frames(1, 1920, 1080)[0]) == MOST
    assert fitting(frames(1, 3840, 2160)[0]) < MOST
    assert fitting(frames(1, 30000, 4000)[0]) == 1
