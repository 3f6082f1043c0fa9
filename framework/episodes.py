"""Stretches of time in which somebody shows negative affect.

A threshold alone would cut an episode wherever the probability dips for a second; two thresholds
(hysteresis) and a tolerance for short unreadable gaps do not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from framework.types import EMOTIONS, NEGATIVE_EMOTIONS, PersonTimeline, Role

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class EpisodeConfig(BaseModel):
    """When an episode begins and ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enter: Share = Field(
        default=0.5,
        description="Summed probability of the emotions at which an episode begins, 0 to 1.",
    )
    leave: Share = Field(
        default=0.35,
        description="It ends when the sum falls below this, 0 to 1; at most `enter`.",
    )
    min_duration_s: int = Field(
        default=2, ge=1, le=3600, description="Shorter episodes are dropped, seconds."
    )
    max_gap_s: int = Field(
        default=2,
        ge=0,
        le=60,
        description="Unreadable seconds in a row that do not end an episode, seconds.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> EpisodeConfig:
        if self.leave > self.enter:
            raise ValueError(f"leave ({self.leave}) must not be above enter ({self.enter})")
        return self


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch of an emotion, or of a group of emotions.

    Attributes:
        person: pseudonym.
        role: of this person.
        start_s, end_s: whole seconds on the shared clock, ``end_s`` exclusive.
        emotion: the strongest emotion of the group over the episode.
        strength: mean summed probability of the group over its readable seconds, 0 to 1.
        readable_s: seconds with a label; the rest were unreadable.
    """

    person: str
    role: Role
    start_s: float
    end_s: float
    emotion: str
    strength: float
    readable_s: int


def episodes(
    timeline: PersonTimeline,
    config: EpisodeConfig | None = None,
    emotions: Iterable[str] = NEGATIVE_EMOTIONS,
) -> list[Episode]:
    """The episodes of one person, in order of time.

    Unreadable seconds neither begin nor prolong an episode: it spans from its first to its last
    readable second, and ends where more than ``config.max_gap_s`` unreadable seconds follow.

    Raises:
        ValueError: ``emotions`` names something that is no emotion, or nothing.
    """
    config = config or EpisodeConfig()
    wanted = set(emotions)
    if not wanted or not wanted <= set(EMOTIONS):
        raise ValueError(f"emotions: expected some of {EMOTIONS}, got {sorted(wanted)}")
    columns = [i for i, name in enumerate(EMOTIONS) if name in wanted]
    mass = timeline.probabilities[:, columns].astype(np.float64).sum(axis=1)

    found: list[Episode] = []
    start: int | None = None
    last = -1
    for k, value in enumerate(mass):
        if np.isnan(value):
            if start is not None and k - last > config.max_gap_s:
                found.append(_episode(timeline, columns, start, last))
                start = None
        elif start is None:
            if value >= config.enter:
                start, last = k, k
        elif value >= config.leave:
            last = k
        else:
            found.append(_episode(timeline, columns, start, last))
            start = None
    if start is not None:
        found.append(_episode(timeline, columns, start, last))
    return [e for e in found if e.end_s - e.start_s >= config.min_duration_s]


def _episode(timeline: PersonTimeline, columns: list[int], first: int, last: int) -> Episode:
    rows = timeline.probabilities[first : last + 1, columns].astype(np.float64)
    readable = ~np.isnan(rows).any(axis=1)
    mean = rows[readable].mean(axis=0)
    return Episode(
        person=timeline.person,
        role=timeline.role,
        start_s=float(timeline.second[first]),
        end_s=float(timeline.second[last] + 1),
        emotion=EMOTIONS[columns[int(mean.argmax())]],
        strength=float(min(1.0, mean.sum())),
        readable_s=int(readable.sum()),
    )
