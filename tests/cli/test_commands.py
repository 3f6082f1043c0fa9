from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.cli.main import main
from tests.interrupts import heed_interrupts
from tests.pipeline.conftest import bright, pictures

Clip = Callable[..., Path]
HEAVY = ("torch", "cv2", "onnxruntime", "av", "scipy")


@pytest.mark.parametrize("arguments", [["--help"], ["plugins"], ["run", "--help"]])
def test_light_commands_import_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from framework.cli.main import main; status = main(sys.argv[1:]); "
        f"print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules]); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert "HEAVY []" in done.stdout


def test_the_whole_job_writes_what_it_promises(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    status = main(
        [
            "run",
            str(clip()),
            "--detector",
            "square",
            "-a",
            "fill",
            "--fer",
            "happy",
            "--per-frame",
            "--out",
            str(out),
        ]
    )
    assert status == 0
    assert {file.name for file in out.iterdir()} == {
        ".framework-results.json",
        "anonymized.mp4",
        "audit.json",
        "emotions.csv",
        "emotions_frames.csv",
        "manifest.json",
        "recommendations.json",
        "report.html",
    }
    with (out / "emotions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["second"], row["person"], row["label"]) for row in rows] == [
        ("0", "person-1", "happiness"),
        ("1", "person-1", "happiness"),
    ]
    assert rows[0]["role"] == "patient"
    manifest = json.loads((out / "manifest.json").read_text())
    assert [c["name"] for c in manifest["components"]] == [
        "square",
        "bytetrack",
        "fill",
        "happy",
        "rules",
        "retinaface",  # searches the result
        "lbp-fisher",  # compares it with the original
    ]
    assert "40 of 40 frames written" in capsys.readouterr().out


def test_a_person_corrects_the_table_between_the_halves(
    parts: Path, clip: Clip, tmp_path: Path
) -> None:
    source = str(clip(faces=2))
    assert (
        main(
            [
                "analyze",
                source,
                "--detector",
                "square",
                "--fer",
                "happy",
                "--people",
                "2",
                "--out",
                str(tmp_path),
                "--quiet",
            ]
        )
        == 0
    )
    table = tmp_path / "tracks.csv"
    assert "Smith" not in table.read_text()
    lines = table.read_text().splitlines(keepends=True)
    header = next(i for i, line in enumerate(lines) if line.startswith("frame,"))
    columns = lines[header].strip().split(",")
    track = columns.index("track_id")
    kept = [line for line in lines if line.split(",")[track : track + 1] != ["2"]]
    assert len(kept) == len(lines) - 40
    table.write_text("".join(kept))
    out = tmp_path / "out"
    render = ["render", source, "--tracks", str(table), "--detector", "square", "-a", "fill"]
    render += ["--fer", "happy", "--out", str(out), "--quiet"]
    assert main([*render, "--no-search-again"]) == 0
    assert main(render) == 1, "the search of the result finds the face that was taken out"
    images = pictures(out / "anonymized.mp4")
    half = images[0].shape[1] // 2
    assert len(images) == 40
    assert all(bright(image[:, :half]) == 0 for image in images)
    assert all(bright(image[:, half:]) > 0 for image in images), "the second one was taken out"


def test_the_status_says_whether_the_result_passes(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes = ["--detector", "square", "--fer", "none", "--out", str(tmp_path / "out")]
    assert main(["run", str(clip(frames=4)), "-a", "fill", *fakes]) == 0
    assert main(["run", str(clip(frames=4)), "-a", "lazy", *fakes]) == 1
    assert "components failed 4 times" in capsys.readouterr().err


def test_quiet_says_nothing(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes = ["--detector", "square", "-a", "fill", "--fer", "none", "--out", str(tmp_path / "out")]
    assert main(["run", str(clip(frames=4)), *fakes, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_and_ends_with_130(
    parts: Path, clip: Clip, tmp_path: Path, sent: signal.Signals
) -> None:
    out = tmp_path / "out"
    environment = os.environ | {"PYTHONPATH": f"{parts}{os.pathsep}{Path.cwd()}"}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "framework.cli.main",
            "run",
            str(clip(frames=3000)),
            "--detector",
            "square",
            "-a",
            "fill",
            "--fer",
            "none",
            "--out",
            str(out),
        ],
        env=environment,
        preexec_fn=heed_interrupts,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not out.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(sent)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert not out.exists()


def test_a_reader_that_leaves_early_causes_no_message() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "framework.cli.main", "plugins"],
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_options_of_a_component_are_listed(parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "--options", "square"]) == 0
    assert "detector.fail_at" in capsys.readouterr().out
    assert main(["plugins", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {"kind": "detector", "name": "square"}.items() <= {
        key: value
        for c in listed["components"]
        if c["name"] == "square"
        for key, value in c.items()
        if key in ("kind", "name")
    }.items()


def test_doctor_finds_this_installation_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "everything the reference components need is here" in capsys.readouterr().out
