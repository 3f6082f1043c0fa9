"""Figures of the attacks, from score matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework_benchmark.metrics.identification import hits, normalised
from framework_benchmark.metrics.linkability import d_sys
from framework_benchmark.metrics.ratio import Ratio, Weights
from framework_benchmark.metrics.verification import (
    Comparisons,
    accepted,
    eer,
    threshold_at_far,
)
from framework_benchmark.results.cell import Axis, Cell
from framework_benchmark.statistics.bootstrap import Interval, interval

RANKS = (1, 5)
FARS = (1e-2, 1e-3)
SLOW_RESAMPLES = 200
"""Of figures that sort or bin all comparisons again for each resample."""


@dataclass(frozen=True, eq=False)
class Attacked:
    """Scores of one variant of an attack on one method.

    Attributes:
        scores: (p, g).
        mate: (p,) column of each probe's person.
        names: (g,) pseudonyms; the persons of the probes are among them.
        reference: scores that fix the thresholds: of the same variant on clear faces, or its own.
    """

    scores: NDArray[np.float64]
    mate: NDArray[np.int64]
    names: Sequence[str]
    reference: NDArray[np.float64] | None


def cells_of(
    method: str,
    attack: str,
    component: str,
    attacked: Attacked,
    few: Sequence[int],
    *,
    contamination: str,
    resamples: int,
    seed: int,
) -> list[Cell]:
    """Every figure of one variant: both galleries for identification, the large one for the rest.

    Args:
        few: columns of the small gallery of mutually distinct persons.
    """

    def cell(metric: str, found: Interval, gallery: int, **more: object) -> Cell:
        return Cell(
            method,
            Axis.PRIVACY,
            metric,
            found,
            attack,
            component,
            gallery,
            items=len(attacked.mate),
            failures=int(np.isnan(attacked.scores).any(axis=1).sum()),
            contamination=contamination,
            **more,  # type: ignore[arg-type]
        )

    size = len(attacked.names)
    cells = []
    galleries = [list(range(size))] + ([list(few)] if 2 <= len(few) < size else [])
    for columns in galleries:
        for k in RANKS:
            if k >= len(columns):
                continue
            found, by_person = _rank(attacked, columns, k, resamples, seed)
            cells.append(cell(f"rank-{k}", found, len(columns), persons=by_person))
    owner, persons = attacked.mate, size
    comparisons = Comparisons.of(attacked.scores, attacked.mate, owner, persons)
    present = len(np.unique(owner))
    area = _Area(attacked.scores, attacked.mate, persons)
    cells.append(cell("AUC", _present(area, area.present, present, resamples, seed), size))
    curve = _each(lambda w: eer(*comparisons.curve(w)))
    cells.append(cell("EER", _present(curve, area.present, present, SLOW_RESAMPLES, seed), size))
    link = _each(lambda w: _linkability(comparisons, w))
    cells.append(cell("D_sys", _present(link, area.present, present, SLOW_RESAMPLES, seed), size))
    for far in FARS:
        cells.append(cell(f"TAR@FAR={far:g}", *_tar(attacked, far, resamples, seed)))
    return cells


def _rank(
    attacked: Attacked, columns: list[int], k: int, resamples: int, seed: int
) -> tuple[Interval, dict[str, float]]:
    """Normalised rank-k with its interval, and the raw hit rate of each person."""
    place = {column: i for i, column in enumerate(columns)}
    rows = [p for p, m in enumerate(attacked.mate.tolist()) if m in place]
    mate = np.array([place[int(attacked.mate[p])] for p in rows], np.int64)
    found = hits(attacked.scores[np.ix_(rows, columns)], mate, k)
    names = [attacked.names[int(attacked.mate[p])] for p in rows]
    ratio = Ratio.by_person(names, found)
    raw = interval(ratio, len(ratio), seed=seed, resamples=resamples, proportion=True)

    def scaled(value: float | None) -> float | None:
        return None if value is None else normalised(value, k, len(columns))

    order = sorted(set(names))
    rates = dict(zip(order, (ratio.numerator / ratio.denominator).tolist(), strict=True))
    return (
        Interval(
            scaled(raw.value), scaled(raw.low), scaled(raw.high), raw.persons, raw.level, raw.method
        ),
        rates,
    )


class _Area:
    """AUC as a quadratic form in the weights of persons, so that resampling costs nothing.

    AUC = sum_ij w_i w_j a_ij / (sum_i w_i g_i)(sum_j w_j m_j), with a_ij the number of pairs (ties
    half) in which a genuine score of person i beats an impostor score of one of person j's probes.
    """

    def __init__(self, scores: NDArray[np.float64], mate: NDArray[np.int64], persons: int) -> None:
        values = np.nan_to_num(scores, nan=-np.inf, neginf=-np.inf, posinf=np.inf)
        rows = np.arange(len(mate))
        genuine = values[rows, mate]
        self.present = np.unique(mate)
        index = {int(p): i for i, p in enumerate(self.present)}
        owner = np.array([index[int(m)] for m in mate])
        n = len(self.present)
        self._beats = np.zeros((n, n))
        self._genuine = np.bincount(owner, minlength=n).astype(np.float64)
        self._impostor = np.zeros(n)
        for j in range(n):
            mine = values[owner == j].copy()
            keep = np.ones(mine.shape, bool)
            keep[np.arange(len(mine)), mate[owner == j]] = False
            others = np.sort(mine[keep])
            self._impostor[j] = len(others)
            below = np.searchsorted(others, genuine, "left")
            upto = np.searchsorted(others, genuine, "right")
            self._beats[:, j] = np.bincount(owner, (below + upto) / 2, minlength=n)

    def __call__(self, weights: Weights) -> NDArray[np.float64]:
        above = ((weights @ self._beats) * weights).sum(axis=1)
        below = (weights @ self._genuine) * (weights @ self._impostor)
        empty = np.full(len(above), np.nan)
        return np.asarray(np.divide(above, below, out=empty, where=below > 0))


def _each(
    value: Callable[[NDArray[np.float64]], float],
) -> Callable[[Weights], NDArray[np.float64]]:
    return lambda weights: np.array([value(row) for row in weights])


def _present(
    statistic: Callable[[Weights], NDArray[np.float64]],
    present: NDArray[np.int64],
    persons: int,
    resamples: int,
    seed: int,
) -> Interval:
    """Resample only persons who have a probe."""
    if isinstance(statistic, _Area):
        return interval(statistic, persons, seed=seed, resamples=resamples)
    width = int(present.max()) + 1

    def spread(weights: Weights) -> NDArray[np.float64]:
        wide = np.zeros((len(weights), width))
        wide[:, present] = weights
        return statistic(wide)

    return interval(spread, persons, seed=seed, resamples=resamples)


def _linkability(comparisons: Comparisons, weights: NDArray[np.float64]) -> float:
    repeat = weights[comparisons.owner].astype(np.int64)
    score = np.repeat(comparisons.score, repeat)
    genuine = np.repeat(comparisons.genuine, repeat)
    value = d_sys(score[genuine], score[~genuine])
    return float("nan") if value is None else value


def _tar(attacked: Attacked, far: float, resamples: int, seed: int) -> tuple[Interval, int]:
    """True accept rate at a threshold that was fixed on the impostors of the reference."""
    size, rows = len(attacked.names), np.arange(len(attacked.mate))
    nothing = Interval(None, None, None, 0, method="none")
    if attacked.reference is None or attacked.reference.shape[1] != size:
        return nothing, size
    impostor = np.ones(attacked.reference.shape, bool)
    impostor[np.arange(len(impostor)), attacked.mate[: len(impostor)]] = False
    threshold = threshold_at_far(attacked.reference[impostor], far)
    if threshold is None:
        return nothing, size
    genuine = attacked.scores[rows, attacked.mate]
    genuine = np.where(np.isneginf(genuine), np.nan, genuine)
    names = [attacked.names[int(m)] for m in attacked.mate]
    ratio = Ratio.by_person(names, accepted(genuine, threshold, far))
    return interval(ratio, len(ratio), seed=seed, resamples=resamples, proportion=True), size


def distinct(similarity: NDArray[np.float64], count: int) -> list[int]:
    """The ``count`` most mutually distinct persons: farthest-point selection, greedily.

    Args:
        similarity: (g, g) of the enrolled pictures; rows that are not finite are left out.
    """
    known = np.flatnonzero(np.isfinite(np.diagonal(similarity)))
    if not len(known):
        return []
    distance = 1.0 - similarity[np.ix_(known, known)]
    first = int(distance.sum(axis=1).argmax())
    chosen = [first]
    nearest = distance[first].copy()
    while len(chosen) < min(count, len(known)):
        nearest[chosen] = -np.inf
        following = int(nearest.argmax())
        chosen.append(following)
        nearest = np.minimum(nearest, distance[following])
    return sorted(int(known[i]) for i in chosen)
