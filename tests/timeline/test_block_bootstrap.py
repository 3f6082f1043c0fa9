from __future__ import annotations

import numpy as np
import pytest

from framework.agreement import compare
from framework.block_bootstrap import BLOCK_S, RESAMPLES, interval, resampled_counts
from tests.timeline.tables import timeline


def mean(counts: np.ndarray) -> float:
    """Share of ones among codes 0 and 1."""
    return float(counts[1] / counts.sum())


def sticky(n: int, share: float, keep: float, rng: np.random.Generator) -> np.ndarray:
    """Zeros and ones, this share of them ones, each like the last with probability ``keep``."""
    fresh = (rng.random(n) < share).astype(np.int64)
    again = rng.random(n) < keep
    again[0] = False
    source = np.maximum.accumulate(np.where(again, 0, np.arange(n)))
    return fresh[source]


def test_counts_are_of_whole_blocks_and_unbiased() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 237)
    counts = resampled_counts(codes, 4, rng)
    assert counts.shape == (RESAMPLES, 4)
    assert (counts.sum(axis=1) == -(-237 // BLOCK_S) * BLOCK_S).all()
    shares = counts.mean(axis=0) / counts.sum(axis=1).mean()
    np.testing.assert_allclose(shares, np.bincount(codes, minlength=4) / 237, atol=0.01)
    assert not resampled_counts(np.zeros(0, np.int64), 4, rng).any()


def test_a_constant_sequence_has_no_width() -> None:
    assert interval([np.ones(200, np.int64)], 2, mean) == (1.0, 1.0)


def test_too_little_time_and_undefined_figures_have_no_interval() -> None:
    assert interval([np.ones(99, np.int64)], 2, mean) is None
    assert interval([np.ones(50, np.int64), np.ones(50, np.int64)], 2, mean) == (1.0, 1.0)
    assert interval([np.ones(200, np.int64)], 2, lambda _: None) is None


@pytest.mark.parametrize("keep", [0.0, 0.8])
def test_it_covers_the_truth_whether_or_not_seconds_depend_on_each_other(keep: float) -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(60):
        bounds = interval([sticky(400, 0.6, keep, rng)], 2, mean)
        assert bounds is not None
        hits += bounds[0] <= 0.6 <= bounds[1]
    assert hits >= 49  # 95 % nominal; percentile intervals of few blocks are a little narrow


def test_dependence_makes_it_wider() -> None:
    rng = np.random.default_rng(2)
    widths = []
    for keep in (0.0, 0.8):
        bounds = [interval([sticky(400, 0.6, keep, rng)], 2, mean) for _ in range(10)]
        widths.append(np.mean([b[1] - b[0] for b in bounds if b is not None]))
    assert widths[1] > 1.5 * widths[0]


def test_agreement_carries_intervals_where_there_is_time_for_them() -> None:
    rng = np.random.default_rng(3)
    before = ["anger" if x else "neutral" for x in sticky(300, 0.5, 0.7, rng)]
    after = [x if rng.random() < 0.8 else "fear" for x in before]
    (p,) = compare([timeline(before)], [timeline(after)]).people
    assert p.agreement is not None and p.kappa is not None
    assert p.agreement_interval is not None and p.kappa_interval is not None
    assert p.agreement_interval[0] < p.agreement < p.agreement_interval[1]
    assert p.kappa_interval[0] < p.kappa < p.kappa_interval[1]
    again = compare([timeline(before)], [timeline(after)]).people[0]
    assert again.agreement_interval == p.agreement_interval  # the same input, the same numbers
    (short,) = compare([timeline(before[:50])], [timeline(after[:50])]).people
    assert short.agreement_interval is None and short.kappa_interval is None
