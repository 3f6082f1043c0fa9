"""The joint timeline: seconds on the shared clock, the better camera, change points, advice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from framework_encounter import stored_timelines
from framework_encounter.advice import advise
from framework_encounter.changes import change_points, segment
from framework_encounter.clock import exactly
from framework_encounter.joint import Joint, Seen, Voice, join, on_shared_clock
from framework_encounter.joint_file import read_joint, write_joint
from hypothesis import given
from hypothesis import strategies as st

from framework import ConfigError, MediaError, Role
from framework.cli.main import main
from framework.outputs import write_emotions
from framework.timeline import build_timelines
from framework.types import EMOTIONS, UNKNOWN, PersonTimeline
from tests.encounter.test_roles import table


def line(role: Role, labels: list[str], first: int = 0, quality: float = 0.8) -> PersonTimeline:
    n = len(labels)
    known = np.array([label != UNKNOWN for label in labels])
    rows = np.full((n, 7), 0.05, np.float32)
    for k, label in enumerate(labels):
        if label in EMOTIONS:
            rows[k, EMOTIONS.index(label)] = 0.7
    rows[~known] = np.nan
    return PersonTimeline(
        "person-1" if role is Role.PATIENT else "person-2",
        role,
        np.arange(first, first + n),
        rows,
        tuple(labels),
        np.where(known, 5, 0),
        known.astype(np.float32),
        np.where(known, quality, np.nan).astype(np.float32),
    )


@given(st.floats(-20, 20), st.floats(-3e-4, 3e-4))
def test_every_second_is_where_it_happened(offset: float, drift: float) -> None:
    """A face seen all the time is seen all the time on any other clock, and for as long."""
    made = table((range(100), 100, 60))
    clock = exactly(offset, "manual")
    clock = type(clock)("audio", type(clock.sync)(offset, drift, 1.0, 9, 0.0))
    shifted, first = on_shared_clock(made, clock)
    person = build_timelines(shifted).people[0]
    np.testing.assert_allclose(person.coverage, 1.0, atol=1e-4)
    assert first == np.floor(offset + 1e-6)
    end = offset + 10 * (1 + drift)
    assert first + len(person) == pytest.approx(np.ceil(end - 1e-6), abs=1)
    assert shifted.time_s[-1] + first == pytest.approx(clock.shared(9.9), abs=1e-6)


def test_each_second_is_that_of_the_camera_that_reads_the_face_better() -> None:
    near = line(Role.DOCTOR, ["fear", UNKNOWN, "fear"], 0, 0.9)
    far = line(Role.DOCTOR, ["anger", "anger", "anger", "anger"], 0, 0.5)
    joint = join([Seen(0, far, far), Seen(1, near, near)], 10)
    assert joint.people[0].label == ("fear", "anger", "fear", "anger")
    assert joint.cameras[0].tolist() == [1, 0, 1, 0]


def test_seconds_outside_the_patients_recording_are_left_out() -> None:
    doctor = line(Role.DOCTOR, ["fear"] * 8, -2)
    patient = line(Role.PATIENT, ["anger"] * 4)
    joint = join([Seen(1, doctor, doctor), Seen(0, patient, patient)], 4)
    assert [p.role for p in joint.people] == [Role.PATIENT, Role.DOCTOR]
    assert joint.people[1].second.tolist() == [0, 1, 2, 3]
    late = line(Role.DOCTOR, ["fear"] * 3, 9)
    assert join([Seen(1, late, late)], 4).people == ()


@given(
    st.lists(st.sampled_from([*EMOTIONS, UNKNOWN]), min_size=1, max_size=9),
    st.lists(st.sampled_from([*EMOTIONS, UNKNOWN]), min_size=1, max_size=5),
    st.integers(0, 4),
)
def test_a_joint_timeline_reads_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, one: list[str], other: list[str], first: int
) -> None:
    people = (line(Role.PATIENT, one), line(Role.DOCTOR, other, first))
    cameras = tuple(np.zeros(len(p), np.int64) for p in people)
    voice = Voice(np.arange(9), np.linspace(0, 1, 9, dtype=np.float32))
    path = tmp_path_factory.mktemp("joint") / "timeline.csv"
    write_joint(path, Joint(people, cameras, 9, voice))
    for kept, read in zip(people, read_joint(path), strict=True):
        assert read.label == kept.label and read.second.tolist() == kept.second.tolist()
        np.testing.assert_allclose(read.probabilities, kept.probabilities, rtol=1e-5)
        np.testing.assert_allclose(read.quality, kept.quality, rtol=1e-5)


def test_a_damaged_timeline_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "timeline.csv"
    person = line(Role.PATIENT, ["fear"] * 3)
    write_joint(path, Joint((person,), (np.zeros(3, np.int64),), 3))
    text = path.read_text()
    path.write_text(text.replace("0.7", "much", 1))
    with pytest.raises(ConfigError, match="timeline, line 2: could not convert"):
        read_joint(path)
    path.write_text(text[:-20])
    with pytest.raises(ConfigError, match=r"timeline, line 4: expected \d+ cells"):
        read_joint(path)
    path.write_text("second,patient_label\n")
    with pytest.raises(ConfigError, match="line 1: missing column"):
        read_joint(path)


def test_change_points_are_found_where_they_are_and_only_there() -> None:
    steady = line(Role.PATIENT, ["happiness"] * 40)
    assert change_points(steady) == []
    labels = ["happiness"] * 20 + [UNKNOWN] * 3 + ["sadness"] * 20 + ["happiness"] * 20
    found = change_points(line(Role.PATIENT, labels, first=5))
    assert [(c.time_s, c.rises, c.falls) for c in found] == [
        (28.0, "sadness", "happiness"),
        (48.0, "happiness", "sadness"),
    ]
    assert change_points(line(Role.PATIENT, ["fear", "anger"])) == []


def test_noise_alone_makes_no_segments() -> None:
    generator = np.random.default_rng(2)
    counts = [len(segment(generator.dirichlet([4.0] * 7, 300))) for _ in range(10)]
    assert sum(counts) <= 1


def distress(tmp_path: Path) -> Path:
    """A patient in distress from second 10 on, with a doctor who smiles on."""
    people = (
        line(Role.PATIENT, ["neutral"] * 10 + ["sadness"] * 30),
        line(Role.DOCTOR, ["neutral"] * 40),
    )
    folder = tmp_path / "visit"
    write_joint(
        folder / "doctor-view" / "timeline.csv",
        Joint(people, tuple(np.zeros(40, np.int64) for _ in people), 40),
    )
    write_joint(folder / "timeline.csv", Joint(people[:1], (np.zeros(40, np.int64),), 40))
    return folder


RULES = """\
version: 1
rules:
  - name: no-response
    observe: {role: patient, emotions: negative}
    without: {role: doctor, emotions: [sadness, happiness], within_s: 2}
    persistence_s: 5
    text: The patient seems to be having a hard moment.
"""


def test_rules_are_tried_on_a_stored_timeline_of_both_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, rules = distress(tmp_path), tmp_path / "my.yaml"
    rules.write_text(RULES)
    found = advise(folder, options=[f"recommender.rules={rules}"])
    assert [(a.rule, a.time_s, a.start_s) for a in found] == [("no-response", 15.0, 10.0)]
    # the patient alone tells nothing about the doctor's answer
    assert advise(folder / "timeline.csv", options=[f"recommender.rules={rules}"]) == []
    out = tmp_path / "o" / "advice.json"
    assert main(["advise", str(folder), "--rules", str(rules), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "5 s after the onset" in text and "1 recommendation" in text and out.is_file()


def test_rules_are_tried_on_the_emotions_of_a_single_run(tmp_path: Path) -> None:
    person = line(Role.PATIENT, ["sadness"] * 30)
    write_emotions(tmp_path / "emotions.csv", [person])
    assert stored_timelines(tmp_path)[0].label == person.label
    rules = tmp_path / "my.yaml"
    rules.write_text(RULES.replace("    without:", "    # without:"))
    assert len(advise(tmp_path, options=[f"recommender.rules={rules}"])) == 1


def test_what_advise_refuses(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no stored timeline at"):
        advise(tmp_path / "none")
    with pytest.raises(ConfigError, match="has no part in advice"):
        advise(distress(tmp_path), options=["detector.size=3"])
