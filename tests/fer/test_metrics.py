"""Numbers that were worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from framework_fer.calibration import (
    calibrated,
    fit_sharpening,
    fit_temperature,
    fit_vector,
    sharpened,
    softmax,
)
from framework_training.fer import metrics
from hypothesis import given, settings
from hypothesis import strategies as st


def certain(answers: list[int], confidence: float = 1.0, classes: int = 7) -> np.ndarray:
    rest = (1 - confidence) / (classes - 1)
    rows = np.full((len(answers), classes), rest, np.float32)
    rows[np.arange(len(answers)), answers] = confidence
    return rows


def test_accuracy_recall_and_confusion_of_a_small_case() -> None:
    labels = np.array([0, 0, 0, 3, 3, 6])
    p = certain([0, 0, 3, 3, 3, 0])
    assert metrics.accuracy(p, labels) == pytest.approx(4 / 6)
    assert metrics.unweighted_average_recall(p, labels) == pytest.approx((2 / 3 + 1 + 0) / 3)
    matrix = metrics.confusion_matrix(labels, p.argmax(axis=1), 7)
    assert matrix.sum() == 6
    assert matrix[0, 0] == 2
    assert matrix[0, 3] == 1
    assert matrix[6, 0] == 1
    assert np.isnan(metrics.recalls(p, labels)[1])


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    labels = np.array([0] * 10)
    p = certain([0] * 6 + [1] * 4, 0.8)
    assert metrics.expected_calibration_error(p, labels) == pytest.approx(0.2, abs=1e-6)
    assert metrics.expected_calibration_error(certain([0] * 10), labels) == pytest.approx(0.0)


def test_gaps_of_opposite_sign_do_not_cancel_across_bins() -> None:
    labels = np.zeros(20, np.int64)
    over = certain([1] * 10, 0.9)
    under = certain([0] * 10, 0.4)
    error = metrics.expected_calibration_error(np.concatenate([over, under]), labels)
    assert error == pytest.approx(0.5 * 0.9 + 0.5 * 0.6, abs=1e-6)


def test_risk_falls_where_confidence_knows() -> None:
    labels = np.zeros(10, np.int64)
    p = np.concatenate([certain([0] * 6, 0.9), certain([1] * 4, 0.5)])
    curve = metrics.risk_coverage(p, labels)
    assert curve.coverage[0] == 1.0
    assert curve.risk[0] == pytest.approx(0.4)
    high = np.flatnonzero(curve.threshold >= 0.6)[0]
    assert curve.coverage[high] == pytest.approx(0.6)
    assert curve.risk[high] == 0.0
    assert metrics.threshold_for_risk(curve, 0.1, 0.5) == pytest.approx(0.51)
    # Not reachable with so much answered: the highest threshold that still answers enough.
    assert metrics.threshold_for_risk(curve, 0.1, 0.9) == pytest.approx(0.5)


def test_the_interval_contains_the_value_and_narrows_with_more_rows() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 7, 400)
    answers = np.where(rng.random(400) < 0.7, labels, (labels + 1) % 7)
    p = certain(answers.tolist())
    low, high = metrics.bootstrap(metrics.accuracy, p, labels, 300)
    assert low < metrics.accuracy(p, labels) < high
    few = metrics.bootstrap(metrics.accuracy, p[:50], labels[:50], 300)
    assert few[1] - few[0] > high - low


@settings(max_examples=15, deadline=None)
@given(st.floats(0.5, 4.0))
def test_the_temperature_of_a_known_distribution_is_found(true: float) -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (4000, 7)).astype(np.float32)
    p = softmax(logits, true)
    labels = (p.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    assert fit_temperature(logits, labels) == pytest.approx(true, rel=0.12)


def test_temperature_needs_finite_logits() -> None:
    with pytest.raises(ValueError, match="finite"):
        fit_temperature(np.full((2, 7), np.nan, np.float32), np.zeros(2, np.int64))


def test_softmax_survives_large_logits() -> None:
    p = softmax(np.array([[1e4, 0, 0, 0, 0, 0, -1e4]], np.float32))
    assert np.isfinite(p).all()
    assert p.sum() == pytest.approx(1.0)


def test_a_class_that_is_too_sure_is_corrected_and_the_others_are_not() -> None:
    rng = np.random.default_rng(5)
    true = rng.normal(0, 1.5, (6000, 7)).astype(np.float32)
    labels = (softmax(true).cumsum(axis=1) > rng.random((6000, 1))).argmax(axis=1)
    shown = true.copy()
    shown[:, 2] += 1.0
    factor, offset = fit_vector(shown, labels, penalty=1e-4)
    assert offset[2] - np.delete(offset, 2).mean() == pytest.approx(-1.0, abs=0.15)
    before = metrics.negative_log_likelihood(softmax(shown), labels)
    after = calibrated(shown, 1.0, factor.tolist(), offset.tolist())
    assert metrics.negative_log_likelihood(after, labels) < before
    held = fit_vector(shown, labels, penalty=1e3)
    assert np.allclose(held[0], 1, atol=0.01)
    assert np.allclose(held[1], 0, atol=0.01)


def test_sharpening_mends_what_no_temperature_can() -> None:
    """Too sure where unsure, not sure enough where sure: the answers stay, the gap goes."""
    rng = np.random.default_rng(0)
    labels = rng.integers(7, size=4000)
    sure = np.arange(4000) % 2 == 0
    right = rng.random(4000) < np.where(sure, 0.95, 0.35)
    p = np.where(
        sure[:, None],
        certain([0] * 4000, 0.85),
        certain([0] * 4000, 0.5),
    ).astype(np.float32)
    answer = np.where(right, labels, (labels + 1) % 7)
    shown = np.stack([np.roll(row, a) for row, a in zip(p, answer, strict=True)])
    before = metrics.expected_calibration_error(shown, labels)
    level, slope = fit_sharpening(shown, labels)
    after = sharpened(shown, level, slope)
    assert slope > 0
    assert before > 0.1
    assert metrics.expected_calibration_error(after, labels) < 0.03
    np.testing.assert_array_equal(after.argmax(axis=1), shown.argmax(axis=1))


@given(st.floats(-2, 2), st.floats(-5, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_sharpening_gives_distributions_and_keeps_the_order(
    level: float, slope: float, seed: int
) -> None:
    p = softmax(np.random.default_rng(seed).normal(0, 1, (20, 7)).astype(np.float32))
    after = sharpened(p, level, slope)
    np.testing.assert_allclose(after.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(after.argmax(axis=1), p.argmax(axis=1))


def test_no_sharpening_changes_nothing() -> None:
    p = softmax(np.random.default_rng(1).normal(0, 1, (20, 7)).astype(np.float32))
    np.testing.assert_allclose(sharpened(p, 0.0, 0.0), p, atol=1e-6)


def test_a_balanced_fit_answers_rare_classes_more_often() -> None:
    rng = np.random.default_rng(3)
    labels = rng.choice(8, 3000, p=[0.1, 0.01, 0.03, 0.3, 0.3, 0.13, 0.1, 0.03]).astype(np.int64)
    logits = rng.normal(0, 1, (3000, 8)).astype(np.float32)
    logits[np.arange(3000), labels] += 2
    share = []
    for balance in (0.0, 0.3):
        factor, offset = fit_vector(logits, labels, balance=balance)
        answers = (logits * factor + offset).argmax(axis=1)
        share.append((answers == 1).mean())
        other = (answers == 7).mean()
    assert share[1] > 1.3 * share[0] > 0
    assert other < 0.06
