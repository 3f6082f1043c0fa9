"""Whose microphone hears it louder, whatever the gains."""

from __future__ import annotations

import numpy as np
import pytest
from framework_encounter.joint import Joint, Voice
from framework_encounter.joint_file import columns
from framework_encounter.speakers import STEP_S, Heard, split, turns

from framework.types import Role


def heard(
    who: str, length_s: float = 40, gain_db: float = 0, apart_db: float = 8, seed: int = 0
) -> tuple[Heard, Heard, np.ndarray]:
    """Two microphones; ``who`` names the speaker of each two seconds: p, d, or - for nobody."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(0, length_s, STEP_S)
    turn = np.array([who[int(t / 2) % len(who)] for t in time_s])
    voice = rng.normal(-25, 6, len(time_s))
    speech = turn != "-"
    loss = np.where(turn == "p", 0.0, -apart_db)
    noise = rng.normal(0, 2, (2, len(time_s)))
    p = np.where(speech, voice + loss, -60) + noise[0]
    d = np.where(speech, voice - apart_db - loss, -60) + noise[1] + gain_db
    return Heard(time_s, speech, p), Heard(time_s + 0.011, speech, d), turn


@pytest.mark.parametrize("gain_db", [-25, 0, 25])
@pytest.mark.parametrize("who", ["pd", "p-d-", "ppppd", "pddd"])
def test_turns_are_those_that_were_spoken(who: str, gain_db: float) -> None:
    first, second, turn = heard(who, gain_db=gain_db)
    found = turns(first, second)
    assert found is not None
    at = np.clip((found.time_s / STEP_S).astype(int), 0, len(turn) - 1)
    right = np.where(found.first, "p", np.where(found.second, "d", "-")) == turn[at]
    assert right.mean() > 0.93
    assert not (found.first & found.second).any()


@pytest.mark.parametrize("who", ["p", "d", "p-", "-"])
def test_one_speaker_or_none_is_not_split_in_two(who: str) -> None:
    for seed in range(5):
        assert turns(*heard(who, seed=seed)[:2]) is None


def test_microphones_at_the_same_place_tell_nothing() -> None:
    assert turns(*heard("pd", apart_db=0)[:2]) is None
    assert turns(*heard("pd", apart_db=1)[:2]) is None


def test_recordings_without_a_common_moment() -> None:
    first, second, _ = heard("pd")
    late = Heard(second.time_s + 100, second.speech, second.level_db)
    assert turns(first, late) is None
    assert turns(first, Heard(np.zeros(0), np.zeros(0, bool), np.zeros(0))) is None


def test_one_group_has_no_boundary() -> None:
    rng = np.random.default_rng(3)
    assert split(rng.normal(0, 5, 4000)) is None
    assert split(rng.uniform(-9, 9, 4000)) is None
    assert (
        split(np.zeros(100)) is None and split(np.zeros(1)) is None and split(np.zeros(0)) is None
    )
    two = np.concatenate([rng.normal(-4, 1, 300), rng.normal(6, 1, 100)])
    assert split(two) == pytest.approx(1.0, abs=1.0)


def test_a_view_without_the_doctor_has_no_speech_of_the_doctor() -> None:
    share = np.ones(3, np.float32)
    voice = Voice(np.arange(3), share, {Role.PATIENT: share, Role.DOCTOR: 0 * share}, "told")
    joint = Joint((), (), 3, voice)
    assert columns([], joint.voice)[2:] == ["speech", "patient_speech", "doctor_speech"]
    public = joint.only([Role.PATIENT]).voice
    assert public is not None and columns([], public)[2:] == ["speech", "patient_speech"]
