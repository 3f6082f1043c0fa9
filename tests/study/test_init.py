"""Which recordings belong together, and the table that a person edits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from framework_encounter import make_encounter
from framework_study.discover import Found, Proposal, find_recordings, pair_by_name
from framework_study.init import init_study, table_of
from framework_study.items import read_items, write_rows
from framework_study.pair_sound import pair_by_sound
from framework_study.spec import load_config

from framework.errors import ConfigError, MediaError
from tests.encounter.test_sync import speech
from tests.study.conftest import record

ROOT = Path("/videos")


def found(*names: str, length_s: float = 60.0) -> list[Found]:
    return [Found(ROOT / name, length_s, True) for name in names]


def cameras(proposals: list[Proposal]) -> list[dict[str, str]]:
    return [
        {role: one.path.relative_to(ROOT).as_posix() for role, one in p.cameras.items()}
        for p in proposals
    ]


@pytest.mark.parametrize(
    ("patient", "doctor"),
    [
        ("visit-07_patient.mp4", "visit-07_doctor.mp4"),
        ("patient/07.mp4", "doctor/07.mp4"),
        ("07/pat.mp4", "07/doc.mp4"),
        ("S07PatientCam.mov", "S07DoctorCam.mov"),
        ("07 p.mkv", "07 d.mkv"),
    ],
)
def test_names_that_differ_in_the_role_alone_are_a_pair(patient: str, doctor: str) -> None:
    (proposal,) = pair_by_name(ROOT, found(patient, doctor))
    assert cameras([proposal]) == [{"patient": patient, "doctor": doctor}]
    assert proposal.id == "enc-001"
    assert proposal.doubts == ()


def test_what_is_doubtful_is_said() -> None:
    several = [
        Found(ROOT / "1_patient.mp4", 300, True),
        Found(ROOT / "1_doctor.mp4", 100, True),
        Found(ROOT / "2_patient.mp4", 300, False),
        Found(ROOT / "2_doctor.mp4", 300, True),
        Found(ROOT / "3_patient.mp4", problem="damaged"),
        Found(ROOT / "4_room.mp4", 300, True),
    ]
    doubts = {p.id: " ".join(p.doubts) for p in pair_by_name(ROOT, several)}
    assert "lengths differ" in doubts["enc-001"]
    assert "no sound" in doubts["enc-002"]
    assert "no other camera" in doubts["enc-003"]
    assert "cannot be opened: damaged" in doubts["enc-003"]
    assert "regions" in doubts["enc-004"]
    lines = table_of(pair_by_name(ROOT, several), ROOT)
    assert any(line.startswith("  ? lengths differ") for line in lines)


def test_recordings_whose_names_say_nothing_stand_alone() -> None:
    proposals = pair_by_name(ROOT, found("a.mp4", "b.mp4"))
    assert [p.id for p in proposals] == ["rec-001", "rec-002"]
    assert cameras(proposals) == [{"patient": "a.mp4"}, {"patient": "b.mp4"}]


def test_pattern_of_the_user_decides_and_must_fit() -> None:
    names = found("S1/cam-pat-x.mp4", "S1/cam-doc-y.mp4", "other.mp4")
    proposals = pair_by_name(ROOT, names, "{id}/cam-{role}-*.mp4")
    assert cameras(proposals)[0] == {
        "patient": "S1/cam-pat-x.mp4",
        "doctor": "S1/cam-doc-y.mp4",
    }
    assert len(proposals) == 2
    with pytest.raises(ConfigError, match="fits none of 3"):
        pair_by_name(ROOT, names, "{id}_{role}.mp4")
    with pytest.raises(ConfigError, match=r"expected \{id\} and \{role\}"):
        pair_by_name(ROOT, names, "{id}.mp4")


def test_cameras_that_heard_the_same_are_a_pair_whatever_their_names(tmp_path: Path) -> None:
    from framework.media import open_writer
    from framework.media.source import MediaKind, SourceInfo

    def camera(name: str, sound: np.ndarray) -> None:
        info = SourceInfo(MediaKind.VIDEO, 64, 48, 2, None, None, "matroska", "ffv1")
        with open_writer(tmp_path / name, info, codec="ffv1") as writer:
            writer.add_audio(iter([sound.astype(np.float32)]), 8000)
            for index in range(len(sound) // 4000):
                writer.write(np.zeros((48, 64, 3), np.uint8), index / 2)

    first, second = speech(40, seed=1), speech(40, seed=2)
    camera("x1.mkv", first)
    camera("x2.mkv", second[8000:])
    camera("x3.mkv", first[12000:])
    camera("x4.mkv", second)
    camera("x5.mkv", speech(30, seed=3))
    proposals = pair_by_sound(tmp_path, find_recordings(tmp_path))
    pairs = {frozenset(one.path.name for one in p.cameras.values()) for p in proposals}
    assert pairs == {
        frozenset({"x1.mkv", "x3.mkv"}),
        frozenset({"x2.mkv", "x4.mkv"}),
        frozenset({"x5.mkv"}),
    }
    assert all(p.doubts for p in proposals), "no name says who is the patient"


def test_study_is_made_once_and_its_table_can_be_read(tmp_path: Path) -> None:
    record(tmp_path / "v" / "mr-smith_patient.mkv", frames=2)
    record(tmp_path / "v" / "mr-smith_doctor.mkv", frames=2)
    made = init_study(tmp_path / "study", videos=tmp_path / "v", anonymizer="mask")
    (item,) = read_items(made.layout.table)
    assert item.id == "enc-001", "names of files become no ids"
    assert item.cameras["patient"] == tmp_path / "v" / "mr-smith_patient.mkv"
    assert load_config(made.layout.config).run.anonymizer == "mask"
    assert made.layout.key.stat().st_mode & 0o077 == 0
    with pytest.raises(ConfigError, match="already"):
        init_study(tmp_path / "study", videos=tmp_path / "v")
    with pytest.raises(MediaError, match="no recording"):
        (tmp_path / "empty").mkdir()
        init_study(tmp_path / "other", videos=tmp_path / "empty")
    assert not (tmp_path / "other").exists()


def test_table_from_a_spreadsheet_is_understood(tmp_path: Path) -> None:
    text = (
        "\ufeffid;patient;doctor;both;offset;references;regions;span;consent;group_sex\r\n"
        'enc-1;a.mp4;b.mp4;room.mp4;"doctor=1.5; both=-2";patient=p.jpg;'
        '"patient=left; doctor=0.5 0 1 1";;yes;f\r\n'
        "enc-2;c.mp4;;;;;;;no;m\r\n;;;;;;;;;\r\n"
    )
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"line 2, column regions"):
        bad = text.replace("room.mp4", "").replace("both=-2", "")
        (tmp_path / "bad.csv").write_text(bad, encoding="utf-8")
        read_items(tmp_path / "bad.csv")
    first, second = read_items(tmp_path / "t.csv")
    encounter = make_encounter(first.encounter())
    assert [r.offset_s for r in encounter.recordings] == [None, 1.5, -2.0]
    assert encounter.recordings[2].regions["patient"] == (0.0, 0.0, 0.5, 1.0)
    assert encounter.references["patient"] == str(tmp_path / "p.jpg")
    assert (first.groups, first.consent) == ({"group_sex": "f"}, "yes")
    assert second.alone
    assert not first.alone


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("patient\na.mp4\n", "line 1: no column id"),
        ("id,patient\n2024-01-31,a.mp4\n", "line 2, column id: this looks like a date"),
        ("id,patient\nx,a.mp4\nX,b.mp4\n", "line 3, column id: X is in line 2 already"),
        ("id,patient,doctor\nx,,\n", "line 2, column patient: no recording"),
        ("id,patient,doctor,offset\nx,a,b,soon\n", "column offset: expected seconds, got soon"),
        ("id,patient\nx,a,b\n", "line 2: more cells than columns"),
        ("id,patient\n", "no encounter in it"),
        ("id,patient,regions\nx,a,patient=left\n", "column regions"),
        ("id,patient,span\nx,a,soon\n", "column span: expected FROM-TO"),
        ("id,patient,doctor,span\nx,a,b,0:10-0:20\n", "column span: only a recording alone"),
    ],
)
def test_table_that_does_not_fit_is_refused_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_items(tmp_path / "t.csv")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_config_names_unknown_keys_and_takes_those_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("version: 1\nanonymizer: mask\nanonymizer.colour: '#101010'\nk: 3\n")
    config = load_config(path, ["timeline.min_samples=3"], workers=4)
    assert config.run.options == {
        "anonymizer": {"colour": "#101010"},
        "timeline": {"min_samples": 3},
    }
    assert (config.keys.k, config.keys.workers, config.run.threads) == (3, 4, 1)
    path.write_text("anonymiser: mask\n")
    with pytest.raises(ConfigError, match="unknown key anonymiser; did you mean"):
        load_config(path)
    path.write_text("workers: -1\n")
    with pytest.raises(ConfigError, match="workers"):
        load_config(path)


def test_rows_are_written_as_they_are_read(tmp_path: Path) -> None:
    rows = [{"id": "a-1", "patient": "x y.mp4", "group_site": "north, 2"}]
    write_rows(tmp_path / "t.csv", rows)
    (item,) = read_items(tmp_path / "t.csv")
    assert (item.id, item.groups) == ("a-1", {"group_site": "north, 2"})
