"""Whole encounters with fake components: who is covered how, on which clock, and who sees what."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_encounter import make_encounter, run_encounter, stored_timelines

from framework import ConfigError, Role
from tests.encounter.test_sync import heard, speech
from tests.pipeline.conftest import WIDTH, bright, pictures

Camera = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("parts")

BASE: dict[str, Any] = {"detector": "square", "fer": "happy", "anonymizer": "fill"}


def two(camera: Camera, offset: float = 2.0, **more: Any) -> Any:
    patient, doctor = camera("a.mkv", 80), camera("b.mkv", 60, fps=12.5, seed=1)
    recordings = [
        {"file": str(patient), "shows": "patient"},
        {"file": str(doctor), "shows": "doctor", "offset_s": offset},
    ]
    return make_encounter({"id": "enc-1", "recordings": recordings, "sync": "manual"} | more)


def test_two_cameras_share_one_clock_and_every_face_is_covered(
    camera: Camera, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run_encounter(two(camera), out=out, **BASE)
    assert result.passed, result.reasons
    assert [a.total.unprotected_s for a in result.audits] == [0, 0]
    for folder in ("camera-1", "camera-2"):
        assert all(bright(image) == 0 for image in pictures(out / folder / "anonymized.mp4"))
    patient, doctor = result.joint.people
    assert (patient.role, doctor.role) == (Role.PATIENT, Role.DOCTOR)
    assert (patient.person, doctor.person) == ("person-1", "person-2")
    assert patient.second.tolist() == list(range(8))
    # 60 frames at 12.5 a second are 4.8 s, from second 2 on
    assert doctor.second.tolist() == [2, 3, 4, 5, 6]
    assert patient.label == ("happiness",) * 8


def test_the_doctors_emotions_are_in_the_doctors_view_alone(camera: Camera, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_encounter(two(camera), out=out, **BASE)
    with (out / "timeline.csv").open() as handle:
        head = next(csv.reader(handle))
    assert not [column for column in head if column.startswith("doctor")]
    private = out / "doctor-view"
    assert private.stat().st_mode & 0o077 == 0
    for name in ("report.html", "episodes.csv", "changes.csv", "encounter.json"):
        text = (out / name).read_text()
        assert "happiness" not in text or name == "report.html"
    assert "person-2" not in (out / "report.html").read_text()
    assert "person-2" in (private / "report.html").read_text()
    assert "camera-2/anonymized.mp4" in (private / "report.html").read_text()
    assert not (out / "recommendations.json").exists()
    assert (private / "recommendations.json").exists()
    shared = tmp_path / "shared"
    run_encounter(two(camera, doctor_scores="shared"), out=shared, **BASE)
    assert not (shared / "doctor-view").exists()
    assert len(stored_timelines(shared)) == 2


def test_nothing_names_the_recordings(camera: Camera, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_encounter(two(camera), out=out, **BASE)
    for file in out.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"a.mkv" not in content and str(tmp_path).encode() not in content, file


def test_what_was_written_reads_back_as_it_was(camera: Camera, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run_encounter(two(camera), out=out, **BASE)
    for stored, kept in zip(stored_timelines(out), result.joint.people, strict=True):
        assert stored.label == kept.label and stored.role == kept.role
        assert stored.second.tolist() == kept.second.tolist()
        np.testing.assert_allclose(stored.probabilities, kept.probabilities, rtol=1e-5)


def test_a_bystander_gets_the_mask_whatever_covers_the_patient(
    camera: Camera, tmp_path: Path
) -> None:
    source = camera("a.mkv", 40, faces=lambda index: (True, 10 <= index < 20))
    encounter = make_encounter({"recordings": [{"file": str(source), "shows": "patient"}]})
    out = tmp_path / "out"
    result = run_encounter(encounter, out=out, options=["mask.colour=#00ff00"], **BASE)
    assert result.castings[0].bystanders == 1
    image = pictures(out / "camera-1" / "anonymized.mp4")[15]
    right = image[:, WIDTH // 2 :]
    assert bright(image) == 0
    assert int(((right[..., 1] > 180) & (right[..., 0] < 80)).sum()) > 200
    assert len(stored_timelines(out)) == 1


def test_bystanders_cannot_be_given_another_cover(camera: Camera, tmp_path: Path) -> None:
    settings = BASE | {"anonymizer": "patient=fill,doctor=fill,bystander=fill"}
    with pytest.raises(ConfigError, match="always covered by the mask"):
        run_encounter(two(camera), out=tmp_path / "out", **settings)


def test_one_camera_with_both_people(camera: Camera, tmp_path: Path) -> None:
    source = camera("room.mkv", 40, faces=lambda index: (True, True))
    recording = {
        "file": str(source),
        "shows": ["patient", "doctor"],
        "regions": {"patient": "right"},
    }
    result = run_encounter(
        make_encounter({"recordings": [recording]}), out=tmp_path / "out", **BASE
    )
    table = result.castings[0].table
    patient = table.xyxy[table.rows_of_track(1)]
    assert patient[:, 0].min() > WIDTH / 2
    assert result.castings[0].how == {Role.PATIENT: "region", Role.DOCTOR: "presence"}
    del recording["regions"]
    with pytest.raises(ConfigError, match=r"nothing says who is who in camera 1 .*; give a region"):
        run_encounter(make_encounter({"recordings": [recording]}), out=tmp_path / "o", **BASE)
    assert not (tmp_path / "o").exists()


def test_the_same_person_has_one_identity_in_both_cameras(camera: Camera, tmp_path: Path) -> None:
    room = camera("room.mkv", 60, faces=lambda index: (True, True))
    doctor = camera("b.mkv", 60, seed=2)
    encounter = make_encounter(
        {
            "sync": "manual",
            "recordings": [
                {
                    "file": str(room),
                    "shows": ["patient", "doctor"],
                    "regions": {"patient": "left", "doctor": "right"},
                },
                {"file": str(doctor), "shows": "doctor", "offset_s": 0.0},
            ],
        }
    )
    result = run_encounter(encounter, out=tmp_path / "out", **BASE)
    first, second = (c.table for c in result.castings)
    assert first.role_of(2) == second.role_of(2) == Role.DOCTOR
    assert 2 in first.track_ids() and 2 in second.track_ids()
    # everybody of the encounter is named in both tables, so that donors are chosen alike
    assert first.role_of(1) == second.role_of(1) == Role.PATIENT
    assert len(result.joint.people) == 2


def test_clocks_are_matched_by_sound(camera: Camera, tmp_path: Path) -> None:
    source = speech(20, 3)
    patient = camera("a.mkv", 120, sound=heard(source, 0, 12, 0, 15, 1))
    doctor = camera("b.mkv", 100, sound=heard(source, 1.5, 10, 0, 15, 2), seed=1)
    recordings = [
        {"file": str(patient), "shows": "patient"},
        {"file": str(doctor), "shows": "doctor"},
    ]
    result = run_encounter(
        make_encounter({"recordings": recordings}), out=tmp_path / "out", recheck=False, **BASE
    )
    assert abs(result.clocks[1].sync.offset_s - 1.5) <= 0.04
    clock = json.loads((tmp_path / "out" / "encounter.json").read_text())["cameras"][1]["clock"]
    assert clock["method"] == "audio" and clock["confidence"] > 0.5


def test_mimicry_and_synchrony_are_in_the_doctors_view_alone(
    camera: Camera, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_encounter(two(camera), out=out, **BASE)
    for name in ("synchrony.csv", "mimicry.csv", "reactions.csv"):
        assert not (out / name).exists()
        assert (out / "doctor-view" / name).exists()
    assert "Between the two" not in (out / "report.html").read_text()
    assert "Between the two" in (out / "doctor-view" / "report.html").read_text()
    with (out / "doctor-view" / "synchrony.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    # Eight seconds are too short: every figure is absent with its reason, none is 0.
    assert rows and all(row["note"].startswith("absent: ") and row["value"] == "" for row in rows)


def test_mimicry_and_synchrony_are_for_all_where_the_scores_are_shared(
    camera: Camera, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run_encounter(two(camera, doctor_scores="shared"), out=out, **BASE)
    assert (out / "synchrony.csv").exists() and (out / "mimicry.csv").exists()
