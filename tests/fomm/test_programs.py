"""The measuring programs run, and say in one line what is missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from framework_fomm.donors.store import EMBEDDED_FOLDER, load

ROOT = Path(__file__).parents[2]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )


def test_bench_compares_with_the_published_pass(weight_file: Path, tmp_path: Path) -> None:
    report = tmp_path / "bench.json"
    result = run(
        "examples/bench_fomm.py", "--weights", weight_file, "--json", report,
        "--threads", 1, "--rounds", 1, "--batch", 2, "--frame", "320x240",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    measured = json.loads(report.read_text())
    assert measured["network"]["mean_abs_difference_below_1_255"]
    assert measured["network"]["times_faster"] > 0
    assert measured["anonymizer"]["fps_median"] > 0
    assert measured["anonymizer"]["frames"] == 2


def test_bench_with_a_wrong_file(tmp_path: Path) -> None:
    result = run("examples/bench_fomm.py", "--weights", tmp_path / "none.safetensors")
    assert result.returncode == 2
    assert result.stderr == "error: weights none.safetensors: no such file; check the path\n"


def donor_clip(path: Path, frames: int = 14) -> None:
    """A composite face that nods a little, in a picture of 320 x 320."""
    import av

    face = load(EMBEDDED_FOLDER)[6].at_size(256)[0]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 320
        stream.time_base = Fraction(1, 25)
        for i in range(frames):
            picture = np.full((320, 320, 3), 215, np.uint8)
            shift = round(4 * np.sin(i / 3))
            picture[32 + shift : 288 + shift, 32:288] = face
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def test_report_measures_a_clip(weight_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("dlib")
    donor_clip(tmp_path / "a.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    report = tmp_path / "report.json"
    result = run(
        "examples/fomm_report.py", tmp_path, "--weights", weight_file, "--json", report,
        "--threads", 1,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    measured = json.loads(report.read_text())
    assert measured["clips"] == 1 and measured["skipped"] == 1
    figures = measured["figures"]
    assert figures["self/l1"]["n"] == figures["cross/fallback_share"]["n"] == 14
    assert {"self/akd_copy_px", "verification/sanity_person_as_person"} <= set(figures)
    # the original seen twice agrees with itself, and every figure of the swap has its counterpart
    assert figures["again/pose_error_from_mean_deg"]["mean"] < 5
    pairs = {name.removeprefix("again/") for name in figures if name.startswith("again/")}
    assert {f"cross/{name}" for name in pairs} <= set(figures)
    assert len(measured["weights"]["sha256"]) == 64
    assert str(tmp_path) not in report.read_text()


def test_report_without_clips(tmp_path: Path) -> None:
    pytest.importorskip("dlib")
    result = run("examples/fomm_report.py", tmp_path / "none")
    assert result.returncode == 2 and result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_parity_program_as_a_command(tmp_path: Path) -> None:
    result = run("-m", "framework_training.fomm.parity", tmp_path / "none.npz")
    assert result.returncode == 2 and result.stderr.startswith("error: ")
