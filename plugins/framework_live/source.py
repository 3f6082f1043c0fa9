"""Where live pictures come from: a camera, a network stream, or a file."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import MediaError
from framework.media import MediaKind, SourceInfo, open_reader, probe
from framework.types import Frame

STREAMS = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://")
WAITING = 64
"""Pictures that may wait to be processed; when more come the oldest are lost, never shown bare."""
MAX_LATE_S = 1.0
"""How long one of them may wait."""
ANSWER_S = 10.0
"""How long a network stream may be silent."""


@dataclass(frozen=True)
class Arrived:
    """A picture, and by how many seconds its processing begins late."""

    frame: Frame
    late_s: float


@dataclass
class LiveSource:
    """An opened source.

    Attributes:
        info: size and rate.
        realtime: pictures come whether they are waited for or not.
        damaged: whether a picture, by its index, may be wrong; cameras and streams do not tell.
        lost: pictures that were thrown away because they waited too long or too many did.
        note: why a camera or stream ended, which it should not do by itself.
        duration_s: end of the last picture; known at the end.
    """

    info: SourceInfo
    realtime: bool
    pictures: Iterator[Arrived]
    damaged: Callable[[int], bool] = lambda index: False
    lost: int = 0
    note: str = ""
    duration_s: float = 0.0


@contextmanager
def open_source(
    name: str, realtime: bool = False, threads: int = 0, max_late_s: float = MAX_LATE_S
) -> Generator[LiveSource]:
    """Open ``0`` (a camera), ``rtsp://...`` (a stream) or a file.

    Args:
        realtime: a file is played at its own speed, as if it were a camera.
        max_late_s: how long a picture in real time may wait for its turn, seconds.

    Raises:
        MediaError: it cannot be opened.
    """
    if name.isdigit() or name.startswith(STREAMS):
        with _open_capture(name, max_late_s) as source:
            yield source
        return
    path = Path(name)
    info = probe(path, sequence=True)
    with open_reader(path, threads=threads, sequence=True) as reader:
        source = LiveSource(info, realtime, iter(()), lambda index: index in reader.damaged_frames)

        def frames() -> Generator[Arrived]:
            for frame in reader:
                yield Arrived(frame, 0.0)
            source.duration_s = reader.duration_s

        source.pictures = _paced(source, frames(), max_late_s) if realtime else frames()
        yield source


def _paced(source: LiveSource, frames: Iterator[Arrived], max_late_s: float) -> Generator[Arrived]:
    """A recording that does not wait: a thread plays it, and what is late is late."""
    start = time.monotonic()

    def play() -> Generator[Frame]:
        for arrived in frames:
            time.sleep(max(0.0, start + arrived.frame.time_s - time.monotonic()))
            yield arrived.frame

    def late(frame: Frame) -> float:
        return time.monotonic() - start - frame.time_s

    yield from threaded(source, play(), late, max_late_s)


def next_due(
    waiting: deque[Frame],
    late: Callable[[Frame], float],
    max_late_s: float,
    source: LiveSource,
) -> Frame:
    """The first waiting picture that is not too late, or else the newest; others are lost."""
    frame = waiting.popleft()
    while waiting and late(frame) > max_late_s:
        frame = waiting.popleft()
        source.lost += 1
    return frame


def threaded(
    source: LiveSource,
    frames: Iterator[Frame],
    late: Callable[[Frame], float],
    max_late_s: float = MAX_LATE_S,
) -> Generator[Arrived]:
    """Takes pictures in a thread of its own, so that none waits in a driver's buffer.

    Args:
        late: how many seconds ago a picture was due.
        max_late_s: what waited longer is thrown away while something newer waits.
    """
    waiting: deque[Frame] = deque()
    changed = threading.Condition()
    state: dict[str, Any] = {"end": False, "stop": False, "error": None}

    def work() -> None:
        try:
            for frame in frames:
                with changed:
                    if state["stop"]:
                        break
                    if len(waiting) >= WAITING:
                        waiting.popleft()
                        source.lost += 1
                    waiting.append(frame)
                    changed.notify()
        except Exception as error:
            state["error"] = error
        finally:
            with changed:
                state["end"] = True
                changed.notify()

    thread = threading.Thread(target=work, name="capture", daemon=True)
    thread.start()
    try:
        while True:
            with changed:
                changed.wait_for(lambda: waiting or state["end"])
                if not waiting:
                    break
                frame = next_due(waiting, late, max_late_s, source)
            yield Arrived(frame, late(frame))
    finally:
        with changed:
            state["stop"] = True
        thread.join(timeout=5)
    if state["error"] is not None:
        raise state["error"]


def _open_stream(name: str) -> Any:
    import cv2

    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC]
    timeouts = [value for limit in limits for value in (limit, int(1000 * ANSWER_S))]
    return cv2.VideoCapture(name, cv2.CAP_FFMPEG, timeouts)


@contextmanager
def _open_capture(name: str, max_late_s: float) -> Generator[LiveSource]:
    import cv2

    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    shown = f"camera {name}" if name.isdigit() else "the stream"
    capture = cv2.VideoCapture(int(name)) if name.isdigit() else _open_stream(name)
    try:
        good, first = capture.read() if capture.isOpened() else (False, None)
        if not good or first is None:
            check = "that it is connected, and that no other program uses it"
            if not name.isdigit():
                check = (
                    "its address (host, port, path, user and password), that it is sending, and "
                    "that this machine may reach it"
                )
            raise MediaError(f"{shown} cannot be opened: no picture came; check {check}")
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        height, width = first.shape[:2]
        rate = rate if 1 <= rate <= 240 else 25.0
        info = SourceInfo(MediaKind.VIDEO, width, height, rate, None, None, "live", "")
        start = time.monotonic()
        source = LiveSource(info, True, iter(()))

        def frames() -> Generator[Frame]:
            picture, index, last = first, 0, -1.0
            while True:
                # Streams carry no common clock; the moment of arrival is what live means.
                now = max(time.monotonic() - start, last + 1e-4)
                if picture.shape[:2] != (height, width):
                    raise MediaError(f"{shown} changed the size of its picture; start again")
                yield Frame(np.asarray(picture, np.uint8), index, now if index else 0.0)
                index, last = index + 1, now
                source.duration_s = now + 1 / rate
                fine, following = capture.read()
                if not fine or following is None:
                    source.note = f"{shown} sent no more pictures"
                    return
                picture = following

        source.pictures = threaded(
            source, frames(), lambda frame: time.monotonic() - start - frame.time_s, max_late_s
        )
        yield source
    finally:
        capture.release()
