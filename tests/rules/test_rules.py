"""Advice: only on evidence, no more often than allowed, the same live and afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from framework_rules.load import load_rules, parse_rules
from framework_rules.recommender import Rules
from framework_rules.schema import RuleFile
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.types import EMOTIONS, UNKNOWN, EmotionWindow, PersonTimeline, Recommendation, Role

NEGATIVE = ["anger", "disgust", "fear", "sadness"]


def person(
    seconds: str, role: str = "patient", name: str = "", start: int = 0, strength: float = 0.8
) -> PersonTimeline:
    """A timeline from letters: a anger, d disgust, f fear, h happiness, n neutral, s sadness,
    S surprise, . unknown, - weak sadness (0.4)."""
    letter = {"a": 0, "d": 1, "f": 2, "h": 3, "n": 4, "s": 5, "S": 6, "-": 5}
    n = len(seconds)
    rows = np.full((n, 7), np.nan, np.float32)
    for k, c in enumerate(seconds):
        if c != ".":
            p = 0.4 if c == "-" else strength
            rows[k] = 0
            rows[k, 4] = 1 - p
            rows[k, letter[c]] += p
    label = tuple(UNKNOWN if c == "." else EMOTIONS[letter[c]] for c in seconds)
    known = np.array([c != "." for c in seconds])
    return PersonTimeline(
        person=name or f"{role}-1",
        role=Role(role),
        second=np.arange(start, start + n),
        probabilities=rows,
        label=label,
        samples=np.where(known, 5, 0),
        coverage=np.where(known, 1.0, 0.0).astype(np.float32),
        quality=np.where(known, 0.9, np.nan).astype(np.float32),
    )


def rules(body: str, interval: int = 0) -> Rules:
    text = f"version: 1\nmin_interval_s: {interval}\nrules:\n" + body
    return Rules(parse_rules(text, "test"))


def rule(extra: str = "", name: str = "r") -> str:
    return (
        f"  - {{name: {name}, observe: {{role: patient, emotions: [sadness]}}, "
        f"text: some advice{', ' + extra if extra else ''}}}\n"
    )


def advise(recommender: Rules, *people: PersonTimeline) -> list[Recommendation]:
    return recommender.recommend(EmotionWindow(people))


def times(recommender: Rules, *people: PersonTimeline) -> list[float]:
    return [r.time_s for r in advise(recommender, *people)]


def test_speaks_when_the_condition_has_lasted() -> None:
    (advice,) = advise(rules(rule("persistence_s: 3")), person("nnsssssn"))
    assert (advice.start_s, advice.end_s, advice.time_s) == (2, 5, 5)
    assert (advice.to, advice.about, advice.emotion) == (Role.DOCTOR, "patient-1", "sadness")
    assert advice.confidence == pytest.approx(0.8, abs=1e-3)
    assert "3 of 3 s" in advice.reason


def test_too_short_a_stretch_is_silent() -> None:
    assert times(rules(rule("persistence_s: 3")), person("nssnssnssn")) == []


def test_hysteresis_bridges_a_weak_second() -> None:
    # 0.4 lies between leave (0.35) and min_probability (0.5).
    assert times(rules(rule("persistence_s: 4")), person("ns--sn")) == [5]
    assert times(rules(rule("persistence_s: 2")), person("n----n")) == []


@pytest.mark.parametrize(("gap", "expected"), [("", [3]), (".", [4]), ("..", [5]), ("...", [6])])
def test_unknown_seconds_hold_within_the_gap_and_do_not_count(
    gap: str, expected: list[float]
) -> None:
    found = times(rules(rule("persistence_s: 3, max_gap_s: 2")), person(f"ss{gap}snnn"))
    assert found == (expected if len(gap) <= 2 else [])


def test_an_unknown_second_never_speaks() -> None:
    assert times(rules(rule("persistence_s: 2, max_gap_s: 60")), person("s" + "." * 20)) == []


def test_one_stretch_one_recommendation_unless_repeat() -> None:
    long = person("s" * 30)
    assert times(rules(rule("cool_down_s: 10")), long) == [3]
    assert times(rules(rule("cool_down_s: 10, repeat: true")), long) == [3, 13, 23]


def test_cool_down_delays_but_does_not_swallow() -> None:
    # The second stretch begins within the cool-down and still lasts when that is over.
    assert times(rules(rule("cool_down_s: 12")), person("sssnsssssssssssss")) == [3, 15]
    assert times(rules(rule("cool_down_s: 12")), person("sssnssssnnnnnnnnn")) == [3]


def test_min_interval_is_per_addressee_and_first_rule_wins() -> None:
    body = rule(name="one") + rule(name="two") + rule("to: patient", name="three")
    found = advise(rules(body, interval=5), person("s" * 9))
    assert [(r.rule, r.time_s) for r in found] == [("one", 3), ("three", 3), ("two", 8)]


def test_low_coverage_is_no_evidence() -> None:
    timeline = person("ssssss")
    weak = replace(timeline, coverage=np.full(6, 0.2, np.float32))
    assert times(rules(rule()), weak) == []
    assert times(rules(rule("min_coverage: 0.1")), weak) == [3]


def test_and_needs_both_in_the_same_seconds() -> None:
    body = (
        "  - {name: m, observe: {role: patient, emotions: negative}, "
        "and: {role: doctor, emotions: negative}, text: some advice}\n"
    )
    assert times(rules(body), person("nsssssnn"), person("nnnaaaan", "doctor")) == [6]
    assert times(rules(body), person("sssnnnnn"), person("nnnnaaaa", "doctor")) == []
    assert times(rules(body), person("sssssss")) == []


def test_and_within_a_few_seconds() -> None:
    body = (
        "  - {name: m, observe: {role: patient, emotions: [sadness]}, persistence_s: 2, "
        "and: {role: doctor, emotions: [anger], within_s: 3}, text: some advice}\n"
    )
    assert times(rules(body), person("nnsss"), person("annnn", "doctor")) == [4]
    assert times(rules(body), person("nnnnsss"), person("annnnnn", "doctor")) == []


WITHOUT = (
    "  - {name: w, observe: {role: patient, emotions: negative}, persistence_s: 4, max_gap_s: 1, "
    "without: {role: doctor, emotions: [happiness, surprise], within_s: 2}, text: some advice}\n"
)


def test_without_answer_of_a_readable_doctor() -> None:
    assert times(rules(WITHOUT), person("ssssss"), person("nnnnnn", "doctor")) == [4]
    assert times(rules(WITHOUT), person("ssssss"), person("nnhnnn", "doctor")) == []


def test_doctor_who_cannot_be_read_is_not_blamed() -> None:
    assert times(rules(WITHOUT), person("ssssssss"), person("........", "doctor")) == []
    assert times(rules(WITHOUT), person("ssssssss")) == []


def test_absence_needs_a_recording_of_that_role() -> None:
    body = "  - {name: a, absence: {role: patient}, persistence_s: 5, text: 'gone {seconds} s'}\n"
    (advice,) = advise(rules(body), person("nn......nn"))
    assert (advice.time_s, advice.start_s, advice.text) == (7, 2, "gone 5 s")
    assert advice.emotion == UNKNOWN
    assert times(rules(body), person("nnnnnnnnnn", "doctor")) == []
    # The patient's camera stopped: nobody was looking, which is no absence.
    assert times(rules(body), person("nn"), person("nnnnnnnnnn", "doctor")) == []
    # A second track of the same role is readable.
    two = person("nn........"), person("..nnnnnnnn", name="patient-2")
    assert times(rules(body), *two) == []


def test_no_people_or_empty_timelines() -> None:
    assert advise(Rules()) == []
    assert advise(Rules(), person("")) == []


def test_paper_rules_by_default() -> None:
    quiet = person("n" * 40)
    found = advise(Rules(), quiet, person("nnnaaaannnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "doctor"))
    assert [r.rule for r in found] == ["doctor-negative-expression"]
    found = advise(Rules(), person("nnfffffnnn"), person("nnnhhhhhnn", "doctor"))
    assert [r.rule for r in found] == ["patient-negative-emotion"]
    found = advise(Rules(), person("nssssssn"), person("naaaaaan", "doctor"))
    assert [r.rule for r in found] == ["mirrored-negative-affect"]


def test_default_notices_missing_answer_and_missing_face() -> None:
    found = advise(Rules(), person("s" * 40), person("n" * 40, "doctor"))
    assert [r.rule for r in found] == ["patient-negative-emotion", "patient-without-response"]
    found = advise(Rules(), person("n" + "." * 70), person("n" * 71, "doctor"))
    assert [r.rule for r in found] == ["patient-face-not-readable"]


letters = st.text("adfhnsS.-", min_size=0, max_size=120)
windows = st.tuples(letters, letters, letters)


def window(texts: tuple[str, str, str], start: int = 0) -> EmotionWindow:
    patient, doctor, other = texts
    return EmotionWindow(
        (
            person(patient, "patient", start=start),
            person(doctor, "doctor", start=start + 3),
            person(other, "patient", "patient-2", start=start),
        )
    )


BUSY: RuleFile = parse_rules(
    "version: 1\nmin_interval_s: 4\nrules:\n"
    "  - {name: a, observe: {role: patient, emotions: negative}, repeat: true, cool_down_s: 7, "
    "persistence_s: 2, text: some advice}\n"
    "  - {name: b, observe: {role: doctor, emotions: [anger, sadness]}, to: patient, "
    "cool_down_s: 5, persistence_s: 1, text: some advice}\n"
    "  - {name: c, observe: {role: patient, emotions: negative}, persistence_s: 2, max_gap_s: 3, "
    "without: {role: doctor, emotions: [happiness], within_s: 2}, text: some advice}\n"
    "  - {name: d, absence: {role: patient}, persistence_s: 3, cool_down_s: 9, text: an advice}\n",
    "busy",
)
every_file = pytest.mark.parametrize("file", [load_rules(), BUSY], ids=["default", "busy"])


@every_file
@settings(max_examples=50, deadline=None)
@given(texts=windows)
def test_cool_down_and_interval_are_kept(file: RuleFile, texts: tuple[str, str, str]) -> None:
    found = Rules(file).recommend(window(texts))
    assert [r.time_s for r in found] == sorted(r.time_s for r in found)
    for one in file.rules:
        spoken = [r.time_s for r in found if r.rule == one.name]
        assert all(np.diff(spoken) >= one.cool_down_s)
    for to in Role:
        assert all(np.diff([r.time_s for r in found if r.to == to]) >= file.min_interval_s)


@every_file
@settings(max_examples=50, deadline=None)
@given(texts=windows)
def test_every_recommendation_has_its_evidence(file: RuleFile, texts: tuple[str, str, str]) -> None:
    by_name = {rule.name: rule for rule in file.rules}
    given_window = window(texts)
    for advice in Rules(file).recommend(given_window):
        source = by_name[advice.rule]
        assert advice.time_s == advice.end_s > advice.start_s
        assert 0.0 <= advice.confidence <= 1.0
        if source.observe is None:
            continue
        (timeline,) = [p for p in given_window.people if p.person == advice.about]
        rows = (timeline.second >= advice.start_s) & (timeline.second < advice.end_s)
        columns = [EMOTIONS.index(e) for e in source.observe.emotions]
        held = timeline.probabilities[rows][:, columns].sum(axis=1) >= source.observe.leave
        assert held.sum() >= source.persistence_s
        assert held[-1], "the last second of the evidence is evidence"


@every_file
@settings(max_examples=30, deadline=None)
@given(texts=windows, shift=st.integers(-500, 10_000))
def test_later_start_shifts_the_times_and_nothing_else(
    file: RuleFile, texts: tuple[str, str, str], shift: int
) -> None:
    here, there = Rules(file).recommend(window(texts)), Rules(file).recommend(window(texts, shift))
    moved = [
        replace(r, time_s=r.time_s + shift, start_s=r.start_s + shift, end_s=r.end_s + shift)
        for r in here
    ]
    assert moved == there


@every_file
@settings(max_examples=30, deadline=None)
@given(texts=windows, cut=st.integers(0, 120))
def test_live_advice_is_the_beginning_of_the_final_advice(
    file: RuleFile, texts: tuple[str, str, str], cut: int
) -> None:
    patient, doctor, other = texts
    # The doctor's timeline starts three seconds later.
    part = window((patient[:cut], doctor[: max(0, cut - 3)], other[:cut]))
    final = Rules(file).recommend(window(texts))
    if len(patient[:cut]) == 0 and len(other[:cut]) == 0:
        return
    assert Rules(file).recommend(part) == [r for r in final if r.time_s <= cut]


@settings(max_examples=30, deadline=None)
@given(texts=windows)
def test_same_window_same_advice(texts: tuple[str, str, str]) -> None:
    recommender = Rules(BUSY)
    assert recommender.recommend(window(texts)) == recommender.recommend(window(texts))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 100))
def test_unreadable_recording_gives_no_advice_about_emotions(n: int) -> None:
    found = Rules().recommend(window(("." * n, "." * n, "." * n)))
    assert {r.rule for r in found} <= {"patient-face-not-readable"}
