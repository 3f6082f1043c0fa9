"""A method is shown for what it did: its fallback is never presented as the method."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from framework_benchmark.config import load_benchmark_config
from framework_benchmark.covering import HELD_FRAMES, cover
from framework_benchmark.data import open_data
from framework_benchmark.outputs.report import report
from framework_benchmark.results.evaluate import Results, evaluate
from framework_benchmark.runner import run_benchmark
from framework_benchmark.store import FILE, Store
from framework_faceset.subject import Subject, find_subject

from framework.harness import Recording
from framework.spec import Kind
from framework.table import EmotionSamples
from tests.benchmark import parts

OPTIONS = ["detector.size=160", "detector.rotations=never"]


@pytest.fixture(scope="module")
def clip() -> tuple[Recording, Subject]:
    recording = open_data("synthetic:persons=1,clips=1,seconds=0.6").items[0].source.read()
    registry = parts.registry()
    detector = registry.create(
        Kind.DETECTOR, "retinaface", {"size": 160, "rotations": "never"}, prefix="detector"
    )
    return recording, find_subject(recording, detector, registry.create(Kind.TRACKER, "bytetrack"))


def _still(clip: tuple[Recording, Subject]) -> tuple[Recording, Subject]:
    recording, subject = clip
    table = subject.table
    one = table.__class__(
        table.width,
        table.height,
        table.time_s[:1],
        0.0,
        table.frame[:1],
        table.track_id[:1],
        table.xyxy[:1],
        table.score[:1],
        table.landmarks[:1],
        table.state[:1],
        table.roles,
    )
    first = Recording(recording.frames[:1], 0.0)
    return first, Subject(one, subject.track_id, subject.boxes[:1], subject.landmarks[:1])


def test_a_still_is_held_for_an_anonymizer_that_looks_ahead(
    clip: tuple[Recording, Subject],
) -> None:
    recording, subject = _still(clip)
    made = cover(parts.Ahead(parts.AheadOptions()), recording, subject)
    assert made.held and len(made.images) == 1 and len(made.exposed) == 1
    assert made.images[0].max() == 40  # the method, not the fallback's 90
    assert made.fallback.tolist() == [False]
    assert len(made.seconds) == HELD_FRAMES - 1
    plain = cover(parts.Grey(), recording, subject)
    assert not plain.held and len(plain.fallback) == 0  # it reports nothing


def test_an_anonymizer_that_looks_ahead_finds_the_readings_of_the_run(
    clip: tuple[Recording, Subject],
) -> None:
    recording, subject = clip
    k = 3
    samples = EmotionSamples(
        np.arange(k),
        np.full(k, subject.track_id),
        np.full((k, 7), 1 / 7, np.float32),
        np.ones(k, np.float32),
    )
    made = cover(parts.Ahead(parts.AheadOptions()), recording, subject, samples)
    assert not made.held
    assert {int(image.max()) for image in made.images} == {40 + k}


def test_fallbacks_are_counted_by_frame(clip: tuple[Recording, Subject]) -> None:
    recording, subject = clip
    made = cover(parts.Ahead(parts.AheadOptions(never=True)), recording, subject)
    assert made.fallback.tolist() == subject.present.tolist()


def _results(out: Path, data: str, anonymizers: Any) -> tuple[Results, list[str]]:
    config = load_benchmark_config(
        None,
        OPTIONS,
        data=data,
        anonymizers=anonymizers,
        recognizers="lbp",
        fer="light",
        recommender="none",
        attacks="T0",
        fit=0,
        resamples=100,
        threads=1,
    )
    bench = run_benchmark(config, out, registry=parts.registry())
    with Store(out / FILE) as store:
        results = evaluate(bench, store)
    return results, report(bench, out)


def test_a_row_of_fallbacks_says_so_everywhere(tmp_path: Path) -> None:
    method = [{"name": "ahead", "options": {"never": True}}]
    results, lines = _results(tmp_path, "synthetic:persons=2,clips=2,seconds=0.4", method)
    label = "ahead(never=True)"
    assert results.fallback(label) == 1.0 and results.is_fallback(label)
    assert results.fallback("none") is None
    assert not [c for c in results.comparisons if label in (c.first, c.second)]
    assert any(line.startswith(f"note: {label}: 100% of the faces") for line in lines)
    page = (tmp_path / "benchmark.html").read_text(encoding="utf-8")
    assert f"{label} (fallback)" in page
    rows = csv.DictReader((tmp_path / "leaderboard.csv").open(encoding="utf-8"))
    assert [float(r["value"]) for r in rows if r["metric"] == "fallback share"] == [1.0]


def test_expression_is_not_measured_on_held_stills(tmp_path: Path) -> None:
    for person in range(2):
        folder = tmp_path / "data" / str(person)
        folder.mkdir(parents=True)
        frames = open_data("synthetic:persons=2,clips=1,seconds=1").items[person].source.read()
        for i in (0, 9):
            cv2.imwrite(str(folder / f"{i}.png"), frames.frames[i].bgr)
    results, lines = _results(tmp_path / "out", f"stills:{tmp_path / 'data'}", "ahead,grey")
    assert results.fallback("ahead") == 0.0
    assert results.get("grey", "emotion agreement") is not None
    assert results.get("ahead", "emotion agreement") is None
    assert results.get("ahead", "detection kept") is not None
    assert any("shown 2 stills as recordings in which nobody moves" in line for line in lines)
