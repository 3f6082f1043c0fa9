"""Bootstrap, sign-flip test, Holm and TOST against references and known answers."""

from __future__ import annotations

import numpy as np
import pytest
from framework_benchmark.metrics.ratio import Ratio
from framework_benchmark.statistics.bootstrap import exact_binomial, interval
from framework_benchmark.statistics.equivalence import equivalent_distributions, tost
from framework_benchmark.statistics.groups import by_group
from framework_benchmark.statistics.paired import holm, sign_flip_p
from scipy import stats


def test_bca_agrees_with_scipy_on_a_mean() -> None:
    values = np.random.default_rng(0).exponential(size=40)
    ours = interval(Ratio(values, np.ones(40)), 40, seed=1, resamples=9999)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=9999, method="BCa", rng=np.random.default_rng(2)
    ).confidence_interval
    assert ours.method == "bca"
    assert ours.low == pytest.approx(theirs.low, abs=0.03)
    assert ours.high == pytest.approx(theirs.high, abs=0.03)


def test_the_person_is_the_unit() -> None:
    rng = np.random.default_rng(1)
    person_rate = rng.random(12)
    few = interval(Ratio(person_rate, np.ones(12)), 12, seed=0)
    many = interval(Ratio(person_rate * 1000, np.full(12, 1000.0)), 12, seed=0)
    assert (few.low, few.high) == pytest.approx((many.low, many.high), rel=1e-3)


def test_all_alike_is_not_certainty() -> None:
    found = interval(Ratio(np.zeros(20), np.ones(20)), 20, proportion=True)
    assert (found.low, found.method) == (0.0, "clopper-pearson")
    assert found.high == pytest.approx(exact_binomial(0, 20)[1])
    assert found.high > 0.1


def test_too_few_persons_give_no_interval() -> None:
    found = interval(Ratio(np.ones(2), np.ones(2)), 2)
    assert (found.value, found.low, found.high) == (1.0, None, None)
    assert interval(Ratio(np.zeros(0), np.zeros(0)), 0).value is None


def test_random_embeddings_are_at_chance_within_the_interval() -> None:
    from framework_benchmark.metrics.identification import hits

    rng = np.random.default_rng(11)
    n = 60
    probe, gallery = (rng.normal(size=(n, 32)) for _ in range(2))
    hit = hits(probe @ gallery.T, np.arange(n), k=5)
    found = interval(Ratio(hit, np.ones(n)), n, seed=0, proportion=True)
    assert found.low is not None and found.high is not None
    assert found.low <= 5 / n <= found.high


def test_the_same_seed_gives_the_same_interval() -> None:
    figure = Ratio(np.random.default_rng(0).random(15), np.ones(15))
    assert interval(figure, 15, seed=7) == interval(figure, 15, seed=7)
    assert interval(figure, 15, seed=7) != interval(figure, 15, seed=8)


def test_holm_known_answer() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


def test_sign_flip_is_exact_for_few_and_never_zero_for_many() -> None:
    assert sign_flip_p(np.ones(5)) == pytest.approx(2 / 32)
    assert sign_flip_p(np.zeros(5)) == 1.0
    assert 0 < sign_flip_p(np.ones(40)) < 1e-3


def test_tost_needs_evidence() -> None:
    rng = np.random.default_rng(2)
    assert tost(rng.normal(0, 0.02, 50)) < 0.05
    assert tost(rng.normal(0, 0.5, 5)) > 0.05  # too noisy to claim anything
    assert tost(rng.normal(0.2, 0.02, 50)) > 0.95  # really different
    assert tost(np.array([0.0])) == 1.0


def test_equivalence_is_adjusted_over_the_classes() -> None:
    rng = np.random.default_rng(3)
    before = rng.dirichlet(np.ones(7), size=30)
    same = equivalent_distributions(before, before)
    assert all(e.equivalent and e.mean == 0 for e in same)
    shifted = before.copy()
    shifted[:, 0] += 0.3
    assert not equivalent_distributions(before, shifted)[0].equivalent


def test_small_groups_are_suppressed() -> None:
    figure = Ratio(np.r_[np.ones(12), np.zeros(15), np.ones(3)], np.ones(30))
    table = by_group("sex", ["a"] * 12 + ["b"] * 15 + ["c"] * 3, figure)
    assert set(table.rows) == {"a", "b"}
    assert table.suppressed == 3
    assert (table.worst, table.gap) == ("a", 1.0)
