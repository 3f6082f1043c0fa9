"""The covered recording is searched again, and what is found there decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework import RunResult, analyze, render, run
from framework.cli.main import main
from framework.pipeline.likeness import Likeness
from framework.pipeline.watch import Watch, frames_to_search
from framework.table import RowState, TrackTable
from framework.types import Frame

Clip = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("parts")


def go(source: Path, out: Path, *options: str, **settings: Any) -> RunResult:
    chosen: dict[str, Any] = {
        "detector": "square",
        "anonymizer": "fill",
        "fer": "none",
        "recommender": "none",
    }
    return run(source, out=out, options=options, **(chosen | settings))


def test_a_face_that_the_first_pass_missed_is_counted_with_time_and_place(
    clip: Clip, tmp_path: Path
) -> None:
    result = go(clip(frames=20, faces=2), tmp_path / "out", detector="shy")
    assert not result.passed
    assert result.audit.total.unprotected_s == pytest.approx(1.0, abs=0.05)
    (seen,) = result.audit.search.exposed
    assert (seen.start_s, seen.end_s) == (0.0, pytest.approx(1.0, abs=0.05))
    assert seen.place[0] >= 80 and 20 <= seen.place[2] <= 28  # on the right, one square wide
    assert "look at 0 to 1 s" in result.reasons[0]
    body = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert body["total"]["unprotected_s"] == pytest.approx(1.0, abs=0.05)
    assert body["search"]["exposed"][0]["reason"] == "a face outside every cover"
    assert "face in the result" in (tmp_path / "out" / "report.html").read_text()


def test_render_searches_the_result_as_run_does(clip: Clip, tmp_path: Path) -> None:
    source = clip(frames=12, faces=2)
    settings: dict[str, Any] = {"detector": "shy", "fer": "none"}
    analyze(source, out=tmp_path / "a", **settings)
    result = render(
        source,
        tmp_path / "a" / "tracks.csv",
        out=tmp_path / "b",
        anonymizer="fill",
        recommender="none",
        **settings,
    )
    assert not result.passed
    assert result.audit.search.exposed


def test_a_dismissed_detection_that_is_a_face_counts(clip: Clip, tmp_path: Path) -> None:
    source = clip(frames=30, faces=2)
    result = go(source, tmp_path / "out", "detector.weak_at=[13]", detector="shy")
    assert result.audit.dismissed
    reasons = {e.reason for e in result.audit.search.exposed}
    assert "a face that the analysis took for a false alarm" in reasons
    assert not result.passed


def test_faces_in_our_covers_are_ours_and_a_good_run_passes(clip: Clip, tmp_path: Path) -> None:
    result = go(clip(frames=20, faces=2), tmp_path / "out", people=2)
    search = result.audit.search
    assert result.passed
    assert search.searched and search.frames >= 5 and search.frames_per_s >= 5
    assert search.detectors[0] == "square"
    assert result.audit.total.unprotected_s == 0
    assert result.summary[-1].startswith("checked: ")


def test_how_much_of_the_frame_is_covered_is_in_audit_and_report(
    clip: Clip, tmp_path: Path
) -> None:
    result = go(clip(frames=20), tmp_path / "a")
    # One square of 24 pixels and 4 around it, of 160 x 96.
    assert result.audit.covered_share == pytest.approx(32 * 32 / (160 * 96), rel=0.2)
    assert result.audit.over_quarter_s == 0
    assert "Share of the frame covered" in (tmp_path / "a" / "report.html").read_text()
    # Frames 0 to 3 of the 20 are covered whole: that is the first searched frame.
    result = go(clip(frames=20), tmp_path / "b", "detector.fail_at=[0, 1, 2, 3]")
    assert result.audit.over_quarter_s == pytest.approx(0.2)
    body = json.loads((tmp_path / "b" / "audit.json").read_text())
    assert body["covered_share"] > 0.2 and body["over_quarter_s"] == pytest.approx(0.2)


def test_without_a_search_the_audit_says_not_searched(
    clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["run", str(clip(frames=6, faces=2)), "--detector", "shy", "--anonymizer", "fill"]
    assert main([*command, "--fer", "none", "--no-search-again", "--out", str(out)]) == 0
    body = json.loads((out / "audit.json").read_text())
    assert body["search"]["searched"] is False
    assert body["total"]["unprotected_s"] is None
    assert "not searched" in (out / "report.html").read_text()
    last = [line for line in capsys.readouterr().out.splitlines() if line][-1]
    assert "not checked: the result was not searched" in last


def test_an_anonymizer_that_leaves_the_face_recognisable_ends_with_status_1(
    clip: Clip, tmp_path: Path
) -> None:
    result = go(clip(frames=20), tmp_path / "out", anonymizer="dim")
    assert not result.audit.failures  # every pixel was changed
    (compared,) = result.audit.search.compared
    assert compared.recognisable and compared.detail is not None and compared.detail > 0.9
    assert not result.passed
    assert "person-1 can still be recognised" in result.reasons[0]
    assert result.audit.total.unprotected_s == pytest.approx(1.0, abs=0.05)


# -- units ----------------------------------------------------------------------------------------


def one_track(frames: int = 10, box: tuple[float, ...] = (20, 20, 60, 70)) -> TrackTable:
    return TrackTable(
        width=120,
        height=90,
        time_s=np.arange(frames) / 25,
        duration_s=frames / 25,
        frame=np.arange(frames),
        track_id=np.ones(frames, np.int64),
        xyxy=np.tile(np.array(box, np.float32), (frames, 1)),
        score=np.full(frames, 0.9, np.float32),
        landmarks=np.full((frames, 5, 2), np.nan, np.float32),
        state=np.full(frames, RowState.DETECTED, np.int8),
    )


def test_frames_to_search_are_five_a_second_and_prefer_those_that_are_read() -> None:
    table = one_track(50)
    assert frames_to_search(table).tolist() == [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]
    assert frames_to_search(table, [7, 8]).tolist()[:3] == [0, 7, 10]
    slow = TrackTable(**{**one_track(3).__dict__, "time_s": np.array([0.0, 1.0, 2.0])})
    assert frames_to_search(slow).tolist() == [0, 1, 2]


def test_a_face_is_ours_only_at_a_track_and_where_pixels_were_changed() -> None:
    table = one_track()
    frames = frames_to_search(table)
    watch = Watch(table, frames, (), Likeness(table, frames, "", None, None))
    rng = np.random.default_rng(0)
    before = rng.integers(0, 256, (90, 120, 3), dtype=np.uint8)
    after = before.copy()
    after[20:70, 20:60] = 0
    watch.note(Frame(before, 0, 0.0), after)
    assert watch.ours(0, np.array([22, 22, 58, 68], np.float32))
    assert not watch.ours(0, np.array([70, 20, 110, 70], np.float32))  # somewhere else
    # Beside the cover, near the track: its own pixels are as they were.
    assert not watch.ours(0, np.array([50, 30, 80, 60], np.float32))
    assert not watch.ours(5, np.array([22, 22, 58, 68], np.float32))  # nothing was noted there


@pytest.mark.parametrize(
    ("made", "recognisable"),
    [
        (lambda face: face // 2 + 60, True),
        (lambda face: 255 - face, True),
        (lambda face: np.full_like(face, 96), False),
        (lambda face: np.random.default_rng(9).integers(0, 256, face.shape, np.uint8), False),
    ],
    ids=["dimmed", "negative", "grey", "other-texture"],
)
def test_detail_at_its_place_decides_whatever_the_anonymizer_was(
    made: Callable[[Any], Any], recognisable: bool
) -> None:
    table = one_track()
    frames = np.arange(10)
    likeness = Likeness(table, frames, "", None, None)
    for index in range(10):
        picture = np.random.default_rng(index).integers(0, 256, (90, 120, 3), np.uint8)
        likeness.note(Frame(picture, index, index / 25), np.asarray(made(picture), np.uint8))
    (found,) = likeness.found()
    assert found.recognisable is recognisable
