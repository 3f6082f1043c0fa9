"""Measuring in the first pass: which faces, which rows, and what the tables say."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.alignment import landmarks_from_box
from framework.measurement import Measurements, blinks, write_measure_seconds, write_measures
from framework.pipeline.measuring import MeasureSampler
from framework.table import RowState, TrackTable
from framework.types import Frame, Image, Measure, Role, Tracks

BOX = (20.0, 20.0, 60.0, 70.0)


class Roll:
    """Gives a roll of 0 in the crop, and how bright the crop is."""

    measures = (
        Measure("pose_roll", "degrees", -180.0, 180.0, "lean"),
        Measure("brightness", "1", 0.0, 1.0, "mean"),
    )
    input_size = 32
    crop_scale = 1.0

    def measure(self, faces: Sequence[Image]) -> Any:
        return np.array([(0.0, f.mean() / 255) for f in faces], np.float32).reshape(-1, 2)


def table(frames: int, role: Role = Role.PATIENT, track_id: int = 7) -> TrackTable:
    n = frames
    return TrackTable(
        100,
        100,
        np.arange(n) / 25.0,
        n / 25.0,
        np.arange(n),
        np.full(n, track_id, np.int64),
        np.tile(np.array(BOX, np.float32), (n, 1)),
        np.full(n, 0.9, np.float32),
        np.full((n, 5, 2), np.nan, np.float32),
        np.full(n, RowState.DETECTED, np.int8),
        roles={track_id: role},
    )


def tracks(turn: float = 0.0, role: Role = Role.PATIENT, observed: bool = True) -> Tracks:
    five = landmarks_from_box(np.array([BOX], np.float32))[0]
    middle = five.mean(0)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    five = (five - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    return Tracks(
        xyxy=np.array([BOX], np.float32),
        score=np.array([0.9], np.float32),
        landmarks=five[None].astype(np.float32),
        track_id=np.array([1]),
        role=(role,),
        observed=np.array([observed]),
    )


def frames(n: int) -> list[Frame]:
    return [Frame(np.full((100, 100, 3), 51, np.uint8), i, i / 25.0) for i in range(n)]


def test_every_observed_face_is_measured_under_the_id_of_the_resolved_table() -> None:
    sampler = MeasureSampler(Roll())
    for frame in frames(3):
        sampler.add(frame, tracks())
    sampler.add(frames(4)[3], tracks(observed=False))
    found = sampler.resolved(table(4))
    assert found.frame.tolist() == [0, 1, 2] and found.track_id.tolist() == [7, 7, 7]
    assert found.column("brightness") == pytest.approx(0.2, abs=0.01)


def test_bystanders_are_not_measured() -> None:
    sampler = MeasureSampler(Roll())
    sampler.add(frames(1)[0], tracks(role=Role.BYSTANDER))
    assert len(sampler.resolved(table(1))) == 0
    later = MeasureSampler(Roll())  # known to be one only after the whole recording was seen
    later.add(frames(1)[0], tracks())
    assert len(later.resolved(table(1, Role.BYSTANDER))) == 0


@pytest.mark.parametrize("turn", [0.0, 30.0, -100.0])
def test_the_lean_of_the_crop_is_added_to_the_roll(turn: float) -> None:
    sampler = MeasureSampler(Roll())
    sampler.add(frames(1)[0], tracks(turn))
    assert sampler.resolved(table(1)).column("pose_roll") == pytest.approx(turn, abs=1.0)


def test_a_measurer_that_fails_costs_its_faces_and_is_reported() -> None:
    class Broken(Roll):
        def measure(self, faces: Sequence[Image]) -> Any:
            raise RuntimeError("no")

    sampler = MeasureSampler(Broken())
    sampler.add(frames(1)[0], tracks())
    assert len(sampler.resolved(table(1))) == 0
    assert [failure.stage for failure in sampler.failures] == ["measures"]


def test_blinks_are_short_closures_and_long_ones_are_not() -> None:
    time_s = np.arange(100) / 25.0
    opening = np.full(100, 0.3)
    opening[20:24] = (0.2, 0.05, 0.04, 0.2)
    opening[50:90] = 0.05  # eyes kept shut
    assert blinks(time_s, opening) == pytest.approx([22 / 25.0])
    opening[20] = np.nan
    assert len(blinks(time_s, opening)) == 1
    assert len(blinks(time_s[:2], opening[:2])) == 0


def test_tables_say_name_and_unit_and_means_of_angles_go_around(tmp_path: Path) -> None:
    measures = (
        Measure("pose_yaw", "degrees", -180.0, 180.0, "turn"),
        Measure("eye_opening_right", "1", 0.0, 2.0, "gap"),
        Measure("eye_opening_left", "1", 0.0, 2.0, "gap"),
    )
    values = np.array([[179, 0.3, 0.3], [-179, 0.3, np.nan]] * 25, np.float32)
    values[10, 1:] = 0.02
    found = Measurements(measures, np.arange(50), np.full(50, 7), values)
    write_measures(tmp_path / "m.csv", found, table(50))
    write_measure_seconds(tmp_path / "s.csv", found, table(50))
    rows = list(csv.DictReader((tmp_path / "m.csv").open()))
    assert len(rows) == 50 and rows[1]["eye_opening_left"] == ""
    assert float(rows[0]["pose_yaw_degrees"]) == 179
    seconds = list(csv.DictReader((tmp_path / "s.csv").open()))
    assert [row["second"] for row in seconds] == ["0", "1"]
    assert abs(float(seconds[0]["pose_yaw_degrees"])) == pytest.approx(180, abs=0.1)
    assert [row["blinks"] for row in seconds] == ["1", "0"]
    assert seconds[0]["frames"] == "25"
