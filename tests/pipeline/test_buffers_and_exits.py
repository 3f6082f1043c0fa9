"""What is checked is what is encoded, and no component can end the program as if all were well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework import RunResult, run
from framework.cli.main import main
from framework.pipeline.cover import Coverer
from framework.types import Frame, Tracks

from .conftest import bright, flat, pictures

Clip = Callable[..., Path]


def go(source: Path, out: Path, **settings: Any) -> RunResult:
    chosen: dict[str, Any] = {
        "detector": "square",
        "anonymizer": "fill",
        "fer": "none",
        "recommender": "none",
    }
    return run(source, out=out, **(chosen | settings))


@pytest.mark.usefixtures("parts")
def test_a_plugin_that_reuses_its_output_buffer_shows_no_face(clip: Clip, tmp_path: Path) -> None:
    go(clip(frames=20), tmp_path / "out", anonymizer="reuse")
    images = pictures(tmp_path / "out" / "anonymized.mp4")
    assert len(images) == 20
    assert [i for i, image in enumerate(images) if bright(image)] == []


@pytest.mark.usefixtures("parts")
def test_a_plugin_that_paints_on_its_input_is_seen_through(clip: Clip, tmp_path: Path) -> None:
    result = go(clip(frames=6), tmp_path / "out", anonymizer="paintsinput")
    assert not result.passed
    assert all(flat(image) for image in pictures(tmp_path / "out" / "anonymized.mp4"))


class Keeps:
    """Keeps what it was given and what it returned."""

    def __init__(self) -> None:
        self.given: Any = None
        self.returned: Any = None

    def reset(self) -> None:
        pass

    def anonymize(self, frame: Frame, tracks: Tracks) -> Any:
        self.given = frame
        self.returned = np.zeros_like(frame.bgr)
        return self.returned


def test_frames_are_read_only_and_the_result_is_a_copy() -> None:
    plugin = Keeps()
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    tracks = Tracks(xyxy=np.array([[5, 5, 30, 30]]), score=np.ones(1), track_id=np.array([1]))
    (made,) = Coverer(plugin).cover([Frame(picture, 0, 0.0)], [tracks])
    assert made.error is None and made.image is not None
    with pytest.raises(ValueError, match="read-only"):
        plugin.given.bgr[:] = 0
    plugin.returned[:] = picture
    assert not made.image.any()


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(
    "choice",
    [
        ["--anonymizer", "exits", "--detector", "square"],
        ["--anonymizer", "generates", "--detector", "square"],
        ["--anonymizer", "fill", "--detector", "quits"],
    ],
    ids=["anonymizer-exits", "generator-exit", "detector-exits"],
)
def test_a_component_that_exits_is_a_failure_and_never_status_0(
    clip: Clip, tmp_path: Path, choice: list[str]
) -> None:
    out = tmp_path / "out"
    command = ["run", str(clip(frames=8)), *choice, "--fer", "none", "--quiet"]
    assert main([*command, "--out", str(out)]) == 1
    images = pictures(out / "anonymized.mp4")
    assert len(images) == 8
    assert all(bright(image) == 0 for image in images)
    assert (
        "SystemExit" in (out / "audit.json").read_text()
        or "GeneratorExit" in (out / "audit.json").read_text()
    )


def test_an_interrupt_out_of_a_component_ends_with_130_and_leaves_nothing(
    parts: Path, clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Any, frame: Any, tracks: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("framework_redact.mask.Mask.anonymize", interrupted)
    out = tmp_path / "out"
    command = ["run", str(clip(frames=4)), "--detector", "square", "--anonymizer", "mask"]
    assert main([*command, "--fer", "none", "--quiet", "--out", str(out)]) == 130
    assert not out.exists()


@pytest.mark.usefixtures("parts")
def test_an_exception_that_a_component_reports_as_a_fallback_is_a_failure(
    clip: Clip, tmp_path: Path
) -> None:
    result = go(clip(frames=6), tmp_path / "out", anonymizer="reports")
    assert not result.passed
    (failure,) = result.audit.failures
    assert (failure.stage, failure.exception) == ("anonymizer", "ZeroDivisionError")
    assert "ZeroDivisionError" in result.reasons[0]


@pytest.mark.usefixtures("parts")
def test_a_failure_names_the_line_of_the_component_and_no_value(clip: Clip, tmp_path: Path) -> None:
    result = go(clip(frames=14), tmp_path / "out", anonymizer="crash")
    source = (Path(__file__).parent / "fake_parts.py").read_text(encoding="utf-8").splitlines()
    (failure,) = result.audit.failures
    module, _, line = failure.where.partition(", line ")
    assert module == "fake_parts"
    assert source[int(line) - 1].strip().startswith("raise OSError")
    assert f"OSError in fake_parts, line {line}" in result.reasons[0]
    assert "somebody" not in (tmp_path / "out" / "audit.json").read_text()
