"""An encounter in two halves: analysed, corrected by a person, rendered."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from framework_encounter import make_encounter, run_encounter
from framework_encounter.halves import analyze_encounter, read_analysis, render_encounter
from framework_encounter.spec import Encounter

from framework.errors import ConfigError, MediaError
from framework.table_file import load_table, save_table
from framework.types import Role

SETTINGS: dict[str, Any] = {
    "detector": "square",
    "fer": "happy",
}
COVERING: dict[str, Any] = {**SETTINGS, "anonymizer": "fill"}


@pytest.fixture
def encounter(parts: Path, camera: Callable[..., Path]) -> Encounter:
    """One camera that shows both, and one of the doctor, 1 s later."""
    both = camera("both.mkv", faces=lambda index: (True, True))
    doctor = camera("doctor.mkv", seed=5)
    return make_encounter(
        {
            "recordings": [
                {
                    "file": str(both),
                    "shows": ["patient", "doctor"],
                    "regions": {"patient": "left", "doctor": "right"},
                },
                {"file": str(doctor), "shows": "doctor", "offset_s": 1.0},
            ]
        }
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and not p.name.startswith(".")  # the list of our files holds times
    }


def test_rendering_what_was_analysed_gives_what_a_run_gives(
    encounter: Encounter, tmp_path: Path
) -> None:
    found = analyze_encounter(encounter, out=tmp_path / "private", **SETTINGS)
    assert found.passed
    assert sorted(p.name for p in found.files) == [
        "analysis.json",
        "tracks-both.csv",
        "tracks-doctor.csv",
    ]
    halves = render_encounter(encounter, tmp_path / "private", out=tmp_path / "halves", **COVERING)
    whole = run_encounter(encounter, out=tmp_path / "whole", **COVERING)
    assert halves.passed
    assert whole.passed
    ours, theirs = files(tmp_path / "halves"), files(tmp_path / "whole")
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {"manifest.json"}
    assert json.loads(ours["manifest.json"])["command"] == "encounter render"


def test_roles_that_a_person_exchanged_are_exchanged_in_the_result(
    encounter: Encounter, tmp_path: Path
) -> None:
    analyze_encounter(encounter, out=tmp_path / "private", **SETTINGS)
    path = tmp_path / "private" / "tracks-both.csv"
    table = load_table(path)
    other = {Role.PATIENT: Role.DOCTOR, Role.DOCTOR: Role.PATIENT}
    save_table(table.with_roles({t: other[table.role_of(t)] for t in table.track_ids()}), path)
    _, castings = read_analysis(encounter, tmp_path / "private")
    swapped = castings[0].table
    assert swapped.role_of(1) is Role.PATIENT
    right = swapped.xyxy[swapped.rows_of_track(1), 0].min()
    assert right >= swapped.width / 2, "the patient is on the right now"
    assert set(castings[0].how.values()) == {"a person"}
    assert set(castings[1].how.values()) == {"file"}, "the other table was left as it was"


def test_tables_that_contradict_themselves_are_refused_with_the_moment(
    encounter: Encounter, tmp_path: Path
) -> None:
    analyze_encounter(encounter, out=tmp_path / "private", **SETTINGS)
    path = tmp_path / "private" / "tracks-both.csv"
    table = load_table(path)
    save_table(table.with_roles(dict.fromkeys(table.track_ids(), Role.PATIENT)), path)
    with pytest.raises(ConfigError, match=r"both the patient at 0\.00 s"):
        read_analysis(encounter, tmp_path / "private")
    save_table(table.with_roles({1: Role.PATIENT, 2: Role.BYSTANDER}), path)
    with pytest.raises(ConfigError, match="nobody in it is the doctor"):
        read_analysis(encounter, tmp_path / "private")
    with pytest.raises(MediaError, match="encounter analyze"):
        read_analysis(encounter, tmp_path / "nowhere")
    (tmp_path / "private" / "analysis.json").write_text("{}")
    with pytest.raises(MediaError, match="damaged"):
        read_analysis(encounter, tmp_path / "private")
