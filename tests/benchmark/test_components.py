"""The reference attacks, metrics and data sources keep their contracts, and strangers' are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_benchmark.config import BenchmarkConfig, load_benchmark_config
from framework_benchmark.results.evaluate import evaluate
from framework_benchmark.runner import run_benchmark
from framework_benchmark.store import FILE, Store

from framework import BuildContext, ComponentSpec, Kind, UserError, hookimpl
from framework.harness import Figure, Material, Measured, Scores, Seen
from framework.registry import Registry
from framework.testing import conformance
from tests.benchmark import parts

Run = Callable[[], str]
REFERENCE = Registry.load(only=())


@pytest.mark.parametrize("kind", [Kind.ATTACK, Kind.METRIC, Kind.DATA_SOURCE])
def test_reference_components_come_from_the_benchmark_s_entry_point(kind: Kind) -> None:
    found = REFERENCE.of_kind(kind)
    assert len(found) >= 5
    assert {c.plugin for c in found} == {"benchmark"}


@conformance("attack:t0")
def test_t0(check: Run) -> None:
    check()


@conformance("attack:t1")
def test_t1(check: Run) -> None:
    check()


@conformance("attack:t2")
def test_t2(check: Run) -> None:
    check()


@conformance("attack:t3")
def test_t3(check: Run) -> None:
    check()


@conformance("attack:t4")
def test_t4(check: Run) -> None:
    check()


@conformance("attack:t5")
def test_t5(check: Run) -> None:
    check()


@conformance("metric:detection")
def test_detection(check: Run) -> None:
    check()


@conformance("metric:landmarks")
def test_landmarks(check: Run) -> None:
    check()


@conformance("metric:pose")
def test_pose(check: Run) -> None:
    check()


@conformance("metric:flow-warp")
def test_flow_warp(check: Run) -> None:
    check()


@conformance("metric:jerk")
def test_jerk(check: Run) -> None:
    check()


@conformance("data-source:stills")
def test_stills(check: Run) -> None:
    check()


@conformance("data-source:synthetic")
def test_synthetic(check: Run) -> None:
    check()


class Oracle:
    """Knows everybody."""

    needs: frozenset[str] = frozenset()
    uses_recognizer = True
    own_threshold = False

    def __init__(self, options: parts.NoOptions, context: BuildContext) -> None:
        pass

    def attack(self, material: Material) -> dict[str, Scores]:
        scores = np.zeros((len(material.probes), len(material.clear)))
        scores[np.arange(len(scores)), material.mate] = 1.0
        return {"oracle": scores}


class Sameness:
    """Share of frames that came back as they were; fails when told to."""

    figures = (Figure("sameness", "privacy", proportion=True),)
    broken = False

    def __init__(self, options: parts.NoOptions, context: BuildContext) -> None:
        pass

    def measure(self, before: Seen, after: Seen) -> Measured:
        if self.broken:
            raise RuntimeError("/secret/path")
        pairs = zip(before.images, after.images, strict=True)
        return {"same": np.array([np.array_equal(a, b) for a, b in pairs])}

    def summands(
        self, figure: str, measured: Measured | None, reference: Measured
    ) -> tuple[float, float]:
        return (0.0 if measured is None else float(measured["same"].sum())), float(
            len(reference["same"])
        )


class Stranger:
    """A plugin with an attack and a metric."""

    @hookimpl
    def framework_attacks(self) -> Iterable[ComponentSpec]:
        here, options = "tests.benchmark.test_components", "tests.benchmark.parts:NoOptions"
        yield ComponentSpec("oracle", "knows everybody", f"{here}:Oracle", options)

    @hookimpl
    def framework_metrics(self) -> Iterable[ComponentSpec]:
        here, options = "tests.benchmark.test_components", "tests.benchmark.parts:NoOptions"
        yield ComponentSpec("sameness", "unchanged frames", f"{here}:Sameness", options)


def _config(**changed: Any) -> BenchmarkConfig:
    values: dict[str, Any] = {
        "data": "synthetic:persons=3,clips=2,seconds=0.3",
        "anonymizers": "mask",
        "recognizers": "lbp",
        "fer": "light",
        "recommender": "none",
        "attacks": "t0,oracle",
        "metrics": "detection,sameness",
        "fit": 0,
        "resamples": 100,
        "threads": 1,
    }
    return load_benchmark_config(
        None, ["detector.size=160", "detector.rotations=never"], **{**values, **changed}
    )


def _registry() -> Registry:
    registry = parts.registry()
    registry.register(Stranger(), "stranger", "stranger", "1.0")
    return registry


def test_a_stranger_s_attack_and_metric_are_measured(tmp_path: Path) -> None:
    bench = run_benchmark(_config(), tmp_path, registry=_registry())
    with Store(tmp_path / FILE) as store:
        results = evaluate(bench, store)
    best = results.strongest("mask(shape=box)")
    assert best is not None and (best.attack, best.value) == ("oracle", 1.0)
    shares = {m: results.get(m, "sameness") for m in ("none", "mask(shape=box)")}
    assert [c.value if c else None for c in shares.values()] == [1.0, 0.0]
    assert {c.attack for c in results.cells if c.attack} == {"T0", "oracle"}
    assert results.get("none", "pose error") is None, "only what was asked for is measured"


def test_a_metric_that_fails_is_a_row_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sameness, "broken", True)
    bench = run_benchmark(_config(), tmp_path, registry=_registry())
    with Store(tmp_path / FILE) as store:
        results = evaluate(bench, store)
    rows = [f for f in results.failures if f.role == "metric sameness"]
    assert rows and {f.error for f in rows} == {"RuntimeError"}, "no path in the row"
    kept = results.get("none", "detection kept")
    assert kept is not None and kept.value == 1.0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"attacks": "T0,orakle"}, "attacks: unknown attack 'orakle'; did you mean 'oracle'"),
        ({"metrics": "samenes"}, "unknown metric 'samenes'; did you mean 'sameness'"),
    ],
)
def test_a_misspelt_name_is_refused_before_anything_is_measured(
    tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run_benchmark(_config(**changed), tmp_path, registry=_registry())
