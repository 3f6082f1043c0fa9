"""Does covering a face change the emotions that are read from it?

The same analysis is done on the recording before and after anonymization and compared second by
second. Every second that had a label before stays in the denominator: one that can no longer be
read counts as a disagreement, or a method that hides the face altogether would look perfect on what
is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from framework.block_bootstrap import interval
from framework.errors import ContractError
from framework.types import EMOTIONS, UNKNOWN, PersonTimeline, Role

LABELS_AFTER: tuple[str, ...] = (*EMOTIONS, UNKNOWN)
"""Columns of every confusion matrix; its rows are :data:`EMOTIONS`."""


@dataclass(frozen=True, slots=True, eq=False)
class PersonAgreement:
    """Labels before against labels after, over the seconds that had a label before.

    Attributes:
        person: pseudonym, or ``total``.
        role: of the person; ``unknown`` for the total.
        n: seconds with a label before. Neighbouring seconds resemble each other, so the number of
            independent observations is smaller.
        n_unknown: those of them that are unknown after.
        agreement: share of n with the same label after, 0 to 1; None if n is 0.
        kappa: Cohen's kappa (1960), -1 to 1; None where it is undefined, see ``note``.
        jsd: Jensen-Shannon divergence of the two distributions of labels, base 2, 0 (the same) to
            1 (disjoint); ``unknown`` counts as a label of its own. None if n is 0.
        confusion: (7, 8) int64, seconds by label before (:data:`EMOTIONS`) and after
            (:data:`LABELS_AFTER`).
        note: what to know about these figures; empty if nothing.
        agreement_interval, kappa_interval: 95 % over the time of this recording, from a bootstrap
            of blocks of ten seconds; None where there is too little time for one.
    """

    person: str
    role: Role
    n: int
    n_unknown: int
    agreement: float | None
    kappa: float | None
    jsd: float | None
    confusion: NDArray[np.int64]
    note: str = ""
    agreement_interval: tuple[float, float] | None = None
    kappa_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of each person, and over the seconds of all of them together."""

    people: tuple[PersonAgreement, ...]
    total: PersonAgreement


def compare(before: Sequence[PersonTimeline], after: Sequence[PersonTimeline]) -> Agreement:
    """Compare two analyses of the same recording.

    People are matched by their pseudonym and seconds by their number. Somebody who is missing after
    counts as unknown throughout; somebody who appears only after is not counted, for there is
    nothing to agree with.

    Raises:
        ContractError: a pseudonym occurs twice on one side.
    """
    lookup = {timeline.person: timeline for timeline in after}
    for side, timelines in (("before", before), ("after", after)):
        if len({t.person for t in timelines}) != len(timelines):
            raise ContractError(f"compare: expected each person once in `{side}`")
    people = []
    codes = []
    for timeline in before:
        mine = paired(timeline, lookup.get(timeline.person))
        codes.append(mine)
        people.append(_with_intervals(timeline.person, timeline.role, [mine]))
    return Agreement(tuple(people), _with_intervals("total", Role.UNKNOWN, codes))


def paired(before: PersonTimeline, after: PersonTimeline | None) -> NDArray[np.int64]:
    """For each second that had a label before: 8 times its label before plus its label after.

    Labels count in the order of :data:`EMOTIONS` before and :data:`LABELS_AFTER` after, so that the
    codes are the cells of a flattened confusion matrix, in order of time.
    """
    later = {}
    if after is not None:
        later = dict(zip(after.second.tolist(), after.label, strict=True))
    codes = [
        EMOTIONS.index(label) * len(LABELS_AFTER) + LABELS_AFTER.index(later.get(second, UNKNOWN))
        for second, label in zip(before.second.tolist(), before.label, strict=True)
        if label != UNKNOWN
    ]
    return np.array(codes, np.int64)


def _with_intervals(person: str, role: Role, codes: Sequence[NDArray[np.int64]]) -> PersonAgreement:
    shape = (len(EMOTIONS), len(LABELS_AFTER))
    cells = shape[0] * shape[1]
    counts = sum((np.bincount(c, minlength=cells) for c in codes), np.zeros(cells, np.int64))
    figures = from_confusion(person, role, counts.astype(np.int64).reshape(shape))
    if figures.n == 0:
        return figures
    return replace(
        figures,
        agreement_interval=interval(codes, cells, lambda c: _observed(c.reshape(shape))),
        kappa_interval=interval(codes, cells, lambda c: cohen_kappa(c.reshape(shape))),
    )


def _observed(counts: NDArray[np.int64]) -> float:
    return float(np.trace(counts[:, : len(EMOTIONS)])) / float(counts.sum())


def from_confusion(person: str, role: Role, counts: NDArray[np.int64]) -> PersonAgreement:
    """Every figure from a (7, 8) confusion matrix, so that stored counts can be summed."""
    n = int(counts.sum())
    if n == 0:
        note = "no second had a label before"
        return PersonAgreement(person, role, 0, 0, None, None, None, counts, note)
    kappa = cohen_kappa(counts)
    single = int((counts.sum(axis=1) > 0).sum()) == 1
    note = ""
    if kappa is None:
        note = "kappa is undefined: one single expression before and after"
    elif single:
        note = "kappa says nothing here: one single expression before"
    return PersonAgreement(
        person=person,
        role=role,
        n=n,
        n_unknown=int(counts[:, -1].sum()),
        agreement=_observed(counts),
        kappa=kappa,
        jsd=jensen_shannon(
            np.append(counts.sum(axis=1), 0).astype(np.float64),
            counts.sum(axis=0).astype(np.float64),
        ),
        confusion=counts,
        note=note,
    )


def cohen_kappa(counts: NDArray[np.int64]) -> float | None:
    """Cohen's kappa (1960), (p_o - p_e) / (1 - p_e), from counts by label before and after.

    Args:
        counts: (r, c); the first min(r, c) labels of both sides are the same, further ones occur on
            one side only and so never agree.

    Returns:
        -1 to 1, or None where it is undefined: no observation, or chance agreement of 1 (one single
        label on both sides).
    """
    table = np.asarray(counts, np.int64)
    n = int(table.sum())
    if n == 0:
        return None
    shared = min(table.shape)
    # In whole numbers, so that "chance agreement is exactly 1" is a question with an answer.
    agreeing = int(np.trace(table[:shared, :shared]))
    rows, columns = table.sum(axis=1)[:shared], table.sum(axis=0)[:shared]
    by_chance = sum(int(r) * int(c) for r, c in zip(rows, columns, strict=True))
    if by_chance == n * n:
        return None
    return (agreeing * n - by_chance) / (n * n - by_chance)


def jensen_shannon(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Jensen-Shannon divergence (Lin 1991), base 2, of two distributions given as counts or shares.

    SciPy has the square root of it (a distance) under a similar name; this is the divergence.

    Returns:
        0 (the same distribution) to 1 (disjoint).

    Raises:
        ValueError: different lengths, a negative value, or a sum of zero.
    """
    a, b = np.asarray(p, np.float64), np.asarray(q, np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(f"expected two vectors of one length, got {a.shape} and {b.shape}")
    if (a < 0).any() or (b < 0).any() or a.sum() <= 0 or b.sum() <= 0:
        raise ValueError("expected values of at least 0 with a positive sum")
    a, b = a / a.sum(), b / b.sum()
    middle = (a + b) / 2

    def divergence(x: NDArray[np.float64]) -> float:
        some = x > 0
        return float((x[some] * np.log2(x[some] / middle[some])).sum())

    return float(np.clip((divergence(a) + divergence(b)) / 2, 0.0, 1.0))
