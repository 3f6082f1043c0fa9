"""Live mode: covered like offline, bounded in delay, fail closed, nothing raw kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_faces.bytetrack import ByteTrack
from framework_faces.config import ByteTrackOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from framework import ConfigError, Detections, Frame, MediaError, Role
from framework.cli.main import main
from framework.config import load_run_config
from framework.live import LiveOptions, run_live
from framework.live.engine import FAILED, NO_FACE, NOT_ANALYSED, Covered, LiveEngine
from framework.live.run import LiveResult, build_parts, single_pass
from framework.live.source import Arrived, LiveSource
from framework.live.window import STRIP, Window
from framework.media import open_reader
from framework.pipeline.components import Components
from framework.registry import Registry
from framework.resolve import ResolveOptions
from tests.pipeline.conftest import bright, flat, picture, pictures

Clip = Callable[..., Path]
BASE: dict[str, Any] = {"detector": "square", "anonymizer": "fill", "fer": "happy"}


@pytest.mark.usefixtures("parts")
def test_a_file_gives_what_the_single_pass_gives(clip: Clip, tmp_path: Path) -> None:
    """The live path has threads, a window of delay and an encoder; none of them may show."""
    source = clip(frames=70, without=(30, 31))
    result = run_live(str(source), out=tmp_path / "live", **BASE)
    assert result.passed and result.lost == 0
    assert result.analysed == result.frames_in == result.frames_out == 70
    components = Components(
        load_run_config(None, (), **(BASE | {"anonymizer": "patient=fill,doctor=fill"})),
        Registry.load(),
    )
    covered: list[Covered] = []
    events: list[dict[str, Any]] = []
    with open_reader(source) as reader:
        opened = LiveSource(reader.info, False, iter(()), duration_s=3.5)
        frames = (Arrived(frame, 0.0) for frame in reader)
        for item in single_pass(build_parts(components, reader.info), frames, opened, LiveResult()):
            covered.append(item) if isinstance(item, Covered) else events.append(item)
    written = pictures(tmp_path / "live" / "live.mp4")
    assert len(written) == len(covered)
    for seen, made in zip(written, covered, strict=True):
        assert np.abs(seen.astype(int) - made.image.astype(int)).mean() < 12  # the encoder's loss
        assert bright(seen) == 0
    lines = (tmp_path / "live" / "events.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == events
    assert [e["label"] for e in events if e["event"] == "emotions"] == ["happiness"] * 4


@pytest.mark.usefixtures("parts")
def test_playing_in_real_time_with_a_slow_detector_covers_every_picture(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lateness is given, not waited for: half of the pictures come too late to be analysed."""
    source = clip(frames=60)
    config = load_run_config(None, (), **(BASE | {"anonymizer": "patient=fill,doctor=fill"}))
    components = Components(config, Registry.load())
    result = LiveResult()
    with open_reader(source) as reader:
        opened = LiveSource(reader.info, True, iter(()), duration_s=3.0)
        frames = (Arrived(f, 0.4 if f.index % 4 else 0.0) for f in reader)
        items = list(single_pass(build_parts(components, reader.info), frames, opened, result))
    covered = [i for i in items if isinstance(i, Covered)]
    assert result.analysed == 15 and len(covered) == 60
    assert all(bright(c.image) == 0 for c in covered)
    # those between two analysed pictures keep their surroundings
    assert sum(not c.whole for c in covered) >= 55


@pytest.mark.usefixtures("parts")
def test_a_played_file_runs_through_the_capture_thread(clip: Clip, tmp_path: Path) -> None:
    result = run_live(str(clip(frames=20)), out=tmp_path / "o", realtime=True, seconds=0.8, **BASE)
    assert 1 <= result.frames_out <= 17
    assert all(bright(image) == 0 for image in pictures(tmp_path / "o" / "live.mp4"))


@pytest.mark.usefixtures("parts")
def test_only_the_covered_recording_and_the_events_are_kept(clip: Clip, tmp_path: Path) -> None:
    out = tmp_path / "o"
    run_live(str(clip(frames=30)), out=out, **BASE)
    assert sorted(p.name for p in out.iterdir()) == ["events.jsonl", "live.mp4"]
    assert b"Smith" not in b"".join(p.read_bytes() for p in out.iterdir())


@pytest.mark.usefixtures("parts")
def test_nothing_is_left_when_the_source_fails(tmp_path: Path) -> None:
    with pytest.raises(MediaError):
        run_live(str(tmp_path / "none.mp4"), out=tmp_path / "o", **BASE)
    assert not list((tmp_path / "o").glob("*")) if (tmp_path / "o").exists() else True


@pytest.mark.usefixtures("parts")
def test_what_cannot_be_asked_of_live(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = str(clip(frames=3))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ConfigError, match="no display for a window; give --out DIR"):
        run_live(source, **BASE)
    with pytest.raises(ConfigError, match="does not take sound"):
        run_live(source, out=tmp_path, audio="keep", **BASE)
    with pytest.raises(ConfigError, match=r"live\.delay_s: .* \(allowed: >= 0.0, <= 10.0\)"):
        run_live(source, out=tmp_path, options=["live.delay_s=11"], **BASE)
    with pytest.raises(ConfigError, match="unknown option group 'liv'; did you mean 'live'"):
        run_live(source, out=tmp_path, options=["liv.delay_s=1"], **BASE)


def test_a_camera_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["live", "--source", "97", "-d", str(tmp_path)]) == 2
    assert (
        capsys.readouterr()
        .err.strip()
        .splitlines()[-1]
        .startswith("error: camera 97 cannot be opened; check")
    )


class Scripted:
    """Finds what a script says; an exception where it says None."""

    def __init__(self, script: list[list[float] | None]) -> None:
        self.script = script

    def detect(self, frames: Any) -> list[Detections]:
        found = self.script[frames[0].index]
        if found is None:
            raise RuntimeError("no")
        boxes = [[x, 30, x + 24, 54] for x in found]
        return [Detections(xyxy=np.array(boxes), score=np.full(len(boxes), 0.9))]


class Paint:
    def reset(self) -> None:
        pass

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        image = frame.bgr.copy()
        for x1, y1, x2, y2 in np.round(tracks.xyxy).astype(int):
            image[max(y1 - 4, 0) : y2 + 4, max(x1 - 4, 0) : x2 + 4] = (200, 30, 30)
        return image


def engine(script: list[list[float] | None], **more: Any) -> LiveEngine:
    return LiveEngine(
        detector=Scripted(script),
        tracker=ByteTrack(ByteTrackOptions()),
        anonymizer=Paint(),
        resolve=ResolveOptions(),
        options=LiveOptions(delay_s=0.25),
        **more,
    )


def play(made: LiveEngine, frames: int, analysed: Callable[[int], bool]) -> list[Covered]:
    out: list[Covered] = []
    for index in range(frames):
        _, covered = made.push(Frame(slow(index), index, index / 20), analysed(index))
        out += covered
        assert len(out) >= index - 5  # the delay is bounded
    return out + made.finish()


def box(index: int) -> float:
    """Left edge of the face: it moves by a fifth of its size a second."""
    return float(20 + index // 4)


def slow(index: int) -> Any:
    rng = np.random.default_rng(index)
    image = rng.integers(0, 60, (96, 160, 3), dtype=np.uint8)
    left = int(box(index))
    image[30:54, left : left + 24] = rng.integers(170, 256, (24, 24, 3))
    return image


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=5, max_size=24), st.data())
def test_no_face_gets_out_whatever_is_missed_or_left_out(analysed: list[bool], data: Any) -> None:
    """Any pictures may come too late, and the detector may fail or miss for up to 0.4 s."""
    n = len(analysed)
    start = data.draw(st.integers(1, n - 1))
    missed = range(start, start + data.draw(st.integers(0, 8)))
    analysed = [True, *analysed[1:]]
    script: list[list[float] | None] = [[] if i in missed else [box(i)] for i in range(n)]
    fails = data.draw(st.sets(st.integers(0, n - 1), max_size=3))
    script = [None if i in fails else s for i, s in enumerate(script)]
    covered = play(engine(script), n, lambda i: analysed[i])
    assert [c.index for c in covered] == list(range(n))
    assert all(bright(c.image) == 0 for c in covered)


def test_a_face_is_covered_before_it_is_found_as_far_as_the_delay_reaches() -> None:
    script: list[list[float] | None] = [[] if i < 12 else [box(i)] for i in range(20)]
    covered = play(engine(script), 20, lambda i: True)
    assert [c.whole for c in covered[:7]] == [NO_FACE] * 7
    assert all(not c.whole for c in covered[7:])
    assert all(bright(c.image) == 0 for c in covered)


def test_what_is_not_known_is_covered_whole() -> None:
    nothing = play(engine([[]] * 6), 6, lambda i: True)
    assert {c.whole for c in nothing} == {NO_FACE} and all(flat(c.image) for c in nothing)
    late = play(engine([[box(i)] for i in range(8)]), 8, lambda i: False)
    assert {c.whole for c in late} == {NOT_ANALYSED}
    broken = engine([None] * 4)
    assert {c.whole for c in play(broken, 4, lambda i: True)} == {FAILED}
    assert broken.failures[0][1:] == ("detector", "RuntimeError")
    empty = engine([[]] * 6, allow_no_faces=True)
    assert not any(c.whole for c in play(empty, 6, lambda i: True))


def test_an_anonymizer_that_lets_a_face_through_is_caught() -> None:
    class Lazy(Paint):
        def anonymize(self, frame: Any, tracks: Any) -> Any:
            return frame.bgr.copy()

    made = engine([[box(i)] for i in range(6)])
    made.anonymizer = Lazy()
    assert all(flat(c.image) for c in play(made, 6, lambda i: True))
    assert made.failures[0][1:] == ("anonymizer", "UncoveredFace")


def test_the_main_person_is_who_was_seen_most() -> None:
    made = engine([[10.0, 100.0] if i > 5 else [10.0] for i in range(12)])
    for index in range(12):
        tracks, _ = made.push(Frame(picture(index, 2), index, index / 20))
    assert tracks is not None
    roles = {float(b[0]): r for b, r in zip(tracks.xyxy, tracks.role, strict=True)}
    assert roles == {10.0: Role.PATIENT, 100.0: Role.BYSTANDER}


def test_the_window_shows_the_covered_picture_and_words_below_it() -> None:
    window = Window()
    window.tell(
        {"event": "emotions", "role": "patient", "label": "fear", "probabilities": {"fear": 0.7}}
    )
    window.tell({"event": "advice", "text": "A nod or a few words may help. " * 3})
    image = picture(0, 0)
    shown = window.composed(image)
    assert shown.shape == (image.shape[0] + STRIP, image.shape[1], 3)
    assert (shown[: image.shape[0]] == image).all() and bright(shown[image.shape[0] :]) > 20
