"""From what was read of two people to figures, files and the page."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from framework_encounter.dyad.files import write_interaction
from framework_encounter.dyad.interaction import Interaction, Track, between, contrasts, kept
from framework_encounter.dyad.options import DyadOptions
from framework_encounter.dyad.page import heat_map, interaction_view

from framework.types import EMOTIONS, PersonTimeline, Role
from tests.dyad.test_known_answers import smooth_noise

RATE = 5.0
SECONDS = 600


def person(role: Role, drive: np.ndarray, seed: int) -> Track:
    """Somebody who smiles where ``drive`` is high and is neutral elsewhere."""
    n = len(drive)
    happy = 1 / (1 + np.exp(-(drive + 0.2 * np.random.default_rng(seed).normal(size=n))))
    probabilities = np.zeros((n, 7), np.float32)
    probabilities[:, EMOTIONS.index("happiness")] = happy
    probabilities[:, EMOTIONS.index("neutral")] = 1 - happy
    second = np.arange(SECONDS)
    means = probabilities.reshape(SECONDS, -1, 7).mean(axis=1)
    label = tuple(
        "happiness" if row[EMOTIONS.index("happiness")] > 0.5 else "neutral" for row in means
    )
    timeline = PersonTimeline(
        person="person-1" if role == Role.PATIENT else "person-2",
        role=role,
        second=second,
        probabilities=means.astype(np.float32),
        label=label,
        samples=np.full(SECONDS, 5),
        coverage=np.ones(SECONDS, np.float32),
        quality=np.ones(SECONDS, np.float32),
    )
    return Track(role, np.arange(n) / RATE, contrasts([probabilities]), timeline)


def follows(lag_s: float, strength: float = 1.0) -> Interaction:
    """The doctor follows the patient's smile after ``lag_s``."""
    lag = round(lag_s * RATE)
    base = 1.5 * smooth_noise(4, int(SECONDS * RATE) + 100)
    own = 1.5 * smooth_noise(9, int(SECONDS * RATE))
    patient = base[50 : 50 + len(own)]
    doctor = strength * base[50 - lag : 50 - lag + len(own)] + (1 - strength) * own
    return between(
        person(Role.PATIENT, patient, 1),
        person(Role.DOCTOR, doctor, 2),
        [],
        DyadOptions(surrogates=200),
    )


@pytest.fixture(scope="module")
def led() -> Interaction:
    return follows(1.0)


def test_the_patient_who_is_followed_leads_in_every_figure(led: Interaction) -> None:
    smile = led.of("smile")
    assert smile is not None and smile.synchrony is not None and smile.peaks is not None
    assert smile.synchrony.p_value < 0.01 and smile.synchrony.leads > 0
    assert smile.peaks.first_leads(0.1) > 0.8
    by_leader = {leader: m for leader, m in led.mimicry if m.expression == "happiness"}
    assert by_leader[Role.PATIENT].p_value is not None and by_leader[Role.PATIENT].p_value < 0.01
    assert by_leader[Role.PATIENT].mimicked > by_leader[Role.DOCTOR].mimicked


def test_a_constant_expression_is_absent_with_a_reason_and_never_zero(led: Interaction) -> None:
    negative = led.of("negative")
    assert negative is not None and negative.synchrony is None and negative.windows is None
    assert "constant" in negative.absent["synchrony"]


def test_covering_that_keeps_half_of_the_answer_shows_as_a_loss(led: Interaction) -> None:
    weaker = follows(1.0, strength=0.4)
    change = next(k for k in kept(led, weaker) if k.name == "smile")
    assert change.interval[1] < 0 and change.effect_covered < change.effect_original
    assert all(k.difference == 0 for k in kept(led, led))


def test_files_hold_every_figure_and_say_what_is_absent(led: Interaction, tmp_path: Path) -> None:
    write_interaction(tmp_path, led, led, kept(led, led))
    with (tmp_path / "synchrony.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    found = {(r["source"], r["series"], r["figure"]): r for r in rows}
    effect = found["original", "smile", "absolute_effect_size"]
    smile = led.of("smile")
    assert smile is not None and smile.synchrony is not None
    assert float(effect["value"]) == pytest.approx(smile.synchrony.effect_size, rel=1e-5)
    assert effect["low"] and effect["high"] and effect["p_value"] and effect["n"] == "20"
    absent = found["original", "negative", "synchrony"]
    assert absent["value"] == "" and absent["note"].startswith("absent: ")
    assert float(found["original", "smile", "patient_leads_share"]["value"]) > 0.8
    assert float(found["original", "smile", "patient_leads_mean_lag_s"]["value"]) == pytest.approx(
        1.0, abs=0.2
    )
    assert found["covered less original", "smile", "absolute_observed_z"]["value"] == "0"
    with (tmp_path / "mimicry.csv").open() as handle:
        mimic = list(csv.DictReader(handle))
    assert {r["source"] for r in mimic} == {"original", "covered"}
    assert all(r["rate"] == "" for r in mimic if r["onsets"] == "0")


def test_the_page_says_in_words_who_leads_and_what_it_does_not_mean(led: Interaction) -> None:
    view = interaction_view(led, None, (), SECONDS)
    smile = next(s for s in view["series"] if s["name"] == "smile")
    text = " ".join(smile["sentences"])
    assert "more than chance" in text and "the patient leads in" in text
    assert smile["map"].startswith("<svg") and "warm" in smile["map"]
    assert "does not say" in view["not_meant"]
    assert view["not_read_again"] and not view["kept"]


def test_a_heat_map_of_a_long_visit_stays_small(led: Interaction) -> None:
    smile = led.of("smile")
    assert smile is not None and smile.windows is not None
    long = replace(
        smile.windows,
        start_s=np.arange(3000.0),
        r=np.random.default_rng(0).uniform(-1, 1, (3000, 31)),
    )
    assert len(heat_map(long, 0.0, 3000)) < 200_000
