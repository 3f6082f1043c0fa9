from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from framework.media import open_writer
from framework.media.source import MediaKind, SourceInfo
from tests.pipeline.conftest import HEIGHT, SIDE, WIDTH, parts

__all__ = ["parts"]

SOUND = 8000


def scene(
    index: int, left: bool = True, right: bool = False, seed: int = 0, dark: bool = False
) -> NDArray[np.uint8]:
    """A dark picture with bright squares for faces; dark ones are sad to the classifier."""
    rng = np.random.default_rng(1000 * seed + index)
    image = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    low, high = (130, 150) if dark else (170, 256)
    for k, there in enumerate((left, right)):
        if there:
            x, y = 20 + abs(index % 20 - 10) + k * WIDTH // 2, 30
            image[y : y + SIDE, x : x + SIDE] = rng.integers(low, high, (SIDE, SIDE, 3))
    return image


@pytest.fixture
def camera(tmp_path: Path) -> Callable[..., Path]:
    """Writes a recording: ``camera("a.mkv", frames=60, faces=lambda i: (True, False))``."""

    def make(
        name: str,
        frames: int = 60,
        fps: float = 10,
        faces: Callable[[int], tuple[bool, bool]] = lambda index: (True, False),
        sound: NDArray[np.float32] | None = None,
        seed: int = 0,
    ) -> Path:
        path = tmp_path / name
        info = SourceInfo(MediaKind.VIDEO, WIDTH, HEIGHT, fps, None, None, "matroska", "ffv1")
        with open_writer(path, info, codec="ffv1") as writer:
            if sound is not None:
                writer.add_audio(iter([sound]), SOUND)
            for index in range(frames):
                left, right = faces(index)
                writer.write(scene(index, left, right, seed), index / fps)
        return path

    return make
