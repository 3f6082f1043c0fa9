from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from framework.atomic import atomic_text, write_text
from framework.errors import ConfigError, MediaError
from framework.outputs import (
    EMOTION_COLUMNS,
    read_emotions,
    write_emotion_frames,
    write_emotions,
    write_recommendations,
)
from framework.types import UNKNOWN, Recommendation, Role
from tests.timeline.tables import table, timeline


def people() -> list:  # type: ignore[type-arg]
    return [
        timeline(["anger", UNKNOWN, "fear"], "person-1", Role.PATIENT),
        timeline(["neutral"], "person-12", Role.DOCTOR, first=2),
    ]


def test_emotions_have_one_row_a_second_and_person(tmp_path: Path) -> None:
    path = tmp_path / "emotions.csv"
    write_emotions(path, people())
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert tuple(rows[0]) == EMOTION_COLUMNS
    assert [(r["second"], r["person"], r["label"]) for r in rows] == [
        ("0", "person-1", "anger"),
        ("1", "person-1", "unknown"),
        ("2", "person-1", "fear"),
        ("2", "person-12", "neutral"),
    ]
    assert (rows[0]["anger"], rows[0]["samples"], rows[0]["coverage"]) == ("0.7", "5", "1")
    assert rows[0]["role"] == "patient"
    assert rows[1]["anger"] == rows[1]["quality"] == ""


def test_emotions_come_back(tmp_path: Path) -> None:
    path = tmp_path / "emotions.csv"
    write_emotions(path, people())
    for a, b in zip(people(), read_emotions(path), strict=True):
        assert (a.person, a.role, a.label) == (b.person, b.role, b.label)
        np.testing.assert_array_equal(a.second, b.second)
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-6)
        np.testing.assert_array_equal(a.samples, b.samples)
        np.testing.assert_allclose(a.quality, b.quality, atol=1e-6)
    write_emotions(path, [])
    assert read_emotions(path) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",label,", ",mood,", "line 1: missing column label"),
        ("0,0.0,person-1", "x,0.0,person-1", "column second"),
        ("anger,0.7", "anger,high", "line 2"),
        ("anger,0.7", "rage,0.7", "person-1"),
        ("patient", "nurse", "person-1"),
        ("1,1.0,", "9,9.0,", "consecutive"),
    ],
)
def test_broken_emotions_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "emotions.csv"
    write_emotions(path, people())
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_emotions(path)
    with pytest.raises(MediaError, match="no such file"):
        read_emotions(tmp_path / "none.csv")


def test_rows_by_frame_leave_bystanders_out(tmp_path: Path) -> None:
    path = tmp_path / "emotions_frames.csv"
    t = table(
        [0.0, 0.125],
        0.25,
        [(0, 1), (1, 1), (1, 2)],
        samples=[(1, 1, "fear", 0.5, 0.25), (1, 2, "fear", 0.5, 0.5), (0, 1, "anger", 1.0, 1.0)],
        roles={2: Role.BYSTANDER},
    )
    write_emotion_frames(path, t)
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert [(r["frame"], r["time_s"], r["person"]) for r in rows] == [
        ("0", "0.000000", "person-1"),
        ("1", "0.125000", "person-1"),
    ]
    assert rows[1]["fear"] == "0.5" and rows[1]["quality"] == "0.25"


def test_recommendations_are_in_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "recommendations.json"
    advice = [
        Recommendation(t, Role.DOCTOR, "rule", "text", "why", "person-1", "anger", t - 2, t, 0.5)
        for t in (9.0, 3.0)
    ]
    write_recommendations(path, advice)
    body = json.loads(path.read_text(encoding="utf-8"))
    assert (body["schema"], body["schema_version"]) == ("framework-recommendations", 1)
    assert [r["time_s"] for r in body["recommendations"]] == [3.0, 9.0]
    assert body["recommendations"][0]["to"] == "doctor"


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    with pytest.raises(KeyboardInterrupt), atomic_text(path) as handle:
        handle.write("half")
        raise KeyboardInterrupt
    assert list(path.parent.iterdir()) == []
    write_text(path, "one")
    with pytest.raises(RuntimeError), atomic_text(path) as handle:
        handle.write("half")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "one"
    write_text(path, "two")
    assert path.read_text(encoding="utf-8") == "two"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "secret"))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MediaError) as error:
        write_text(tmp_path / "report.html", "x")
    assert str(error.value) == (
        "cannot write report.html: the disk is full; "
        "free some space or choose another output folder"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_without_its_path(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("x")
    for path in (blocker / "out" / "report.html", blocker / "report.html"):
        with pytest.raises(MediaError) as error:
            write_text(path, "x")
        assert "cannot write report.html" in str(error.value)
        assert str(tmp_path) not in str(error.value)
    folder = tmp_path / "audit.json"
    folder.mkdir()
    with pytest.raises(MediaError, match=r"cannot write audit\.json"):
        write_text(folder, "x")
