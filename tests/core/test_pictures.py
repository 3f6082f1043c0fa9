"""Single pictures: found, read, covered, drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import framework
from framework import CheckError, ConfigError, Frame, Role, Tracks
from tests.pipeline.conftest import bright, clip, parts, picture

__all__ = ["clip", "parts"]
pytestmark = pytest.mark.usefixtures("parts")
SQUARE: dict[str, Any] = {"detector": "square"}


def test_faces_are_found_and_read_from_left_to_right() -> None:
    image = picture(0, 2)
    assert len(framework.detect(image, "square")) == 2
    faces = framework.read_expression(image, "happy", **SQUARE)
    assert [face.label for face in faces] == ["happiness", "happiness"]
    assert faces[0].xyxy[0] < faces[1].xyxy[0]
    assert sum(faces[0].probabilities.values()) == pytest.approx(1)
    with pytest.raises(ConfigError, match="classifier"):
        framework.read_expression(image, "none", **SQUARE)


def test_cover_gives_a_new_picture_without_faces_or_none() -> None:
    image = picture(0, 2)
    before = image.copy()
    covered = framework.cover(image, "fill", **SQUARE)
    assert bright(covered) == 0
    assert np.array_equal(image, before)
    for broken in ("lazy", "half", "wrong"):
        with pytest.raises(CheckError):
            framework.cover(image, broken, **SQUARE)
    with pytest.raises(CheckError, match="no face"):
        framework.cover(picture(0, 0), "fill", **SQUARE)
    empty = picture(0, 0)
    assert np.array_equal(framework.cover(empty, "fill", allow_no_faces=True, **SQUARE), empty)


def test_picture_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\(h, w, 3\) uint8"):
        framework.detect(np.zeros((4, 4), np.uint8), "square")
    with pytest.raises(framework.MediaError, match="no such file"):
        framework.detect(tmp_path / "nothing.jpg", "square")


def test_draw_marks_tracks_in_a_new_picture() -> None:
    frame = Frame(picture(0, 1), 0, 0.0)
    tracks = Tracks(
        xyxy=np.array([[10, 20, 60, 70]]),
        score=np.ones(1),
        track_id=np.array([3]),
        role=(Role.DOCTOR,),
    )
    drawn = framework.draw(frame, tracks)
    assert not np.array_equal(drawn, frame.bgr)
    assert (drawn[20, 10:60] == drawn[20, 30]).all(), "the upper side of the box"


def test_result_gives_seconds_and_frames(clip: Any, tmp_path: Path) -> None:
    result = framework.run(
        clip(frames=40, faces=1), out=tmp_path / "out", anonymizer="fill", fer="happy", **SQUARE
    )
    table = result.data_frame()
    rows = table if isinstance(table, list) else table.to_dict("records")
    assert [(r["second"], r["person"], r["label"]) for r in rows] == [
        (0, "person-1", "happiness"),
        (1, "person-1", "happiness"),
    ]
    pairs = list(result.frames())
    assert len(pairs) == 40
    assert all(len(tracks) == 1 and bright(frame.bgr) == 0 for frame, tracks in pairs)
