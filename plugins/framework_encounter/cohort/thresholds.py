"""How many encounters must stand behind a figure, and what another number would show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.types import EMOTIONS
from framework_encounter.cohort.read import ROLES, Cohort

SMALLEST = 3
"""No smaller number is proposed: with two encounters, each of them knows the other's figure."""


def hidden_cells(counts: NDArray[np.int64], least: int) -> NDArray[np.bool_]:
    """Which expressions of one role must not be shown. A zero says nothing about anybody.

    Args:
        counts: (encounters, 7) seconds by expression.
        least: encounters that must stand behind a figure.

    Returns:
        (7,) flags. If one expression alone would be hidden, the next smallest is hidden with it, or
        it could be worked out from the total.
    """
    behind = (counts > 0).sum(axis=0)
    total = counts.sum(axis=0)
    hidden = (behind > 0) & (behind < least)
    shown = ~hidden & (total > 0)
    if hidden.sum() == 1 and shown.any():
        hidden[int(np.where(shown, total, np.iinfo(np.int64).max).argmin())] = True
    return np.asarray(hidden)


def cells(cohort: Cohort, least: int) -> tuple[int, int]:
    """How many cells hold seconds that may be shown, and how many hold seconds at all."""
    shown = filled = 0
    for role in ROLES:
        rows = [e.counts[role][: len(EMOTIONS)] for e in cohort.encounters if role in e.counts]
        if not rows:
            continue
        counts = np.stack(rows)
        total = counts.sum(axis=0) > 0
        filled += int(total.sum())
        if len(cohort.encounters) >= least and (counts.sum(axis=1) > 0).sum() >= least:
            shown += int((total & ~hidden_cells(counts, least)).sum())
    return shown, filled


def what_others_show(cohort: Cohort, least: int) -> str:
    """What a smaller ``--min-encounters`` would show; empty if it would show nothing more."""
    shown, filled = cells(cohort, least)
    found: list[tuple[int, int]] = []
    most = shown
    for other in range(min(least - 1, len(cohort.encounters)), SMALLEST - 1, -1):
        more, _ = cells(cohort, other)
        if more > most:
            most = more
            found.append((other, more))
    if not found:
        return ""
    if len(found) > 3:  # the first step, the last, and one between
        found = [found[0], found[len(found) // 2], found[-1]]
    steps = ", ".join(f"--min-encounters {other} would show {more}" for other, more in found)
    return f"{shown} of {filled} cells are shown; {steps}"


def need(cohort: Cohort, least: int) -> None:
    """Refuse a cohort that is too small to hide a single encounter.

    Raises:
        ConfigError: fewer encounters than ``least``; it says what fewer would show.
    """
    if len(cohort.encounters) < least:
        left_out = f", {len(cohort.excluded)} were left out" if cohort.excluded else ""
        others = what_others_show(cohort, least)
        raise ConfigError(
            f"{len(cohort.encounters)} encounters can be counted{left_out}; at least {least} are "
            "needed so that no figure points to a single one (--min-encounters)"
            + (f"; {others}" if others else "")
        )
