"""What a cohort says, with cells hidden that too few encounters stand behind."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.types import EMOTIONS, Role
from framework_encounter.cohort.read import ROLES, Cohort, Stored
from framework_encounter.cohort.statistics import (
    NOTHING,
    Outcome,
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
from framework_encounter.cohort.thresholds import hidden_cells, need, what_others_show

LEAST = 10
"""Encounters behind every figure, unless the user says otherwise."""
RESAMPLES = 2000
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Cell:
    """One role and expression.

    Attributes:
        expression: its name.
        count: labelled seconds; None if hidden.
        share: of the role's labelled seconds, 0 to 1; None if hidden.
        naive, clustered: 95 % intervals of the share, by Wilson over seconds and by bootstrap over
            encounters; None if hidden.
        encounters: how many encounters have it; None if hidden.
    """

    expression: str
    count: int | None
    share: float | None
    naive: Interval | None
    clustered: Interval | None
    encounters: int | None

    @property
    def hidden(self) -> bool:
        return self.count is None


@dataclass(frozen=True, slots=True)
class RoleSummary:
    """One role over all encounters.

    Attributes:
        role: doctor or patient.
        encounters: in how many it was recorded.
        recorded_s, in_view_s, labelled_s: seconds.
        detection: share of recorded seconds with the face in view; with its clustered interval.
        readable: share of recorded seconds with a label; with its clustered interval.
        cells: one for each expression.
    """

    role: Role
    encounters: int
    recorded_s: int
    in_view_s: int
    labelled_s: int
    detection: float
    detection_interval: Interval
    readable: float
    readable_interval: Interval
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One expression, doctors against patients. Everything is None if a side is hidden.

    Attributes:
        difference: share of doctors minus share of patients, -1 to 1 (a risk difference).
        naive, clustered: 95 % intervals.
        p_naive, p_naive_holm: chi-square over seconds, and corrected for all expressions.
        p_clustered, p_clustered_holm: cluster-robust Wald test, the same.
        phi: Cramer's V of the two by two table, 0 to 1.
        design_effect: variance between encounters over what independent seconds would have; the
            naive test pretends that this is 1.
    """

    expression: str
    difference: float | None = None
    naive: Interval | None = None
    clustered: Interval | None = None
    p_naive: float | None = None
    p_naive_holm: float | None = None
    p_clustered: float | None = None
    p_clustered_holm: float | None = None
    phi: float | None = None
    design_effect: float | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    """How many encounters are at least ``start_min`` and shorter than ``end_min`` minutes."""

    start_min: int
    end_min: int
    encounters: int


@dataclass(frozen=True)
class Summary:
    """Everything that is written.

    Attributes:
        encounters: how many are counted.
        durations_s: mean, standard deviation, shortest, longest; seconds.
        histogram: encounters by length, at least ``least`` in each bin.
        roles: doctor and patient, those that occur.
        naive, clustered: tests of all expressions together.
        cramers_v: effect size of all expressions together, 0 to 1.
        comparison: one for each expression.
        excluded: how many outputs were left out, by reason.
        not_passed: encounters whose own audit did not pass; they are counted.
        least: encounters that a figure needs.
        resamples: of the bootstrap.
        remarks: what a reader should know.
        analysis: how emotions were read.
    """

    encounters: int
    durations_s: tuple[float, float, float, float]
    histogram: tuple[Bin, ...]
    roles: tuple[RoleSummary, ...]
    naive: Outcome
    clustered: Outcome
    cramers_v: float
    comparison: tuple[Difference, ...]
    excluded: int
    not_passed: int
    least: int
    resamples: int
    remarks: tuple[str, ...]
    analysis: str

    def rows(self) -> list[dict[str, Any]]:
        """One row for each role and expression, as in ``expressions.csv``; hidden cells are None.

        Shares and their bounds are 0 to 1.
        """
        nothing = (None, None)
        return [
            {
                "role": str(role.role),
                "expression": cell.expression,
                "seconds": cell.count,
                "share": cell.share,
                **dict(zip(("naive_low", "naive_high"), cell.naive or nothing, strict=True)),
                **dict(
                    zip(("clustered_low", "clustered_high"), cell.clustered or nothing, strict=True)
                ),
                "encounters": cell.encounters,
                "hidden": cell.hidden,
            }
            for role in self.roles
            for cell in role.cells
        ]

    def data_frame(self) -> Any:
        """The rows as a ``pandas.DataFrame``; without pandas the list of :meth:`rows`."""
        if importlib.util.find_spec("pandas") is None:
            return self.rows()
        return importlib.import_module("pandas").DataFrame(self.rows())


def summarise(
    cohort: Cohort, *, least: int = LEAST, resamples: int = RESAMPLES, seed: int = 0
) -> Summary:
    """Counts, shares, and doctors against patients.

    Args:
        least: a cell that fewer encounters contribute to is hidden, and if it is the only one of
            its row, the next smallest with it, or it could be worked out from the total.
        resamples: cohorts drawn for the bootstrap.
        seed: of the bootstrap.

    Raises:
        ConfigError: fewer than ``least`` encounters.
    """
    need(cohort, least)
    stored = cohort.encounters
    durations = np.array([e.duration_s for e in stored])
    spread = float(durations.std(ddof=1)) if len(durations) > 1 else 0.0
    counts = {role: _matrix(stored, role) for role in ROLES}
    found = [role for role in ROLES if (counts[role][:, :-1].sum(axis=1) > 0).sum() >= least]
    hidden = {role: hidden_cells(counts[role][:, :-1], least) for role in found}
    drawn = bootstrap_counts(
        np.stack([np.c_[counts[r], _in_view(stored, r)] for r in ROLES], axis=1), resamples, seed
    )
    roles = tuple(
        _role(role, stored, counts[role], drawn[:, ROLES.index(role)], hidden[role])
        for role in found
    )
    naive, clustered, v = NOTHING, NOTHING, float("nan")
    comparison: tuple[Difference, ...] = ()
    if len(found) == 2:
        naive, clustered, v, comparison = _compare(counts, drawn, hidden)
    return Summary(
        encounters=len(stored),
        durations_s=(
            float(durations.mean()),
            spread,
            float(durations.min()),
            float(durations.max()),
        ),
        histogram=_histogram(durations, least),
        roles=roles,
        naive=naive,
        clustered=clustered,
        cramers_v=v,
        comparison=comparison,
        excluded=len(cohort.excluded),
        not_passed=sum(not e.passed for e in stored),
        least=least,
        resamples=resamples,
        remarks=tuple(_remarks(cohort, found, roles, least)),
        analysis=cohort.analysis,
    )


def _matrix(stored: Sequence[Stored], role: Role) -> NDArray[np.int64]:
    """(g, 8) seconds by label, zeros where an encounter lacks the role."""
    blank = np.zeros(len(EMOTIONS) + 1, np.int64)
    return np.stack([e.counts.get(role, blank) for e in stored])


def _in_view(stored: Sequence[Stored], role: Role) -> NDArray[np.int64]:
    return np.array([e.in_view_s.get(role, 0) for e in stored], np.int64)


def _role(
    role: Role,
    stored: Sequence[Stored],
    counts: NDArray[np.int64],
    drawn: NDArray[np.float64],
    hidden: NDArray[np.bool_],
) -> RoleSummary:
    total = counts.sum(axis=0)
    recorded, labelled = int(total.sum()), int(total[:-1].sum())
    in_view = int(_in_view(stored, role).sum())
    drawn_shares = shares(drawn[:, : len(EMOTIONS)].astype(np.int64))
    drawn_recorded = np.maximum(drawn[:, : len(EMOTIONS) + 1].sum(axis=1), 1)
    drawn_labelled = drawn[:, : len(EMOTIONS)].sum(axis=1)
    cells = []
    for k, name in enumerate(EMOTIONS):
        if hidden[k]:
            cells.append(Cell(name, None, None, None, None, None))
            continue
        n = int(total[k])
        cells.append(
            Cell(
                name,
                n,
                n / labelled if labelled else 0.0,
                wilson(n, labelled),
                interval(drawn_shares[:, k]),
                int((counts[:, k] > 0).sum()),
            )
        )
    return RoleSummary(
        role=role,
        encounters=sum(role in e.counts for e in stored),
        recorded_s=recorded,
        in_view_s=in_view,
        labelled_s=labelled,
        detection=in_view / max(recorded, 1),
        detection_interval=interval(drawn[:, -1] / drawn_recorded),
        readable=labelled / max(recorded, 1),
        readable_interval=interval(drawn_labelled / drawn_recorded),
        cells=tuple(cells),
    )


def _compare(
    counts: dict[Role, NDArray[np.int64]],
    drawn: NDArray[np.float64],
    hidden: dict[Role, NDArray[np.bool_]],
) -> tuple[Outcome, Outcome, float, tuple[Difference, ...]]:
    first, second = (counts[role][:, :-1] for role in ROLES)
    a, b = first.sum(axis=0), second.sum(axis=0)
    n, m = int(a.sum()), int(b.sum())
    both = np.stack([a, b])
    error, each, together = difference_test(first, second)
    drawn_shares = shares(drawn[:, :, : len(EMOTIONS)].astype(np.int64))
    moved = drawn_shares[:, 0] - drawn_shares[:, 1]
    rows = []
    for k, name in enumerate(EMOTIONS):
        if hidden[ROLES[0]][k] or hidden[ROLES[1]][k] or not n or not m:
            rows.append(Difference(name))
            continue
        table = np.array([[a[k], n - a[k]], [b[k], m - b[k]]])
        p, q = a[k] / n, b[k] / m
        independent = p * (1 - p) / n + q * (1 - q) / m
        effect = float(error[k] ** 2 / independent) if independent > 0 else float("nan")
        rows.append(
            Difference(
                expression=name,
                difference=float(p - q),
                naive=newcombe(int(a[k]), n, int(b[k]), m),
                clustered=interval(moved[:, k]),
                p_naive=chi_square(table).p,
                p_clustered=each[k].p,
                phi=cramers_v(table),
                design_effect=effect,
            )
        )
    nan = float("nan")
    naive = holm([nan if r.p_naive is None else r.p_naive for r in rows])
    robust = holm([nan if r.p_clustered is None else r.p_clustered for r in rows])
    rows = [
        row
        if row.difference is None
        else replace(row, p_naive_holm=naive[k], p_clustered_holm=robust[k])
        for k, row in enumerate(rows)
    ]
    return chi_square(both), together, cramers_v(both), tuple(rows)


def _histogram(durations: NDArray[np.float64], least: int) -> tuple[Bin, ...]:
    """Encounters by length, in bins of whole minutes that are as wide as ``least`` demands.

    A bin with one encounter in it would be that encounter's length.
    """
    minutes = durations / 60
    step = max(1, int(np.ceil((minutes.max() + 1e-9) / 20)))
    counts = np.bincount((minutes // step).astype(int))
    bins: list[Bin] = []
    start, inside = 0, 0
    for k, n in enumerate(counts.tolist()):
        if not inside and not n:
            start = (k + 1) * step  # nobody is that short
            continue
        inside += n
        if inside >= least:
            bins.append(Bin(start, (k + 1) * step, inside))
            start, inside = (k + 1) * step, 0
    if inside and bins:
        last = bins.pop()
        start, inside = last.start_min, last.encounters + inside
    if inside:
        bins.append(Bin(start, len(counts) * step, inside))
    return tuple(bins)


def _remarks(
    cohort: Cohort, found: Sequence[Role], roles: Sequence[RoleSummary], least: int
) -> list[str]:
    stored = cohort.encounters
    notes = []
    if cohort.excluded:
        count = len(cohort.excluded)
        left = "1 output was" if count == 1 else f"{count} outputs were"
        notes.append(f"{left} left out; see the list")
    if cohort.mixed > 1:
        notes.append(
            f"{cohort.mixed} ways of analysis are mixed; differences between them may pass for "
            "differences between people"
        )
    for role in ROLES:
        count = sum(role in e.counts for e in stored)
        if role not in found and count:
            notes.append(
                f"{role}: left out, since fewer than {least} encounters have a labelled second"
            )
        elif count and count < len(stored):
            notes.append(f"{role}: recorded in {count} of {len(stored)} encounters")
    bad = sum(not e.passed for e in stored)
    if bad:
        notes.append(f"{bad} encounters did not pass their own audit; they are counted here")
    for summary in roles:
        hidden = [c.expression for c in summary.cells if c.hidden]
        if hidden:
            listed = sum(c.count or 0 for c in summary.cells)
            notes.append(
                f"{summary.role}: the shown expressions sum to {listed:,} of "
                f"{summary.labelled_s:,} labelled seconds; {', '.join(hidden)} hidden because too "
                f"few encounters stand behind one of them"
            )
    if others := what_others_show(cohort, least):
        notes.append(f"{others}. The fewer stand behind a figure, the more it says of each")
    notes.append(
        "one doctor or patient may occur in several encounters; that is not known here, and "
        "intervals are too narrow if it is so"
    )
    return notes
