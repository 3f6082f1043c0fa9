"""All figures of a benchmark, from its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.harness import Item, ItemKind
from framework_benchmark.methods import (
    ATTACKER,
    REENCODED,
    RELEASED,
    Method,
    Part,
    contamination,
)
from framework_benchmark.metrics.ratio import Ratio
from framework_benchmark.metrics.verification import threshold_at_far
from framework_benchmark.results.cell import Axis, Cell
from framework_benchmark.results.privacy import Attacked, cells_of, distinct
from framework_benchmark.results.utility import (
    FALLBACK_SHARE,
    Measured,
    MetricPayloads,
    emotion_cells,
    face_cells,
    metric_cells,
)
from framework_benchmark.runner import Bench
from framework_benchmark.statistics.equivalence import Equivalence
from framework_benchmark.statistics.groups import GroupTable, by_group
from framework_benchmark.statistics.paired import holm, sign_flip_p
from framework_benchmark.store import Payload, Store

SWITCH_FAR = 1e-2
"""Two neighbouring frames that a recogniser would call different people at this rate are a
switch."""
MOSTLY = 0.5
"""Share of faces from which a row shows the fallback of a method and not the method."""
STRONG_ENOUGH = 0.5
"""Normalised rank-1 on clear faces below which an attacker proves nothing on these data."""


@dataclass(frozen=True)
class Comparison:
    """Two methods on the same persons.

    Attributes:
        difference: mean over persons, first minus second.
        p: sign-flip test, Holm-adjusted over all comparisons of the benchmark.
    """

    metric: str
    first: str
    second: str
    difference: float
    p: float
    persons: int


@dataclass(frozen=True)
class Failure:
    """An item that one method could not do."""

    method: str
    role: str
    item: str
    error: str


@dataclass
class Results:
    """What a benchmark found.

    Attributes:
        plan: what it consisted of (:meth:`Bench.describe`).
        methods: labels in order.
        cells: every figure.
        comparisons: paired, of every two methods.
        equivalence: TOST by method, classifier and emotion.
        groups: the strongest attack and the agreement by group, where groups are known.
        failures: rows that failed.
        notes: what a reader must know.
    """

    plan: dict[str, Any]
    methods: list[str]
    cells: list[Cell] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    equivalence: dict[str, dict[str, dict[str, Equivalence]]] = field(default_factory=dict)
    groups: dict[str, list[GroupTable]] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def strongest(self, method: str) -> Cell | None:
        """The attack with the highest normalised rank-1 against the large gallery."""
        size = self.plan["persons"]
        found = [
            c
            for c in self.cells
            if c.method == method
            and c.metric == "rank-1"
            and c.gallery == size
            and c.value is not None
        ]
        return max(found, key=lambda c: c.value or 0.0) if found else None

    def fallback(self, method: str) -> float | None:
        """Share of faces to which the method did something simpler; None if it reports nothing."""
        found = self.get(method, FALLBACK_SHARE)
        return None if found is None else found.value

    def is_fallback(self, method: str) -> bool:
        """Whether the row shows the fallback and not the method."""
        return (self.fallback(method) or 0.0) > MOSTLY

    def get(self, method: str, metric: str, component: str | None = None) -> Cell | None:
        """The first figure of this name."""
        for c in self.cells:
            if c.method == method and c.metric == metric and component in (None, c.component):
                return c
        return None


def evaluate(bench: Bench, store: Store) -> Results:
    """Compute every figure; what is missing in the store is missing in the result."""
    results = Results(bench.describe(), [m.label for m in bench.methods])
    results.notes += results.plan["notes"]
    seen = _Seen(bench, store)
    results.failures = seen.failures()
    for method in bench.methods:
        results.cells += seen.attacks(method)
        cells, equivalence = seen.utility(method)
        results.cells += cells
        if equivalence:
            results.equivalence[method.label] = equivalence
    results.notes += seen.notes
    _check_attackers(results, bench)
    _check_fallbacks(results)
    _compare_methods(results, bench.config.seed)
    _groups(results, bench)
    return results


class _Seen:
    """Reads the store for one benchmark."""

    def __init__(self, bench: Bench, store: Store) -> None:
        self.bench, self.store = bench, store
        self.names = bench.selection.persons
        place = {name: g for g, name in enumerate(self.names)}
        self.mate = np.array([place[i.person] for i in bench.selection.probes], np.int64)
        self.clear = next(m for m in bench.methods if m.part is not None and m.part.name == "none")
        self.reencoded = next(m for m in bench.methods if m.label == REENCODED)
        self.notes: list[str] = []

    def _payload(self, key: str) -> Payload | None:
        row = self.store.get(key)
        return row.payload if row is not None and row.status == "ok" else None

    def failures(self) -> list[Failure]:
        bench = self.bench
        found = []
        for method in bench.methods:
            for purpose, items in (
                (RELEASED, bench.released),
                (ATTACKER, [*bench.selection.enrolled, *bench.selection.fit]),
            ):
                for item in items:
                    row = self.store.get(bench.failure_key(item, method, purpose))
                    if row is not None and row.status == "failed":
                        found.append(Failure(method.label, purpose, item.id, row.error))
            for part, _ in bench.metrics:
                for item in bench.released:
                    row = self.store.get(bench.metric_key(item, method, part))
                    if row is not None and row.status == "failed":
                        found.append(
                            Failure(method.label, f"metric {part.label}", item.id, row.error)
                        )
        return found

    # -- privacy ---------------------------------------------------------------------------------

    def few(self, part: Part | None) -> list[int]:
        """Columns of the small gallery: chosen by each recogniser, for T5 by the first."""
        part = part or (self.bench.recognizers[0] if self.bench.recognizers else None)
        if part is None:
            return []
        payload = self._payload(self.bench.gallery_key(part))
        if payload is None:
            return []
        return distinct(payload["similarity"].astype(np.float64), self.bench.config.few)

    def scores(
        self, method: Method, attack: str, part: Part | None
    ) -> dict[str, NDArray[np.float64]]:
        payload = self._payload(self.bench.score_key(method, attack, part))
        return {name: s.astype(np.float64) for name, s in (payload or {}).items()}

    def attacks(self, method: Method) -> list[Cell]:
        bench = self.bench
        if not bench.selection.enrolled:
            return []
        cells: list[Cell] = []
        config = bench.config
        for attack, attacker in bench.attacks.items():
            component = attacker.component
            parts: Sequence[Part | None] = bench.recognizers
            parts = parts if component.uses_recognizer else [None]
            for part in parts:
                reference = self.scores(self.clear, attack, part)
                involved = [p for p in (method.part, part) if p is not None]
                for variant, scores in self.scores(method, attack, part).items():
                    if scores.shape != (len(self.mate), len(self.names)):
                        continue
                    cells += cells_of(
                        method.label,
                        variant,
                        part.label if part else "",
                        Attacked(
                            scores,
                            self.mate,
                            self.names,
                            scores if component.own_threshold else reference.get(variant),
                        ),
                        self.few(part),
                        contamination=contamination(involved, bench.data, config.data_name),
                        resamples=config.resamples,
                        seed=config.seed,
                    )
        return cells

    def threshold(self, part: Part) -> float | None:
        """Score above which neighbouring frames show one person, from clear faces."""
        if "T0" not in self.bench.attacks:
            return None
        scores = self.scores(self.clear, "T0", part).get("T0")
        if scores is None:
            return None
        impostor = np.ones(scores.shape, bool)
        impostor[np.arange(len(scores)), self.mate] = False
        return threshold_at_far(scores[impostor], SWITCH_FAR)

    # -- utility ---------------------------------------------------------------------------------

    def utility(self, method: Method) -> tuple[list[Cell], dict[str, dict[str, Equivalence]]]:
        bench, config = self.bench, self.bench.config
        usable = [
            (item, reference)
            for item in bench.released
            if (reference := self._payload(bench.face_key(item, self.reencoded))) is not None
        ]
        if not usable:
            return [], {}
        items = [item for item, _ in usable]
        involved = [method.part] if method.part else []
        measured = Measured(
            method.label,
            items,
            [self._payload(bench.face_key(item, method)) for item in items],
            [reference for _, reference in usable],
            contamination(involved, bench.data, config.data_name),
            config.resamples,
            config.seed,
        )
        cells: list[Cell] = []
        for part, metric in bench.metrics:
            kept = MetricPayloads(
                part.label,
                metric,
                [self._payload(bench.metric_key(item, method, part)) for item in items],
                [self._payload(bench.metric_key(item, self.reencoded, part)) for item in items],
            )
            cells += metric_cells(measured, kept)
        cells += face_cells(measured) + self._stability(method, measured)
        equivalence = {}
        moving = [i for i, p in enumerate(measured.faces) if p is None or not bool(p["held"])]
        if len(moving) < len(items):
            self.notes.append(
                f"{method.label} looks ahead, so it was shown {len(items) - len(moving)} stills as "
                f"recordings in which nobody moves; what it does to expression cannot be measured "
                f"on them"
            )
        items = [items[i] for i in moving]
        for part in bench.fer if items else []:
            found = emotion_cells(
                Measured(
                    method.label,
                    items,
                    [measured.faces[i] for i in moving],
                    [measured.reference[i] for i in moving],
                    contamination([*involved, part], bench.data, config.data_name),
                    config.resamples,
                    config.seed,
                ),
                part.label,
                [self._payload(bench.emotion_key(item, method, part)) for item in items],
                [self._payload(bench.emotion_key(item, self.reencoded, part)) for item in items],
            )
            cells += found.cells
            equivalence[part.label] = found.equivalence
        return cells, equivalence

    def _stability(self, method: Method, measured: Measured) -> list[Cell]:
        cells: list[Cell] = []
        for part in self.bench.recognizers:
            threshold = self.threshold(part)
            total, minutes, switches = [], 0.0, 0
            names = []
            for item, reference in zip(measured.items, measured.reference, strict=True):
                payload = self._payload(self.bench.stability_key(item, method, part))
                if payload is None or item.kind is not ItemKind.CLIP:
                    continue
                known = payload["steps"][np.isfinite(payload["steps"])]
                if not len(known):
                    continue
                total.append(float(known.mean()))
                names.append(item.person)
                minutes += float(reference["duration"].sum()) / 60
                switches += int((known < threshold).sum()) if threshold is not None else 0
            if not total:
                continue
            ratio = Ratio.by_person(names, np.array(total))
            found = measured.interval(ratio)
            cells.append(measured.cell(Axis.TIME, "embedding stability", found, part.label))
            if threshold is not None and minutes > 0:
                cells.append(
                    Cell(
                        method.label,
                        Axis.TIME,
                        "identity switches a minute",
                        type(found)(switches / minutes, None, None, len(ratio), method="none"),
                        component=part.label,
                        items=len(total),
                        contamination=measured.contamination,
                    )
                )
        return cells


def _check_attackers(results: Results, bench: Bench) -> None:
    """Say it where a recogniser does not even recognise clear faces."""
    size = results.plan["persons"]
    for part in bench.recognizers:
        for c in results.cells:
            clear = c.method == "none" and c.attack == "T0" and c.metric == "rank-1"
            if not (clear and c.component == part.label and c.gallery == size):
                continue
            if c.value is not None and c.value < STRONG_ENOUGH:
                results.notes.append(
                    f"recognizer {part.label} finds only {c.value:.0%} of clear faces here "
                    f"(rank-1, normalised): what it does not find is not thereby protected"
                )


def _check_fallbacks(results: Results) -> None:
    """Say it where a method did something simpler than its name says."""
    for method in results.methods:
        share = results.fallback(method)
        if share:
            what = "are those of the fallback" if results.is_fallback(method) else "include these"
            results.notes.append(
                f"{method}: {share:.0%} of the faces were covered by its fallback (for fomm a "
                f"plain mask), not by the method itself; its figures {what}"
            )


def _compare_methods(results: Results, seed: int) -> None:
    """Every two methods, by the strongest attack on each and by the agreement of emotions. Rows
    that show a fallback are left out."""
    methods = [m for m in results.methods if not results.is_fallback(m)]
    pairs = []
    for metric in ("strongest attack, rank-1", "emotion agreement"):
        by_method: dict[str, Cell | None] = {}
        for method in methods:
            found = (
                results.strongest(method)
                if metric.startswith("strongest")
                else results.get(method, metric)
            )
            by_method[method] = found
        for i, first in enumerate(methods):
            for second in methods[i + 1 :]:
                a, b = by_method[first], by_method[second]
                if a is None or b is None:
                    continue
                shared = sorted(set(a.persons) & set(b.persons))
                difference = np.array([a.persons[n] - b.persons[n] for n in shared])
                if len(difference) > 1:
                    p = sign_flip_p(difference, seed)
                    mean = float(difference.mean())
                    pairs.append(Comparison(metric, first, second, mean, p, len(shared)))
    adjusted = holm([pair.p for pair in pairs])
    results.comparisons = [
        Comparison(c.metric, c.first, c.second, c.difference, p, c.persons)
        for c, p in zip(pairs, adjusted, strict=True)
    ]


def _groups(results: Results, bench: Bench) -> None:
    """The strongest attack by group, where groups are known."""
    groups = {item.person: item.groups for item in bench.released}
    attributes = sorted({key for values in groups.values() for key in values})
    for method in results.methods:
        cell = results.strongest(method)
        if cell is None or not attributes:
            continue
        names = sorted(cell.persons)
        rates = Ratio(np.array([cell.persons[n] for n in names]), np.ones(len(names)))
        results.groups[method] = [
            by_group(
                attribute,
                [groups.get(n, {}).get(attribute, "") for n in names],
                rates,
                seed=bench.config.seed,
            )
            for attribute in attributes
        ]


def item_kinds(items: Sequence[Item]) -> str:
    """``120 stills``, ``14 clips`` or both, for captions."""
    parts = []
    for kind in ItemKind:
        count = sum(item.kind is kind for item in items)
        if count:
            parts.append(f"{count} {kind.value}{'s' if count != 1 else ''}")
    return " and ".join(parts) or "nothing"
