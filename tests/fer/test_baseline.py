"""The correction of a resting face: what it does, and what it must not do."""

from __future__ import annotations

import numpy as np
import pytest
from framework_fer.baseline import RestingFace, centred_log_ratio, neutral_profile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from framework.types import EMOTIONS

NEUTRAL, SADNESS, HAPPINESS = (EMOTIONS.index(e) for e in ("neutral", "sadness", "happiness"))
TYPICAL = np.array([0.05, 0.02, 0.04, 0.06, 0.7, 0.1, 0.03], np.float32)
REFERENCE = tuple(centred_log_ratio(TYPICAL[None])[0])
DROOPING = np.array([0.05, 0.02, 0.04, 0.02, 0.3, 0.55, 0.02], np.float32)
SMILE = np.array([0.01, 0.01, 0.01, 0.9, 0.04, 0.02, 0.01], np.float32)


def ones(n: int) -> np.ndarray:
    return np.ones(n, np.float32)


def test_a_drooping_mouth_is_not_sad_for_a_whole_session() -> None:
    session = np.tile(DROOPING, (1000, 1))
    session[100:200] = SMILE
    corrected = RestingFace(REFERENCE)(session, ones(1000))
    assert (corrected[:100].argmax(axis=1) == NEUTRAL).all()
    assert (corrected[100:200].argmax(axis=1) == HAPPINESS).all()


def test_a_person_who_rests_like_others_is_left_alone() -> None:
    session = np.tile(TYPICAL, (400, 1))
    session[50:250] = DROOPING  # half the session truly sad
    corrected = RestingFace(REFERENCE)(session, ones(400))
    assert np.abs(corrected - session).max() < 1e-4


def test_evidence_is_only_taken_off_and_at_most_to_the_limit() -> None:
    rest = np.array([0.001, 0.001, 0.001, 0.001, 0.001, 0.994, 0.001], np.float32)
    correction = RestingFace(REFERENCE, limit=1.5)
    excess = correction.excess(np.tile(rest, (200, 1)), ones(200))
    assert excess[NEUTRAL] == 0
    assert excess.min() >= 0
    assert excess[SADNESS] == pytest.approx(1.5)


def test_few_samples_say_nothing_about_a_resting_face() -> None:
    session = np.tile(DROOPING, (49, 1))
    assert np.array_equal(RestingFace(REFERENCE)(session, ones(49)), session)


def test_samples_without_quality_say_nothing() -> None:
    session = np.tile(DROOPING, (100, 1))
    assert np.array_equal(RestingFace(REFERENCE)(session, np.zeros(100, np.float32)), session)


def test_rows_that_are_not_finite_stay_and_do_not_spread() -> None:
    session = np.tile(DROOPING, (200, 1))
    session[7] = np.nan
    corrected = RestingFace(REFERENCE)(session, ones(200))
    assert np.isnan(corrected[7]).all()
    assert np.isfinite(np.delete(corrected, 7, axis=0)).all()


@settings(max_examples=40, deadline=None)
@given(nps.arrays(np.float64, (60, 7), elements=st.floats(0.0, 1.0)))
def test_rows_stay_distributions_and_neutral_never_loses(raw: np.ndarray) -> None:
    rows = (raw + 1e-3) / (raw + 1e-3).sum(axis=1, keepdims=True)
    given_rows = rows.astype(np.float32)
    corrected = RestingFace(REFERENCE)(given_rows, ones(60))
    assert np.isfinite(corrected).all()
    assert corrected.min() >= 0
    assert np.allclose(corrected.sum(axis=1), 1, atol=1e-5)
    assert (corrected[:, NEUTRAL] >= given_rows[:, NEUTRAL] - 1e-5).all()


def test_the_order_of_the_samples_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    rows = rng.dirichlet(np.ones(7), 120).astype(np.float32)
    quality = rng.uniform(0.2, 1, 120).astype(np.float32)
    order = rng.permutation(120)
    straight = RestingFace(REFERENCE)(rows, quality)
    shuffled = RestingFace(REFERENCE)(rows[order], quality[order])
    assert np.allclose(straight[order], shuffled, atol=1e-6)


def test_the_profile_is_the_mean_of_neutral_faces() -> None:
    p = np.stack([TYPICAL, TYPICAL, SMILE])
    profile = neutral_profile(p, np.array([NEUTRAL, NEUTRAL, HAPPINESS]))
    assert np.allclose(profile, REFERENCE, atol=1e-6)
    assert profile.sum() == pytest.approx(0, abs=1e-6)


def test_without_neutral_faces_nothing_is_ever_taken_off() -> None:
    profile = neutral_profile(SMILE[None], np.array([HAPPINESS]))
    session = np.tile(DROOPING, (100, 1))
    assert np.array_equal(RestingFace(tuple(profile))(session, ones(100)), session)
