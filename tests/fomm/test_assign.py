"""Donors: distinct, stable for a key, unpredictable without it, blind to looks."""

from __future__ import annotations

from collections import Counter

import pytest
from framework_fomm.donors.assign import Assignment, new_key, person_name, preferences
from hypothesis import given
from hypothesis import strategies as st

from framework.types import Role

DONORS = [f"donor-{i:02d}" for i in range(1, 13)]


@given(st.binary(min_size=1, max_size=64), st.text(max_size=20))
def test_preferences_are_a_permutation_and_stable(key: bytes, person: str) -> None:
    order = preferences(key, person, DONORS)
    assert sorted(order) == DONORS
    assert order == preferences(key, person, list(reversed(DONORS)))


def test_every_donor_is_equally_likely() -> None:
    first = Counter(preferences(i.to_bytes(4, "big"), "patient", DONORS)[0] for i in range(2400))
    assert min(first.values()) > 140 and max(first.values()) < 260  # 200 expected, 4 sigma is 54


def test_without_the_key_the_choice_differs_from_run_to_run() -> None:
    chosen = {preferences(new_key(), "patient", DONORS)[0] for _ in range(60)}
    assert len(chosen) > 6
    with pytest.raises(ValueError, match="key"):
        preferences(b"", "patient", DONORS)


def test_adding_a_donor_moves_only_those_who_take_it() -> None:
    for i in range(200):
        before = preferences(b"k", f"track-{i}", DONORS)[0]
        after = preferences(b"k", f"track-{i}", [*DONORS, "own-01"])[0]
        assert after in (before, "own-01")


@given(st.binary(min_size=1, max_size=16), st.sets(st.integers(0, 1000), max_size=20))
def test_nobody_shares_a_donor(key: bytes, tracks: set[int]) -> None:
    assignment = Assignment(key, DONORS)
    assignment.plan(dict.fromkeys(tracks, Role.UNKNOWN))
    given = [assignment.donor_of(t) for t in sorted(tracks)]
    named = [g for g in given if g is not None]
    assert len(set(named)) == len(named) == min(len(tracks), len(DONORS))
    assert given == [assignment.donor_of(t) for t in sorted(tracks)]  # and keeps it


def test_patient_keeps_the_donor_in_every_camera() -> None:
    """Track numbers and bystanders differ from camera to camera; the roles don't."""
    cameras = [
        {1: Role.PATIENT, 2: Role.DOCTOR},
        {7: Role.DOCTOR, 4: Role.PATIENT, 1: Role.BYSTANDER, 2: Role.UNKNOWN},
        {3: Role.PATIENT},
    ]
    patients = set()
    for roles in cameras:
        assignment = Assignment(b"the key", DONORS)
        assignment.plan(roles)
        track = next(t for t, r in roles.items() if r == Role.PATIENT)
        patients.add(assignment.donor_of(track))
    assert len(patients) == 1
    assert person_name(3, {3: Role.PATIENT, 4: Role.PATIENT}) == "track-3"  # ambiguous


def test_bystanders_take_no_donor() -> None:
    assignment = Assignment(b"k", DONORS[:1])
    assignment.plan({1: Role.BYSTANDER, 2: Role.UNKNOWN})
    assert assignment.donor_of(2) == DONORS[0]
