"""Mimicry: one shows an expression soon after the other began to.

As the literature counts it (Hess and Blairy 2001; Seibt, Muehlberger, Likowski and Weyers 2015): an
onset of one person's expression is mimicked if the other person begins to show the same expression
within a short window after it. How often that would happen by chance is counted with the onsets
moved around the recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import UserError
from framework.types import UNKNOWN

Labels = NDArray[np.str_]
SHUFFLES = 1000


@dataclass(frozen=True)
class Mimicry:
    """How often one expression of one person is answered by the same expression of the other.

    Attributes:
        expression: which.
        onsets: times the leader began to show it while the other was readable and not showing it.
        mimicked: of these, how many the other answered within the window.
        expected: how many would be by chance: the mean over shuffled onsets.
        p_value: share of the shuffles with at least as many, one-sided, never 0; None without
            onsets.
        shared_s: seconds in which both show it.
        events_s: times of the mimicked onsets, seconds on the shared clock.
        delays_s: of each, how long the answer took, seconds.
    """

    expression: str
    onsets: int
    mimicked: int
    expected: float
    p_value: float | None
    shared_s: float
    events_s: tuple[float, ...]
    delays_s: tuple[float, ...]

    @property
    def rate(self) -> float | None:
        """Share of the onsets that were answered; None without onsets."""
        return self.mimicked / self.onsets if self.onsets else None


@dataclass(frozen=True)
class Reaction:
    """What the other person's face did after an episode began.

    Attributes:
        start_s: when the episode began.
        before: what the other showed then.
        after: the first other expression within the window, or None if there was no change.
        delay_s: how long it took; None without a change.
        readable: False if the other could not be read when it began.
    """

    start_s: float
    before: str
    after: str | None
    delay_s: float | None
    readable: bool


def mimicry(
    leader: Sequence[str],
    follower: Sequence[str],
    *,
    expression: str,
    step_s: float = 1.0,
    start_s: float = 0.0,
    window_s: float = 2.0,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> Mimicry:
    """Count how often the follower answers the leader's expression with the same.

    Args:
        leader, follower: (n,) labels at equal times; ``unknown`` where unreadable.
        expression: the label that is looked for.
        step_s: time from one label to the next.
        start_s: time of the first label on the shared clock.
        window_s: an answer comes later than the onset and no later than this.
        shuffles: how many times the leader's labels are moved around the recording, all by the same
            amount, which keeps their number, length and rhythm.
        seed: of the shuffles.

    Raises:
        UserError: the label lists differ in length, the window holds no step, or it does not fit
            into the recording twice.
    """
    a, b = np.asarray(leader, np.str_), np.asarray(follower, np.str_)
    steps = _steps(a, b, step_s, window_s)
    starts, answers = _onsets(a, expression), _onsets(b, expression)
    free = (b != expression) & (b != UNKNOWN)
    delay = _next_after(answers, len(b)) - np.arange(len(b))
    answered = free & (delay > 0) & (delay <= steps)
    events = np.flatnonzero(starts & answered)
    counted = int((starts & free).sum())
    expected, p_value = 0.0, None
    if counted:
        drawn = _shuffled(starts, free, answered, steps, shuffles, seed)
        expected = float(drawn.mean()) * counted
        rate = len(events) / counted
        p_value = float((1 + (drawn >= rate - 1e-12).sum()) / (1 + len(drawn)))
    return Mimicry(
        expression=expression,
        onsets=counted,
        mimicked=len(events),
        expected=expected,
        p_value=p_value,
        shared_s=float(((a == expression) & (b == expression)).sum() * step_s),
        events_s=tuple((start_s + events * step_s).tolist()),
        delays_s=tuple((delay[events] * step_s).tolist()),
    )


def reactions(
    starts_s: Sequence[float],
    other: Sequence[str],
    *,
    step_s: float = 1.0,
    start_s: float = 0.0,
    window_s: float = 5.0,
) -> list[Reaction]:
    """What the other's face did after each start.

    Args:
        starts_s: when episodes began, on the shared clock.
        other: (n,) labels of the other person; ``unknown`` where unreadable.
        step_s, start_s: as for :func:`mimicry`.
        window_s: a change that comes later is not counted as an answer.
    """
    labels = np.asarray(other, np.str_)
    found = []
    for start in starts_s:
        at = int(np.floor((start - start_s) / step_s + 1e-9))
        if not 0 <= at < len(labels) or labels[at] == UNKNOWN:
            found.append(Reaction(float(start), UNKNOWN, None, None, False))
            continue
        before = str(labels[at])
        later = labels[at + 1 : at + 1 + round(window_s / step_s)]
        changed = np.flatnonzero((later != before) & (later != UNKNOWN))
        if len(changed):
            first = int(changed[0])
            found.append(
                Reaction(float(start), before, str(later[first]), (first + 1) * step_s, True)
            )
        else:
            found.append(Reaction(float(start), before, None, None, True))
    return found


def _steps(a: Labels, b: Labels, step_s: float, window_s: float) -> int:
    if a.shape != b.shape or a.ndim != 1:
        raise UserError(f"expected two lists of labels of one length, got {a.shape} and {b.shape}")
    steps = round(window_s / step_s)
    if steps < 1:
        raise UserError(
            f"a window of {window_s:g} s is shorter than the step of {step_s:g} s between labels"
        )
    if len(a) < 2 * (steps + 1):
        raise UserError(
            f"{len(a) * step_s:g} s are too short for a window of {window_s:g} s, expected at "
            f"least {2 * (steps + 1) * step_s:g} s"
        )
    return steps


def _onsets(labels: Labels, expression: str) -> NDArray[np.bool_]:
    """Where the expression begins. After an unreadable time nobody knows whether it begins."""
    shown = labels == expression
    before = np.concatenate([[False], (labels[:-1] != expression) & (labels[:-1] != UNKNOWN)])
    found: NDArray[np.bool_] = shown & before
    return found


def _next_after(answers: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """For each time the next time at which an answer begins, later than it; far if none."""
    times = np.flatnonzero(answers)
    at = np.searchsorted(times, np.arange(n), side="right")
    return np.append(times, 4 * n)[at]


def _shuffled(
    starts: NDArray[np.bool_],
    free: NDArray[np.bool_],
    answered: NDArray[np.bool_],
    steps: int,
    shuffles: int,
    seed: int,
) -> NDArray[np.float64]:
    """Rates with the leader's onsets moved; each shift is further than the window."""
    n = len(starts)
    possible = np.arange(steps + 1, n - steps)
    generator = np.random.default_rng(seed)
    shifts = generator.choice(possible, size=shuffles, replace=len(possible) < shuffles)
    onsets = np.flatnonzero(starts)
    places = (onsets[None, :] + shifts[:, None]) % n
    counted = free[places].sum(axis=1)
    hits = answered[places].sum(axis=1)
    known = counted > 0
    rates: NDArray[np.float64] = hits[known] / counted[known]
    return rates if len(rates) else np.zeros(1)
