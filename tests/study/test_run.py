"""A study in this process: what is repeated, what fails, what is corrected."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from framework_study.layout import Layout
from framework_study.plan import read_secret
from framework_study.status import study_status
from framework_study.task import Outcome, Task

from framework.errors import ConfigError, MediaError
from framework.table_file import load_table, save_table
from framework.types import Role
from tests.study.conftest import contents, record
from tests.study.inline import Stopped

Work = Callable[..., tuple]


def test_run_does_every_stage_once_and_a_second_run_does_nothing(study: Path, work: Work) -> None:
    result, done = work(study)
    assert result.passed, result.reasons
    assert sorted(done) == [
        "enc-001 analyze camera 1",
        "enc-001 analyze camera 2",
        "enc-001 clocks",
        "enc-001 cover camera 1",
        "enc-001 cover camera 2",
        "enc-001 finish",
        "enc-001 look camera 1",
        "enc-001 look camera 2",
        "enc-001 roles",
        "enc-002 analyze camera 1",
        "enc-002 finish camera 1",
        "enc-002 look camera 1",
    ]
    before = contents(study / "results")
    assert {"enc-001/encounter.json", "enc-001/camera-2/anonymized.mp4"} <= before.keys()
    assert {"enc-002/anonymized.mp4", "enc-002/emotions.csv", "enc-002/audit.json"} <= before.keys()
    again, more = work(study)
    assert again.passed
    assert more == []
    assert contents(study / "results") == before
    assert not list((study / "results").rglob(".*")), "nothing hidden leaves"


def test_results_of_a_recording_alone_are_those_of_framework_run(
    study: Path, work: Work, tmp_path: Path
) -> None:
    from framework import run

    work(study)
    single = run(
        tmp_path / "videos" / "b_patient.mkv",
        out=tmp_path / "single",
        anonymizer="fill",
        detector="square",
        fer="happy",
        threads=1,
    )
    ours, theirs = contents(study / "results" / "enc-002"), contents(tmp_path / "single")
    assert single.passed
    assert ours.keys() == theirs.keys()
    # The manifest alone differs: a study states the threads of a worker, not those of a machine.
    assert {name for name in ours if ours[name] != theirs[name]} <= {"manifest.json", "report.html"}


def test_results_of_an_encounter_are_those_of_encounter_run(
    study: Path, work: Work, tmp_path: Path
) -> None:
    from framework_encounter import make_encounter, run_encounter

    work(study)
    videos = tmp_path / "videos"
    run_encounter(
        make_encounter(
            {
                "id": "enc-001",
                "recordings": [
                    {"file": str(videos / "a_patient.mkv"), "shows": "patient"},
                    {"file": str(videos / "a_doctor.mkv"), "shows": "doctor"},
                ],
            }
        ),
        out=tmp_path / "single",
        anonymizer="fill",
        detector="square",
        fer="happy",
        threads=1,
    )
    ours, theirs = contents(study / "results" / "enc-001"), contents(tmp_path / "single")
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} <= {"manifest.json"}
    mode = (study / "results" / "enc-001" / "doctor-view").stat().st_mode
    assert stat.S_IMODE(mode) == 0o700


def test_run_that_was_stopped_anywhere_goes_on_and_leaves_the_same_bytes(
    study: Path, work: Work, tmp_path: Path
) -> None:
    stages = 12

    def stop_at(number: int) -> Callable[[Task], None]:
        count = iter(range(stages))

        def before(task: Task) -> None:
            if next(count) == number:
                raise Stopped

        return before

    for number in range(1, 4):  # stopped after 1, 2 and 3 more stages
        with pytest.raises(Stopped):
            work(study, stop_at(number))
    result, done = work(study)
    assert result.passed
    assert len(done) == stages - 6, "finished stages are not repeated"
    stopped = contents(study / "results")
    assert not list((study / "state" / "tmp").iterdir())
    shutil.rmtree(study / "state" / "store")
    shutil.rmtree(study / "results")
    work(study)
    assert contents(study / "results") == stopped


def test_another_anonymizer_repeats_covering_and_not_the_analysis(study: Path, work: Work) -> None:
    work(study)
    _, done = work(study, anonymizer="mask")
    assert sorted(done) == [
        "enc-001 cover camera 1",
        "enc-001 cover camera 2",
        "enc-001 finish",
        "enc-002 finish camera 1",
    ]
    _, back = work(study)
    assert back == [], "what was computed before is still in the store"


def test_an_option_of_the_resolution_that_changes_no_table_repeats_no_covering(
    study: Path, work: Work
) -> None:
    work(study)
    _, done = work(study, options=["resolve.carry_s=0.9"])
    stages = {name.split(" ", 1)[1] for name in done}
    assert "analyze camera 1" in stages


def test_corrected_table_repeats_rendering_and_reading_of_this_camera_alone(
    study: Path, work: Work
) -> None:
    work(study)
    path = study / "private" / "enc-001" / "tracks-doctor.csv"
    table = load_table(path)
    save_table(table.only(table.track_ids()).with_misses({3: "a person said so"}), path)
    result, done = work(study)
    assert done == ["enc-001 cover camera 2", "enc-001 finish"]
    audit = json.loads((study / "results/enc-001/camera-2/audit.json").read_text())
    assert audit["frames_fully_covered"] == 1
    assert result.records[0].corrected == ("tracks-doctor.csv",)
    manifest = json.loads((study / "results/enc-001/manifest.json").read_text())
    assert manifest["command"] == "encounter render"


def test_corrected_table_stands_when_the_analysis_changes_and_is_said_to_be_outdated(
    study: Path, work: Work
) -> None:
    work(study)
    path = study / "private" / "enc-002" / "tracks.csv"
    save_table(load_table(path).with_misses({1: "by hand"}), path)
    corrected = path.read_bytes()
    result, _ = work(study, fer_rate=2.0)
    assert path.read_bytes() == corrected
    assert result.records[1].outdated == ("tracks.csv",)
    path.unlink()
    result, _ = work(study, fer_rate=2.0)
    assert path.exists()
    assert result.records[1].corrected == ()


def test_table_that_does_not_validate_fails_with_line_and_column(study: Path, work: Work) -> None:
    work(study)
    path = study / "private" / "enc-002" / "tracks.csv"
    path.write_text(path.read_text().replace(",patient,", ",somebody,", 1))
    result, _ = work(study)
    assert result.records[1].state == "failed"
    assert "line 4" in result.records[1].reasons[0]
    assert "role" in result.records[1].reasons[0]
    assert result.records[0].passed, "the others go on"


def test_swapped_roles_in_a_corrected_table_swap_the_people(study: Path, work: Work) -> None:
    work(study)
    path = study / "private" / "enc-002" / "tracks.csv"
    table = load_table(path)
    save_table(table.with_roles(dict.fromkeys(table.track_ids(), Role.DOCTOR)), path)
    work(study)
    assert ",doctor," in (study / "results/enc-002/emotions.csv").read_text()


def test_recording_that_is_missing_fails_alone_and_is_done_when_it_is_there(
    study: Path, work: Work, tmp_path: Path
) -> None:
    there = tmp_path / "videos" / "b_patient.mkv"
    away = there.rename(tmp_path / "away.mkv")
    result, _ = work(study)
    assert not result.passed
    assert [r.state for r in result.records] == ["done", "failed"]
    assert "no such file" in result.reasons[0]
    away.rename(there)
    result, done = work(study)
    assert result.passed
    assert {name.split()[0] for name in done} == {"enc-002"}


def test_damaged_recording_fails_with_a_reason_that_names_no_path(
    study: Path, work: Work, tmp_path: Path
) -> None:
    (tmp_path / "videos" / "b_patient.mkv").write_bytes(b"no video" * 100)
    result, _ = work(study)
    assert result.records[1].state == "failed"
    assert str(tmp_path) not in " ".join(result.reasons)
    assert str(tmp_path) not in (study / "state/logs/enc-002.log").read_text().split("\n")[0]
    status = study_status(study)
    assert status.rows[1].log == "state/logs/enc-002.log"


def test_item_whose_worker_dies_twice_is_set_aside_until_retried(study: Path, work: Work) -> None:
    def dies(task: Task) -> Outcome | None:
        if task.name == "cover camera 1":
            return Outcome(task, "lost", "the worker died (signal 9)", again=True)
        return None

    result, _ = work(study, dies)
    first = result.records[0]
    assert (first.state, first.stage) == ("set aside", "cover camera 1")
    assert max(t.count for t in first.tries.values()) == 2
    assert result.records[1].passed
    result, done = work(study)
    assert done == [], "a later run leaves it aside"
    assert not result.passed
    result, done = work(study, again=True)
    assert result.passed
    assert done[-1] == "enc-001 finish"


def test_unforeseen_error_is_tried_twice_and_an_input_error_once(study: Path, work: Work) -> None:
    tried: list[str] = []

    def flaky(task: Task) -> Outcome | None:
        if task.stage == "analyze" and task.item == "enc-002":
            tried.append(task.item)
            return Outcome(task, "failed", "OSError: drive away", again=len(tried) < 2)
        return None

    work(study, flaky)
    assert tried == ["enc-002", "enc-002"]


def test_result_that_does_not_pass_is_done_and_makes_the_study_fail(
    study: Path, work: Work, tmp_path: Path
) -> None:
    result, _ = work(study, anonymizer="crash", only=["enc-002"])
    assert not result.passed
    assert result.records[0].state == "done"
    assert result.records[0].passed is False
    assert result.reasons[0].startswith("enc-002: does not pass")
    assert (study / "results/enc-002/audit.json").exists()


def test_changed_recording_is_done_again(study: Path, work: Work, tmp_path: Path) -> None:
    work(study)
    record(tmp_path / "videos" / "b_patient.mkv", frames=20, seed=8)
    _, done = work(study)
    assert done == [
        "enc-002 look camera 1",
        "enc-002 analyze camera 1",
        "enc-002 finish camera 1",
    ]


def test_results_that_somebody_removed_are_put_back_without_work(study: Path, work: Work) -> None:
    work(study)
    before = contents(study / "results")
    shutil.rmtree(study / "results" / "enc-001")
    _, done = work(study)
    assert done == []
    assert contents(study / "results") == before


def test_study_that_another_run_works_on_is_refused(study: Path, work: Work) -> None:
    from framework_study.lock import locked

    with locked(Layout(study)), pytest.raises(ConfigError, match="another run is at work"):
        work(study)


def test_full_disk_is_refused_before_and_stops_a_run_without_loss(
    study: Path, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(MediaError, match="GB are free"):
        work(study, min_free_gb=99_000)
    import framework_study.run as module

    free = iter([100e9] * 4 + [1e9] * 100)
    usage = module.shutil.disk_usage(study)
    monkeypatch.setattr(
        module.shutil, "disk_usage", lambda place: usage._replace(free=int(next(free)))
    )
    with pytest.raises(MediaError, match="run again"):
        work(study)
    monkeypatch.undo()


def test_wrong_option_is_refused_before_any_work(study: Path, work: Work) -> None:
    with pytest.raises(ConfigError, match=r"unknown option anonymizer\.nonsense"):
        work(study, anonymizer="mask", options=["anonymizer.nonsense=1"])
    with pytest.raises(ConfigError, match="no encounter enc-0001"):
        work(study, only=["enc-0001"])


def test_secret_that_is_missing_is_not_replaced(study: Path, work: Work) -> None:
    Layout(study).key.unlink()
    with pytest.raises(ConfigError, match="donors are chosen by it"):
        work(study)
    with pytest.raises(ConfigError):
        read_secret(Layout(study))


def test_span_in_the_table_is_the_part_that_leaves(study: Path, work: Work) -> None:
    table = Layout(study).table
    first, _, last = table.read_text().splitlines()
    table.write_text(f"{first}\n{last[:-1]}0:01-0:02,\n")
    result, _ = work(study)
    assert result.passed, result.reasons
    audit = json.loads((study / "results/enc-002/audit.json").read_text())
    assert (audit["frames_in"], audit["duration_in_s"]) == (10, 1.0)
