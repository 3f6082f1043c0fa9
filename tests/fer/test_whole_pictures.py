"""Whole photographs: the face is found first, the largest one, and what has none is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from framework_fer.framing import WINDOW
from framework_training.fer import datasets, evaluate
from framework_training.fer.whole_pictures import found
from typer.testing import CliRunner

from framework.alignment import template
from framework.errors import UserError
from framework.types import Detections, Frame
from tests.fer.synthetic import save


class TwoFaces:
    """A detector that sees a small sure face and a large one; nothing in dark pictures."""

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Frame) -> Detections:
        if frame.bgr.mean() < 60:
            return Detections.empty()
        small = template(10) + 2
        large = template(30) + 14
        return Detections(
            xyxy=np.array([[2, 2, 12, 12], [14, 14, 44, 44]], np.float32),
            score=np.array([0.99, 0.6], np.float32),
            landmarks=np.stack([small, large]).astype(np.float32),
        )


def test_the_largest_face_is_framed_as_in_a_recording(tmp_path: Path) -> None:
    faces = datasets.load(save(tmp_path / "a.npz", 7))
    located, without = found(faces, TwoFaces())
    assert without == 0
    left, top, right, bottom = WINDOW
    # The window's corners inside the template's square must fall on the unit square's.
    corners = np.array([[left, top, 1 / 30], [right, bottom, 1 / 30]]) * 30
    corners[:, :2] += 14
    assert np.allclose(located.placement[0] @ corners[0], [0, 0], atol=1e-3)
    assert np.allclose(located.placement[0] @ corners[1], [1, 1], atol=1e-3)


def test_pictures_without_a_face_are_counted_and_left_out(tmp_path: Path) -> None:
    x = np.full((5, 48, 48), 128, np.uint8)
    x[[1, 3]] = 0
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(5))
    located, without = found(datasets.load(tmp_path / "a.npz"), TwoFaces())
    assert without == 2
    assert located.labels.tolist() == [0, 2, 4]
    np.savez(tmp_path / "b.npz", x=np.zeros((2, 48, 48), np.uint8), y=np.arange(2))
    with pytest.raises(UserError, match="no face in any of 2 pictures"):
        found(datasets.load(tmp_path / "b.npz"), TwoFaces())


def test_photographs_are_evaluated_in_one_command(tmp_path: Path) -> None:
    donors = sorted(Path(str(files("framework_fomm") / "donors" / "embedded")).glob("*.png"))[:3]
    folder = tmp_path / "set" / "neutral"
    folder.mkdir(parents=True)
    for number, donor in enumerate(donors):
        room = np.full((480, 640, 3), 140, np.uint8)
        face = cv2.resize(cv2.imread(str(donor)), (200, 200))
        room[150:350, 60 + 100 * number : 260 + 100 * number] = face
        cv2.imwrite(str(folder / f"{number}.png"), room)
    cv2.imwrite(str(folder / "wall.png"), np.full((480, 640, 3), 140, np.uint8))
    app = typer.Typer()
    app.command()(evaluate.main)
    result = CliRunner().invoke(
        app,
        ["--data", str(tmp_path / "set"), "--find-faces", "--bootstrap", "0", "--threads", "1",
         "--json", str(tmp_path / "r.json")],
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "left out, no face found    1" in result.stdout
    numbers = json.loads((tmp_path / "r.json").read_text())
    assert numbers["n"] == 3
    assert numbers["without_face"] == 1
    # The donors are composites of neutral portraits; whole pictures would be read at random.
    assert numbers["accuracy"] == 1.0
