"""A folder of stills is a set of pictures, each on its own; a sequence is one recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from framework import RunResult, run
from framework.media import open_reader
from framework.types import Image, Role

from .conftest import bright, flat, picture

pytestmark = pytest.mark.usefixtures("parts")


def go(source: Path, out: Path, **settings: Any) -> RunResult:
    chosen = {"detector": "square", "anonymizer": "fill", "fer": "none", "recommender": "none"}
    return run(source, out=out, **(chosen | settings))


def folder(path: Path, images: list[Image]) -> Path:
    path.mkdir()
    for index, image in enumerate(images):
        assert cv2.imwrite(str(path / f"img{index}.png"), image)
    return path


def padded(image: Image, right: int, bottom: int) -> Image:
    return np.asarray(cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT), np.uint8)


def written(out: Path) -> list[Image]:
    files = sorted((out / "anonymized").iterdir())
    return [np.asarray(cv2.imread(str(file)), np.uint8) for file in files]


def test_each_picture_stands_alone(tmp_path: Path) -> None:
    images = [picture(0, 1), picture(0, 1), picture(0, 0), picture(0, 1)]
    result = go(folder(tmp_path / "set", images), tmp_path / "out")
    table = result.table
    assert table.track_ids() == [1, 2, 3], "nobody is the same person in two pictures"
    assert table.frame.tolist() == [0, 1, 3], "no face is carried into another picture"
    assert table.time_s.tolist() == [0, 1, 2, 3]
    assert {table.role_of(t) for t in table.track_ids()} == {Role.PATIENT}
    covered = written(tmp_path / "out")
    assert all(bright(image) == 0 for image in covered)
    assert flat(covered[2]), "a picture in which no face was found is covered whole"
    assert not flat(covered[0])


def test_pictures_may_differ_in_size(tmp_path: Path) -> None:
    first = picture(0, 1)
    images = [first, padded(first, 30, 0), padded(first, 0, 50), first]
    result = go(folder(tmp_path / "set", images), tmp_path / "out")
    assert [i.shape for i in written(tmp_path / "out")] == [i.shape for i in images]
    assert all(bright(image) == 0 for image in written(tmp_path / "out"))
    assert (result.table.width, result.table.height) == (first.shape[1] + 30, first.shape[0] + 50)


def test_a_sequence_is_one_recording(tmp_path: Path) -> None:
    images = [picture(index, 1) for index in range(5)]
    source = folder(tmp_path / "sequence", images)
    result = go(source, tmp_path / "out", sequence=True)
    assert result.table.track_ids() == [1]
    assert result.table.time_s == pytest.approx(np.arange(5) / 25)
    with open_reader(tmp_path / "out" / "anonymized", sequence=True) as reader:
        assert reader.duration_s == pytest.approx(0.2)


def test_the_report_says_what_a_second_is(tmp_path: Path) -> None:
    go(folder(tmp_path / "set", [picture(0, 1)] * 2), tmp_path / "out")
    assert "second k of the tables is image k" in (tmp_path / "out" / "audit.json").read_text()


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_keeps_its_length(tmp_path: Path, suffix: str) -> None:
    images = [Pillow.fromarray(picture(0, 1)[:, :, ::-1].copy()) for _ in range(4)]
    source = tmp_path / f"a{suffix}"
    for k, image in enumerate(images):
        image.putpixel((0, 0), (k * 20, 0, 0))  # equal pictures would be joined
    options = {"lossless": True} if suffix == ".webp" else {}
    images[0].save(source, save_all=True, append_images=images[1:], duration=80, **options)
    result = go(source, tmp_path / "out")
    assert result.passed, result.reasons
    assert result.audit.duration_out_s == pytest.approx(0.32, abs=0.011)
