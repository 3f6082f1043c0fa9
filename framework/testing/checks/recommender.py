"""Recommenders: a pure function of the window, and nothing without evidence."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np

from framework.testing import scenes
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import EMOTIONS, UNKNOWN, EmotionWindow, PersonTimeline, Recommendation, Role


def busy(start: int = 0, seed: int = 0) -> EmotionWindow:
    """Three minutes of a patient and a doctor with stretches of every emotion, and gaps."""
    rng = random.Random(seed)
    people = []
    for role in (Role.PATIENT, Role.DOCTOR):
        labels: list[str] = []
        while len(labels) < 180:
            labels += [rng.choice([*EMOTIONS, UNKNOWN])] * rng.randint(1, 15)
        people.append(scenes.timeline(labels[:180], role, start))
    return EmotionWindow(tuple(people))


def recommend(component: Any, window: EmotionWindow) -> list[Recommendation]:
    """Advice, after a check of its form."""
    out = component.recommend(window)
    require(isinstance(out, list), f"expected a list, got {type(out).__name__}")
    for advice in out:
        require(isinstance(advice, Recommendation), f"expected Recommendation, got {advice!r}")
    return list(out)


@check()
def advice_is_well_formed(subject: Subject) -> str:
    """Times in order and inside the window, confidence 0 to 1, text, reason and rule are there."""
    component = subject.create()
    count = 0
    for seed in range(5):
        window = busy(seed=seed)
        names = {p.person for p in window.people} | set(Role)
        advice = recommend(component, window)
        count += len(advice)
        times = [a.time_s for a in advice]
        require(times == sorted(times), "expected advice in order of time")
        for a in advice:
            require(
                0 <= a.start_s < a.end_s <= a.time_s <= 180,
                f"evidence {a.start_s} to {a.end_s} s, given at {a.time_s} s of 180",
            )
            require(0.0 <= a.confidence <= 1.0, f"confidence {a.confidence}: expected 0 to 1")
            require(a.to in set(Role), f"to: expected a role, got {a.to!r}")
            require(a.text.strip() and a.reason.strip() and a.rule.strip(), "empty text or reason")
            require(a.about in names, f"about: nobody in the window is called {a.about!r}")
    return f"{count} pieces of advice in 15 minutes of made-up encounters"


@check()
def no_evidence_no_advice(subject: Subject) -> None:
    """Nobody, empty timelines and unreadable faces give no advice about an emotion."""
    component = subject.create()
    require(recommend(component, EmotionWindow(())) == [], "advice on an empty window")
    for length in (0, 1, 200):
        people = tuple(
            scenes.timeline([UNKNOWN] * length, role) for role in (Role.PATIENT, Role.DOCTOR)
        )
        for advice in recommend(component, EmotionWindow(people)):
            require(advice.emotion == UNKNOWN, f"'{advice.emotion}' in a face that was never seen")


@check()
def bystanders_are_left_out(subject: Subject) -> None:
    """Somebody who does not belong to the encounter gives rise to nothing."""
    labels = [e for e in EMOTIONS for _ in range(20)]
    window = EmotionWindow((scenes.timeline(labels, Role.BYSTANDER),))
    require(recommend(subject.create(), window) == [], "advice about a bystander")


@check()
def is_a_pure_function(subject: Subject) -> None:
    """The same window gives the same advice, whatever came before, in every instance."""
    component = subject.create()
    first = recommend(component, busy())
    require(recommend(component, busy()) == first, "a second call gives other advice")
    recommend(component, busy(seed=9))
    require(recommend(component, busy()) == first, "after another window it gives other advice")
    require(recommend(subject.create(), busy()) == first, "a second instance gives other advice")


@check()
def leaves_the_window_alone(subject: Subject) -> None:
    """The timelines are not written to."""
    window = busy()
    before = [_copy(p) for p in window.people]
    recommend(subject.create(), window)
    for old, new in zip(before, window.people, strict=True):
        require(
            np.array_equal(old.probabilities, new.probabilities, equal_nan=True)
            and old.label == new.label,
            "a timeline was changed",
        )


def _copy(timeline: PersonTimeline) -> PersonTimeline:
    return replace(timeline, probabilities=timeline.probabilities.copy())


@check()
def a_later_start_shifts_the_times_only(subject: Subject) -> None:
    """The clock's zero does not matter."""
    component = subject.create()
    here, there = recommend(component, busy()), recommend(component, busy(start=1000))
    moved = [(a.time_s + 1000, a.rule, a.about, a.start_s + 1000) for a in here]
    require(moved == [(a.time_s, a.rule, a.about, a.start_s) for a in there], "advice changed")


CHECKS = (
    advice_is_well_formed,
    no_evidence_no_advice,
    bystanders_are_left_out,
    is_a_pure_function,
    leaves_the_window_alone,
    a_later_start_shifts_the_times_only,
)
