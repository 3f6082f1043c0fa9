"""Every program starts and explains itself."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "program",
    ["fer.train", "fer.evaluate", "fer.pair", "fer.export", "fomm.train", "recognizers.train"],
)
def test_help_is_printed(program: str) -> None:
    command = [sys.executable, "-m", f"framework_training.{program}", "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "usage:" in done.stdout.lower()
