"""Does covering a face change the emotions that are read from it?

The same analysis is done on the recording before and after anonymization and compared second by
second. Every second that had a label before stays in the denominator: one that can no longer be
read counts as a disagreement, or a method that hides the face altogether would look perfect on what
is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    for timeline in before:
        counted = confusion(timeline, lookup.get(timeline.person))
        people.append(from_confusion(timeline.person, timeline.role, counted))
    total = sum((p.confusion for p in people), np.zeros((7, 8), np.int64))
    return Agreement(tuple(people), from_confusion("total", Role.UNKNOWN, total))


def confusion(before: PersonTimeline, after: PersonTimeline | None) -> NDArray[np.int64]:
    """Seconds by label before and after, (7, 8); only seconds that had a label before."""
    later = {}
    if after is not None:
        later = dict(zip(after.second.tolist(), after.label, strict=True))
    counts = np.zeros((len(EMOTIONS), len(LABELS_AFTER)), np.int64)
    for second, label in zip(before.second.tolist(), before.label, strict=True):
        if label != UNKNOWN:
            column = LABELS_AFTER.index(later.get(second, UNKNOWN))
            counts[EMOTIONS.index(label), column] += 1
    return counts


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
        agreement=float(np.trace(counts[:, : len(EMOTIONS)])) / n,
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
