"""The encounter file: everything that does not fit is one line with file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest
from framework_encounter import load_encounter, make_encounter
from framework_encounter.given import parse_sync
from framework_encounter.spec import Matching, Thresholds

from framework import ConfigError

GOOD = """\
version: 1
id: enc-0042
recordings:
  - {file: a.mp4, shows: patient}
  - file: b.mp4
    shows: [doctor]
    regions: {doctor: left}
sync: timecode
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "encounter.yaml"
    path.write_text(text)
    return path


def test_a_good_file(tmp_path: Path) -> None:
    found = load_encounter(write(tmp_path, GOOD))
    assert found.recordings[0].file == str(tmp_path / "a.mp4")
    assert found.recordings[1].regions == {"doctor": (0.0, 0.0, 0.5, 1.0)}
    assert found.clock == 0 and found.sync == "timecode"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("sync: timecode", "snyc: audio", r"line 8, snyc: unknown key; did you mean 'sync'"),
        (
            "    regions:",
            "    region:",
            r"line 7, recordings\[1\]\.region: unknown key; did you mean 'regions'",
        ),
        ("shows: patient", "show: patient", r"show: unknown key; did you mean 'shows'"),
        ("[doctor]", "[nurse]", r"line 6, recordings\[1\]\.shows\[0\]: .*'patient' or 'doctor'"),
        ("{doctor: left}", "{patient: left}", r"line 5, recordings\[1\]: regions: patient is not"),
        ("{doctor: left}", "{doctor: [0, 0, 2, 1]}", r"line 7, .*less than or equal to 1"),
        ("{doctor: left}", "{doctor: [0.5, 0, 0.5, 1]}", r"expected left < right"),
        ("timecode", "manual", r"manual needs offset_s for every recording"),
        ("enc-0042", "Smith, John", r"line 2, id: expected a pseudonym"),
        ("enc-0042", "2026-03-04", r"line 2, id: this looks like a date"),
        ("enc-0042", "mrn-0012345", r"line 2, id: this looks like a date or a record number"),
        ("version: 1", "version: 2", r"line 1, version: expected 1"),
        ("id: enc-0042", "id: a\nid: b", r"line 3: 'id' is there twice"),
        ("sync: timecode", "sync: [", r"line 9: no valid YAML"),
        ("shows: patient", "shows: [patient, patient]", r"a role is named twice"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=expected) as error:
        load_encounter(path)
    assert "\n" not in str(error.value) and "encounter.yaml" in str(error.value)


def test_other_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_encounter(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="expected 'key: value' lines"):
        load_encounter(write(tmp_path, "- a\n"))
    with pytest.raises(ConfigError, match="recordings: it is missing"):
        load_encounter(write(tmp_path, "version: 1\n"))


def test_a_reference_of_somebody_nobody_shows() -> None:
    with pytest.raises(ConfigError, match="no recording shows the doctor"):
        make_encounter(
            {"recordings": [{"file": "a", "shows": "patient"}], "references": {"doctor": "d.png"}}
        )


def test_the_offset_on_the_command_line() -> None:
    assert parse_sync("manual=1.25s") == ("manual", 1.25)
    assert parse_sync("manual=-3") == ("manual", -3.0)
    assert parse_sync("audio") == ("audio", None)
    for text in ("manual", "manual=soon", "sound", "audio=1"):
        with pytest.raises(ConfigError, match="expected"):
            parse_sync(text)


def test_thresholds_are_the_recognisers_own_unless_given() -> None:
    assert Matching().in_force(0.927) == Thresholds(0.927, pytest.approx(0.00511))
    assert Matching(min_similarity=0.3).in_force(0.927) == Thresholds(0.3, pytest.approx(0.049))
    assert Matching(min_similarity=0.3, min_margin=0.1).in_force(None) == Thresholds(0.3, 0.1)
    with pytest.raises(ConfigError, match=r"'x' does not say .* give matching\.min_similarity"):
        Matching(recognizer="x").in_force(None)
