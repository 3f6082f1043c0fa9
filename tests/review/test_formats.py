"""Tables that go to other tools and come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_review.cvat import read_cvat, write_cvat
from framework_review.formats import Shape, with_shapes
from framework_review.json_formats import (
    read_coco,
    read_label_studio,
    write_coco,
    write_label_studio,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.cli.main import main
from framework.errors import ConfigError
from framework.table import RowState, TrackTable
from framework.table_file import load_table, save_table
from framework.types import Role
from tests.review.conftest import make_table
from tests.review.test_edits import edited

Tool = tuple[str, Callable[..., None], Callable[..., list[Shape]]]
TOOLS: list[Tool] = [
    ("cvat", write_cvat, lambda path, table: read_cvat(path)),
    ("label-studio", write_label_studio, read_label_studio),
    ("coco", write_coco, lambda path, table: read_coco(path)),
]


def with_gaps(seed: int) -> TrackTable:
    """A table in which some boxes are missing."""
    table = make_table()
    keep = np.random.default_rng(seed).random(len(table)) < 0.7
    for frame, track in zip(table.frame[~keep], table.track_id[~keep], strict=True):
        value = {"kind": "delete", "track": int(track), "start": int(frame), "end": int(frame)}
        try:
            table = edited(value, table)
        except ConfigError:
            continue
    return table


@pytest.mark.parametrize(("name", "write", "read"), TOOLS, ids=[t[0] for t in TOOLS])
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1000))
def test_a_table_comes_back_as_it_was(
    name: str, write: Any, read: Any, seed: int, tmp_path: Path
) -> None:
    table = with_gaps(seed)
    path = tmp_path / name
    write(table, path)
    back = with_shapes(table, read(path, table), name)
    for column in ("frame", "track_id", "xyxy", "score", "state"):
        assert np.array_equal(getattr(back, column), getattr(table, column)), column
    assert back.roles == dict(table.roles)


@pytest.mark.parametrize(("name", "write", "read"), TOOLS, ids=[t[0] for t in TOOLS])
def test_a_box_that_was_moved_there_is_edited_here(
    name: str, write: Any, read: Any, tmp_path: Path
) -> None:
    table = make_table()
    path = tmp_path / name
    write(edited({"kind": "set-box", "track": 1, "frame": 10, "box": [10, 20, 60, 90]}), path)
    back = with_shapes(table, read(path, table), name)
    row = np.flatnonzero((back.track_id == 1) & (back.frame == 10))[0]
    assert back.xyxy[row] == pytest.approx([10, 20, 60, 90], abs=0.01)
    assert back.state[row] == RowState.EDITED
    others = np.arange(len(back)) != row
    assert np.array_equal(back.state[others], table.state[others])


def test_cvat_that_kept_only_key_frames_is_interpolated_and_outside_ends_a_track(
    tmp_path: Path,
) -> None:
    path = tmp_path / "annotations.xml"
    box = (
        '<box frame="{}" outside="{}" occluded="0" keyframe="1" xtl="{}" ytl="0" xbr="{}" ybr="9"/>'
    )
    boxes = box.format(2, 0, 0, 10) + box.format(6, 0, 40, 50) + box.format(9, 1, 40, 50)
    path.write_text(
        f'<annotations><version>1.1</version><track id="4" label="doctor">{boxes}</track>'
        "</annotations>"
    )
    shapes = {s.frame: s for s in read_cvat(path)}
    assert sorted(shapes) == [2, 3, 4, 5, 6, 7, 8]
    assert shapes[4].box == pytest.approx((20, 0, 30, 9))
    assert shapes[8].box == (40, 0, 50, 9) and shapes[8].role == Role.DOCTOR


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<annotations><version>1.1</version><image/></annotations>", "CVAT for images"),
        ("<annotations/>", "version 1.1"),
        ("<annotations", "expected CVAT for video 1.1"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><annotations/>', "document type"),
        (
            '<annotations><version>1.1</version><track id="1" label="cat"/></annotations>',
            "labels patient",
        ),
    ],
)
def test_a_file_that_is_not_cvat_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_cvat(path)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (Shape(1, 99, (0, 0, 9, 9), Role.PATIENT), "frame from 0 to 59"),
        (Shape(1, 1, (0, 0, 0, 9), Role.PATIENT), "with a size"),
        (Shape(1, 1, (900, 0, 990, 9), Role.PATIENT), "another recording"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(shape: Shape, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        with_shapes(make_table(), [shape], "a.xml")


def test_two_boxes_of_a_track_in_one_frame_are_refused() -> None:
    shape = Shape(1, 1, (0, 0, 9, 9), Role.PATIENT)
    with pytest.raises(ConfigError, match="two boxes"):
        with_shapes(make_table(), [shape, shape], "a.json")


def test_the_commands_take_a_table_out_and_back(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks.csv"
    save_table(make_table(), tracks)
    for tool in ("cvat", "label-studio", "coco"):
        there, back = tmp_path / f"{tool}.out", tmp_path / f"{tool}.csv"
        assert main(["tracks", "export", str(tracks), "--to", tool, "--out", str(there)]) == 0
        given = ["tracks", "import", str(there), "--from", tool, "--tracks", str(tracks)]
        assert main([*given, "--out", str(back)]) == 0
        assert load_table(back).track_ids() == [1, 2]
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps([{"annotations": []}, {}]))
    given = ["tracks", "import", str(bad), "--from", "label-studio", "--tracks", str(tracks)]
    assert main([*given, "--out", str(tmp_path / "no.csv")]) == 2
    assert not (tmp_path / "no.csv").exists()
