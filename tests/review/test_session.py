"""Undo, redo, going on after a stop, and saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from framework_review.items import Review, find_review
from framework_review.session import Session

from framework.errors import ConfigError, MediaError
from framework.table_file import load_table

MOVE = {"kind": "set-box", "track": 1, "frame": 10, "box": [10, 20, 60, 90]}
REMOVE = {"kind": "delete", "track": 2, "start": 30, "end": 59}


@pytest.fixture
def session(review: Review) -> Session:
    item = review.items[0]
    return Session(item, item.cameras[0])


def test_undo_and_redo_go_back_and_forth_to_the_same_table(session: Session) -> None:
    before = session.table
    session.edit(MOVE)
    session.edit(REMOVE)
    after = session.table
    assert session.undo() and session.undo() and not session.undo()
    assert np.array_equal(session.table.xyxy, before.xyxy)
    assert session.redo() and session.redo() and not session.redo()
    assert np.array_equal(session.table.xyxy, after.xyxy)
    session.undo()
    session.edit(MOVE)
    assert not session.can_redo


def test_a_stopped_review_goes_on_where_it_was(session: Session, review: Review) -> None:
    session.edit(REMOVE)
    session.settle("miss-5-5")
    again = Session(review.items[0], review.items[0].cameras[0])
    assert again.unsaved == 1 and again.table.track_ids() == [1]
    assert ("miss-5-5", True) in [(d.key, settled) for d, settled in again.doubts()]


def test_corrections_of_another_table_are_not_taken_over(
    session: Session, review: Review, place: Path
) -> None:
    session.edit(REMOVE)
    table = place / "work" / "tracks.csv"
    table.write_text(table.read_text().replace("the detector failed", "somebody else"))
    again = Session(review.items[0], review.items[0].cameras[0])
    assert again.unsaved == 0 and again.table.track_ids() == [1, 2]


def test_saving_writes_the_table_and_keeps_the_one_before(session: Session, place: Path) -> None:
    table = place / "work" / "tracks.csv"
    before = table.read_bytes()
    session.edit(REMOVE)
    session.save()
    assert load_table(table).track_ids() == [1]
    assert (place / "work" / "tracks.1.csv").read_bytes() == before
    session.edit(MOVE)
    session.save()
    assert (place / "work" / "tracks.2.csv").exists()
    assert session.unsaved == 0


def test_a_save_that_fails_leaves_the_table_whole(
    session: Session, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = place / "work" / "tracks.csv"
    before = table.read_bytes()
    session.edit(REMOVE)

    def full(*args: object, **kwargs: object) -> None:
        raise MediaError("the disk is full")

    monkeypatch.setattr("framework_review.session.save_table", full)
    with pytest.raises(MediaError):
        session.save()
    assert table.read_bytes() == before and session.unsaved == 1


def test_doubts_come_worst_first_and_name_what_is_wrong(session: Session) -> None:
    kinds = [d.kind for d, _ in session.doubts()]
    assert kinds == ["exposed", "dismissed", "covered whole", "carried", "doubtful", "role"]
    exposed = session.doubts()[0][0]
    assert (exposed.start, exposed.end) == (30, 36) and exposed.box == (80, 60, 140, 120)
    session.edit({"kind": "role", "track": 2, "role": "doctor"})
    assert "role" not in [d.kind for d, _ in session.doubts()]


def test_results_without_source_and_tracks_say_what_to_give(place: Path) -> None:
    with pytest.raises(ConfigError, match="--source and --tracks"):
        find_review(place / "out", [], [])
    with pytest.raises(MediaError, match="no covered recording"):
        find_review(place / "work", [], [])
    with pytest.raises(MediaError, match="no such folder"):
        find_review(place / "nowhere", [], [])


def test_a_study_lists_encounters_that_were_analysed(place: Path) -> None:
    study = place / "study"
    for name in ("one", "two"):
        (study / "private" / name).mkdir(parents=True)
    (study / "study.yaml").write_text("reviewers: 2\n")
    (study / "encounters.csv").write_text(
        "id,patient,doctor,both\none,../visit.mp4,,\ntwo,../visit.mp4,,\n"
    )
    table = (place / "work" / "tracks.csv").read_bytes()
    (study / "private" / "one" / "tracks-patient.csv").write_bytes(table)
    found = find_review(study, [], [])
    assert [item.id for item in found.items] == ["one"] and found.reviewers == 2
    assert found.items[0].cameras[0].source == (place / "visit.mp4").resolve()
