"""A stored analysis gives the same bytes as one that is still in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework import MediaError
from framework.pipeline.run import Run
from framework.pipeline.stored import load_analysis, save_analysis

SETTINGS: dict[str, Any] = {"detector": "square", "fer": "happy", "anonymizer": "fill"}


def test_analysis_comes_back_with_its_detections_failures_and_table(
    parts: Path, clip: Callable[..., Path], tmp_path: Path
) -> None:
    run = Run.configured(options=["detector.fail_at=[3]", "detector.miss_at=[9]"], **SETTINGS)
    found = run.resolve(run.analyze(clip(frames=30, without=(20,))))
    save_analysis(found, tmp_path)
    again = load_analysis(tmp_path)
    assert again.failures == found.failures != []
    assert again.damage == found.damage
    assert again.observed.source == found.observed.source
    assert again.observed.log.failures == found.observed.log.failures
    for one, other in (
        (again.observed.log.rows().xyxy, found.observed.log.rows().xyxy),
        (again.dismissed_s, found.dismissed_s),
        (again.table.xyxy, found.table.xyxy),
        (again.table.samples.probabilities, found.table.samples.probabilities),
    ):
        assert np.array_equal(one, other)
    assert again.table.misses == found.table.misses
    (tmp_path / "again").mkdir()
    save_analysis(again, tmp_path / "again")
    for name in ("tracks.csv", "observed.npz", "analysis.json"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_damaged_files_are_refused_in_one_line(
    parts: Path, clip: Callable[..., Path], tmp_path: Path
) -> None:
    run = Run.configured(**SETTINGS)
    save_analysis(run.resolve(run.analyze(clip(frames=5))), tmp_path)
    (tmp_path / "observed.npz").write_bytes(b"nothing")
    with pytest.raises(MediaError, match="analyse the recording again"):
        load_analysis(tmp_path)
