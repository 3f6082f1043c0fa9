"""Live mode: covered like offline, bounded in delay, fail closed, nothing raw kept."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from threading import Event, Thread
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from framework_faces.bytetrack import ByteTrack
from framework_faces.config import ByteTrackOptions
from framework_fomm.neutral import MIN_ROWS
from framework_live import LiveOptions, run_live
from framework_live.engine import FAILED, NO_FACE, NOT_ANALYSED, Covered, LiveEngine
from framework_live.run import LiveResult, build_parts, single_pass
from framework_live.source import WAITING, Arrived, LiveSource, next_due, threaded
from framework_live.window import STRIP, Window
from hypothesis import given, settings
from hypothesis import strategies as st

from framework import ConfigError, Detections, Frame, MediaError, Role
from framework.cli.main import main
from framework.config import load_run_config
from framework.keyfile import read_key
from framework.media import MediaKind, SourceInfo, open_reader, open_writer
from framework.pipeline.components import Components
from framework.registry import Registry
from framework.resolve import ResolveOptions
from framework.testing.scenes import picture as picture_with_face
from framework.types import ComponentEvent
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


def test_a_swap_warms_up_masked_and_a_file_gives_what_the_single_pass_gives(
    tmp_path: Path,
) -> None:
    """The published network, on a donor's portrait: five frames for the neutral one, then faces."""
    frames = [picture_with_face(256, 192, [(80.0 + k, 40.0, 150.0 + k, 130.0)]) for k in range(9)]
    source = tmp_path / "v.mkv"
    info = SourceInfo(MediaKind.VIDEO, 256, 192, 10, None, None, "matroska", "ffv1")
    with open_writer(source, info, codec="ffv1") as writer:
        for index, image in enumerate(frames):
            writer.write(image, index / 10)
    chosen: dict[str, Any] = {"fer": "none", "threads": 1}
    key = tmp_path / "key"  # the same donor both times
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    network = ("anonymizer.method=network",)
    result = run_live(
        str(source),
        out=tmp_path / "o",
        anonymizer="fomm",
        options=network,
        key_file=key,
        **chosen,
    )
    assert result.passed and not result.whole
    assert result.masked == {"warm-up": MIN_ROWS - 1}
    config = load_run_config(None, network, anonymizer="patient=fomm,doctor=fomm", **chosen)
    made = LiveResult()
    with open_reader(source) as reader:
        opened = LiveSource(reader.info, False, iter(()), duration_s=0.9)
        components = Components(config, Registry.load(), read_key(key, lambda said: None))
        parts = build_parts(components, reader.info)
        arrived = (Arrived(frame, 0.0) for frame in reader)
        items = list(single_pass(parts, arrived, opened, made))
    covered = [item for item in items if isinstance(item, Covered)]
    assert made.masked == result.masked
    written = pictures(tmp_path / "o" / "live.mp4")
    assert len(written) == len(covered) == 9
    for seen, one in zip(written, covered, strict=True):
        where = np.s_[60:120, 90:140]  # the face; the noise around it is more than a codec holds
        assert np.abs(seen[where].astype(int) - one.image[where].astype(int)).mean() < 12
    middle = [c.image[70:100, 100:130].astype(float) for c in covered]
    detail = [float(np.abs(np.diff(m, axis=0)).mean()) for m in middle]
    assert max(detail[: MIN_ROWS - 1]) < 0.5  # a plain mask
    assert min(detail[-2:]) > 1.0  # a face


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


def slowly(
    work_s: float, count: int = 200, max_late_s: float = 0.5
) -> tuple[LiveSource, list[int], list[float]]:
    """50 pictures a second, work that takes ``work_s`` for each, and a clock of its own."""
    now = [0.0]
    source = LiveSource(
        SourceInfo(MediaKind.VIDEO, 8, 8, 50, None, None, "live", ""), True, iter(())
    )
    blank = np.zeros((8, 8, 3), np.uint8)
    shown: list[int] = []
    lateness: list[float] = []
    waiting: deque[Frame] = deque()
    taken = [0]

    def arrive() -> None:
        while taken[0] < count and taken[0] / 50 <= now[0]:
            waiting.append(Frame(blank, taken[0], taken[0] / 50))
            taken[0] += 1

    def late(frame: Frame) -> float:
        return now[0] - frame.time_s

    while taken[0] < count or waiting:
        arrive()
        if not waiting:
            now[0] += 0.02
            continue
        frame = next_due(waiting, late, max_late_s, source)
        shown.append(frame.index)
        lateness.append(late(frame))
        now[0] += work_s
    return source, shown, lateness


@pytest.mark.parametrize("work_s", [0.01, 0.05, 0.3])
def test_a_machine_too_slow_to_cover_loses_pictures_and_keeps_its_delay(work_s: float) -> None:
    source, shown, lateness = slowly(work_s)
    assert shown == sorted(set(shown)) and shown[-1] == 199
    assert len(shown) + source.lost == 200
    assert (source.lost > 0) == (work_s > 0.02)
    # the newest is always shown, and it is at most one piece of work old
    assert max(lateness) <= 0.5 + 0.02 or max(lateness) <= work_s + 0.02


def test_a_picture_that_nobody_takes_displaces_the_oldest() -> None:
    info = SourceInfo(MediaKind.VIDEO, 8, 8, 50, None, None, "live", "")
    source = LiveSource(info, True, iter(()))
    blank = np.zeros((8, 8, 3), np.uint8)
    produced = Event()

    def camera() -> Iterator[Frame]:
        for index in range(3 * WAITING):
            yield Frame(blank, index, index / 50)
        produced.set()

    got = threaded(source, camera(), lambda frame: 0.0)
    first = next(got)
    assert produced.wait(10)
    rest = [a.frame.index for a in got]
    assert len(rest) <= WAITING and rest[-1] == 3 * WAITING - 1
    assert source.lost + len(rest) + 1 == 3 * WAITING
    assert rest == list(range(rest[0], 3 * WAITING)) and first.frame.index < rest[0]


def test_what_a_swap_could_not_follow_is_counted_and_forgotten() -> None:
    class Swap(Paint):
        def __init__(self) -> None:
            self.events: list[ComponentEvent] = []

        def anonymize(self, frame: Any, tracks: Any) -> Any:
            self.events.append(ComponentEvent(frame.index, frame.time_s, 1, "fallback", "turned"))
            return super().anonymize(frame, tracks)

        def drain_events(self) -> list[ComponentEvent]:
            drained, self.events = self.events, []
            return drained

    made = engine([[box(i)] for i in range(9)])
    made.anonymizer = swap = Swap()
    play(made, 9, lambda i: True)
    assert made.masked == {"turned": 9} and not swap.events


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


def test_a_source_that_is_not_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["live", "--source", "97", "-d", str(tmp_path)]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: camera 97 cannot be opened: no picture came; check that it is")
    with socket() as nobody:  # bound, but not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        address = f"rtsp://nurse:secret@127.0.0.1:{nobody.getsockname()[1]}/ward"
        assert main(["live", "--source", address, "-d", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    last = error.strip().splitlines()[-1]
    assert last.startswith("error: the stream cannot be opened: no picture came; check its address")
    assert "secret" not in error and "nurse" not in error


@pytest.mark.usefixtures("parts")
def test_a_network_stream_is_covered_and_its_end_is_said(clip: Clip, tmp_path: Path) -> None:
    served = clip(frames=25)

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, directory=str(served.parent), **more)

        def log_message(self, *arguments: Any) -> None:
            pass

    said: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/{quote(served.name)}"
        result = run_live(address, out=tmp_path / "o", warn=said.append, **BASE)
        server.shutdown()
    assert result.frames_out + result.lost == 25
    assert all(bright(image) == 0 for image in pictures(tmp_path / "o" / "live.mp4"))
    assert said == ["the stream sent no more pictures"]


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


def test_face_is_carried_over_no_cut() -> None:
    """Found up to the cut and never again: without the cut it would be carried for 1.5 s."""
    rng = np.random.default_rng(1)
    coarse = [np.kron(rng.integers(0, 140, (6, 8, 3)), np.ones((16, 20, 1))) for _ in range(2)]
    scenes = [np.asarray(c, np.uint8) for c in coarse]
    script: list[list[float] | None] = [[60.0] if i < 12 else [] for i in range(24)]
    cut, uncut = engine(script, allow_no_faces=True), engine(script, allow_no_faces=True)
    faces: list[list[int]] = []
    for made, after in ((cut, scenes[1]), (uncut, scenes[0])):
        out: list[Covered] = []
        for i in range(24):
            image = scenes[0] if i < 12 else after
            out += made.push(Frame(image.copy(), i, i / 20))[1]
        faces.append([c.faces for c in [*out, *made.finish()]])
    assert faces[0] == [1] * 12 + [0] * 12
    assert faces[1] == [1] * 24


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
