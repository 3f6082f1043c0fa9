"""The gate passes what is covered and stops what is not, whatever tool made it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from framework_verify import verify
from framework_verify.container import metadata_left
from framework_verify.report import write_reports

from framework.detail import PASSES, detail_correlation
from framework.errors import MediaError
from framework.media import probe
from tests.verify import recordings

OPTIONS = ("detector.size=160", "detector.rotations=never")
SETTINGS = {"threads": 1, "recognizer": "lbp", "options": OPTIONS}


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return recordings.original_frames()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, frames: list[np.ndarray]) -> Path:
    return recordings.write(tmp_path_factory.mktemp("original") / "original.mp4", frames)


def _by_name(found: object) -> dict[str, object]:
    return {f.name: f for f in found.findings}  # type: ignore[attr-defined]


def test_a_box_passes(tmp_path: Path, original: Path, frames: list[np.ndarray]) -> None:
    covered = recordings.write(tmp_path / "covered.mp4", recordings.boxed(frames[:24]))
    found = verify(covered, original, **SETTINGS)
    assert found.passed, found.findings
    assert found.power is not None and found.power > 0.5
    files = write_reports(found, tmp_path / "report.html")
    page, content = files[0].read_text(encoding="utf-8"), json.loads(files[1].read_text("utf-8"))
    assert "May be released" in page
    assert "original.mp4" not in page and str(tmp_path) not in page
    assert write_reports(found, tmp_path / "report.json") == files
    assert "<script" not in page
    assert content["passed"] is True
    assert {f["name"] for f in content["findings"]} == {f.name for f in found.findings}


def test_an_uncovered_copy_fails(tmp_path: Path, original: Path, frames: list[np.ndarray]) -> None:
    covered = recordings.write(tmp_path / "covered.mp4", frames[:24])
    found = verify(covered, original, **SETTINGS)
    checks = _by_name(found)
    assert not checks["Nobody is recognisable"].passed
    assert not checks["No face comes through at its place"].passed
    assert checks["No face comes through at its place"].seconds == (0, 1)


def test_one_frame_in_a_hundred_is_found(
    tmp_path: Path, original: Path, frames: list[np.ndarray]
) -> None:
    long = (frames * 3)[:100]
    source = recordings.write(tmp_path / "long.mp4", long)
    covered = recordings.boxed(long)
    covered[57] = long[57]
    leak = recordings.write(tmp_path / "covered.mp4", covered)
    found = verify(leak, source, **SETTINGS)
    checks = _by_name(found)
    assert not found.passed
    assert checks["Nobody is recognisable"].seconds == (57 // recordings.RATE,)
    assert checks["No face comes through at its place"].seconds == (57 // recordings.RATE,)


def test_metadata_and_sound_fail_and_can_be_allowed(
    tmp_path: Path, original: Path, frames: list[np.ndarray]
) -> None:
    covered = recordings.write(
        tmp_path / "covered.mp4",
        recordings.boxed(frames[:12]),
        metadata={"creation_time": "2024-01-02T03:04:05Z", "comment": "ward 3, Mrs Smith"},
        sound=True,
    )
    left = metadata_left(covered, probe(covered))
    assert {"comment", "creation_time"} <= set(left)
    found = verify(covered, original, allow_audio=True, **SETTINGS)
    checks = _by_name(found)
    assert checks["No sound"].passed and "allowed" in checks["No sound"].detail
    assert not checks["No metadata"].passed
    assert "Smith" not in checks["No metadata"].detail  # names of tags, never values


def test_same_file_and_missing_face_are_refused(
    tmp_path: Path, original: Path, frames: list[np.ndarray]
) -> None:
    with pytest.raises(MediaError, match="same file"):
        verify(original, original, **SETTINGS)
    empty = recordings.write(tmp_path / "empty.mp4", [np.full_like(frames[0], 120)] * 5)
    with pytest.raises(MediaError, match="no face was found in the original"):
        verify(original, empty, **SETTINGS)


def test_another_shape_is_not_taken_for_verified(
    tmp_path: Path, original: Path, frames: list[np.ndarray]
) -> None:
    cropped = [f[:, :128] for f in recordings.boxed(frames[:6])]
    found = verify(recordings.write(tmp_path / "crop.mp4", cropped), original, **SETTINGS)
    assert not _by_name(found)["No face comes through at its place"].passed


def test_a_scaled_copy_is_still_compared(
    tmp_path: Path, original: Path, frames: list[np.ndarray]
) -> None:
    small = [np.asarray(cv2.resize(f, (128, 128)), np.uint8) for f in frames[:6]]
    found = verify(recordings.write(tmp_path / "small.mp4", small), original, **SETTINGS)
    assert not _by_name(found)["No face comes through at its place"].passed


def test_detail_sees_through_reencoding_but_not_through_blur(frames: list[np.ndarray]) -> None:
    box = np.array([50, 30, 140, 160], np.float32)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", frames[5], [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 1)
    same = detail_correlation(frames[5], np.asarray(jpeg, np.uint8), box)
    assert same is not None and same > PASSES
    for covered in (recordings.blurred([frames[5]], 14)[0], recordings.boxed([frames[5]])[0]):
        value = detail_correlation(frames[5], covered, box)
        assert value is not None and value < PASSES
    other = recordings.original_frames(0.5, person=8)[0]
    value = detail_correlation(frames[5], other, box)
    assert value is not None and value < PASSES
    assert detail_correlation(np.full_like(frames[5], 9), frames[5], box) is None


def test_command_line(tmp_path: Path, original: Path, frames: list[np.ndarray]) -> None:
    covered = recordings.write(tmp_path / "covered.mp4", recordings.boxed(frames[:12]))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "framework.cli.main", "verify", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    options = ["--recognizer", "lbp", "-o", "detector.size=192", "--threads", "1"]
    good = run(str(covered), "--against", str(original), *options)
    assert good.returncode == 0, good.stderr
    assert "may be released" in good.stdout
    assert (tmp_path / "verification.html").is_file()
    missing = run("nothing.mp4", "--against", str(original), *options)
    assert missing.returncode == 2
    assert "Traceback" not in missing.stderr


@pytest.mark.parametrize(("share", "passes"), [(0.06, False), (0.12, False), (0.5, True)])
def test_a_blur_too_weak_to_protect_is_flagged(
    tmp_path: Path, original: Path, frames: list[np.ndarray], share: float, passes: bool
) -> None:
    """A box blur as other tools make it: its kernel as a share of the face's width (90 pixels)."""
    width = round(share * 90)
    covered = [frame.copy() for frame in frames[:18]]
    for frame in covered:
        frame[8:175, 25:165] = cv2.blur(frame, (width, width))[8:175, 25:165]
    found = verify(recordings.write(tmp_path / "covered.mp4", covered), original, **SETTINGS)
    checks = _by_name(found)
    assert found.faces > 0  # a detector still finds the face: that alone says nothing
    assert checks["Nobody is recognisable"].passed is passes
    assert checks["Nobody is recognisable once a blur is undone"].passed is passes
    assert found.passed is passes
    assert next(iter(found.people.values()))["restored"] is not None
