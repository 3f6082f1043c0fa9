"""Nothing that this program did not write is lost, and results are complete or the old ones."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from framework.errors import MediaError
from framework.pipeline.delivery import AUDIT, MANIFEST, NAMES, REPORT, TRACKS, Delivery
from framework.pipeline.published import LIST, PLAN

RESULTS = (AUDIT, MANIFEST, REPORT, "anonymized.mp4")


def deliver(out: Path, source: Path, content: str, names: tuple[str, ...] = RESULTS) -> None:
    with Delivery(out, source) as delivery:
        for name in names:
            path = delivery.path(name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{content} {name}")
        delivery.publish()


def content(out: Path) -> dict[str, str]:
    """Every file that a user sees."""
    return {
        str(p.relative_to(out)): p.read_text()
        for p in sorted(out.rglob("*"))
        if p.is_file() and not str(p.relative_to(out)).startswith(".framework-")
    }


def expected(version: str, names: tuple[str, ...] = RESULTS) -> dict[str, str]:
    return {name: f"{version} {name}" for name in sorted(names)}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "visit.mp4"
    path.write_text("the recording")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


class TestForeignFiles:
    @pytest.mark.parametrize(
        "name", ["anonymized/visit.mp4", "anonymized.v2.mp4", "anonymized.mkv", "notes.txt"]
    )
    def test_a_recording_in_the_output_folder_survives(self, out: Path, name: str) -> None:
        recording = out / name
        recording.parent.mkdir(parents=True)
        recording.write_text("the only copy")
        for version in ("first", "second"):
            try:
                deliver(out, recording, version)
            except MediaError:
                assert name == "anonymized.mkv"
        assert recording.read_text() == "the only copy"

    def test_files_beside_the_results_survive(self, out: Path, source: Path) -> None:
        deliver(out, source, "first", (*RESULTS, "anonymized/000000.png"))
        (out / "anonymized" / "mine.png").write_text("mine")
        (out / "letter.txt").write_text("mine")
        deliver(out, source, "second")
        assert content(out) == expected("second") | {
            "anonymized/mine.png": "mine",
            "letter.txt": "mine",
        }

    def test_a_file_of_somebody_else_is_not_replaced(self, out: Path, source: Path) -> None:
        out.mkdir()
        (out / REPORT).write_text("my own report")
        with pytest.raises(MediaError, match="was not written by a run"):
            deliver(out, source, "first")
        assert content(out) == {REPORT: "my own report"}
        with pytest.raises(MediaError, match="was not written by a run"):
            Delivery(out, source, (REPORT,))

    def test_a_table_that_a_person_corrected_is_not_replaced(self, out: Path, source: Path) -> None:
        deliver(out, source, "first", (TRACKS,))
        (out / TRACKS).write_text("corrected")
        with pytest.raises(MediaError, match="was changed since"):
            deliver(out, source, "second", (TRACKS,))
        deliver(out, source, "second")
        assert content(out) == expected("second") | {TRACKS: "corrected"}

    def test_a_copied_folder_is_still_ours(self, out: Path, source: Path) -> None:
        deliver(out, source, "first")
        for name in RESULTS:
            os.utime(out / name, (1, 1))
        deliver(out, source, "second")
        assert content(out) == expected("second")

    def test_a_result_that_the_new_run_has_not_is_removed(self, out: Path, source: Path) -> None:
        deliver(out, source, "first", (*RESULTS, "emotions.csv"))
        deliver(out, source, "second")
        assert content(out) == expected("second")

    def test_another_commands_results_stay(self, out: Path, source: Path) -> None:
        deliver(out, source, "first")
        with Delivery(out, source) as delivery:
            delivery.path(TRACKS).write_text("table")
            delivery.publish(replaces=(TRACKS,), video=False)
        assert content(out) == expected("first") | {TRACKS: "table"}

    def test_a_result_as_the_source_is_refused(self, out: Path, source: Path) -> None:
        deliver(out, source, "first", (*RESULTS, "anonymized/000000.png"))
        for name in ("anonymized.mp4", "anonymized/000000.png"):
            with pytest.raises(MediaError, match="choose another folder"):
                deliver(out, out / name, "second")

    @pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "a/../../outside.txt"])
    def test_a_list_cannot_name_files_outside(
        self, tmp_path: Path, out: Path, source: Path, name: str
    ) -> None:
        deliver(out, source, "first")
        (tmp_path / "outside.txt").write_text("mine")
        body = json.loads((out / LIST).read_text())
        body["files"][name] = {"size": 4, "mtime_ns": 0, "sha256": ""}
        (out / LIST).write_text(json.dumps(body))
        (out / PLAN).write_text(json.dumps({"staging": "..", "old": [name], "new": []}))
        deliver(out, source, "second")
        assert (tmp_path / "outside.txt").read_text() == "mine"
        assert content(out) == expected("second")

    @pytest.mark.parametrize("broken", ["", "[", "[1]", '{"files": 3}', '{"files": {"a": 1}}'])
    def test_a_broken_list_loses_nothing(self, out: Path, source: Path, broken: str) -> None:
        deliver(out, source, "first")
        (out / LIST).write_text(broken)
        with pytest.raises(MediaError, match="was not written by a run"):
            deliver(out, source, "second")
        assert content(out) == expected("first")


class TestWrongMoment:
    """Something goes wrong at any of the renames of a publication."""

    def names(self) -> tuple[str, ...]:
        return (*RESULTS, "camera-1/audit.json")

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
    @pytest.mark.parametrize("at", range(14))
    def test_an_error_leaves_the_old_or_the_new_results(
        self, out: Path, source: Path, monkeypatch: pytest.MonkeyPatch, number: int, at: int
    ) -> None:
        deliver(out, source, "first", self.names())
        calls = iter(range(1000))
        real = Path.replace

        def failing(self: Path, target: Path) -> Path:
            if next(calls) == at:
                raise OSError(number, os.strerror(number))
            return real(self, target)

        monkeypatch.setattr(Path, "replace", failing)
        failed = False
        try:
            deliver(out, source, "second", self.names())
        except MediaError:
            failed = True
        monkeypatch.undo()
        assert content(out) == expected("first" if failed else "second", self.names())
        deliver(out, source, "third", self.names())
        assert content(out) == expected("third", self.names())
        assert sorted(p.name for p in out.glob(".framework-*")) == [LIST]

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
    @pytest.mark.parametrize("at", [0, 1, 3, 6, 8, 11])
    def test_a_killed_run_leaves_the_old_or_the_new_results(
        self, out: Path, source: Path, how: signal.Signals, at: int
    ) -> None:
        names = (*RESULTS, "camera-1/audit.json")
        deliver(out, source, "first", names)
        program = f"""
import os, signal, sys
from pathlib import Path
from tests.security.test_output_folder import deliver
signal.signal(signal.SIGTERM, signal.default_int_handler)
calls, real = iter(range(1000)), Path.replace
def killing(self, target):
    if next(calls) == {at}:
        os.kill(os.getpid(), {int(how)})
    return real(self, target)
Path.replace = killing
deliver(Path({str(out)!r}), Path({str(source)!r}), "second", {names!r})
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
        assert done.returncode != 0
        # Whoever opens the folder next finds all of the old or all of the new results.
        with Delivery(out, source):
            found = content(out)
        assert found in (expected("first", names), expected("second", names))
        if how == signal.SIGTERM:
            assert found == expected("first", names)
        assert sorted(p.name for p in out.glob(".framework-*")) == [LIST]

    def test_a_crash_in_the_work_leaves_the_old_results(self, out: Path, source: Path) -> None:
        deliver(out, source, "first")
        with pytest.raises(ZeroDivisionError), Delivery(out, source) as delivery:
            delivery.path(AUDIT).write_text("second")
            raise ZeroDivisionError
        assert content(out) == expected("first")

    def test_a_crash_in_a_new_folder_leaves_nothing(self, out: Path, source: Path) -> None:
        with pytest.raises(ZeroDivisionError), Delivery(out, source):
            raise ZeroDivisionError
        assert not out.exists()


class TestTwoRuns:
    def test_the_second_is_refused(self, out: Path, source: Path) -> None:
        with Delivery(out, source) as delivery:
            with pytest.raises(MediaError, match="another run"):
                Delivery(out, source)
            delivery.path(AUDIT).write_text("first")
            delivery.publish()
        deliver(out, source, "second")
        assert content(out) == expected("second")

    def test_a_folder_that_a_killed_run_left_is_removed(self, out: Path, source: Path) -> None:
        program = f"""
import os, signal
from pathlib import Path
from framework.pipeline.delivery import Delivery
Delivery(Path({str(out)!r}), Path({str(source)!r})).path("a").write_text("half")
os.kill(os.getpid(), signal.SIGKILL)
"""
        subprocess.run([sys.executable, "-c", program], check=False)
        assert list(out.glob(".framework-*"))
        (out / ".framework-mine").mkdir()
        deliver(out, source, "first")
        assert content(out) == expected("first")
        left = sorted(p.name for p in out.glob(".framework-*"))
        assert left == [".framework-mine", LIST]


def test_names_of_results_are_those_of_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text(encoding="utf-8")
    assert all(name in page for name in NAMES if name != "emotions_raw.csv")


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_an_impossible_folder_is_one_line(tmp_path: Path, source: Path, name: str) -> None:
    with pytest.raises(MediaError):
        Delivery(tmp_path / name, source)
