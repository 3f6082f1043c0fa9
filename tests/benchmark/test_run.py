"""Whole benchmarks on the synthetic set: brackets, failures, resuming, merging, outputs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from framework_benchmark.config import BenchmarkConfig, load_benchmark_config
from framework_benchmark.outputs.compare import changes, read_leaderboard
from framework_benchmark.outputs.report import report
from framework_benchmark.results.evaluate import Results, evaluate
from framework_benchmark.runner import Bench, run_benchmark
from framework_benchmark.store import FILE, Store

from framework.errors import MediaError
from tests.benchmark import parts


def _config(**changed: Any) -> BenchmarkConfig:
    values: dict[str, Any] = {
        "data": "synthetic:persons=4,clips=2,seconds=0.5",
        "anonymizers": "blur",
        "recognizers": "lbp",
        "fer": "light",
        "recommender": "none",
        "attacks": "T0,T1,T4",
        "fit": 0,
        "resamples": 100,
        "threads": 1,
    }
    return load_benchmark_config(
        None, ["detector.size=160", "detector.rotations=never"], **{**values, **changed}
    )


def _run(out: Path, **changed: Any) -> Bench:
    return run_benchmark(_config(**changed), out, registry=parts.registry())


def _evaluate(bench: Bench, out: Path) -> Results:
    with Store(out / FILE) as store:
        return evaluate(bench, store)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Path]:
    """One benchmark with everything, for the tests that only look."""
    out = tmp_path_factory.mktemp("full")
    return _run(out), out


def test_none_and_a_solid_box_bracket_every_method_on_every_axis(full: tuple[Bench, Path]) -> None:
    results = _evaluate(*full)
    assert results.methods == ["re-encoded", "none", "mask(shape=box)", "blur"]

    def value(method: str, metric: str, attack: str = "") -> float:
        found = [
            c.value
            for c in results.cells
            if (c.method, c.metric, c.attack) == (method, metric, attack)
        ]
        assert found and found[0] is not None, (method, metric, attack)
        return found[0]

    axes = [(m, a) for m in ("rank-1", "AUC", "D_sys") for a in ("T0", "T1", "T4-mean", "T4-best1")]
    axes += [("emotion agreement", ""), ("detection kept", ""), ("exposed share", "")]
    for metric, attack in axes:
        low, high = value("mask(shape=box)", metric, attack), value("none", metric, attack)
        assert low <= value("blur", metric, attack) <= high, (metric, attack)
        assert low < high, (metric, attack)
    assert (
        value("mask(shape=box)", "EER", "T0")
        >= value("blur", "EER", "T0")
        >= value("none", "EER", "T0")
    )
    # the ends themselves
    assert value("none", "rank-1", "T0") == 1.0
    assert value("mask(shape=box)", "rank-1", "T0") == 0.0  # nothing found: chance
    assert value("none", "emotion agreement") == 1.0
    assert value("mask(shape=box)", "emotion agreement") == 0.0  # lost is a disagreement
    assert value("none", "exposed share") == 1.0
    assert value("mask(shape=box)", "exposed share") == 0.0
    assert 0.5 < value("re-encoded", "emotion agreement") <= 1.0


def test_no_identity_survives_in_the_outputs_and_templates_are_erased(
    full: tuple[Bench, Path],
) -> None:
    bench, out = full
    lines = report(bench, out)
    assert any("blur" in line for line in lines)
    with Store(out / FILE) as store:
        assert store.count_templates() == 0
    assert (out / FILE).stat().st_mode & 0o077 == 0
    rows = list(csv.DictReader((out / "leaderboard.csv").open(encoding="utf-8")))
    assert {r["method"] for r in rows} == {"re-encoded", "none", "mask(shape=box)", "blur"}
    content = json.loads((out / "leaderboard.json").read_text(encoding="utf-8"))
    assert content["command"].startswith("framework benchmark --data synthetic:persons=4")
    assert content["environment"]["threads"] == 1
    page = (out / "benchmark.html").read_text(encoding="utf-8")
    assert "<svg" in page and "data:image/jpeg;base64," in page
    assert "<script" not in page and "http://" not in page.replace("http://www.w3.org", "")
    markdown = (out / "tables.md").read_text(encoding="utf-8")
    assert "| method |" in markdown
    tex = (out / "tables.tex").read_text(encoding="utf-8")
    assert tex.count(r"\begin{table}") == tex.count(r"\end{table}") > 3
    for name in ("leaderboard.csv", "leaderboard.json", "benchmark.html", "tables.md"):
        assert str(out) not in (out / name).read_text(encoding="utf-8")


def test_compare_finds_no_change_between_a_benchmark_and_itself(full: tuple[Bench, Path]) -> None:
    bench, out = full
    if not (out / "leaderboard.json").exists():
        report(bench, out)
    content = read_leaderboard(out)
    found = changes(content, content)
    assert found
    assert all(c.before == c.after for c in found)
    assert all(c.p in (None, 1.0) for c in found)


def test_nothing_is_measured_twice_and_a_new_method_costs_only_itself(
    full: tuple[Bench, Path],
) -> None:
    _, out = full
    parts.CALLS.clear()
    added = _run(out, anonymizers="blur,grey")
    assert parts.CALLS.count("grey") == 8  # four released, four covered by the attacker
    parts.CALLS.clear()
    _run(out, anonymizers="blur,grey")
    assert parts.CALLS == []
    again = _evaluate(added, out)
    assert [c for c in again.cells if c.method == "grey"]


def test_the_same_seed_gives_the_same_figures(full: tuple[Bench, Path], tmp_path: Path) -> None:
    bench, out = full
    first = _evaluate(bench, out)
    second = _evaluate(_run(tmp_path, anonymizers="blur"), tmp_path)

    def stable(results: Results) -> list[object]:
        # The encoder behind the noise floor is not ours to promise for.
        return [
            (c.method, c.metric, c.attack, c.interval)
            for c in results.cells
            if c.axis != "cost" and c.method != "re-encoded"
        ]

    assert stable(first) == stable(second)


def test_a_crash_is_a_row_and_stays_in_every_denominator(tmp_path: Path) -> None:
    bench = _run(tmp_path, anonymizers=[{"name": "crash"}], attacks="T0")
    results = _evaluate(bench, tmp_path)
    label = "crash"
    released = [f for f in results.failures if f.method == label and f.role == "probe"]
    assert [f.error for f in released] == ["RuntimeError"]  # never the text: it may hold a path
    for cell in results.cells:
        if cell.method == label and cell.metric in ("rank-1", "detection kept"):
            assert cell.items == 4
    assert b"/secret" not in (tmp_path / FILE).read_bytes()


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    method = [{"name": "crash", "options": {"item": 3, "interrupt": True}}]
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, anonymizers=method, attacks="T0", fer="light")
    with Store(tmp_path / FILE) as store:
        done = sum(1 for row in store.rows() if row.method.startswith("crash"))
        assert store.count_templates() > 0  # kept until the run is finished
    parts.CALLS.clear()
    with pytest.raises(KeyboardInterrupt):
        _run(tmp_path, anonymizers=method, attacks="T0")
    with Store(tmp_path / FILE) as store:
        assert sum(1 for row in store.rows() if row.method.startswith("crash")) > done


def test_two_machines_merge(tmp_path: Path) -> None:
    small = {"data": "synthetic:persons=2,clips=2,seconds=0.5", "attacks": "T0", "fer": "light"}
    a = _run(tmp_path / "a", anonymizers="grey", **small)
    _run(tmp_path / "b", anonymizers="blur", **small)
    with Store(tmp_path / "a" / FILE) as first, Store(tmp_path / "b" / FILE) as second:
        assert first.merge(second) > 0
        assert first.merge(second) == 0
    parts.CALLS.clear()
    both = _run(tmp_path / "a", anonymizers="grey,blur", **small)
    assert parts.CALLS == []
    methods = {c.method for c in _evaluate(both, tmp_path / "a").cells}
    assert {"grey", "blur"} <= methods
    assert a.selection.digest() == both.selection.digest()


def test_one_sample_each_measures_utility_only_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    config = _config(data="synthetic:persons=3,clips=1,seconds=0.5", attacks="T0,T5")
    bench = run_benchmark(config, tmp_path, registry=parts.registry(), warn=said.append)
    results = _evaluate(bench, tmp_path)
    assert any("no attacker is measured" in text for text in said)
    assert not [c for c in results.cells if c.attack]
    assert [c for c in results.cells if c.metric == "emotion agreement"]
    assert report(bench, tmp_path)


def test_without_a_single_face_there_is_no_figure(tmp_path: Path) -> None:
    for person in ("Mary", "John"):
        folder = tmp_path / "data" / person
        folder.mkdir(parents=True)
        for i in range(2):
            cv2.imwrite(str(folder / f"{i}.png"), np.full((64, 64, 3), 60 + i, np.uint8))
    with pytest.raises(MediaError, match=r"none of the 2 items .* \(no face was found"):
        _run(tmp_path / "out", data=f"stills:{tmp_path / 'data'}", attacks="T0")
    assert b"Mary" not in (tmp_path / "out" / FILE).read_bytes()


def test_what_failed_is_attacked_again_once_it_works(tmp_path: Path) -> None:
    method = [{"name": "flaky"}]
    parts.BROKEN.append("flaky")
    try:
        bench = _run(tmp_path, anonymizers=method, attacks="T1")
    finally:
        parts.BROKEN.clear()
    broken = _evaluate(bench, tmp_path)
    assert {f.method for f in broken.failures} == {"flaky"}
    again = _evaluate(_run(tmp_path, anonymizers=method, attacks="T1"), tmp_path)
    assert not again.failures

    def missing(results: Results) -> int:
        return next(c.failures for c in results.cells if (c.method, c.attack) == ("flaky", "T1"))

    assert missing(broken) == 4 and missing(again) == 0
