"""Emotion, event and temporal figures: agreement with the core, and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from framework_benchmark.metrics.emotion import ConfusionFigure, count_labels
from framework_benchmark.metrics.events import Event, EventCounts, match_events
from framework_benchmark.metrics.temporal import flow_warp_error, landmark_jerk, steps

from framework.agreement import from_confusion
from framework.types import EMOTIONS, Role


def test_figures_agree_with_the_report_of_a_run() -> None:
    counts = np.random.default_rng(0).integers(0, 9, size=(5, 7, 8))
    core = from_confusion("total", Role.UNKNOWN, counts.sum(axis=0))
    assert ConfusionFigure(counts, "agreement").value == pytest.approx(core.agreement)
    assert ConfusionFigure(counts, "kappa").value == pytest.approx(core.kappa)
    assert ConfusionFigure(counts, "jsd").value == pytest.approx(core.jsd)


def test_a_face_that_is_lost_is_a_disagreement() -> None:
    kept = count_labels(["anger", "fear"], ["anger", "fear"])
    lost = count_labels(["anger", "fear"], ["anger", "unknown"])
    assert ConfusionFigure(kept[None], "agreement").value == 1.0
    assert ConfusionFigure(lost[None], "agreement").value == 0.5
    assert ConfusionFigure(lost[None], "macro-f1").value == 0.5


def test_macro_f1_of_a_perfect_reader_is_one_whatever_classes_occur() -> None:
    counts = count_labels(["anger", "fear", "fear"], ["anger", "fear", "fear"])
    assert ConfusionFigure(counts[None], "macro-f1").value == 1.0


def test_kappa_is_undefined_for_a_single_label() -> None:
    counts = count_labels(["neutral"] * 4, ["neutral"] * 4)
    assert ConfusionFigure(counts[None], "kappa").value is None


def test_no_pair_no_figure() -> None:
    empty = np.zeros((1, len(EMOTIONS), len(EMOTIONS) + 1), np.int64)
    for figure in ("agreement", "kappa", "jsd", "macro-f1"):
        assert ConfusionFigure(empty, figure).value is None


def test_events_match_within_a_second_and_once() -> None:
    before = [Event("sadness", 10, 14), Event("sadness", 30, 33)]
    after = [Event("sadness", 11, 13), Event("sadness", 11, 14), Event("anger", 30, 33)]
    counts = match_events(before, after)
    assert counts == EventCounts(1, 2, 3)
    assert counts.f1 == pytest.approx(0.4)
    assert match_events([], []).f1 is None
    assert match_events(before, []).f1 == 0.0


def test_flow_warp_error_sees_flicker() -> None:
    rng = np.random.default_rng(1)
    texture = rng.integers(0, 255, (8, 8, 3), np.uint8)
    import cv2

    still = [cv2.resize(texture, (64, 64), interpolation=cv2.INTER_CUBIC)] * 6
    flicker = [
        np.clip(f.astype(int) + 25 * (i % 2), 0, 255).astype(np.uint8) for i, f in enumerate(still)
    ]
    boxes = np.tile(np.array([10, 10, 50, 50], np.float32), (6, 1))
    steady, floor = flow_warp_error(still, still, boxes)
    flickering, _ = flow_warp_error(still, flicker, boxes)
    assert steady == pytest.approx(floor, abs=1e-6)
    assert flickering > steady + 50


def test_jerk_is_zero_for_smooth_motion_and_not_for_jitter() -> None:
    time_s = np.arange(20) / 25
    face = np.array([[0, 0], [40, 0], [20, 20], [5, 40], [35, 40]], np.float32)
    smooth = face[None] + (time_s[:, None, None] ** 2 * 30)
    total, n = landmark_jerk(smooth.astype(np.float32), time_s)
    assert n == 17
    assert total / n < 5
    jitter = smooth + np.random.default_rng(0).normal(0, 1, smooth.shape)
    assert landmark_jerk(jitter.astype(np.float32), time_s)[0] > 20 * total
    jitter[5] = np.nan
    assert landmark_jerk(jitter.astype(np.float32), time_s)[1] == 13


def test_steps_leave_gaps_open() -> None:
    vectors = np.eye(3, dtype=np.float32)[[0, 0, 1, 1]]
    found = steps(vectors, np.array([True, True, True, False]))
    assert found[:2].tolist() == [1.0, 0.0]
    assert np.isnan(found[2])
