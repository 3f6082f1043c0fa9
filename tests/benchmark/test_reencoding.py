"""The noise floor is the codec's alone: re-encoding changes neither colours nor sizes."""

from __future__ import annotations

import numpy as np
import pytest
from framework_benchmark.covering import reencode

from framework import Frame


@pytest.mark.parametrize("size", [(64, 64), (61, 47)])
@pytest.mark.parametrize("colour", [(60, 100, 160), (120, 120, 120), (90, 130, 200)])
def test_colours_and_sizes_stay(colour: tuple[int, int, int], size: tuple[int, int]) -> None:
    picture = np.full((*size, 3), colour, np.uint8)
    out = reencode([Frame(picture, i, i / 25) for i in range(4)])
    assert [o.shape for o in out] == [picture.shape] * 4
    for one in out:
        assert np.abs(one.mean(axis=(0, 1)) - colour).max() <= 1.5
