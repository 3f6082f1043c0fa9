"""Conditions of a rule, decided second by second, from the past only.

Every second has one of three states. An unreadable second is neither evidence for a condition nor
evidence against it: it does not count, and it must not be read as "nothing there".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.types import EMOTIONS, UNKNOWN, PersonTimeline
from framework_rules.schema import Observation

NO, YES, UNREADABLE = 0, 1, -1
States = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One person on the window's common clock.

    Attributes:
        person: pseudonym.
        recorded: (n,) bool, the person's timeline has this second at all.
        readable: (n,) bool, it has a label, and the face was seen for long enough.
        probabilities: (n, 7) float64, NaN where there are none.
        coverage: (n,) float64, 0 where there is none.
    """

    person: str
    recorded: NDArray[np.bool_]
    readable: NDArray[np.bool_]
    probabilities: NDArray[np.float64]
    coverage: NDArray[np.float64]


def on_clock(timeline: PersonTimeline, first: int, count: int, min_coverage: float) -> Track:
    """A timeline laid on seconds ``first`` to ``first + count - 1``."""
    recorded = np.zeros(count, bool)
    readable = np.zeros(count, bool)
    probabilities = np.full((count, len(EMOTIONS)), np.nan)
    coverage = np.zeros(count)
    if len(timeline):
        start = int(timeline.second[0]) - first
        rows = slice(start, start + len(timeline))
        recorded[rows] = True
        labelled = np.array([label != UNKNOWN for label in timeline.label], bool)
        finite = np.isfinite(timeline.probabilities).all(axis=1)
        readable[rows] = labelled & finite & (timeline.coverage >= min_coverage)
        probabilities[rows] = timeline.probabilities
        coverage[rows] = np.nan_to_num(timeline.coverage)
    return Track(timeline.person, recorded, readable, probabilities, coverage)


def mass(track: Track, condition: Observation) -> NDArray[np.float64]:
    """Summed probability of the condition's emotions, (n,), NaN in unreadable seconds."""
    columns = [EMOTIONS.index(emotion) for emotion in condition.emotions]
    total = np.asarray(track.probabilities[:, columns].sum(axis=1), np.float64)
    return np.where(track.readable, total, np.nan)


def shows(track: Track, condition: Observation, max_gap_s: int) -> States:
    """Whether the person shows the condition's emotions, with hysteresis.

    It begins at ``min_probability`` and lasts while the sum stays at or above ``leave``. Up to
    ``max_gap_s`` unreadable seconds in a row keep the memory of it; after more, it has to begin
    again.
    """
    states = np.full(len(track.readable), UNREADABLE, np.int8)
    active, gap = False, 0
    for k, value in enumerate(mass(track, condition)):
        if np.isnan(value):
            gap += 1
            continue
        if gap > max_gap_s:
            active = False
        gap = 0
        active = bool(value >= (condition.leave if active else condition.min_probability))
        states[k] = YES if active else NO
    return states


def recently(states: Sequence[States], within_s: int, count: int) -> States:
    """Whether anybody was in the state YES now or up to ``within_s`` seconds ago.

    Returns:
        (count,) YES if so; else NO if somebody is readable in this very second; else unreadable.
    """
    if not states:
        return np.full(count, UNREADABLE, np.int8)
    stacked = np.stack(list(states))
    yes = (stacked == YES).any(axis=0)
    lately = yes.copy()
    for back in range(1, min(within_s, count - 1) + 1):
        lately[back:] |= yes[:-back]
    known = (stacked != UNREADABLE).any(axis=0)
    return np.where(lately, YES, np.where(known, NO, UNREADABLE)).astype(np.int8)


def negated(states: States) -> States:
    """YES and NO exchanged; unreadable stays what it is."""
    swapped = np.where(states == YES, NO, YES)
    return np.where(states == UNREADABLE, UNREADABLE, swapped).astype(np.int8)


def all_of(*states: States) -> States:
    """Three-valued AND: one NO decides, else one unreadable leaves it open."""
    stacked = np.stack(states)
    undecided = (stacked == UNREADABLE).any(axis=0)
    result = np.where(undecided, UNREADABLE, YES)
    return np.where((stacked == NO).any(axis=0), NO, result).astype(np.int8)


def absent(tracks: Sequence[Track]) -> States:
    """Whether none of these people has a readable face.

    A second that no timeline covers is unreadable, not an absence: nobody was looking.
    """
    recorded = np.stack([t.recorded for t in tracks]).any(axis=0)
    readable = np.stack([t.readable for t in tracks]).any(axis=0)
    return np.where(readable, NO, np.where(recorded, YES, UNREADABLE)).astype(np.int8)
