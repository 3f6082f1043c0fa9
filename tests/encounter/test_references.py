"""Reference pictures, with a recogniser that tells people apart by how bright they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from framework_encounter import make_encounter, run_encounter

from framework import ConfigError, Role
from framework.media import open_writer
from framework.media.source import MediaKind, SourceInfo
from tests.core.installed import install
from tests.encounter.conftest import scene
from tests.pipeline.conftest import HEIGHT, WIDTH, bright, pictures

BASE: dict[str, Any] = {
    "detector": "square",
    "fer": "happy",
    "anonymizer": "fill",
    "recommender": "none",
    "recheck": False,
}
RECOGNIZER = """
import numpy as np
from framework import ComponentSpec, hookimpl

class Brightness:
    input_size, crop_scale = 32, 1.0
    def __init__(self, options, context):
        pass
    def embed(self, faces):
        angle = np.array([(f[8:24, 8:24].mean() - 120) / 60 for f in faces])
        return np.stack([np.cos(angle), np.sin(angle)], 1).astype("f4")

@hookimpl
def framework_recognizers():
    yield ComponentSpec("brightness", "x", f"{__name__}:Brightness", "fake_parts:NoOptions")
"""


def face(dark: bool, x: int = 30) -> Any:
    picture = scene(0, left=False)
    low, high = (130, 150) if dark else (210, 256)
    picture[30:54, x : x + 24] = np.random.default_rng(1).integers(low, high, (24, 24, 3))
    return picture


def save(path: Path, picture: Any) -> str:
    assert cv2.imwrite(str(path), picture)
    return str(path)


@pytest.fixture
def room(tmp_path: Path, parts: Path) -> Path:
    """A light face on the left, a dark one on the right."""
    install(parts, "fake-recognizer", RECOGNIZER)
    path = tmp_path / "room.mkv"
    info = SourceInfo(MediaKind.VIDEO, WIDTH, HEIGHT, 10, None, None, "matroska", "ffv1")
    with open_writer(path, info, codec="ffv1") as writer:
        for index in range(20):
            picture = scene(index, left=False)
            rng = np.random.default_rng(index)
            for k, (low, high) in enumerate(((210, 256), (130, 150))):
                x = 30 + k * WIDTH // 2
                picture[30:54, x : x + 24] = rng.integers(low, high, (24, 24, 3))
            writer.write(picture, index / 10)
    return path


def encounter(room: Path, references: dict[str, str], **matching: Any) -> Any:
    return make_encounter(
        {
            "recordings": [{"file": str(room), "shows": ["patient", "doctor"]}],
            "references": references,
            "matching": {"recognizer": "brightness", "min_similarity": 0.9} | matching,
        }
    )


def test_pictures_say_who_is_who_and_none_of_them_is_kept(room: Path, tmp_path: Path) -> None:
    pictures_of = {
        "patient": save(tmp_path / "p.png", face(dark=True)),
        "doctor": save(tmp_path / "d.png", face(dark=False)),
    }
    out = tmp_path / "out"
    result = run_encounter(encounter(room, pictures_of), out=out, **BASE)
    table = result.castings[0].table
    assert table.xyxy[table.rows_of_track(1)][:, 0].min() > WIDTH / 2
    assert table.role_of(2) is Role.DOCTOR
    assert result.castings[0].how[Role.PATIENT] == "reference picture"
    assert all(bright(image) == 0 for image in pictures(out / "camera-1" / "anonymized.mp4"))
    assert not [p for p in out.rglob("*") if p.suffix in (".png", ".npy", ".npz")]
    about = json.loads((out / "encounter.json").read_text())
    assert about["matching"] == {
        "recognizer": "brightness",
        "min_similarity": 0.9,
        "min_margin": pytest.approx(0.007),
    }
    assert about["cameras"][0]["similarity"].keys() == {"patient", "doctor"}
    made = json.loads((out / "manifest.json").read_text())["components"]
    assert "recognizer" in {component["kind"] for component in made}


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (lambda: scene(0, left=False), "reference picture of the patient: no face in it"),
        (lambda: scene(0, True, True), "reference picture of the patient: 2 faces in it"),
    ],
)
def test_a_picture_with_no_or_two_faces(
    room: Path, tmp_path: Path, picture: Callable[[], Any], message: str
) -> None:
    references = {"patient": save(tmp_path / "p.png", picture())}
    with pytest.raises(ConfigError, match=message):
        run_encounter(encounter(room, references), out=tmp_path / "out", **BASE)
    assert not (tmp_path / "out").exists()


def test_a_picture_needs_a_recogniser_and_may_fit_nobody(room: Path, tmp_path: Path) -> None:
    references = {"patient": save(tmp_path / "p.png", face(dark=True))}
    none = encounter(room, references, recognizer=None)
    with pytest.raises(ConfigError, match=r"needs a recogniser: .*installed: .*brightness"):
        run_encounter(none, out=tmp_path / "out", **BASE)
    strict = encounter(room, references, min_similarity=1.0)
    with pytest.raises(ConfigError, match=r"no face for the patient in camera 1 .*: the nearest"):
        run_encounter(strict, out=tmp_path / "out", **BASE)
