"""Rank-k with known answers, ties, and probes without a face."""

from __future__ import annotations

import numpy as np
import pytest
from framework_benchmark.metrics.identification import hits, normalised
from hypothesis import given
from hypothesis import strategies as st


def test_identical_galleries_give_rank_one() -> None:
    scores = np.eye(5)
    assert hits(scores, np.arange(5)).tolist() == [1.0] * 5


def test_ties_count_as_chance() -> None:
    scores = np.zeros((3, 10))
    assert hits(scores, np.zeros(3, np.int64), k=1) == pytest.approx([0.1] * 3)
    assert hits(scores, np.zeros(3, np.int64), k=4) == pytest.approx([0.4] * 3)


def test_probe_without_face_is_a_guess_and_stays_in_the_denominator() -> None:
    scores = np.eye(4)
    scores[2] = np.nan
    assert hits(scores, np.arange(4)).tolist() == [1.0, 1.0, 0.25, 1.0]


def test_dropping_a_side_moves_the_score_towards_chance() -> None:
    perfect = np.eye(20)
    before = hits(perfect, np.arange(20)).mean()
    perfect[::2] = np.nan
    after = hits(perfect, np.arange(20)).mean()
    assert after == pytest.approx(0.5 + 0.5 / 20)
    assert after < before


def test_a_mate_that_was_not_enrolled_can_only_be_guessed() -> None:
    scores = np.eye(4)
    scores[:, 1] = -np.inf
    assert hits(scores, np.arange(4)).tolist() == [1.0, 0.25, 1.0, 1.0]


@given(st.integers(2, 30), st.integers(1, 30), st.integers(0, 2**31))
def test_random_scores_are_at_chance(size: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(size, size))
    # Averaged over all candidates as mates, any scores at all give exactly chance.
    every = [hits(scores, np.full(size, m, np.int64), k).mean() for m in range(size)]
    assert np.mean(every) == pytest.approx(min(1.0, k / size))


def test_normalised_is_zero_at_chance_and_one_at_best() -> None:
    assert normalised(0.1, 1, 10) == pytest.approx(0.0)
    assert normalised(1.0, 1, 10) == pytest.approx(1.0)
    assert normalised(1.0, 10, 10) is None


def test_bad_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="mates"):
        hits(np.eye(3), np.array([0, 1, 3]))
    with pytest.raises(ValueError, match="k of at least 1"):
        hits(np.eye(3), np.arange(3), k=0)
