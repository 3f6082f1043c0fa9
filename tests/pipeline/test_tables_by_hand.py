"""Tables that a person brings: of another recording, without faces, with rows missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework import ConfigError, MediaError, RunResult, analyze, render
from framework.media import open_reader, open_writer
from framework.pipeline.fingerprint import Fingerprint
from framework.table_file import load_table
from framework.types import Frame

from .conftest import bright, flat, pictures

Clip = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("parts")
SETTINGS: dict[str, Any] = {"detector": "square", "fer": "none", "recommender": "none"}


def table_of(source: Path, out: Path) -> Path:
    analyze(source, out=out, detector="square", fer="none")
    return out / "tracks.csv"


def cover(source: Path, table: Path, out: Path, **settings: Any) -> RunResult:
    return render(source, table, out=out, anonymizer="fill", **(SETTINGS | settings))


def edited(table: Path, change: Callable[[list[str]], list[str]]) -> Path:
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    table.write_text("".join(change(lines)), encoding="utf-8")
    return table


def mirrored(source: Path, to: Path) -> Path:
    """Another recording of the same size, rate and length."""
    with open_reader(source) as reader, open_writer(to, reader.info, codec="ffv1") as writer:
        for frame in reader:
            writer.write(np.ascontiguousarray(frame.bgr[:, ::-1]), frame.time_s)
    return to


def test_the_table_of_another_recording_is_refused(clip: Clip, tmp_path: Path) -> None:
    source = clip(frames=12)
    table = table_of(source, tmp_path / "a")
    other = mirrored(source, tmp_path / "other.mkv")
    with pytest.raises(MediaError, match="belongs to another recording"):
        cover(other, table, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    assert cover(source, table, tmp_path / "c").passed


def test_another_recording_can_be_allowed_and_the_audit_says_so(clip: Clip, tmp_path: Path) -> None:
    source = clip(frames=12)
    table = table_of(source, tmp_path / "a")
    other = mirrored(source, tmp_path / "other.mkv")
    result = cover(other, table, tmp_path / "b", allow_other_recording=True)
    assert any("another recording" in note for note in result.audit.notes)
    assert not result.passed  # the face is somewhere else, and the search sees it


def test_a_fingerprint_bears_rounding_and_sees_another_picture() -> None:
    rng = np.random.default_rng(0)
    frames = [
        Frame(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8), i, i / 25) for i in range(20)
    ]
    made = Fingerprint()
    for frame in frames:
        made.note(frame)
    same = Fingerprint(made.text())
    for frame in frames:
        near = np.clip(frame.bgr.astype(int) + 1, 0, 255).astype(np.uint8)
        same.note(Frame(near, frame.index, frame.time_s))
    assert same.differs_s is None
    part = Fingerprint(made.text())
    for frame in frames[7:]:  # a part of the recording, read from its middle on
        part.note(frame)
    assert part.differs_s is None
    other = Fingerprint(made.text())
    for frame in frames:
        changed = frame.bgr if frame.index < 8 else 255 - frame.bgr
        other.note(Frame(changed, frame.index, frame.time_s))
    assert other.differs_s == pytest.approx(8 / 25)


def test_a_table_without_faces_gives_covered_frames(clip: Clip, tmp_path: Path) -> None:
    source = clip(frames=8)
    table = edited(
        table_of(source, tmp_path / "a"),
        lambda lines: [x for x in lines if ",detected," not in x],
    )
    result = cover(source, table, tmp_path / "b")
    assert not result.passed
    assert all(flat(image) for image in pictures(tmp_path / "b" / "anonymized.mp4"))


def test_rows_deleted_inside_a_track_are_filled_and_audited(clip: Clip, tmp_path: Path) -> None:
    source = clip(frames=12, faces=2)
    lost = tuple(f"{frame}," for frame in (4, 5, 9))
    table = edited(
        table_of(source, tmp_path / "a"),
        lambda lines: [x for x in lines if not (x.startswith(lost) and ",detected,1," in x)],
    )
    result = cover(source, table, tmp_path / "b")
    assert all(bright(image) == 0 for image in pictures(tmp_path / "b" / "anonymized.mp4"))
    assert any(note.startswith("3 rows were missing inside tracks") for note in result.audit.notes)


def test_a_whole_track_may_still_be_deleted(clip: Clip, tmp_path: Path) -> None:
    table = edited(
        table_of(clip(frames=12, faces=2), tmp_path / "a"),
        lambda lines: [x for x in lines if ",detected,2," not in x],
    )
    assert load_table(table).track_ids() == [1]
    assert load_table(table).repairs == ()


@pytest.mark.parametrize(
    ("box", "message"),
    [("900.0,30.0,930.0,60.0", "lies outside"), ("30.0,30.0,30.4,60.0", "smaller than a pixel")],
    ids=["off-picture", "no-size"],
)
def test_a_box_that_covers_nothing_is_an_error_with_its_line(
    clip: Clip, tmp_path: Path, box: str, message: str
) -> None:
    def move(lines: list[str]) -> list[str]:
        cells = lines[3].split(",")
        cells[5:9] = box.split(",")
        return [*lines[:3], ",".join(cells), *lines[4:]]

    table = edited(table_of(clip(frames=6), tmp_path / "a"), move)
    with pytest.raises(ConfigError, match=f"line 4.*{message}"):
        load_table(table)
