"""Figures of two people whose right answer is known because the test made the series."""

from __future__ import annotations

import numpy as np
import pytest
from framework_encounter.dyad import (
    compare_spans,
    halves,
    mimicry,
    on_common_grid,
    pseudo_pairs,
    reactions,
    surrogate_synchrony,
    thirds,
    windowed_correlation,
)
from framework_encounter.dyad.windowed import pearson
from numpy.typing import NDArray
from scipy.signal import lfilter

from framework.errors import UserError

RATE = 5.0


def smooth_noise(seed: int, n: int, memory: float = 0.9) -> NDArray[np.float64]:
    """A first-order autoregressive series, as faces move: values resemble their neighbours."""
    noise = np.random.default_rng(seed).normal(size=n + 200)
    return lfilter([1.0], [1.0, -memory], noise)[200:]


@pytest.mark.parametrize("lag", [-7, -1, 0, 4, 11])
def test_windowed_correlation_of_a_shifted_copy_finds_the_lag_to_a_sample(lag: int) -> None:
    base = smooth_noise(1, 900, memory=0.5)
    first, second = base[100:800], base[100 - lag : 800 - lag]
    found = windowed_correlation(first, second, rate_hz=RATE, window_s=20, max_lag_s=3)
    peaks = found.peaks(smooth=1)
    assert peaks.found == 1.0
    assert np.allclose(peaks.lag_s, lag / RATE)
    assert np.allclose(peaks.r, 1.0)
    assert peaks.first_leads(0.1) == float(lag > 0)
    assert peaks.second_leads(0.1) == float(lag < 0)


@pytest.mark.parametrize("lag", [-6, 6])
def test_surrogate_synchrony_of_a_shifted_copy_names_the_leader(lag: int) -> None:
    base = smooth_noise(2, 3100)
    result = surrogate_synchrony(base[50:3050], base[50 - lag : 3050 - lag], rate_hz=RATE)
    assert result.p_value < 0.01 and result.effect_size > 1
    assert np.sign(result.leads) == np.sign(lag)
    assert result.leads_p < 0.01
    assert result.in_phase.effect_size > 1
    assert result.anti_phase.p_value > 0.05


def test_surrogate_synchrony_of_a_mirrored_copy_is_anti_phase() -> None:
    base = smooth_noise(3, 3000)
    result = surrogate_synchrony(base, -base, rate_hz=RATE)
    assert result.anti_phase.p_value < 0.01
    assert result.in_phase.p_value > 0.05


def test_surrogate_synchrony_of_independent_series_alarms_at_the_nominal_rate() -> None:
    """1,000 dyads without any synchrony: five in a hundred may alarm, within binomial error."""
    p, inside = [], 0
    for k in range(1000):
        first = smooth_noise(10_000 + k, 400, memory=0.7)
        second = smooth_noise(50_000 + k, 400, memory=0.7)
        result = surrogate_synchrony(
            first, second, rate_hz=2.0, segment_s=20, max_lag_s=3, surrogates=199, seed=k
        )
        p.append(result.p_value)
        interval = result.absolute.interval
        assert interval is not None
        inside += interval[0] <= 0 <= interval[1]
    alarms = np.mean(np.array(p) <= 0.05)
    assert 0.035 <= alarms <= 0.07, alarms
    assert inside >= 850, inside


def test_surrogate_synchrony_is_not_fooled_by_a_trend_that_both_share() -> None:
    """Both tire over the visit: one correlation over all of it is high."""
    alarms = 0
    for k in range(100):
        trend = np.linspace(0, 12, 1500)
        first = trend + smooth_noise(100 + k, 1500, memory=0.8)
        second = trend + smooth_noise(900 + k, 1500, memory=0.8)
        assert np.corrcoef(first, second)[0, 1] > 0.5
        result = surrogate_synchrony(first, second, rate_hz=RATE, surrogates=199, seed=k)
        alarms += result.p_value <= 0.05
    assert alarms <= 12


def test_surrogate_synchrony_survives_missing_seconds() -> None:
    base = smooth_noise(5, 3000)
    first, second = base.copy(), np.roll(base, 3) + 0.3 * smooth_noise(6, 3000)
    generator = np.random.default_rng(0)
    for start in generator.integers(0, 2900, 20):
        first[start : start + 50] = np.nan
    result = surrogate_synchrony(first, second, rate_hz=RATE)
    assert result.p_value < 0.01
    assert result.segments <= 20


def test_segment_pairs_equal_a_plain_loop() -> None:
    from framework_encounter.dyad import surrogates

    generator = np.random.default_rng(4)
    a, b = generator.normal(3, 1, (4, 30)), generator.normal(-2, 1, (4, 30))
    a[1, 4:9] = np.nan
    got = surrogates._pair_matrices(a, b, 5)
    for i in range(4):
        for j in range(4):
            z = {}
            for tau in range(-5, 6):
                x = a[i, max(-tau, 0) :][: 30 - abs(tau)]
                y = b[j, max(tau, 0) :][: 30 - abs(tau)]
                known = np.isfinite(x) & np.isfinite(y)
                z[tau] = np.arctanh(np.corrcoef(x[known], y[known])[0, 1])
            assert got["absolute"][i, j] == pytest.approx(np.mean(np.abs(list(z.values()))))
            leads = [abs(v) for tau, v in z.items() if tau > 0]
            assert got["first_leads"][i, j] == pytest.approx(np.mean(leads))
            assert got["anti_phase"][i, j] == pytest.approx(
                np.mean([max(-v, 0) for v in z.values()])
            )


def test_pearson_equals_numpy_and_is_missing_where_little_is_known() -> None:
    generator = np.random.default_rng(7)
    x, y = generator.normal(size=(3, 20)), generator.normal(size=(3, 20))
    x[1, 5:9] = np.nan
    x[2, :12] = np.nan
    r = pearson(x, y)
    assert r[0] == pytest.approx(np.corrcoef(x[0], y[0])[0, 1])
    known = np.isfinite(x[1])
    assert r[1] == pytest.approx(np.corrcoef(x[1][known], y[1][known])[0, 1])
    assert np.isnan(r[2])


def test_common_grid_of_unequal_rates_keeps_values_and_holes() -> None:
    fast = np.arange(0, 60, 0.2)
    slow = np.arange(3, 70, 1.0)
    slow = slow[(slow < 20) | (slow > 30)]
    pair = on_common_grid(fast, np.sin(fast), slow, np.cos(slow))
    assert pair.rate_hz == pytest.approx(1.0)
    assert pair.time_s[0] == 3.0 and pair.time_s[-1] == pytest.approx(59.0)
    assert np.allclose(pair.first, np.sin(pair.time_s), atol=0.01)
    hole = (pair.time_s > 19.5) & (pair.time_s < 30.5)
    assert np.isnan(pair.second[hole]).all()
    assert np.isfinite(pair.second[~hole]).all()
    assert pair.readable == pytest.approx((~hole).mean())


def test_pseudo_pairs_are_below_true_pairs_where_people_are_in_step() -> None:
    firsts, seconds = [], []
    for k in range(8):
        base = smooth_noise(k, 1500)
        firsts.append(base)
        seconds.append(np.roll(base, 2) + smooth_noise(500 + k, 1500))
    found = pseudo_pairs(firsts, seconds, rate_hz=RATE)
    assert (found[:, 0] > found[:, 1]).all()


LEADER = (
    ["neutral"] * 3 + ["happiness"] * 2 + ["neutral"] * 10 + ["happiness"] * 2 + ["neutral"] * 3
)
FOLLOWER = ["neutral"] * 5 + ["happiness"] * 2 + ["neutral"] * 13


def test_mimicry_counts_an_answer_within_the_window_and_its_delay() -> None:
    found = mimicry(LEADER, FOLLOWER, expression="happiness", window_s=2.0)
    assert (found.onsets, found.mimicked) == (2, 1)
    assert found.events_s == (3.0,) and found.delays_s == (2.0,)
    assert found.shared_s == 0.0
    assert mimicry(LEADER, FOLLOWER, expression="happiness", window_s=1.0).mimicked == 0
    assert mimicry(FOLLOWER, LEADER, expression="happiness", window_s=2.0).mimicked == 0


def test_mimicry_does_not_count_an_onset_after_an_unreadable_second() -> None:
    hidden = [*LEADER]
    hidden[2] = "unknown"
    assert mimicry(hidden, FOLLOWER, expression="happiness").onsets == 1


def test_mimicry_of_independent_people_is_what_chance_expects() -> None:
    generator = np.random.default_rng(3)
    p, counted, expected = [], 0, 0.0
    for k in range(200):
        a, b = (
            np.repeat(
                generator.choice(["neutral", "happiness"], 100, p=[0.7, 0.3]),
                generator.integers(1, 6, 100),
            )[:250]
            for _ in range(2)
        )
        n = min(len(a), len(b))
        a, b = a[:n].tolist(), b[:n].tolist()
        found = mimicry(a, b, expression="happiness", shuffles=199, seed=k)
        counted += found.mimicked
        expected += found.expected
        p.append(found.p_value)
    assert counted == pytest.approx(expected, rel=0.1)
    assert np.mean(np.array(p, float) <= 0.05) <= 0.09


def test_mimicry_of_an_echo_is_far_above_chance() -> None:
    generator = np.random.default_rng(5)
    a = np.repeat(generator.choice(["neutral", "happiness"], 100, p=[0.8, 0.2]), 4)
    found = mimicry(a.tolist(), np.roll(a, 1).tolist(), expression="happiness")
    assert found.rate is not None and found.rate > 0.9
    assert found.p_value is not None and found.p_value < 0.01
    assert found.mimicked > 2 * found.expected


def test_mimicry_without_onsets_has_no_rate_and_no_p() -> None:
    found = mimicry(["neutral"] * 20, ["neutral"] * 20, expression="anger")
    assert found.rate is None and found.p_value is None and found.mimicked == 0


def test_reactions_say_to_what_and_how_soon() -> None:
    other = ["neutral", "neutral", "unknown", "sadness", "sadness", "unknown", "neutral"]
    found = reactions([0.0, 3.0, 5.0, 40.0], other, window_s=3.0)
    assert (found[0].before, found[0].after, found[0].delay_s) == ("neutral", "sadness", 3.0)
    assert found[1].after == "neutral" and found[1].delay_s == 3.0
    assert not found[2].readable and not found[3].readable


def test_phases_see_a_change_and_no_change() -> None:
    start = np.arange(0, 600, 20.0)
    generator = np.random.default_rng(1)
    value = generator.normal(0, 0.1, 30) + (start >= 300)
    (change,) = compare_spans(start, value, halves(600), length_s=20)
    assert change.change == pytest.approx(1.0, abs=0.1)
    assert change.interval[0] > 0.5
    same = compare_spans(start, generator.normal(0, 0.1, 30), thirds(600), length_s=20)
    assert len(same) == 2 and all(c.interval[0] < 0 < c.interval[1] for c in same)


LONG = smooth_noise(1, 1000)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: windowed_correlation(LONG[:40], LONG[:40], rate_hz=RATE), "too short"),
        (lambda: windowed_correlation(LONG, LONG, rate_hz=RATE, max_lag_s=12), "lag"),
        (lambda: windowed_correlation(LONG, LONG * 0 + 2, rate_hz=RATE), "constant"),
        (lambda: windowed_correlation(LONG, LONG * np.nan, rate_hz=RATE), "0 known values"),
        (lambda: surrogate_synchrony(LONG[:300], LONG[:300], rate_hz=RATE), "segments"),
        (lambda: surrogate_synchrony(LONG, LONG * 0, rate_hz=RATE), "constant"),
        (lambda: surrogate_synchrony(LONG, LONG, rate_hz=RATE, max_lag_s=40), "lag"),
        (lambda: surrogate_synchrony(LONG, LONG[1:], rate_hz=RATE), "one length"),
        (
            lambda: on_common_grid(np.arange(9.0), LONG[:9], np.arange(20.0, 60), LONG[:40]),
            "common",
        ),
        (lambda: mimicry(["neutral"] * 4, ["neutral"] * 4, expression="anger"), "too short"),
        (
            lambda: mimicry(["neutral"] * 9, ["neutral"] * 9, expression="anger", window_s=0.2),
            "step",
        ),
        (lambda: compare_spans(np.arange(4.0), np.ones(4), halves(4.0)), "readable segments"),
        (lambda: pseudo_pairs([LONG], [LONG], rate_hz=RATE), "three encounters"),
    ],
)
def test_bad_input_is_one_clear_line(call: object, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        call()  # type: ignore[operator]
    assert "\n" not in str(caught.value)
