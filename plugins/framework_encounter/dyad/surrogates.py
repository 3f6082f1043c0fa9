"""Synchrony against what chance gives: segment-shuffled surrogates.

Two people who both tire, or both warm up, correlate without having anything to do with each other.
Surrogates keep what each person does alone and break what they do together: segments of one are
paired with segments of the other from another moment (Moulder, Boker, Ramseyer and Tschacher 2018;
Tschacher and Meier 2020, the method of the R packages SUSY and rMEA).

For segments ``i`` of the first and ``j`` of the second person, the cross-correlation at every lag
up to ``max_lag_s`` is made a Fisher z and averaged over lags (Tschacher and Meier 2020). The
observed value is the mean over the true pairs ``i = j``, the pseudo-synchrony the mean over pairs
``i != j``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import UserError
from framework_encounter.dyad.series import Series, require_variation
from framework_encounter.dyad.windowed import FEWEST_SHARE

LARGEST_R = 0.999
"""Correlations are held below this, as Fisher's z of 1 is infinite."""
FEWEST_SEGMENTS = 4
"""With fewer segments there are too few ways to shuffle them."""
PARTS = ("absolute", "in_phase", "anti_phase", "first_leads", "second_leads")


@dataclass(frozen=True)
class Part:
    """One way to look at the cross-correlations.

    Attributes:
        observed: mean Fisher z of the true pairs of segments.
        pseudo: mean over surrogates.
        effect_size: (observed - pseudo) / standard deviation of the pseudo pairs of segments (ES of
            Tschacher and Meier 2020).
        interval: 95 %, of the effect size, from resampling the true segments; None below
            eight segments.
        p_value: share of surrogates at least as large as what was observed, one-sided, with the
            observed counted among them, so it is never 0.
    """

    observed: float
    pseudo: float
    effect_size: float
    interval: tuple[float, float] | None
    p_value: float


@dataclass(frozen=True)
class Synchrony:
    """Observed against pseudo-synchrony.

    Attributes:
        absolute: of |z|: together in any way, in phase or in anti-phase, whoever leads.
        in_phase, anti_phase: of the positive and of the negative part of z.
        first_leads, second_leads: of |z| at positive and at negative lags alone.
        leads: observed z of the first leading less that of the second leading.
        leads_p: two-sided, from the same surrogates.
        segments: how many true pairs could be read.
        surrogates: how many were drawn.
        z: (s,) mean |z| of each true pair of segments, NaN where it could not be read.
        pairs: (s, s) the same of every pair, for phases and cohorts.
    """

    absolute: Part
    in_phase: Part
    anti_phase: Part
    first_leads: Part
    second_leads: Part
    leads: float
    leads_p: float
    segments: int
    surrogates: int
    z: Series
    pairs: Series

    @property
    def effect_size(self) -> float:
        """Of ``absolute``."""
        return self.absolute.effect_size

    @property
    def p_value(self) -> float:
        """Of ``absolute``."""
        return self.absolute.p_value


def surrogate_synchrony(
    first: Series,
    second: Series,
    *,
    rate_hz: float,
    segment_s: float = 30.0,
    max_lag_s: float = 5.0,
    surrogates: int = 1000,
    seed: int = 0,
) -> Synchrony:
    """Synchrony of two series against segment-shuffled surrogates.

    Args:
        first, second: (n,) at equal times; NaN is missing.
        rate_hz: samples a second.
        segment_s: length of a segment, seconds. Longer than an exchange, or it is cut in two.
        max_lag_s: largest lag, seconds.
        surrogates: how many shuffles.
        seed: of the shuffles.

    Raises:
        UserError: as :func:`windowed_correlation`; fewer than four segments can be read.
    """
    a, b = (_segments(s, rate_hz, segment_s, max_lag_s, n) for s, n in _named(first, second))
    matrices = _pair_matrices(a, b, round(max_lag_s * rate_hz))
    readable = np.isfinite(matrices["absolute"])
    true = np.diag(readable)
    if true.sum() < FEWEST_SEGMENTS:
        raise UserError(
            f"{int(true.sum())} segments of {segment_s:g} s can be read in both people, expected "
            f"{FEWEST_SEGMENTS} or more; choose shorter segments or a longer recording"
        )
    generator = np.random.default_rng(seed)
    orders = _orders(len(true), surrogates, generator)
    shuffled = {name: _over_orders(matrices[name], orders) for name in PARTS}
    resamples = generator.integers(0, int(true.sum()), size=(1000, int(true.sum())))
    parts = {name: _part(matrices[name], shuffled[name], resamples) for name in PARTS}
    difference = shuffled["first_leads"] - shuffled["second_leads"]
    leads = parts["first_leads"].observed - parts["second_leads"].observed
    return Synchrony(
        **parts,
        leads=leads,
        leads_p=_at_least(np.abs(difference - np.nanmean(difference)), abs(leads)),
        segments=int(true.sum()),
        surrogates=surrogates,
        z=np.diag(matrices["absolute"]).copy(),
        pairs=matrices["absolute"],
    )


def pseudo_pairs(
    firsts: Sequence[Series],
    seconds: Sequence[Series],
    *,
    rate_hz: float,
    segment_s: float = 30.0,
    max_lag_s: float = 5.0,
    partners: int = 20,
    seed: int = 0,
) -> NDArray[np.float64]:
    """Synchrony of each encounter against partners from other encounters.

    The stricter control of a cohort: a doctor's series with another doctor's patient, from the same
    place in the conversation (Bernieri and Rosenthal 1991).

    Args:
        firsts, seconds: one series an encounter; NaN is missing.
        partners: how many other encounters each is compared with, at most.

    Returns:
        (e, 2): mean |z| of the true pair, and the mean over pseudo partners; NaN where either could
        not be read.

    Raises:
        UserError: fewer than three encounters.
    """
    if len(firsts) != len(seconds) or len(firsts) < 3:
        raise UserError(
            f"expected both people of three encounters or more, got {len(firsts)} and "
            f"{len(seconds)}"
        )
    generator = np.random.default_rng(seed)
    lag = round(max_lag_s * rate_hz)
    cut = [
        tuple(_cut(np.asarray(s, np.float64), round(segment_s * rate_hz)) for s in pair)
        for pair in zip(firsts, seconds, strict=True)
    ]
    found = np.full((len(cut), 2), np.nan)
    for e, (own, true) in enumerate(cut):
        others = generator.permutation([k for k in range(len(cut)) if k != e])[:partners]
        found[e, 0] = _mean_z(own, true, lag)
        pseudo = np.array([_mean_z(own, cut[k][1], lag) for k in others])
        if np.isfinite(pseudo).any():
            found[e, 1] = float(np.nanmean(pseudo))
    return found


def _named(first: Series, second: Series) -> list[tuple[Series, str]]:
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise UserError(
            f"expected two series of one length, got {first.shape} and {second.shape}; put them on "
            f"one grid first"
        )
    return [(first, "first"), (second, "second")]


def _segments(
    series: Series, rate_hz: float, segment_s: float, max_lag_s: float, name: str
) -> Series:
    length = round(segment_s * rate_hz)
    if max_lag_s >= segment_s:
        raise UserError(
            f"the largest lag ({max_lag_s:g} s) must be shorter than a segment ({segment_s:g} s)"
        )
    require_variation(series, name)
    if len(series) // max(length, 1) < FEWEST_SEGMENTS:
        raise UserError(
            f"{len(series) / rate_hz:.0f} s give {len(series) // max(length, 1)} segments of "
            f"{segment_s:g} s, expected {FEWEST_SEGMENTS} or more; choose shorter segments or a "
            f"longer recording"
        )
    return _cut(series, length)


def _cut(series: Series, length: int) -> Series:
    count = len(series) // length
    return series[: count * length].reshape(count, length)


def _mean_z(a: Series, b: Series, lag: int) -> float:
    """Mean |z| of the segments at the same place."""
    count = min(len(a), len(b))
    if count == 0:
        return float("nan")
    values = np.diag(_pair_matrices(a[:count], b[:count], lag)["absolute"])
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _pair_matrices(a: Series, b: Series, lag: int) -> dict[str, Series]:
    """Mean z over lags of every segment of ``a`` with every segment of ``b``, each (s, s).

    A pair that cannot be read at half of the lags is NaN.
    """
    size = (len(a), len(b))
    sums = {name: np.zeros(size) for name in PARTS}
    counts = {name: np.zeros(size) for name in PARTS}
    for tau in range(-lag, lag + 1):
        n = a.shape[1] - abs(tau)
        z = np.arctanh(_all_pairs(a[:, max(-tau, 0) :][:, :n], b[:, max(tau, 0) :][:, :n]))
        known = np.isfinite(z)
        z = np.where(known, z, 0.0)
        views = {
            "absolute": np.abs(z),
            "in_phase": np.maximum(z, 0.0),
            "anti_phase": np.maximum(-z, 0.0),
        }
        if tau:
            views["first_leads" if tau > 0 else "second_leads"] = np.abs(z)
        for name, view in views.items():
            sums[name] += view
            counts[name] += known
    full = {name: lag if name.endswith("leads") else 2 * lag + 1 for name in PARTS}
    return {
        name: np.where(
            counts[name] >= max(1, 0.5 * full[name]),
            sums[name] / np.maximum(counts[name], 1),
            np.nan,
        )
        for name in PARTS
    }


def _all_pairs(x: Series, y: Series) -> Series:
    """Pearson's r of every row of ``x`` with every row of ``y``, over what is known in both.

    Rows are centred first: the sums below would lose digits on a series far from 0.
    """
    mx, my = np.isfinite(x).astype(np.float64), np.isfinite(y).astype(np.float64)
    x, y = (
        np.where(m > 0, v - np.nanmean(v) if (m > 0).any() else 0.0, 0.0)
        for v, m in ((x, mx), (y, my))
    )
    n = mx @ my.T
    sx, sy = x @ my.T, mx @ y.T
    with np.errstate(invalid="ignore", divide="ignore"):
        xx = (x * x) @ my.T - sx * sx / n
        yy = mx @ (y * y).T - sy * sy / n
        r = (x @ y.T - sx * sy / n) / np.sqrt(xx * yy)
    # Both sums are differences of larger ones: what rounding leaves is no variation.
    flat = (xx <= 1e-12 * (1.0 + (x * x).max())) | (yy <= 1e-12 * (1.0 + (y * y).max()))
    r[flat | (n < max(3, FEWEST_SHARE * x.shape[1]))] = np.nan
    return np.clip(r, -LARGEST_R, LARGEST_R)


def _orders(segments: int, count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """(count, segments) random orders of the segments.

    Every order may be drawn, also one in which some segments stay at their place. Without those the
    test would alarm too often: 9 in 100 instead of 5 with nine segments, by simulation.
    """
    return generator.permuted(np.tile(np.arange(segments), (count, 1)), axis=1)


def _over_orders(matrix: Series, orders: NDArray[np.int64]) -> Series:
    values = matrix[np.arange(matrix.shape[0]), orders]
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        mean: Series = np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1)
    return mean


def _part(matrix: Series, shuffled: Series, resamples: NDArray[np.int64]) -> Part:
    true = np.diag(matrix)
    true = true[np.isfinite(true)]
    apart = matrix[~np.eye(len(matrix), dtype=bool)]
    apart = apart[np.isfinite(apart)]
    observed, pseudo = float(true.mean()), float(apart.mean())
    spread = float(apart.std(ddof=1))
    interval = None
    if len(true) >= 2 * FEWEST_SEGMENTS and spread > 0:
        effects = (true[resamples % len(true)].mean(axis=1) - pseudo) / spread
        low, high = np.percentile(effects, [2.5, 97.5])
        interval = (float(low), float(high))
    effect = (observed - pseudo) / spread if spread > 0 else float("nan")
    return Part(observed, pseudo, effect, interval, _at_least(shuffled, observed))


def _at_least(surrogates: Series, observed: float) -> float:
    known = surrogates[np.isfinite(surrogates)]
    return float((1 + (known >= observed - 1e-12).sum()) / (1 + len(known)))
