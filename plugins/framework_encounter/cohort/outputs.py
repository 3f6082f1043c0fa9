"""The cohort's tables as CSV, and its page."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from framework.atomic import atomic_text, write_text
from framework_encounter.cohort.counts import CountTable, remarks
from framework_encounter.cohort.interaction import Measured, Related, Tested
from framework_encounter.cohort.page import render_cohort, render_counts
from framework_encounter.cohort.read import Cohort
from framework_encounter.cohort.statistics import Outcome, chi_square, cramers_v, wilson
from framework_encounter.cohort.summary import Interval, RoleSummary, Summary

SUMMARY, EXPRESSIONS, COMPARISON = "summary.csv", "expressions.csv", "comparison.csv"
EXCLUDED, REPORT = "excluded.csv", "cohort.html"
INTERACTION, OUTCOMES = "interaction.csv", "outcomes.csv"
BY_ENCOUNTER = "interaction-by-encounter.csv"
HIDDEN = "hidden"


def write_cohort(
    out: Path, cohort: Cohort, summary: Summary, tests: Sequence[Tested] = ()
) -> list[Path]:
    """Write every table and the page.

    Args:
        tests: what happens between the two people, for the page.

    Raises:
        MediaError: a file cannot be written.
    """
    _write(out / SUMMARY, ("figure", "value", "low", "high"), _figures(summary))
    _write(
        out / EXPRESSIONS,
        (
            "role",
            "expression",
            "seconds",
            "percent",
            "naive_low",
            "naive_high",
            "clustered_low",
            "clustered_high",
            "encounters",
        ),
        (row for role in summary.roles for row in _expressions(role)),
    )
    _write(
        out / COMPARISON,
        (
            "expression",
            "difference_points",
            "clustered_low",
            "clustered_high",
            "naive_low",
            "naive_high",
            "p_clustered",
            "p_clustered_holm",
            "p_naive",
            "p_naive_holm",
            "phi",
            "design_effect",
        ),
        _comparison(summary),
    )
    _write(out / EXCLUDED, ("output", "reason"), ((e.name, e.reason) for e in cohort.excluded))
    write_text(out / REPORT, render_cohort(cohort, summary, tests))
    return [out / name for name in (SUMMARY, EXPRESSIONS, COMPARISON, EXCLUDED, REPORT)]


def write_interaction(
    out: Path,
    tests: Sequence[Tested],
    related: Sequence[Related],
    by_encounter: Sequence[Measured] = (),
) -> list[Path]:
    """Write what happens between the two people, over all encounters.

    Args:
        tests: each figure against chance.
        related: each figure against each outcome; empty without outcomes.
        by_encounter: one row an encounter, for the researcher's own models and not for handing on;
            empty: not written.

    Raises:
        MediaError: a file cannot be written.
    """
    files = [out / INTERACTION]
    _write(
        files[0],
        ("figure", "encounters", "mean", "low", "high", "p_value"),
        (
            (
                t.figure,
                t.encounters,
                *(_number(v, 4) for v in (t.mean, t.low, t.high)),
                _p(t.p_value),
            )
            if t.mean is not None
            else (t.figure, *[HIDDEN] * 5)
            for t in tests
        ),
    )
    if related:
        files.append(out / OUTCOMES)
        _write(
            files[-1],
            ("figure", "outcome", "encounters", "rho", "low", "high", "p_value"),
            (
                (
                    r.figure,
                    r.outcome,
                    r.encounters,
                    *(_number(v, 3) for v in (r.rho, r.low, r.high)),
                    _p(r.p_value),
                )
                if r.rho is not None
                else (r.figure, r.outcome, *[HIDDEN] * 5)
                for r in related
            ),
        )
    if by_encounter:
        files.append(out / BY_ENCOUNTER)
        names = list(dict.fromkeys(name for m in by_encounter for name in m.values))
        _write(
            files[-1],
            ("encounter", *names),
            ((m.name, *(_number(m.values.get(name), 6) for name in names)) for m in by_encounter),
        )
    return files


def write_counts_report(out: Path, tables: Sequence[CountTable]) -> tuple[list[Path], list[str]]:
    """Percentages of counts somebody gives, the naive test, and what does not add up.

    Returns:
        The files, and the remarks.
    """
    test, v = compare_counts(tables)
    notes = [remark for table in tables for remark in remarks(table)]
    notes.append(
        "counts alone do not tell which seconds belong to one encounter: only the naive test can "
        "be made, and its P value is far too small"
    )
    rows = [
        (t.role, name, t.counts[name], f"{percent:.1f}", *_percents(wilson(n, t.whole)))
        for t in tables
        for name, percent in t.percentages().items()
        for n in (t.counts[name],)
    ]
    _write(
        out / EXPRESSIONS,
        ("role", "expression", "seconds", "percent", "naive_low", "naive_high"),
        rows,
    )
    write_text(out / REPORT, render_counts(tables, test, v, notes))
    return [out / EXPRESSIONS, out / REPORT], notes


def compare_counts(tables: Sequence[CountTable]) -> tuple[Outcome, float]:
    """Naive chi-square and Cramer's V over the roles, with what is not listed as a class."""
    import numpy as np

    names = list(dict.fromkeys(name for t in tables for name in t.counts))
    filled = [replace(t, counts={n: t.counts.get(n, 0) for n in names}) for t in tables]
    rows = [[*t.counts.values(), max(0, t.whole - t.listed)] for t in filled]
    table = np.array(rows, np.int64)
    return chi_square(table), cramers_v(table)


def _figures(summary: Summary) -> Iterable[tuple[object, ...]]:
    yield "encounters", summary.encounters, "", ""
    yield "left out", summary.excluded, "", ""
    yield "audit not passed", summary.not_passed, "", ""
    names = ("mean", "standard deviation", "shortest", "longest")
    for name, value in zip(names, summary.durations_s, strict=True):
        yield f"duration {name}, s", f"{value:.1f}", "", ""
    for role in summary.roles:
        yield f"{role.role} recorded, s", role.recorded_s, "", ""
        yield f"{role.role} labelled, s", role.labelled_s, "", ""
        detection = _percents(role.detection_interval)
        yield f"{role.role} in view, %", f"{100 * role.detection:.1f}", *detection
        readable = _percents(role.readable_interval)
        yield f"{role.role} with a label, %", f"{100 * role.readable:.1f}", *readable
    yield "all expressions, P clustered", _p(summary.clustered.p), "", ""
    yield "all expressions, P naive", _p(summary.naive.p), "", ""
    yield "all expressions, Cramer's V", _number(summary.cramers_v, 4), "", ""


def _expressions(role: RoleSummary) -> Iterable[tuple[object, ...]]:
    for cell in role.cells:
        if cell.share is None:
            yield role.role, cell.expression, *[HIDDEN] * 7
            continue
        yield (
            role.role,
            cell.expression,
            cell.count,
            f"{100 * cell.share:.1f}",
            *_percents(cell.naive),
            *_percents(cell.clustered),
            cell.encounters,
        )


def _comparison(summary: Summary) -> Iterable[tuple[object, ...]]:
    for row in summary.comparison:
        if row.difference is None:
            yield row.expression, *[HIDDEN] * 11
            continue
        yield (
            row.expression,
            f"{100 * row.difference:.2f}",
            *_percents(row.clustered, 2),
            *_percents(row.naive, 2),
            _p(row.p_clustered),
            _p(row.p_clustered_holm),
            _p(row.p_naive),
            _p(row.p_naive_holm),
            _number(row.phi, 4),
            _number(row.design_effect, 1),
        )


def _percents(bounds: Interval | None, digits: int = 1) -> tuple[str, str]:
    low, high = bounds or (math.nan, math.nan)
    return _number(100 * low, digits), _number(100 * high, digits)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _p(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else f"{value:.3g}"


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)
