"""Two judges: agreement beyond what their accuracy explains."""

from __future__ import annotations

import numpy as np
import pytest
from framework_training.fer.evaluate import by_group
from framework_training.fer.independence import compared


def test_independent_errors_show_no_correlation() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 40_000)
    first, second = (
        np.where(rng.random(len(labels)) < 0.2, rng.integers(0, 7, len(labels)), labels)
        for _ in range(2)
    )
    result = compared(first, second, labels)
    assert result["error_correlation"] == pytest.approx(0, abs=0.02)
    assert result["agreement"] == pytest.approx(result["agreement_expected"], abs=0.01)
    assert result["both_wrong"] == pytest.approx(result["both_wrong_expected"], abs=0.005)


def test_a_judge_compared_with_itself_is_fully_correlated() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 7, 1000)
    answers = np.where(rng.random(1000) < 0.3, (labels + 1) % 7, labels)
    result = compared(answers, answers, labels)
    assert result["error_correlation"] == pytest.approx(1)
    assert result["same_wrong_answer"] == 1
    assert result["kappa"] == pytest.approx(1)
    assert result["both_wrong"] > 2 * result["both_wrong_expected"]


def test_judges_that_never_err() -> None:
    labels = np.arange(7)
    result = compared(labels, labels, labels)
    assert result["error_correlation"] == 0
    assert result["both_wrong"] == result["both_wrong_expected"] == 0


def test_groups_are_counted_apart_and_nameless_faces_in_none() -> None:
    p = np.eye(7, dtype=np.float32)[[0, 1, 2, 3]]
    rows = by_group(p, np.array([0, 1, 0, 0]), ("a", "a", "b", ""), 10)
    assert {name: (row["n"], row["accuracy"]) for name, row in rows.items()} == {
        "a": (2, 1.0),
        "b": (1, 0.0),
    }
