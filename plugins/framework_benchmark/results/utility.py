"""Figures of what is left: expression, events, detection, landmarks, steadiness, cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.harness import Item
from framework.protocols import Metric
from framework.types import EMOTIONS, UNKNOWN
from framework_benchmark.metrics.emotion import LABELS, ConfusionFigure, count_labels
from framework_benchmark.metrics.ratio import Ratio
from framework_benchmark.results.cell import Axis, Cell
from framework_benchmark.statistics.bootstrap import Interval, interval
from framework_benchmark.statistics.equivalence import Equivalence, equivalent_distributions
from framework_benchmark.store import Payload

Pair = tuple[float, float]
FALLBACK_SHARE = "fallback share"
"""Name of the figure that says how often an anonymizer did not do what its name says."""


@dataclass(frozen=True, eq=False)
class Measured:
    """Stored payloads of one method by item; None where it failed.

    Attributes:
        method: its label.
        items: every released item whose original could be used.
        faces: measurement ``faces`` of each item.
        reference: the same of the original (re-encoded), which says what was there.
        contamination: of the components involved.
    """

    method: str
    items: Sequence[Item]
    faces: Sequence[Payload | None]
    reference: Sequence[Payload]
    contamination: str
    resamples: int
    seed: int

    @property
    def failures(self) -> int:
        return sum(payload is None for payload in self.faces)

    def cell(
        self, axis: Axis, metric: str, found: Interval, component: str = "", **more: object
    ) -> Cell:
        return Cell(
            self.method,
            axis,
            metric,
            found,
            component=component,
            items=len(self.items),
            failures=self.failures,
            contamination=self.contamination,
            **more,  # type: ignore[arg-type]
        )

    def ratio(self, pairs: Callable[[Payload | None, Payload], tuple[float, float]]) -> Ratio:
        """Sums by person of (numerator, denominator) by item."""
        return self.ratio_of(self.faces, self.reference, pairs)

    def ratio_of(
        self,
        covered: Sequence[Payload | None],
        reference: Sequence[Any],
        pairs: Callable[[Payload | None, Any], Pair],
    ) -> Ratio:
        """The same from other payloads of the same items."""
        names = sorted({i.person for i in self.items})
        place = {name: k for k, name in enumerate(names)}
        sums = np.zeros((2, len(names)))
        for item, payload, original in zip(self.items, covered, reference, strict=True):
            sums[:, place[item.person]] += pairs(payload, original)
        return Ratio(sums[0], sums[1])

    def interval(self, ratio: Ratio, proportion: bool = False) -> Interval:
        """Over persons who have something to observe."""
        some = ratio.denominator > 0
        part = Ratio(ratio.numerator[some], ratio.denominator[some])
        return interval(
            part, len(part), seed=self.seed, resamples=self.resamples, proportion=proportion
        )


@dataclass(frozen=True, eq=False)
class MetricPayloads:
    """What one metric kept of each item; None where it or the anonymizer failed."""

    label: str
    metric: Metric
    covered: Sequence[Payload | None]
    reference: Sequence[Payload | None]


def metric_cells(measured: Measured, kept: MetricPayloads) -> list[Cell]:
    """The figures of one metric. Items without a reference say nothing and are left out."""
    cells = []
    for figure in kept.metric.figures:
        name = figure.name

        def pair(payload: Payload | None, original: Payload | None, name: str = name) -> Pair:
            return (0.0, 0.0) if original is None else kept.metric.summands(name, payload, original)

        found = measured.interval(
            measured.ratio_of(kept.covered, kept.reference, pair), proportion=figure.proportion
        )
        cells.append(measured.cell(Axis(figure.axis), name, found, note=figure.note))
    return cells


def face_cells(measured: Measured) -> list[Cell]:
    """Exposure, fallback and cost: what the covering itself says."""

    def exposed(payload: Payload | None, reference: Payload) -> tuple[float, float]:
        open_frames = 0.0 if payload is None else float(payload["exposed"].sum())
        return open_frames, float(reference["present"].sum())

    cells = [
        measured.cell(
            Axis.PRIVACY,
            "exposed share",
            measured.interval(measured.ratio(exposed), proportion=True),
            note="share of face-frames that came back as they were; must be 0",
        ),
    ]
    if any(p is not None and len(p["fallback"]) for p in measured.faces):

        def fallback(payload: Payload | None, reference: Payload) -> tuple[float, float]:
            count = 0.0 if payload is None else float(payload["fallback"].sum())
            return count, 0.0 if payload is None else float(reference["present"].sum())

        cells.append(
            measured.cell(
                Axis.PRIVACY,
                FALLBACK_SHARE,
                measured.interval(measured.ratio(fallback), proportion=True),
                note="share of face-frames in which it did something simpler than its method",
            )
        )
    open_s = sum(float(p["duration"][p["exposed"]].sum()) for p in measured.faces if p is not None)
    cells.append(_plain(measured, Axis.PRIVACY, "exposed face-seconds", open_s))
    return cells + _cost(measured)


def _cost(measured: Measured) -> list[Cell]:
    seconds = [p["seconds"] for p in measured.faces if p is not None and len(p["seconds"])]
    if not seconds:
        return []
    every = np.concatenate(seconds)
    prepare = [float(p["prepare"]) for p in measured.faces if p is not None]
    peak = max(int(p["peak"]) for p in measured.faces if p is not None)
    cells = [
        _plain(measured, Axis.COST, "frames per second", 1.0 / max(float(every.mean()), 1e-9)),
        _plain(measured, Axis.COST, "ms per frame, median", 1e3 * float(np.median(every))),
        _plain(measured, Axis.COST, "ms per frame, p95", 1e3 * float(np.quantile(every, 0.95))),
        _plain(measured, Axis.COST, "preparation, s per item", float(np.mean(prepare))),
    ]
    if peak:
        cells.append(_plain(measured, Axis.COST, "peak memory of the process, MB", peak / 2**20))
    return cells


def _plain(measured: Measured, axis: Axis, metric: str, value: float) -> Cell:
    persons = len({i.person for i in measured.items})
    return measured.cell(axis, metric, Interval(value, None, None, persons, method="none"))


@dataclass(frozen=True)
class EmotionFigures:
    """Figures of one classifier, and the equivalence test of the distributions."""

    cells: list[Cell]
    equivalence: dict[str, Equivalence] = field(default_factory=dict)


def emotion_cells(
    measured: Measured,
    fer: str,
    payloads: Sequence[Payload | None],
    reference: Sequence[Payload | None],
) -> EmotionFigures:
    """Agreement by second, before and after; a failure is ``unknown`` throughout.

    Args:
        payloads: measurement ``emotion`` of each item, None where it failed.
        reference: the same of the original, for the labels before.
    """
    names = sorted({i.person for i in measured.items})
    place = {name: k for k, name in enumerate(names)}
    shape = (len(names), len(EMOTIONS), len(LABELS))
    seconds, truth_before, truth_after = (np.zeros(shape, np.int64) for _ in range(3))
    episodes, advice = np.zeros((2, len(names))), np.zeros((2, len(names)))
    for item, payload, original in zip(measured.items, payloads, reference, strict=True):
        source = payload if payload is not None else original
        if source is None:
            continue
        k = place[item.person]
        before = [LABELS[i] for i in source["before"]]
        lost = [UNKNOWN] * len(before)
        after = lost if payload is None else [LABELS[i] for i in payload["after"]]
        seconds[k] += count_labels(before, after)
        for name, sums in (("episodes", episodes), ("advice", advice)):
            if name in source:
                matched, first, second = (int(x) for x in source[name])
                if payload is None:
                    matched, second = 0, 0
                sums[:, k] += 2 * matched, first + second
        if int(source["truth"]) >= 0:
            truth = LABELS[int(source["truth"])]
            overall = source["overall"]
            truth_before[k] += count_labels([truth], [LABELS[int(overall[0])]])
            read = UNKNOWN if payload is None else LABELS[int(overall[1])]
            truth_after[k] += count_labels([truth], [read])
    return EmotionFigures(
        _figures(measured, fer, names, seconds, truth_before, truth_after, episodes, advice),
        _equivalence(seconds),
    )


def _figures(
    measured: Measured,
    fer: str,
    names: list[str],
    seconds: NDArray[np.int64],
    truth_before: NDArray[np.int64],
    truth_after: NDArray[np.int64],
    episodes: NDArray[np.float64],
    advice: NDArray[np.float64],
) -> list[Cell]:
    cells = []

    def add(metric: str, figure: str, counts: NDArray[np.int64], proportion: bool = False) -> None:
        some = counts.sum(axis=(1, 2)) > 0
        if not some.any():
            return
        statistic = ConfusionFigure(counts[some], figure)
        found = interval(
            statistic,
            len(statistic),
            seed=measured.seed,
            resamples=measured.resamples,
            proportion=proportion,
        )
        by_person: dict[str, float] = {}
        if metric == "emotion agreement":
            each = statistic(np.eye(len(statistic)))
            who = [n for n, s in zip(names, some, strict=True) if s]
            by_person = dict(zip(who, each.tolist(), strict=True))
        cells.append(measured.cell(Axis.UTILITY, metric, found, fer, persons=by_person))

    add("emotion agreement", "agreement", seconds, proportion=True)
    add("emotion kappa", "kappa", seconds)
    add("emotion JSD", "jsd", seconds)
    add("macro-F1 before", "macro-f1", truth_before)
    add("macro-F1 after", "macro-f1", truth_after)
    for metric, sums in (("episode F1", episodes), ("advice agreement", advice)):
        if sums[1].any():
            found = measured.interval(Ratio(sums[0], sums[1]), proportion=True)
            cells.append(measured.cell(Axis.UTILITY, metric, found, fer))
    return cells


def _equivalence(seconds: NDArray[np.int64]) -> dict[str, Equivalence]:
    """TOST of the share of each emotion; seconds that became unknown lower every share after."""
    total = seconds.sum(axis=(1, 2))
    some = total > 0
    if some.sum() < 2:
        return {}
    before = seconds[some].sum(axis=2) / total[some, None]
    after = seconds[some].sum(axis=1)[:, : len(EMOTIONS)] / total[some, None]
    return dict(zip(EMOTIONS, equivalent_distributions(before, after), strict=True))
