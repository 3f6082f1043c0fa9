from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from framework.episodes import EpisodeConfig, episodes
from framework.types import EMOTIONS, UNKNOWN, PersonTimeline, Role
from tests.timeline.tables import timeline


def of_mass(values: list[float | None], emotion: str = "sadness", first: int = 0) -> PersonTimeline:
    """A timeline in which ``emotion`` has these probabilities and ``neutral`` the rest."""
    rows = np.full((len(values), 7), np.nan, np.float32)
    for k, value in enumerate(values):
        if value is not None:
            rows[k] = 0.0
            rows[k, EMOTIONS.index(emotion)] = value
            rows[k, EMOTIONS.index("neutral")] = 1 - value
    n = len(values)
    labels = tuple(UNKNOWN if v is None else (emotion if v >= 0.5 else "neutral") for v in values)
    return PersonTimeline(
        person="person-4",
        role=Role.DOCTOR,
        second=np.arange(first, first + n),
        probabilities=rows,
        label=labels,
        samples=np.ones(n, np.int64),
        coverage=np.ones(n, np.float32),
        quality=np.ones(n, np.float32),
    )


def test_an_episode_has_start_end_emotion_and_strength() -> None:
    (e,) = episodes(of_mass([0.1, 0.6, 0.8, 0.7, 0.1], first=10))
    assert (e.person, e.role, e.emotion) == ("person-4", Role.DOCTOR, "sadness")
    assert (e.start_s, e.end_s, e.readable_s) == (11.0, 14.0, 3)
    assert e.strength == pytest.approx(0.7, abs=1e-6)


def test_a_dip_above_the_lower_threshold_does_not_cut_an_episode() -> None:
    assert [(e.start_s, e.end_s) for e in episodes(of_mass([0.6, 0.4, 0.6, 0.6]))] == [(0, 4)]
    assert [(e.start_s, e.end_s) for e in episodes(of_mass([0.6, 0.6, 0.3, 0.6, 0.6]))] == [
        (0, 2),
        (3, 5),
    ]
    # Between the thresholds alone, none begins.
    assert episodes(of_mass([0.4, 0.45, 0.4])) == []


def test_short_unreadable_gaps_are_bridged_and_long_ones_are_not() -> None:
    (e,) = episodes(of_mass([0.6, None, None, 0.6]))
    assert (e.start_s, e.end_s, e.readable_s) == (0, 4, 2)
    found = episodes(of_mass([0.6, 0.6, None, None, None, 0.6, 0.6]))
    assert [(e.start_s, e.end_s) for e in found] == [(0, 2), (5, 7)]
    # Unreadable seconds at the end prolong nothing.
    assert [e.end_s for e in episodes(of_mass([0.6, 0.6, None, None]))] == [2]


def test_short_ones_are_dropped() -> None:
    assert episodes(of_mass([0.1, 0.9, 0.1])) == []
    assert len(episodes(of_mass([0.1, 0.9, 0.1]), EpisodeConfig(min_duration_s=1))) == 1


def test_a_group_of_emotions_counts_together() -> None:
    mixed = timeline(["anger", "sadness", "fear", "happiness"])
    (e,) = episodes(mixed)
    assert (e.start_s, e.end_s) == (0, 3)
    assert e.emotion in {"anger", "sadness", "fear"}
    assert [x.emotion for x in episodes(timeline(["happiness"] * 3), emotions=["happiness"])] == [
        "happiness"
    ]


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="expected some of"):
        episodes(timeline(["anger"]), emotions=["joy"])
    with pytest.raises(ValidationError, match="must not be above"):
        EpisodeConfig(enter=0.3, leave=0.5)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.floats(0, 1, width=32)), max_size=40),
    st.integers(0, 4),
    st.integers(1, 4),
)
def test_episodes_are_disjoint_ordered_and_rest_on_evidence(
    values: list[float | None], gap: int, shortest: int
) -> None:
    config = EpisodeConfig(max_gap_s=gap, min_duration_s=shortest)
    found = episodes(of_mass(values), config)
    edges = [edge for e in found for edge in (e.start_s, e.end_s)]
    assert edges == sorted(edges)
    for e in found:
        inside = values[int(e.start_s) : int(e.end_s)]
        known = [v for v in inside if v is not None]
        assert e.end_s - e.start_s >= shortest
        assert inside[0] is not None and inside[0] >= np.float32(config.enter) - 1e-6
        assert inside[-1] is not None
        assert min(known) >= config.leave - 1e-6
        assert e.strength == pytest.approx(np.mean(known), abs=1e-5)
        assert e.readable_s == len(known)
