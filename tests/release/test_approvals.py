"""The log of approvals: it only grows, notices what was changed, and is bound to exact bytes."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from framework.approvals import append_approval, hash_files, read_approvals, standing
from framework.errors import ConfigError, MediaError


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results" / "enc-1"
    (folder / "camera-1").mkdir(parents=True)
    (folder / "camera-1" / "anonymized.mp4").write_bytes(b"pictures")
    (folder / "timeline.csv").write_text("second\n0\n")
    return folder


def approve(log: Path, folder: Path, reviewer: str = "r1", decision: str = "approve") -> None:
    append_approval(
        log,
        id="enc-1",
        files=hash_files(folder),
        reviewer=reviewer,
        statement="I saw every doubtful second.",
        decision=decision,  # type: ignore[arg-type]
    )


def test_approval_of_unchanged_files_holds(tmp_path: Path, results: Path) -> None:
    log = tmp_path / "review" / "approvals.jsonl"
    assert not standing(read_approvals(log), "enc-1", hash_files(results)).approved
    approve(log, results)
    found = standing(read_approvals(log), "enc-1", hash_files(results))
    assert found.approved and found.reviewers == ("r1",)
    assert not standing(read_approvals(log), "enc-2", hash_files(results)).approved


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_approval_lapses_when_a_file_changes_and_names_it(
    tmp_path: Path, results: Path, change: str
) -> None:
    log = tmp_path / "approvals.jsonl"
    approve(log, results)
    if change == "edit":
        (results / "timeline.csv").write_text("second\n1\n")
        name = "timeline.csv"
    elif change == "add":
        (results / "extra.txt").write_text("x")
        name = "extra.txt"
    else:
        name = "camera-1/anonymized.mp4"
        (results / name).unlink()
    found = standing(read_approvals(log), "enc-1", hash_files(results))
    assert not found.approved and found.changed == (name,) and name in found.reason


def test_two_reviewers_are_needed_if_asked_for(tmp_path: Path, results: Path) -> None:
    log = tmp_path / "approvals.jsonl"
    approve(log, results)
    approve(log, results)  # the same person twice is one person
    found = standing(read_approvals(log), "enc-1", hash_files(results), needed=2)
    assert not found.approved and "1 of 2" in found.reason
    approve(log, results, "r2")
    assert standing(read_approvals(log), "enc-1", hash_files(results), needed=2).approved


def test_one_withdrawal_stops_it_until_that_reviewer_approves_again(
    tmp_path: Path, results: Path
) -> None:
    log = tmp_path / "approvals.jsonl"
    approve(log, results)
    approve(log, results, "r2", "withdraw")
    found = standing(read_approvals(log), "enc-1", hash_files(results))
    assert not found.approved and "r2" in found.reason
    approve(log, results, "r2")
    assert standing(read_approvals(log), "enc-1", hash_files(results)).approved


@pytest.mark.parametrize("damage", ["edit", "remove", "reorder", "garbage", "cut"])
def test_a_log_that_was_tampered_with_is_refused(
    tmp_path: Path, results: Path, damage: str
) -> None:
    log = tmp_path / "approvals.jsonl"
    for reviewer in ("r1", "r2", "r3"):
        approve(log, results, reviewer)
    lines = log.read_bytes().splitlines(keepends=True)
    if damage == "edit":
        lines[1] = lines[1].replace(b"r2", b"r9")
    elif damage == "remove":
        del lines[1]
    elif damage == "reorder":
        lines[1], lines[2] = lines[2], lines[1]
    elif damage == "garbage":
        lines[1] = b"{}\n"
    else:
        lines[2] = lines[2][:-1]
    log.write_bytes(b"".join(lines))
    with pytest.raises(ConfigError, match="approvals"):
        read_approvals(log)
    before = log.read_bytes()
    with pytest.raises(ConfigError):
        approve(log, results)
    assert log.read_bytes() == before


def test_the_log_has_the_documented_fields(tmp_path: Path, results: Path) -> None:
    log = tmp_path / "approvals.jsonl"
    approve(log, results)
    line = json.loads(log.read_text())
    assert list(line) == ["id", "files", "reviewer", "statement", "time", "decision", "previous"]
    assert line["previous"] == "" and line["time"].endswith("+00:00")


def _append_many(log: Path, folder: Path, name: str) -> None:
    for _ in range(10):
        approve(log, folder, name)


def test_writers_at_the_same_time_leave_an_unbroken_chain(tmp_path: Path, results: Path) -> None:
    log = tmp_path / "approvals.jsonl"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(log, results, f"r{k}")) for k in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(read_approvals(log)) == 30


def test_links_are_refused_because_their_content_can_change(tmp_path: Path, results: Path) -> None:
    (results / "link.csv").symlink_to(results / "timeline.csv")
    with pytest.raises(MediaError, match=r"link\.csv is a link"):
        hash_files(results)


@pytest.mark.parametrize("wrong", [{"reviewer": " "}, {"id": ""}, {"files": {}}])
def test_an_approval_without_content_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    values = {"id": "a", "files": {"x": "0" * 64}, "reviewer": "r", "statement": "s"} | wrong
    with pytest.raises(ConfigError):
        append_approval(tmp_path / "log", **values)  # type: ignore[arg-type]
