from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_study.init import init_study
from framework_study.layout import Layout
from framework_study.run import StudyResult, run_study
from framework_study.task import Outcome, Task

from framework.media import open_writer
from framework.media.source import MediaKind, SourceInfo
from tests.encounter.conftest import scene
from tests.pipeline.conftest import HEIGHT, WIDTH, parts
from tests.study.inline import InlineEngine

__all__ = ["parts"]

FPS = 10
SOUND = 8000
FAST = ("-a", "fill", "--detector", "square", "--fer", "happy")


def record(
    path: Path, frames: int = 30, seed: int = 0, sound: int | None = None, right: bool = False
) -> Path:
    """A small lossless recording with one bright square, or two; ``sound`` is the seed of noise."""
    info = SourceInfo(MediaKind.VIDEO, WIDTH, HEIGHT, FPS, None, None, "matroska", "ffv1")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_writer(path, info, codec="ffv1") as writer:
        if sound is not None:
            noise = np.random.default_rng(sound).normal(0, 0.2, SOUND * frames // FPS)
            writer.add_audio(iter([noise.astype(np.float32)]), SOUND)
        for index in range(frames):
            writer.write(scene(index, True, right, seed), index / FPS)
    return path


def pair(folder: Path, name: str, frames: int = 30, seed: int = 0) -> None:
    """Two cameras of one conversation, with the same sound."""
    record(folder / f"{name}_patient.mkv", frames, seed, sound=seed + 1)
    record(folder / f"{name}_doctor.mkv", frames, seed + 500, sound=seed + 1)


@pytest.fixture
def command(parts: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``framework study ...`` in a process of its own, with the fake parts installed."""

    def run(*arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "framework", "study", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=environment(parts),
            timeout=300,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def environment(parts: Path) -> Mapping[str, str]:
    """Of a child process that sees the fake parts."""
    paths = [str(parts), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file below a folder that is not hidden, by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.fixture
def study(parts: Path, tmp_path: Path) -> Path:
    """A study of one encounter with two cameras, ``enc-001``, and one recording, ``enc-002``."""
    pair(tmp_path / "videos", "a")
    record(tmp_path / "videos" / "b_patient.mkv", seed=7)
    init_study(tmp_path / "study", videos=tmp_path / "videos")
    return tmp_path / "study"


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[StudyResult, list[str]]]:
    """Runs a study in this process; gives the result and the tasks that were done."""

    def run(
        folder: Path, before: Callable[[Task], Outcome | None] = lambda task: None, **more: Any
    ) -> tuple[StudyResult, list[str]]:
        engine = InlineEngine(Layout(folder), before)
        monkeypatch.setattr("framework_study.run.make_engine", lambda *_: engine)
        settings = {"anonymizer": "fill", "detector": "square", "fer": "happy"} | more
        return run_study(folder, **settings), engine.done

    return run
