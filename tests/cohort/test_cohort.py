from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_encounter.cohort import (
    Cohort,
    CohortRow,
    CountTable,
    Stored,
    read_cohort,
    read_counts,
    remarks,
    summarise,
    write_cohort,
)
from framework_encounter.cohort.summary import _histogram
from hypothesis import given
from hypothesis import strategies as st

from framework import ConfigError, MediaError
from framework.cli.main import main
from framework.types import EMOTIONS, Role

Study = Callable[..., Path]
PAPER = Path(__file__).parent / "paper_counts.csv"


def test_the_papers_counts_give_the_papers_percentages() -> None:
    doctor, patient = read_counts(PAPER)
    shown = {k: f"{v:.1f}" for k, v in doctor.percentages().items()}
    assert shown == {
        "sadness": "49.3",
        "happiness": "43.3",
        "anger": "3.6",
        "surprise": "2.5",
        "disgust": "1.2",
    }
    shown = {k: f"{v:.1f}" for k, v in patient.percentages().items()}
    assert shown == {"happiness": "45.7", "sadness": "45.8", "surprise": "7.1", "anger": "1.0"}


def test_what_does_not_add_up_is_said() -> None:
    doctor, patient = read_counts(PAPER)
    assert remarks(doctor) == [
        "doctor: the listed expressions sum to 17,387, 10 short of the total of 17,397; not "
        "listed: fear, neutral"
    ]
    first, second = remarks(patient)
    assert "sum to 12,555, 51 short of the total of 12,606" in first
    assert second == "patient, anger: 0.9 % is printed, 126 of 12,606 is 1.0 %"
    assert remarks(CountTable("doctor", {"fear": 3}, 3)) == []


def test_the_command_reports_a_table_of_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cohort", "--counts", str(PAPER), "-d", str(tmp_path / "o")]) == 0
    text = capsys.readouterr().out
    assert "51 short of the total" in text
    page = (tmp_path / "o" / "cohort.html").read_text()
    assert "49.3 %" in page and "17,387" in page and "<script" not in page


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("role,count\n", "line 1: missing column expression"),
        ("role,expression,count\ndoctor,sad,3\n", "line 2: unknown expression 'sad'"),
        ("role,expression,count\ndoctor,fear,x\n", "line 2: invalid literal"),
        ("role,expression,count\ndoctor,fear,-1\n", "line 2: expected a count of at least 0"),
        ("role,expression,count\nd,fear,1\nd,fear,1\n", "line 3: d fear is there twice"),
    ],
)
def test_counts_that_do_not_validate(tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "counts.csv"
    file.write_text(content)
    with pytest.raises(ConfigError, match=expected):
        read_counts(file)


def test_a_study_is_counted_as_it_was_written(study: Study, tmp_path: Path) -> None:
    root = study(12, 50)
    cohort = read_cohort(root)
    summary = summarise(cohort, resamples=200)
    assert summary.encounters == 12 and summary.excluded == 0
    lengths = np.array([50 + k for k in range(12)])
    assert summary.durations_s == pytest.approx(
        (lengths.mean(), lengths.std(ddof=1), lengths.min(), lengths.max())
    )
    rows = list(csv.DictReader((root / "00" / "timeline.csv").open()))
    written = sum(row["patient_label"] == "sadness" for row in rows)
    assert {r.role: r for r in cohort.rows() if r.encounter == "enc-0"}["patient"].sadness == (
        written
    )
    doctor = summary.roles[0]
    assert doctor.role is Role.DOCTOR and doctor.recorded_s == lengths.sum()
    assert sum(c.count or 0 for c in doctor.cells) <= doctor.labelled_s
    files = write_cohort(tmp_path / "out", cohort, summary)
    page = files[-1].read_text()
    assert "<svg" in page and "<script" not in page and "http:" not in page
    assert str(root) not in page


def test_rows_of_single_encounters_are_there_for_own_models(study: Study) -> None:
    cohort = read_cohort(study(2))
    assert len(cohort.rows()) == 4 and cohort.rows()[0].labelled_s > 0
    assert CohortRow.__dataclass_fields__.keys() >= set(EMOTIONS)
    assert not hasattr(cohort, "data_frame")


def broken(root: Path, bench: Any) -> None:
    """Adds one output of each kind that must not be counted."""
    generator = np.random.default_rng(1)
    places = {}
    for name in ("cut", "future", "other", "unfinished", "double", "again", "label"):
        places[name] = root / f"x-{name}"
        version = "2.0" if name == "other" else "1.0"
        identifier = "enc-3" if name == "again" else f"x-{name}"
        bench.write_encounter(places[name], identifier, 70, generator, version=version)
    cut = places["cut"] / "doctor-view" / "timeline.csv"
    cut.write_text(cut.read_text()[:-40])
    about = json.loads((places["future"] / "encounter.json").read_text())
    (places["future"] / "encounter.json").write_text(json.dumps(about | {"schema_version": 9}))
    (places["unfinished"] / "manifest.json").unlink()
    first = root / "00" / "doctor-view" / "timeline.csv"
    (places["double"] / "doctor-view" / "timeline.csv").write_bytes(first.read_bytes())
    label = places["label"] / "doctor-view" / "timeline.csv"
    label.write_text(label.read_text().replace("happiness", "joy").replace("joy", "happiness", 1))


def test_broken_and_mixed_outputs_are_left_out_listed_and_counted(
    study: Study, bench: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = study(12)
    broken(root, bench)
    cohort = read_cohort(root)
    assert len(cohort.encounters) == 12
    reasons = {e.folder: e.reason for e in cohort.excluded}
    assert reasons["x-cut"].startswith("timeline.csv: row") or "timeline" in reasons["x-cut"]
    assert "version 9 of its format" in reasons["x-future"]
    assert "analysed in another way than most (synthetic 2.0" in reasons["x-other"]
    assert "the run did not finish" in reasons["x-unfinished"]
    assert "the same timeline as encounter-1" in reasons["x-double"]
    assert "the same id as encounter-4" in reasons["x-again"]
    assert "does not validate" in reasons["x-label"]
    assert len(read_cohort(root, allow_mixed=True).encounters) == 13
    out = tmp_path / "out"
    assert main(["cohort", str(root), "-d", str(out), "--resamples", "200"]) == 0
    assert "left out: x-future" in capsys.readouterr().err
    listed = (out / "excluded.csv").read_text()
    assert listed.count("\n") == 8 and "x-" not in listed


def test_a_small_cohort_is_refused(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    root = study(9)
    assert main(["cohort", str(root)]) == 2
    assert "9 encounters can be counted; at least 10 are needed" in capsys.readouterr().err


def test_a_folder_without_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no output of"):
        read_cohort(tmp_path)
    with pytest.raises(MediaError, match="no such folder"):
        read_cohort(tmp_path / "none")


def stored(k: int, counts: list[int]) -> Stored:
    both = dict.fromkeys((Role.DOCTOR, Role.PATIENT), np.array([*counts, 5], np.int64))
    return Stored(f"e{k}", 60.0, both, dict.fromkeys(both, 60), True)


def test_cells_with_few_encounters_behind_them_are_hidden() -> None:
    """Fear in 3 of 20 encounters; with it the least frequent other goes, or the total tells."""
    encounters = [stored(k, [2, 0, 4 if k < 3 else 0, 20, 10, 20, 3]) for k in range(20)]
    summary = summarise(Cohort(tuple(encounters), (), "x"), resamples=200)
    hidden = [c.expression for c in summary.roles[0].cells if c.hidden]
    assert hidden == ["anger", "fear"]
    shown = {c.expression: c.count for c in summary.roles[0].cells if not c.hidden}
    assert shown["disgust"] == 0  # nobody stands behind nothing
    assert {d.expression for d in summary.comparison if d.difference is None} == set(hidden)
    assert any("hidden because too few encounters" in r for r in summary.remarks)


def few_with_fear() -> Cohort:
    """Fear in 3 of 20 encounters, and lengths that single out one of them."""
    encounters = [stored(k, [2, 0, 4 if k < 3 else 0, 20, 10, 20, 3]) for k in range(20)]
    encounters[7] = replace(encounters[7], duration_s=1900.0)
    return Cohort(tuple(encounters), (), "x")


def test_no_output_shows_a_cell_with_few_encounters_behind_it(tmp_path: Path) -> None:
    cohort = few_with_fear()
    summary = summarise(cohort, resamples=200)
    # the data frame
    frame = summary.data_frame()
    rows = frame if isinstance(frame, list) else frame.to_dict("records")
    for row in rows:
        assert row["hidden"] == (row["expression"] in ("anger", "fear"))
        shown = [row[k] for k in ("seconds", "share", "naive_low", "clustered_high", "encounters")]
        # NaN and None both compare unequal to themselves or are None
        assert all((v is None or v != v) == row["hidden"] for v in shown)
        assert row["hidden"] or not row["seconds"] or row["encounters"] >= 10
    # the tables
    write_cohort(tmp_path, cohort, summary)
    for name in ("expressions.csv", "comparison.csv"):
        for row in csv.DictReader((tmp_path / name).open()):
            rest = {v for k, v in row.items() if k not in ("role", "expression")}
            assert (rest == {"hidden"}) == (row["expression"] in ("anger", "fear"))
    # the page: hidden cells hold neither a number nor a bar, lengths come in large bins
    page = (tmp_path / "cohort.html").read_text()
    for line in page.split("<tr>")[1:]:
        if line.startswith(('<th><span class="swatch k-anger', '<th><span class="swatch k-fear')):
            assert "hidden" in line and "<rect" not in line and "%" not in line
    assert all(b.encounters >= 10 for b in summary.histogram)
    assert sum(b.encounters for b in summary.histogram) == 20


@given(
    st.lists(st.integers(20, 9000), min_size=10, max_size=80),
    st.integers(2, 12),
)
def test_no_bin_of_lengths_is_small(seconds: list[int], least: int) -> None:
    bins = _histogram(np.array(seconds, np.float64), least)
    assert sum(b.encounters for b in bins) == len(seconds)
    assert all(b.encounters >= min(least, len(seconds)) for b in bins)
    for b in bins:
        inside = [s for s in seconds if b.start_min <= s / 60 < b.end_min]
        assert len(inside) == b.encounters
    assert all(a.end_min <= b.start_min for a, b in pairwise(bins))


def test_a_role_that_few_encounters_label_is_left_out() -> None:
    nothing = [0] * 7
    encounters = [stored(k, [2, 2, 2, 20, 10, 20, 3] if k < 4 else nothing) for k in range(12)]
    summary = summarise(Cohort(tuple(encounters), (), "x"), resamples=200)
    assert summary.roles == () and not summary.rows()
    assert any(r.startswith("doctor: left out, since fewer than 10") for r in summary.remarks)


def test_equal_roles_do_not_differ() -> None:
    encounters = [stored(k, [1, 0, 0, 20 + k, 10, 20, 3]) for k in range(12)]
    summary = summarise(Cohort(tuple(encounters), (), "x"), resamples=200)
    assert summary.naive.p == pytest.approx(1.0)
    assert all(d.difference == 0 for d in summary.comparison)
    assert summary.cramers_v == pytest.approx(0.0)


def test_message_says_which_threshold_would_show_how_many_cells(study: Any) -> None:
    from framework_encounter.cohort.thresholds import cells, what_others_show

    cohort = read_cohort(study(12, seconds=20))
    summary = summarise(cohort, least=12, resamples=200)
    shown, filled = cells(cohort, 12)
    listed = [row for row in summary.rows() if row["seconds"]]
    assert len(listed) == shown < filled, "some expressions are too rare in 20 s"
    text = what_others_show(cohort, 12)
    assert text.startswith(f"{shown} of {filled} cells are shown; --min-encounters 1")
    assert any(text in remark for remark in summary.remarks)
    least = int(text.rpartition("--min-encounters ")[2].split()[0])
    more = summarise(cohort, least=least, resamples=200)
    assert len([row for row in more.rows() if row["seconds"]]) == cells(cohort, least)[0] > shown
    with pytest.raises(ConfigError, match=r"--min-encounters \d+ would show"):
        summarise(cohort, least=40, resamples=200)


def test_of_a_study_the_results_alone_are_read(study: Any) -> None:
    root = study(3)
    (root / "results").mkdir()
    for folder in sorted(root.glob("0*")):
        folder.rename(root / "results" / folder.name)
    (root / "study.yaml").write_text("version: 1\n")
    store = root / "state" / "store" / "ab"
    store.mkdir(parents=True)
    (store / "manifest.json").write_text("{}")
    found = read_cohort(root)
    assert (len(found.encounters), len(found.excluded)) == (3, 0)
