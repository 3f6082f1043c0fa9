"""No face gets out uncovered, whatever a component does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framework import CheckError, ComponentError, MediaError, RunResult, run

from .conftest import bright, flat, pictures

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


def covered(out: Path) -> list[Any]:
    return pictures(out / "anonymized.mp4")


def test_every_face_of_a_good_run_is_covered(clip: Clip, tmp_path: Path) -> None:
    result = go(clip(faces=2), tmp_path / "out", people=2)
    images = covered(tmp_path / "out")
    assert len(images) == 40
    assert result.passed
    assert result.reasons == []
    assert all(bright(image) == 0 and not flat(image) for image in images)
    assert result.audit.total.present_s == pytest.approx(4.0)
    assert result.audit.total.unprotected_s == 0


@pytest.mark.parametrize("anonymizer", ["lazy", "same", "half", "wrong"])
def test_an_anonymizer_that_leaves_a_face_gives_covered_frames_and_status_1(
    clip: Clip, tmp_path: Path, anonymizer: str
) -> None:
    result = go(clip(frames=12, faces=2), tmp_path / "out", anonymizer=anonymizer)
    images = covered(tmp_path / "out")
    assert len(images) == 12
    assert all(flat(image) for image in images)
    assert not result.passed
    assert result.audit.total.fully_covered_s == pytest.approx(1.2)


def test_an_anonymizer_that_dies_midway_covers_those_frames_whole(
    clip: Clip, tmp_path: Path
) -> None:
    result = go(clip(), tmp_path / "out", anonymizer="crash")
    images = covered(tmp_path / "out")
    assert [i for i, image in enumerate(images) if flat(image)] == [10, 11, 12]
    assert all(bright(image) == 0 for image in images)
    assert not result.passed
    (failure,) = result.audit.failures
    assert (failure.stage, failure.exception, failure.count) == ("anonymizer", "OSError", 3)


def test_a_batch_that_loses_a_frame_is_covered(clip: Clip, tmp_path: Path) -> None:
    result = go(clip(frames=9), tmp_path / "out", anonymizer="badbatch")
    images = covered(tmp_path / "out")
    assert len(images) == 9
    assert all(bright(image) == 0 for image in images)
    assert not result.passed


def test_a_detector_that_fails_makes_misses(clip: Clip, tmp_path: Path) -> None:
    result = go(clip(), tmp_path / "out", "detector.fail_at=[4, 21]")
    images = covered(tmp_path / "out")
    assert [i for i, image in enumerate(images) if flat(image)] == [4, 21]
    assert not result.passed
    assert {f.stage for f in result.audit.failures} == {"detector"}


def test_frames_that_the_detector_misses_are_carried(clip: Clip, tmp_path: Path) -> None:
    result = go(clip(), tmp_path / "out", "detector.miss_at=[0, 1, 9, 10, 11, 30, 39]")
    images = covered(tmp_path / "out")
    assert all(bright(image) == 0 and not flat(image) for image in images)
    assert result.passed
    assert result.audit.total.carried_s == pytest.approx(7 / 20)


def test_frames_without_a_face_are_misses_unless_allowed(clip: Clip, tmp_path: Path) -> None:
    # Longer than anything is carried: two seconds on either side of the gap are.
    source = clip(frames=240, without=tuple(range(60, 180)))
    go(source, tmp_path / "a", "resolve.max_gap_s=1", "resolve.carry_s=1")
    images = covered(tmp_path / "a")
    assert flat(images[120])
    assert not flat(images[10])
    go(source, tmp_path / "b", "resolve.max_gap_s=1", "resolve.carry_s=1", allow_no_faces=True)
    images = covered(tmp_path / "b")
    assert not flat(images[120])
    assert all(bright(image) == 0 for image in images)


def test_misses_can_be_dropped_and_the_others_keep_their_times(clip: Clip, tmp_path: Path) -> None:
    result = go(clip(), tmp_path / "out", "detector.fail_at=[4, 5]", on_miss="drop")
    assert len(covered(tmp_path / "out")) == 38
    assert result.audit.frames_dropped == 2
    assert result.audit.duration_out_s == pytest.approx(2.0, abs=0.06)


def test_a_miss_can_stop_the_run_and_nothing_is_left(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"0\.20 s"):
        go(clip(), tmp_path / "out", "detector.fail_at=[4]", on_miss="abort")
    assert not (tmp_path / "out").exists()


def test_a_recording_without_a_face_is_not_passed_as_safe(clip: Clip, tmp_path: Path) -> None:
    source = clip(frames=10, faces=0)
    result = go(source, tmp_path / "out")
    assert not result.passed
    assert "no face was found" in result.reasons[0]
    assert all(flat(image) for image in covered(tmp_path / "out"))
    allowed = go(source, tmp_path / "out", allow_no_faces=True)
    assert allowed.passed
    assert not flat(covered(tmp_path / "out")[0])


def test_the_component_that_covers_nothing_is_refused(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match="leaves faces uncovered"):
        go(clip(frames=3), tmp_path / "out", anonymizer="none")
    assert not (tmp_path / "out").exists()


def test_nothing_that_is_written_names_the_source_or_holds_a_message(
    clip: Clip, tmp_path: Path
) -> None:
    go(clip(), tmp_path / "out", "detector.fail_at=[3]", anonymizer="crash", fer="happy")
    for file in sorted((tmp_path / "out").iterdir()):
        content = file.read_bytes()
        for secret in (b"Smith", b"secret", b"somebody", str(tmp_path).encode()):
            assert secret not in content, file.name


def test_an_encoder_that_fails_leaves_nothing(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from framework.media.video_writer import VideoWriter

    calls = 0

    def full(self: VideoWriter, bgr: Any, time_s: float) -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(VideoWriter, "_add", full)
    with pytest.raises(MediaError, match="space"):
        go(clip(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_earlier_result_stays_until_the_new_one_is_complete(clip: Clip, tmp_path: Path) -> None:
    out = tmp_path / "out"
    go(clip(), out, fer="happy")
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    assert "emotions.csv" in before
    with pytest.raises(CheckError):
        go(clip(), out, "detector.fail_at=[4]", on_miss="abort")
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
    go(clip(), out, fer="none")
    assert "emotions.csv" not in {file.name for file in out.iterdir()}
    assert json.loads((out / "audit.json").read_text())["passed"]


@pytest.mark.parametrize("fer", ["unwell", "not-one"])
def test_a_classifier_that_fails_costs_its_samples_and_status_1(
    clip: Clip, tmp_path: Path, fer: str
) -> None:
    result = go(clip(), tmp_path / "out", fer=fer)
    assert not result.passed
    assert {f.stage for f in result.audit.failures} == {"fer"}
    assert result.timelines is not None
    assert set(result.timelines.people[0].label) == {"unknown"}
    assert all(bright(image) == 0 for image in covered(tmp_path / "out"))
