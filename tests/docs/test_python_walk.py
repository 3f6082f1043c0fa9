"""The walk in docs/python.md, executed cell by cell on a clip with a real face."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import pytest

from framework.media import open_writer
from framework.media.source import MediaKind, SourceInfo
from tests.faces.carphone import first_frames

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_walk_runs_from_its_first_cell_to_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = first_frames(15)
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("portrait.jpg", cv2.resize(frames[0], None, fx=2, fy=2))
    height, width = frames[0].shape[:2]
    info = SourceInfo(MediaKind.VIDEO, width, height, 15, None, None, "mp4", "h264")
    with open_writer(Path("visit.mp4"), info, quality="high") as writer:
        for index, image in enumerate(frames):
            writer.write(image, index / 15)
    cells = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.M)
    assert len(cells) > 6
    names: dict[str, Any] = {}
    for number, cell in enumerate(cells, start=1):
        exec(compile(cell, f"docs/python.md, cell {number}", "exec"), names)
    printed = capsys.readouterr().out
    assert "True []" in printed, "the run passes"
    assert "anonymizer" in printed.splitlines()[-1], "the misspelt argument is answered"
    assert {"covered.jpg", "seen.jpg", "last.jpg"} <= {p.name for p in tmp_path.iterdir()}
