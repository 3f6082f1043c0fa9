from __future__ import annotations

import numpy as np
import pytest
from framework_encounter.cohort.statistics import (
    bootstrap_counts,
    chi_square,
    cramers_v,
    difference_test,
    holm,
    interval,
    newcombe,
    shares,
    wilson,
)
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats


def test_holm_as_in_the_textbook() -> None:
    # Holm (1979): sorted P values times 4, 3, 2, 1, never decreasing
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    adjusted = holm([0.01, float("nan"), 0.5])
    assert adjusted[0] == pytest.approx(0.02) and np.isnan(adjusted[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_never_makes_a_p_value_smaller(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(p <= q <= 1 for p, q in zip(values, adjusted, strict=True))
    assert np.argsort(values, kind="stable").tolist() == sorted(
        range(len(values)), key=lambda k: (adjusted[k], values[k], k)
    )


def test_chi_square_leaves_empty_classes_out() -> None:
    table = np.array([[20, 0, 30], [30, 0, 20]])
    found = chi_square(table)
    assert found.df == 1 and found.statistic == pytest.approx(4.0)
    assert cramers_v(table) == pytest.approx(0.2)
    assert np.isnan(chi_square(np.array([[5, 0], [7, 0]])).p)


def test_intervals_of_shares_and_differences() -> None:
    # Newcombe (1998), table II, column (a): 56/70 - 48/80, method 10
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 0) != wilson(0, 0)  # not defined


def test_with_one_second_an_encounter_the_clusters_change_nothing() -> None:
    generator = np.random.default_rng(3)
    first = np.eye(3, dtype=np.int64)[generator.choice(3, 800, p=[0.5, 0.3, 0.2])]
    second = np.eye(3, dtype=np.int64)[generator.choice(3, 800, p=[0.4, 0.4, 0.2])]
    _, each, together = difference_test(first, second)
    naive = chi_square(np.stack([first.sum(0), second.sum(0)]))
    assert together.p == pytest.approx(naive.p, rel=0.35)
    assert each[0].df2 == 799


def test_clustering_makes_a_difference_of_moods_disappear() -> None:
    """Two roles alike, each encounter with a mood of its own: naive tests cry wolf."""
    generator = np.random.default_rng(11)
    rejected = {"naive": 0, "clustered": 0}
    for _ in range(60):
        mixes = generator.dirichlet([2, 2, 2], (2, 25))
        counts = np.array([[generator.multinomial(200, mix) for mix in side] for side in mixes])
        _, _, together = difference_test(counts[0], counts[1])
        rejected["clustered"] += together.p < 0.05
        rejected["naive"] += chi_square(counts.sum(axis=1)).p < 0.05
    assert rejected["naive"] > 40
    assert rejected["clustered"] <= 9


def test_the_bootstrap_has_the_spread_of_the_encounters() -> None:
    generator = np.random.default_rng(5)
    counts = np.stack([generator.binomial(100, 0.5, 60), np.full(60, 100)], axis=1)
    counts[:, 1] -= counts[:, 0]
    drawn = bootstrap_counts(counts, 1500, seed=1)
    low, high = interval(shares(drawn)[:, 0])
    error = stats.sem(counts[:, 0] / 100)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.12)
    np.testing.assert_array_equal(drawn, bootstrap_counts(counts, 1500, seed=1))
