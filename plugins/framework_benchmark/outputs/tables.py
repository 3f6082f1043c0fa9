"""The tables of a benchmark, as rows of text that every output format shares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from framework_benchmark.outputs.text import NOTHING, number, with_interval
from framework_benchmark.results.cell import Axis, Cell
from framework_benchmark.results.evaluate import Results
from framework_benchmark.statistics.bootstrap import Interval

T = TypeVar("T")

THREATS = {
    "T0": "naive: an ordinary recogniser and clear pictures of the person",
    "T1": "informed: the attacker covers their own pictures in the same way",
    "T2": "retrained: the recogniser's head is fitted on covered faces of other people",
    "T3": "reversal: the attacker restores the face first",
    "T4": "track: every frame of the clip is used",
    "T5": "motion: how the person moves, not how they look",
}


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: what it shows.
        header, rows: cells as text.
        caption: how to read it.
    """

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    caption: str = ""


def headline(results: Results) -> Table:
    """One row a method: who breaks it, what is left, what it costs."""
    header = (
        "method",
        "strongest attack, rank-1",
        "by",
        "naive attack",
        "emotion kappa",
        "faces kept",
        "exposed",
        "fallback",
        "frames/s",
        "failed",
        "seen in training",
    )
    rows = []
    for method in results.methods:
        strongest = results.strongest(method)
        fps = results.get(method, "frames per second")
        rows.append(
            (
                method,
                with_interval(strongest.interval if strongest else None),
                f"{strongest.attack} {strongest.component}".strip() if strongest else NOTHING,
                with_interval(_naive(results, method)),
                with_interval(_interval(results.get(method, "emotion kappa"))),
                with_interval(_interval(results.get(method, "detection kept"))),
                number(_value(results.get(method, "exposed share"))),
                number(results.fallback(method)),
                number(_value(fps), 1 if (_value(fps) or 0) < 100 else 0),
                str(sum(1 for f in results.failures if f.method == method)),
                results.plan["contamination"].get(method, "no"),
            )
        )
    plan = results.plan
    variants = len({(c.attack, c.component) for c in results.cells if c.attack})
    caption = (
        f"{plan['persons']} persons, {plan['probes']} released items, attackers learn from "
        f"{plan['fit_persons']} other persons. Rank-1 is normalised: 0 is chance, 1 is perfect "
        f"recognition; lower protects better. "
    )
    if variants > 1:
        caption += (
            f"The strongest is the highest of {variants} figures (variants of attacks and "
            f"recognisers), so that it lies above 0 by chance alone: the box shows how far. "
        )
    caption += (
        "Kappa: 1 is the expression of the original. Fallback: share of faces to which the method "
        "did something simpler than its name says. Brackets are 95 % intervals over persons."
    )
    return Table("Overview", header, rows, caption)


def threat_tables(results: Results) -> list[Table]:
    """One table a threat: every variant, every recogniser, both galleries."""
    tables = []
    size = results.plan["persons"]
    for threat, text in THREATS.items():
        keys = _ordered(
            (c.attack, c.component)
            for c in results.cells
            if c.axis is Axis.PRIVACY and c.attack.startswith(threat)
        )
        if not keys:
            continue
        few = sorted({c.gallery for c in results.cells if c.attack and 0 < c.gallery < size})
        galleries = [size, *few[:1]]
        header = (
            "method",
            "attack",
            "recogniser",
            *(f"rank-1 of {g}" for g in galleries),
            "AUC",
            "EER",
            "D_sys",
            "TAR at FAR 0.01",
            "no face",
        )
        rows = []
        for method in results.methods:
            for attack, component in keys:
                cells = {
                    (c.metric, c.gallery): c
                    for c in results.cells
                    if c.method == method and c.attack == attack and c.component == component
                }
                if not cells:
                    continue
                rows.append(
                    (
                        method,
                        attack,
                        component or NOTHING,
                        *(with_interval(_interval(cells.get(("rank-1", g)))) for g in galleries),
                        with_interval(_interval(cells.get(("AUC", size)))),
                        with_interval(_interval(cells.get(("EER", size)))),
                        with_interval(_interval(cells.get(("D_sys", size)))),
                        with_interval(_interval(cells.get(("TAR@FAR=0.01", size)))),
                        _missing(cells.get(("AUC", size))),
                    )
                )
        tables.append(Table(f"{threat} {text}", header, rows))
    return tables


def utility_tables(results: Results) -> list[Table]:
    """Expression, geometry and time, and cost."""
    tables = []
    expression = (
        "emotion agreement",
        "emotion kappa",
        "emotion JSD",
        "macro-F1 before",
        "macro-F1 after",
        "episode F1",
        "advice agreement",
    )
    for fer in _ordered(c.component for c in results.cells if c.metric == "emotion agreement"):
        tables.append(
            _metrics(
                results,
                f"Expression, read by {fer}",
                expression,
                fer,
                "Each second of the original that could be read is compared; a second that can no "
                "longer be read is a disagreement. The row re-encoded is the noise floor.",
            )
        )
    tables.append(
        _metrics(
            results,
            "Faces and steadiness",
            (
                "detection kept",
                "landmark error",
                "pose error",
                "flow-warp ratio",
                "jerk ratio",
                "exposed share",
                "exposed face-seconds",
                "fallback share",
            ),
            None,
            "Landmark error in inter-ocular distances, pose error in degrees, over frames in which "
            "the face is still found. Ratios: 1 is as steady as the original.",
        )
    )
    for part in _ordered(c.component for c in results.cells if c.metric == "embedding stability"):
        names = ("embedding stability", "identity switches a minute")
        tables.append(_metrics(results, f"Identity over time, seen by {part}", names, part, ""))
    tables.append(
        _metrics(
            results,
            "Cost",
            (
                "frames per second",
                "ms per frame, median",
                "ms per frame, p95",
                "preparation, s per item",
                "peak memory of the process, MB",
            ),
            None,
            "The anonymizer alone, without decoding, detection and encoding; the first call of "
            "each item is left out.",
        )
    )
    return [table for table in tables if table.rows]


def comparison_table(results: Results) -> Table:
    """Paired differences of every two methods."""
    rows = [
        (
            c.metric,
            c.first,
            c.second,
            number(c.difference),
            f"{c.p:.3f}" if c.p >= 0.001 else "<0.001",
            str(c.persons),
        )
        for c in results.comparisons
    ]
    return Table(
        "Differences on the same persons",
        ("figure", "first", "second", "first minus second", "p (Holm)", "persons"),
        rows,
        "Sign-flip test over persons; p is adjusted over all rows.",
    )


def equivalence_table(results: Results) -> Table:
    """Is the distribution of emotions the same within ten points?"""
    rows = [
        (
            method,
            fer,
            emotion,
            number(100 * e.mean, 1),
            f"{e.p:.3f}",
            "yes" if e.equivalent else "not shown",
            str(e.persons),
        )
        for method, by_fer in results.equivalence.items()
        for fer, by_emotion in by_fer.items()
        for emotion, e in by_emotion.items()
    ]
    return Table(
        "Distribution of emotions",
        ("method", "classifier", "emotion", "change, points", "p (TOST, Holm)", "same", "persons"),
        rows,
        "Two one-sided tests with a margin of ten points of share.",
    )


def group_table(results: Results) -> Table:
    """The strongest attack by group."""
    rows = []
    for method, tables in results.groups.items():
        for table in tables:
            for name, found in table.rows.items():
                rows.append(
                    (method, table.attribute, name, with_interval(found), str(found.persons))
                )
            if table.suppressed:
                count = str(table.suppressed)
                rows.append((method, table.attribute, "groups under 10", NOTHING, count))
            if table.gap is not None:
                worst = f"gap; worst: {table.worst}"
                rows.append((method, table.attribute, worst, number(table.gap), ""))
    return Table(
        "By group",
        ("method", "attribute", "group", "strongest attack, hit rate", "persons"),
        rows,
        "Groups of fewer than ten persons are not shown.",
    )


def failure_table(results: Results) -> Table:
    """What did not work, by method and reason."""
    counts: dict[tuple[str, str, str], int] = {}
    for f in results.failures:
        key = (f.method, f.role, f.error)
        counts[key] = counts.get(key, 0) + 1
    rows = [(m, r, e, str(n)) for (m, r, e), n in counts.items()]
    return Table("Failures", ("method", "role", "error", "items"), rows)


def all_tables(results: Results) -> list[Table]:
    """Every table that has rows."""
    tables = [
        headline(results),
        *threat_tables(results),
        *utility_tables(results),
        comparison_table(results),
        equivalence_table(results),
        group_table(results),
        failure_table(results),
    ]
    return [table for table in tables if table.rows]


def _metrics(
    results: Results, title: str, metrics: Sequence[str], component: str | None, caption: str
) -> Table:
    present = [m for m in metrics if any(c.metric == m for c in results.cells)]
    rows = []
    for method in results.methods:
        cells = [results.get(method, metric, component) for metric in present]
        if any(c is not None for c in cells):
            rows.append((method, *(with_interval(_interval(c)) for c in cells)))
    return Table(title, ("method", *present), rows, caption)


def _naive(results: Results, method: str) -> Interval | None:
    size = results.plan["persons"]
    found = [
        c
        for c in results.cells
        if c.method == method
        and c.attack == "T0"
        and c.metric == "rank-1"
        and c.gallery == size
        and c.value is not None
    ]
    return max(found, key=lambda c: c.value or 0.0).interval if found else None


def _interval(cell: Cell | None) -> Interval | None:
    return None if cell is None else cell.interval


def _value(cell: Cell | None) -> float | None:
    return None if cell is None else cell.value


def _missing(cell: Cell | None) -> str:
    return NOTHING if cell is None else f"{cell.failures} of {cell.items}"


def _ordered(values: Iterable[T]) -> list[T]:
    """Without repetition, in order of first appearance."""
    return list(dict.fromkeys(values))
