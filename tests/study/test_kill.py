"""Runs and workers that are killed at random times: nothing is lost, and the bytes are the same."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.study.conftest import FAST, contents, environment


@pytest.fixture
def start(parts: Path, study: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts ``framework study run`` in the background; it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "framework", "study", "run", str(study), *FAST, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(parts),
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def finished(study: Path) -> int:
    """How many stages are in the store."""
    return len(list((study / "state" / "store").glob("*/*/done.json")))


def until(what: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Wait for something to become true while a process runs."""
    end = time.monotonic() + seconds
    while process.poll() is None and not what() and time.monotonic() < end:
        time.sleep(0.02)


def test_run_killed_at_random_times_goes_on_to_the_same_bytes(
    study: Path, start: Callable[..., subprocess.Popen[str]], work: Callable[..., tuple]
) -> None:
    chance = random.Random(os.environ.get("PYTEST_RANDOM", "17"))
    known = 0
    for _ in range(3):
        process = start("--workers", "2")
        until(lambda known=known: finished(study) > known, process)
        time.sleep(chance.random())
        process.kill()
        process.wait()
        assert finished(study) >= known, "what was finished stays"
        known = finished(study)
    process = start("--workers", "2")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    killed = contents(study / "results")
    assert not list((study / "state" / "tmp").iterdir())
    shutil.rmtree(study / "state" / "store")
    shutil.rmtree(study / "results")
    result, _ = work(study)  # one worker, never stopped
    assert result.passed
    assert contents(study / "results") == killed


def test_worker_that_is_killed_is_replaced_and_its_task_done_again(
    study: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("--workers", "1")
    until(lambda: finished(study) >= 1, process)
    for child in psutil.Process(process.pid).children(recursive=True):
        child.kill()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "2 of 2 encounters done" in output


def test_workers_end_when_their_run_is_killed(
    study: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start("--workers", "1")
    workers: list[psutil.Process] = []
    until(lambda: bool(psutil.Process(process.pid).children(recursive=True)), process)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert workers
    assert not alive


def test_worker_over_its_memory_is_ended_and_the_encounter_set_aside_with_the_reason(
    study: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    config = study / "study.yaml"
    config.write_text(config.read_text().replace("worker_memory_gb: 3.0", "worker_memory_gb: 0.02"))
    process = start("--workers", "1", "--only", "enc-002")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1, output
    assert "enc-002: set aside" in output
    assert "worker_memory_gb" in output


def test_run_commands_status_and_retry_speak_of_the_same_encounters(
    study: Path, command: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    bad = tmp_path / "videos" / "b_patient.mkv"
    good = bad.read_bytes()
    bad.write_bytes(b"no video" * 100)
    done = command("run", study, *FAST, "--workers", 2, check=False)
    assert done.returncode == 1
    assert "1 of 2 encounters done" in done.stdout
    assert "enc-002: failed" in done.stderr
    status = command("status", study, "--json", "--page", tmp_path / "page.html", check=False)
    assert status.returncode == 1
    found = json.loads(status.stdout[: status.stdout.rindex("}") + 1])
    assert found["counts"] == {"failed": 1, "passed": 1}
    assert found["rows"][1]["why"]
    assert "<script" not in (tmp_path / "page.html").read_text()
    assert "enc-002" in (tmp_path / "page.html").read_text()
    log = (study / "state" / "run.log").read_text()
    assert "1 of 2 done, 1 failed" in log.splitlines()[-1]
    bad.write_bytes(good)
    again = command("retry", study, *FAST)
    assert "1 of 1 encounters done" in again.stdout
    assert command("status", study).returncode == 0
