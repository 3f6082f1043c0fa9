from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.audit import (
    Audit,
    AuditRecorder,
    Compared,
    Damage,
    Dismissal,
    Exposed,
    FrameFate,
    SecondSearch,
    write_audit,
)
from framework.table import TrackTable
from framework.types import ComponentEvent, Role
from tests.timeline.tables import table, tables


def two_people() -> TrackTable:
    """Frames of 0.1, 0.3, 0.1 s; person 1 in all (carried in the second), 2 in the first."""
    return table(
        [0.0, 0.1, 0.4],
        0.5,
        [(0, 1), (1, 1), (2, 1), (0, 2)],
        carried=[(1, 1)],
        roles={1: Role.PATIENT, 2: Role.BYSTANDER},
    )


SEARCHED = SecondSearch(searched=True, frames=3, frames_per_s=6.0, detectors=("x",))


def covered(t: TrackTable) -> AuditRecorder:
    recorder = AuditRecorder(t)
    for index in range(t.frame_count):
        recorder.frame(index, FrameFate.COVERED)
    return recorder


def close(recorder: AuditRecorder, frames_out: int = 3, duration_out_s: float = 0.5) -> Audit:
    return recorder.finish(frames_out=frames_out, duration_out_s=duration_out_s, search=SEARCHED)


def test_face_seconds_are_time_not_frames() -> None:
    audit = close(covered(two_people()))
    one, two = audit.people
    assert one.exposure.covered_s == pytest.approx(0.2)
    assert one.exposure.carried_s == pytest.approx(0.3)
    assert (two.person, two.role) == ("person-2", Role.BYSTANDER)
    assert two.exposure.covered_s == pytest.approx(0.1)
    assert audit.total.present_s == pytest.approx(0.6)
    assert audit.passed and audit.reasons == () and audit.exit_status == 0


def test_every_fate_has_its_own_column() -> None:
    recorder = covered(two_people())
    recorder.frame(0, FrameFate.FULLY_COVERED)
    recorder.frame(1, FrameFate.DROPPED)
    audit = close(recorder, frames_out=2)
    assert audit.total.fully_covered_s == pytest.approx(0.2)
    assert audit.total.dropped_s == pytest.approx(0.3)
    assert audit.total.covered_s == pytest.approx(0.1)
    assert (audit.frames_fully_covered, audit.frames_dropped) == (1, 1)
    assert audit.passed  # both are what the policy asked for


def test_one_bare_face_in_one_frame_fails_with_status_1() -> None:
    recorder = covered(two_people())
    recorder.frame(0, FrameFate.COVERED, unprotected=[2])
    audit = close(recorder)
    assert audit.people[1].exposure.unprotected_s == pytest.approx(0.1)
    assert audit.people[0].exposure.unprotected_s == 0
    assert not audit.passed and audit.exit_status == 1
    assert "0.10 face-seconds left uncovered (1 frame)" in audit.reasons


def test_a_bare_face_in_a_still_image_fails_although_it_lasts_no_time() -> None:
    recorder = AuditRecorder(table([0.0], 0.0, [(0, 1)]))
    recorder.frame(0, FrameFate.UNTOUCHED)
    audit = close(recorder, frames_out=1, duration_out_s=0.0)
    assert audit.total.unprotected_frames == 1
    assert audit.exit_status == 1


def test_a_frame_nobody_rendered_fails() -> None:
    recorder = AuditRecorder(two_people())
    recorder.frame(0, FrameFate.COVERED)
    recorder.frame(1, FrameFate.COVERED)
    audit = close(recorder, frames_out=2)
    assert audit.total.dropped_s == pytest.approx(0.1)
    assert "1 frame of the analysis never came to rendering" in audit.reasons
    assert audit.exit_status == 1


def test_no_face_at_all_fails_unless_allowed() -> None:
    recorder = covered(table([0.0, 0.1], 0.2, []))
    assert not recorder.finish(frames_out=2, duration_out_s=0.2).passed
    assert recorder.finish(frames_out=2, duration_out_s=0.2, allow_no_faces=True).passed


@pytest.mark.parametrize(
    ("frames_out", "duration_out_s", "reason"),
    [(2, 0.5, "2 frames were written, 3 were expected"), (3, 0.1, "the output lasts 0.10 s")],
)
def test_lost_frames_and_lost_time_fail(
    frames_out: int, duration_out_s: float, reason: str
) -> None:
    audit = close(covered(two_people()), frames_out, duration_out_s)
    assert any(reason in r for r in audit.reasons)


def test_dropping_the_last_frames_shortens_the_output_rightly() -> None:
    n = 20
    recorder = covered(table([k / 10 for k in range(n)], 2.0, [(0, 1)]))
    for index in range(10, n):
        recorder.frame(index, FrameFate.DROPPED)
    assert close(recorder, frames_out=10, duration_out_s=1.0).passed
    assert not close(recorder, frames_out=10, duration_out_s=0.8).passed


def test_failures_keep_the_class_and_nothing_else() -> None:
    recorder = covered(two_people())
    for time_s in (0.1, 0.2, 0.3):
        recorder.failure("anonymize", ValueError("/home/mueller/visit.mp4"), time_s)
    recorder.failure("detect", RuntimeError("x"))
    audit = close(recorder)
    assert [(f.time_s, f.stage, f.exception, f.count) for f in audit.failures] == [
        (0.1, "anonymize", "ValueError", 3),
        (None, "detect", "RuntimeError", 1),
    ]
    assert "mueller" not in json.dumps(audit.to_json())
    assert "components failed 4 times" in audit.reasons[0] and audit.exit_status == 1


def test_without_a_search_of_the_result_nothing_is_said_to_be_unprotected() -> None:
    audit = covered(two_people()).finish(frames_out=3, duration_out_s=0.5)
    assert audit.total.unprotected_s is None
    assert [p.exposure.unprotected_s for p in audit.people] == [None, None]
    assert audit.to_json()["search"]["searched"] is False
    recorder = covered(two_people())
    recorder.frame(0, FrameFate.COVERED, unprotected=[2])
    audit = recorder.finish(frames_out=3, duration_out_s=0.5)
    assert audit.total.unprotected_s == pytest.approx(0.1)  # this much is known


def test_a_face_in_the_result_fails_and_the_reason_names_its_seconds() -> None:
    seen = [
        Exposed(3.1, 3.5, 0.4, (1, 2, 30, 40), None, "a face outside every cover"),
        Exposed(7.9, 9.1, 1.2, (1, 2, 30, 40), None, "a face outside every cover"),
    ]
    recorder = covered(table([k / 10 for k in range(100)], 10.0, [(0, 1)]))
    audit = recorder.finish(
        frames_out=100, duration_out_s=10.0, search=replace(SEARCHED, exposed=tuple(seen))
    )
    assert audit.exit_status == 1
    assert audit.total.unprotected_s == pytest.approx(1.6)
    assert audit.total.unprotected_frames == 4 + 12
    assert "1.60 face-seconds outside every cover; look at 3 s, 7 to 9 s" in audit.reasons[0]
    assert audit.total.present_s == pytest.approx(0.1)


def test_a_person_who_can_be_recognised_is_unprotected_wherever_covered() -> None:
    recorder = covered(two_people())
    recorder.frame(1, FrameFate.FULLY_COVERED)
    known = Compared("person-1", 12, 0.8, 1.0, 0.6, True)
    audit = recorder.finish(
        frames_out=3, duration_out_s=0.5, search=replace(SEARCHED, compared=(known,))
    )
    assert audit.people[0].exposure.unprotected_s == pytest.approx(0.2)
    assert audit.people[0].exposure.fully_covered_s == pytest.approx(0.3)
    assert audit.people[1].exposure.unprotected_s == 0
    (reason,) = audit.reasons
    assert "person-1 can still be recognised" in reason and audit.exit_status == 1


def test_everything_else_is_listed_and_counted() -> None:
    recorder = covered(two_people())
    for reason in ("turned", "hidden", "turned"):
        recorder.event(ComponentEvent(0, 0.0, 1, "fallback", reason))
    recorder.event(ComponentEvent(1, 0.1, 2, "switch"))
    recorder.damage(Damage(0.4, "broken off", 1.5))
    recorder.dismissed(Dismissal(0.0, 0.1, 2, "nothing before or after"))
    recorder.note("The audio track was dropped.")
    recorder.note("The audio track was dropped.")
    audit = close(recorder)
    assert audit.people[0].exposure.events == {"fallback: hidden": 1, "fallback: turned": 2}
    assert audit.total.events == {"fallback: hidden": 1, "fallback: turned": 2, "switch": 1}
    assert audit.notes == ("The audio track was dropped.",)
    assert audit.reasons == ("the source is damaged (1 time)",)
    assert len(audit.dismissed) == 1


def test_the_file(tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    write_audit(close(covered(two_people())), path)
    body = json.loads(path.read_text(encoding="utf-8"))
    assert (body["schema"], body["schema_version"]) == ("framework-audit", 1)
    assert body["passed"] is True and body["reasons"] == []
    assert body["people"][0] == {
        "person": "person-1",
        "role": "patient",
        "present_s": 0.5,
        "covered_s": 0.2,
        "carried_s": 0.3,
        "followed_s": 0.0,
        "fully_covered_s": 0.0,
        "dropped_s": 0.0,
        "unprotected_s": 0.0,
        "unprotected_frames": 0,
        "events": {},
    }
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=60, deadline=None)
@given(tables(), st.data())
def test_no_face_second_is_lost_or_counted_twice(t: TrackTable, data: st.DataObject) -> None:
    recorder = AuditRecorder(t)
    for index in range(t.frame_count):
        fate = data.draw(st.sampled_from([*FrameFate, None]))
        if fate is not None:
            exposed = data.draw(st.sets(st.sampled_from(range(5))))
            recorder.frame(index, fate, exposed)
    audit = close(recorder)
    for person in audit.people:
        e = person.exposure
        rows = t.rows_of_track(int(person.person.removeprefix("person-")))
        expected = float(t.frame_duration_s[t.frame[rows]].sum())
        parts = e.covered_s + e.carried_s + e.fully_covered_s + e.dropped_s + e.unprotected_s
        assert parts == pytest.approx(expected) == pytest.approx(e.present_s)
    assert audit.total.present_s == pytest.approx(sum(p.exposure.present_s for p in audit.people))
