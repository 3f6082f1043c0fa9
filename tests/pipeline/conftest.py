from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from framework.media import open_reader, open_writer
from framework.media.source import MediaKind, SourceInfo
from framework.types import Image
from tests.core.installed import install

WIDTH, HEIGHT, SIDE = 160, 96, 24


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Installs ``fake_parts`` as a stranger's distribution and returns its site folder."""
    site = tmp_path / "site"
    site.mkdir()
    source = (Path(__file__).parent / "fake_parts.py").read_text(encoding="utf-8")
    install(site, "fake-parts", source)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delenv("FRAMEWORK_PLUGINS", raising=False)
    yield site
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(site)):
            del sys.modules[name]  # another test may install another module of this name


def picture(index: int, faces: int) -> Image:
    """A dark picture with one bright noisy square on the left, or one on each side."""
    rng = np.random.default_rng(index)
    image = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    for k in range(faces):
        x, y = 12 + abs(index % 60 - 30) + k * WIDTH // 2, 30  # to and fro
        image[y : y + SIDE, x : x + SIDE] = rng.integers(170, 256, (SIDE, SIDE, 3))
    return image


@pytest.fixture
def clip(tmp_path: Path) -> Callable[..., Path]:
    """Writes a lossless recording: ``clip(frames=40, faces=1, without=(5, 6))``."""

    def make(
        frames: int = 40, faces: int = 1, without: tuple[int, ...] = (), fps: int = 20
    ) -> Path:
        path = tmp_path / "visit-of-Mr-Smith.mkv"
        info = SourceInfo(MediaKind.VIDEO, WIDTH, HEIGHT, fps, None, None, "matroska", "ffv1")
        with open_writer(path, info, codec="ffv1") as writer:
            for index in range(frames):
                count = 0 if index in without else faces
                writer.write(picture(index, count), index / fps)
        return path

    return make


def pictures(path: Path) -> list[Image]:
    """Every frame of a recording."""
    with open_reader(path) as reader:
        return [frame.bgr for frame in reader]


def bright(image: Image) -> int:
    """How many pixels still look like a face."""
    return int((image.min(axis=2) > 150).sum())


def flat(image: Image) -> bool:
    """Whether a picture shows nothing at all."""
    return bool(image.std() < 3)
