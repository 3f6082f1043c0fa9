"""A span of a recording, areas that are always covered, and folders that are no recording."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework import ConfigError, MediaError, run
from framework.config import load_run_config
from framework.media import open_reader
from framework.pipeline.parts import Area, Span
from framework.pipeline.span import SpanReader
from tests.pipeline.conftest import bright, pictures

BASE: dict[str, Any] = {"detector": "square", "fer": "happy", "anonymizer": "fill"}
Clip = Callable[..., Path]


def test_run_of_a_span_knows_nothing_of_the_rest(parts: Path, clip: Clip, tmp_path: Path) -> None:
    source = clip(frames=60, without=tuple(range(20, 40)))  # 20 a second, a face in 0-1 and 2-3 s
    result = run(source, out=tmp_path / "out", span="0:02-0:02.5", **BASE)
    assert result.passed, result.reasons
    assert result.table.frame_count == 10
    assert result.table.duration_s == pytest.approx(0.5)
    assert result.table.time_s[0] == 0
    covered = pictures(next(f for f in result.files if f.stem == "anonymized"))
    assert len(covered) == 10
    assert all(bright(image) == 0 for image in covered)
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert audit["notes"] == ["only 0:02 to 0:02.5 of the recording was used"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["settings"]["span"] == {"start_s": 2.0, "end_s": 2.5}


def test_reader_of_a_span_gives_the_frames_that_lie_in_it(clip: Clip) -> None:
    source = clip(frames=30)
    with open_reader(source) as whole:
        all_frames = list(whole)
    with SpanReader(open_reader(source), Span.model_validate("0.5-1")) as part:
        frames = list(part)
        times = [frame.time_s for frame in frames]
        assert part.duration_s == pytest.approx(0.5)
        picked = list(part.frames([3, 7], times))
    assert [frame.index for frame in frames] == list(range(10))
    assert times == pytest.approx([k / 20 for k in range(10)])
    for k, frame in enumerate(frames):
        assert np.array_equal(frame.bgr, all_frames[10 + k].bgr)
    assert [frame.index for frame in picked] == [3, 7]
    assert np.array_equal(picked[1].bgr, all_frames[17].bgr)


def test_open_ends_of_a_span(clip: Clip) -> None:
    source = clip(frames=30)
    for text, count in (("1-", 10), ("-0.5", 10), ("0:00-100", 30)):
        with SpanReader(open_reader(source), Span.model_validate(text)) as part:
            assert len(list(part)) == count, text
    with pytest.raises(MediaError, match=r"last frame is at 1\.4|last frame is at 1\.5"):
        SpanReader(open_reader(source), Span.model_validate("2-3"))


def test_area_is_covered_for_its_time_whatever_is_in_it(
    parts: Path, clip: Clip, tmp_path: Path
) -> None:
    result = run(
        clip(frames=40),
        out=tmp_path / "out",
        cover_area=["100,60,40,20,0:01,0:02", "0,0,10,10"],
        **BASE,
    )
    covered = pictures(next(f for f in result.files if f.stem == "anonymized"))
    spread = [float(image[64:76, 104:136].std()) for image in covered]
    assert min(spread[:19]) > 4, "noise before its time"
    assert max(spread[21:]) < 2, "one colour from then on"
    assert max(float(image[3:7, 3:7].std()) for image in covered) < 4
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert (
        "covered whatever is in it: 40 x 20 pixels at 100, 60 from 0:01 to 0:02" in audit["notes"]
    )


def test_parts_that_do_not_make_sense_are_refused() -> None:
    for wrong in ({"span": "soon"}, {"span": "20-10"}, {"cover_area": ["1,2,3"]}):
        with pytest.raises(ConfigError, match=r"expected|before it starts"):
            load_run_config(None, (), **wrong)
    assert Area.model_validate("1,2,3,4").is_on(1e6)
    assert str(Span.model_validate("1:02:03.5-")) == "1:02:03.5 to the end"


@pytest.mark.parametrize("name", ["audit.json", "encounter.json", "study.yaml", "analysis.json"])
def test_folder_of_results_as_input_is_refused_with_what_it_is(
    parts: Path, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / name).write_text("{}")
    with pytest.raises(MediaError, match="not a recording; give the recording itself"):
        run(folder, out=tmp_path / "out", **BASE)
    assert not (tmp_path / "out").exists()


def test_preview_writes_covered_frames_and_nothing_else(
    parts: Path, clip: Clip, tmp_path: Path
) -> None:
    from framework.cli.main import main

    out = tmp_path / "look"
    words = ["run", str(clip(frames=60)), "--detector", "square", "--fer", "none", "-a", "fill"]
    assert main([*words, "--preview", "2", "--out", str(out), "-q"]) == 0
    shown = sorted(p.name for p in out.iterdir() if not p.name.startswith("."))
    assert shown == ["preview-1.png", "preview-2.png"]
    for name in shown:
        (image,) = pictures(out / name)
        assert bright(image) == 0
    assert main([*words, "--preview", "0", "--out", str(out), "-q"]) == 2
