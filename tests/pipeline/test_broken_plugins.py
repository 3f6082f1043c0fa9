"""A stranger's broken package never takes a run down in silence, and never lets a face out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from framework.cli.main import main
from tests.core.installed import install

from .conftest import bright, pictures

Clip = Callable[..., Path]

HEAD = "from framework import ComponentSpec, hookimpl, Detections, Tracks\n"
SPEC = HEAD + (
    "@hookimpl\n"
    "def framework_{kind}s():\n"
    "    yield ComponentSpec('{name}', 'x', {factory}, 'fake_parts:NoOptions'{more})\n"
)
BROKEN = {
    "raises-at-import": ("raise RuntimeError('licence server')", "RuntimeError: licence server"),
    "exits-at-import": ("raise SystemExit(0)", "SystemExit"),
    "misspelt-hook": (
        HEAD + "@hookimpl\ndef framework_anonymiser(): return []",
        "did you mean 'framework_anonymizers'",
    ),
    "duplicate": (
        SPEC.format(kind="anonymizer", name="fill", factory="'fake_parts:Crash'", more=""),
        "already provided by fake-parts",
    ),
    "wrong-api": (
        SPEC.format(kind="anonymizer", name="old", factory="'fake_parts:Fill'", more=", api=99"),
        "plugin API 99",
    ),
}
"""Name of a distribution -> its module, and what is said about it."""

MISBEHAVING = (
    HEAD
    + """
class Base:
    def __init__(self, options, context): self.n = 0
    def reset(self): self.n = 0

class TooFew(Base):
    def detect(self, frames): return []

class NotDetections(Base):
    def detect(self, frames): return [None for _ in frames]

class NotTracks(Base):
    def update(self, frame, detections): return detections

class DiesMidway(Base):
    def update(self, frame, detections):
        self.n += 1
        if self.n > 5: raise MemoryError("not enough")
        return Tracks(xyxy=detections.xyxy, score=detections.score,
                      track_id=list(range(len(detections))))

class NoMethods(Base):
    pass

@hookimpl
def framework_detectors():
    for c in (TooFew, NotDetections, NoMethods):
        yield ComponentSpec(c.__name__.lower(), "x", __name__ + ":" + c.__name__,
                            "fake_parts:NoOptions")

@hookimpl
def framework_trackers():
    for c in (NotTracks, DiesMidway):
        yield ComponentSpec(c.__name__.lower(), "x", __name__ + ":" + c.__name__,
                            "fake_parts:NoOptions")
"""
)


def test_broken_packages_are_all_listed_and_a_run_without_them_is_good(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, (source, _) in BROKEN.items():
        # Behind fake-parts in the order of discovery, so that the duplicate comes second.
        install(parts, f"z-{name}", source, version="3.1")
    assert main(["plugins"]) == 0
    listing = capsys.readouterr().out
    for name, (_, words) in BROKEN.items():
        (line,) = [text for text in listing.splitlines() if f"(z-{name} 3.1)" in text]
        assert words in line
    out = tmp_path / "out"
    command = ["run", str(clip(frames=6)), "--detector", "square", "--anonymizer", "fill"]
    assert main([*command, "--fer", "none", "--out", str(out), "--quiet"]) == 0
    assert all(bright(image) == 0 for image in pictures(out / "anonymized.mp4"))


def test_a_component_of_another_api_cannot_be_selected(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(parts, "wrong-api", BROKEN["wrong-api"][0])
    command = ["run", str(clip(frames=2)), "--detector", "square", "--anonymizer", "old"]
    assert main([*command, "--fer", "none", "--out", str(tmp_path / "out")]) == 2
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert "unknown anonymizer 'old'" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "choice",
    [
        ["--detector", "toofew"],
        ["--detector", "notdetections"],
        ["--detector", "nomethods"],
        ["--detector", "square", "--tracker", "nottracks"],
        ["--detector", "square", "--tracker", "diesmidway"],
    ],
    ids=lambda choice: choice[-1],
)
def test_what_finds_and_follows_faces_may_fail_and_no_face_gets_out(
    parts: Path,
    clip: Clip,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    choice: list[str],
) -> None:
    install(parts, "misbehaving", MISBEHAVING)
    out = tmp_path / "out"
    command = ["run", str(clip(frames=12)), *choice, "--anonymizer", "fill", "--fer", "none"]
    status = main([*command, "--out", str(out)])
    said = capsys.readouterr().err
    assert status in (1, 2)
    assert "Traceback" not in said
    assert said.strip()
    if status == 1:
        assert all(bright(image) == 0 for image in pictures(out / "anonymized.mp4"))
    else:
        assert not out.exists()
