"""ROC figures and linkability against known answers and independent implementations."""

from __future__ import annotations

import importlib
import sys
import types

import numpy as np
import pytest
from framework_benchmark.metrics.linkability import d_sys
from framework_benchmark.metrics.verification import (
    Comparisons,
    accepted,
    auc,
    eer,
    threshold_at_far,
)
from scipy.stats import mannwhitneyu


def _square(scores: np.ndarray) -> Comparisons:
    n = len(scores)
    return Comparisons.of(scores, np.arange(n), np.arange(n), n)


def test_separated_scores() -> None:
    curve = _square(np.eye(6)).curve()
    assert eer(*curve) == 0.0
    assert auc(*curve) == 1.0


def test_constant_scores_are_chance() -> None:
    curve = _square(np.zeros((6, 6))).curve()
    assert eer(*curve) == pytest.approx(0.5)
    assert auc(*curve) == pytest.approx(0.5)


def test_probes_without_a_face_pull_to_chance() -> None:
    scores = np.eye(10)
    scores[:5] = np.nan
    far, tar = _square(scores).curve()
    # half of the probes are perfect, the other half tie below everything: 1/4 + 1/4 + 1/8
    assert auc(far, tar) == pytest.approx(0.625)
    scores[:] = np.nan
    assert auc(*_square(scores).curve()) == pytest.approx(0.5)


def test_auc_agrees_with_mann_whitney() -> None:
    rng = np.random.default_rng(3)
    scores = np.round(rng.normal(size=(30, 30)) + 1.2 * np.eye(30), 1)  # with ties
    own = np.eye(30, dtype=bool)
    reference = mannwhitneyu(scores[own], scores[~own]).statistic / (30 * 30 * 29)
    assert auc(*_square(scores).curve()) == pytest.approx(reference)


def test_weights_are_repetitions() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(8, 8)) + np.eye(8)
    weights = np.array([2.0, 0, 1, 1, 3, 0, 1, 0])
    repeated = np.repeat(np.arange(8), weights.astype(int))
    direct = Comparisons.of(scores[repeated], repeated, np.arange(8), 8).curve()
    weighted = _square(scores).curve(weights)
    assert auc(*weighted) == pytest.approx(auc(*direct))
    assert eer(*weighted) == pytest.approx(eer(*direct))


def test_threshold_refuses_what_it_must() -> None:
    impostor = np.arange(1000) / 1000
    threshold = threshold_at_far(impostor, 0.01)
    assert threshold is not None
    assert (impostor >= threshold).mean() <= 0.01
    assert threshold_at_far(impostor[:50], 0.01) is None


def test_missing_genuine_comparisons_are_accepted_by_chance() -> None:
    got = accepted(np.array([0.9, 0.1, np.nan]), 0.5, 0.01)
    assert got.tolist() == [1.0, 0.0, 0.01]


def test_d_sys_known_answers() -> None:
    rng = np.random.default_rng(5)
    scores = rng.normal(size=2000)
    assert d_sys(scores, scores) == pytest.approx(0.0)
    assert d_sys(scores + 100, scores) == pytest.approx(1.0)
    assert d_sys(np.full(50, np.nan), np.full(900, np.nan)) == pytest.approx(0.0)
    assert d_sys(np.array([]), scores) is None
    between = d_sys(scores + 1.0, rng.normal(size=20000))
    assert between is not None
    assert 0.1 < between < 0.9


PYEER = {"eer": 0.166667, "auc": 0.899915}
"""What pyeer 0.5.6 says of the scores of the next test."""


def test_eer_and_auc_agree_with_pyeer() -> None:
    rng = np.random.default_rng(6)
    scores = rng.normal(size=(60, 60)) + 1.5 * np.eye(60)
    far, tar = _square(scores).curve()
    # pyeer takes the observed threshold where the rates are nearest, we interpolate between two:
    # with 60 genuine scores the two can differ by one step of 1 / 60.
    assert eer(far, tar) == pytest.approx(PYEER["eer"], abs=1 / 60)
    assert auc(far, tar) == pytest.approx(PYEER["auc"], abs=2e-3)


def test_what_pyeer_says_is_still_what_it_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyeer")
    # pyeer asks for pkg_resources at import, which setuptools no longer has, and never uses it.
    monkeypatch.setitem(sys.modules, "pkg_resources", types.ModuleType("pkg_resources"))
    report = importlib.import_module("pyeer.eer_info")
    scores = np.random.default_rng(6).normal(size=(60, 60)) + 1.5 * np.eye(60)
    own = np.eye(60, dtype=bool)
    theirs = report.get_eer_stats(scores[own], scores[~own])
    assert theirs.eer == pytest.approx(PYEER["eer"], abs=1e-5)
    assert theirs.auc == pytest.approx(PYEER["auc"], abs=1e-5)
