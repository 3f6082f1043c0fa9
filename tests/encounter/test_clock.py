"""The shared clock, from stamps and by hand; recordings that do not fit together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from framework_encounter import Encounter, make_encounter
from framework_encounter.clock import Clock, parse_timecode, shared_clocks
from framework_encounter.sync import SyncResult
from hypothesis import given
from hypothesis import strategies as st

from framework import ConfigError
from tests.encounter.test_sync import heard, speech
from tests.media.recordings import make_video

Camera = Callable[..., Path]


def pair(a: Path, b: Path, **more: object) -> Encounter:
    recordings = [{"file": str(a), "shows": "patient"}, {"file": str(b), "shows": "doctor"}]
    return make_encounter({"recordings": recordings} | more)


@pytest.mark.parametrize(
    ("text", "rate", "seconds"),
    [
        ("01:00:00:00", 25, 3600.0),
        ("00:00:01:12", 24, 1.5),
        ("00:01:00;02", 30000 / 1001, 60.06),  # two numbers are left out here, and no frame
        ("00:10:00;00", 30000 / 1001, 599.9994),
        ("01:00:00:00", 30000 / 1001, 3603.6),
        ("nonsense", 25, None),
    ],
)
def test_timecodes(text: str, rate: float, seconds: float | None) -> None:
    assert parse_timecode(text, rate) == (seconds if seconds is None else pytest.approx(seconds))


def test_timecodes_of_files(tmp_path: Path) -> None:
    a = make_video(tmp_path / "a.mov", 50, stream_metadata={"timecode": "10:00:00:00"})
    b = make_video(tmp_path / "b.mov", 50, stream_metadata={"timecode": "10:00:01:05"})
    clock = shared_clocks(pair(a, b, sync="timecode"))[1]
    assert clock.sync.offset_s == pytest.approx(1.2)
    late = make_video(tmp_path / "c.mov", 50, stream_metadata={"timecode": "23:59:59:00"})
    early = make_video(tmp_path / "d.mov", 50, stream_metadata={"timecode": "00:00:00:00"})
    assert shared_clocks(pair(late, early, sync="timecode"))[1].sync.offset_s == pytest.approx(1)


def test_creation_times_of_files_with_a_warning(tmp_path: Path) -> None:
    stamps = ("2026-03-04T10:00:00Z", "2026-03-04T10:00:01Z")
    a, b = (
        make_video(tmp_path / f"{k}.mp4", 50, metadata={"creation_time": stamp})
        for k, stamp in enumerate(stamps)
    )
    clock = shared_clocks(pair(a, b, sync="creation-time"))[1]
    assert clock.sync.offset_s == 1.0 and "check one moment by eye" in clock.note


def test_what_is_missing_is_said_with_what_to_do(tmp_path: Path) -> None:
    a, b = make_video(tmp_path / "a.mp4", 10), make_video(tmp_path / "b.mp4", 10)
    for sync, message in (
        ("timecode", r"camera 1 \(patient\) carries no timecode; use --sync audio, or give"),
        ("creation-time", r"carries no creation time"),
        ("audio", r"has no sound to synchronise by; use --sync timecode or creation-time"),
    ):
        with pytest.raises(ConfigError, match=message):
            shared_clocks(pair(a, b, sync=sync))


def test_recordings_that_do_not_overlap(tmp_path: Path) -> None:
    a, b = make_video(tmp_path / "a.mp4", 10), make_video(tmp_path / "b.mp4", 10)
    for offset in (60.0, -60.0):
        recordings = [
            {"file": str(a), "shows": "patient"},
            {"file": str(b), "shows": "doctor", "offset_s": offset},
        ]
        with pytest.raises(ConfigError, match="the recordings do not overlap; check"):
            shared_clocks(make_encounter({"recordings": recordings, "sync": "manual"}))


def test_no_common_sound_stops_the_run(camera: Camera) -> None:
    a = camera("a.mkv", 60, sound=heard(speech(10, 1), 0, 6, 0, 20, 1))
    b = camera("b.mkv", 60, sound=heard(speech(10, 2), 0, 6, 0, 20, 2))
    with pytest.raises(ConfigError, match=r"no sound in common|fits with a confidence of 0"):
        shared_clocks(pair(a, b))
    quiet = camera("c.mkv", 60, sound=np.zeros(48000, np.float32))
    with pytest.raises(ConfigError, match=r"no sound in common; check .* --sync manual"):
        shared_clocks(pair(a, quiet))


def test_a_confidence_that_is_too_low_stops_the_run(camera: Camera) -> None:
    source = speech(14, 5)
    a = camera("a.mkv", 120, sound=heard(source, 0, 12, 0, 20, 1))
    b = camera("b.mkv", 100, sound=heard(source, 1, 10, 0, 20, 2))
    assert abs(shared_clocks(pair(a, b))[1].sync.offset_s - 1) <= 0.04
    other = speech(14, 6)
    mixed = np.concatenate([heard(source, 1, 4, 0, 20, 2), heard(other, 5, 6, 0, 20, 3)])
    c = camera("c.mkv", 100, sound=mixed)
    with pytest.raises(ConfigError, match=r"confidence of 0\.\d\d only, 0\.99 is needed"):
        shared_clocks(pair(a, c, min_sync_confidence=0.99))


@given(st.floats(-1000, 1000), st.floats(-5e-4, 5e-4), st.floats(0, 5000))
def test_a_clock_turns_back(offset: float, drift: float, time_s: float) -> None:
    clock = Clock("audio", SyncResult(offset, drift, 1.0, 3, 0.0))
    assert clock.own(clock.shared(time_s)) == pytest.approx(time_s, abs=1e-6)
