"""Covered frames on the report's page."""

from __future__ import annotations

import base64
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from framework.report.strip import FRAMES, WIDTH_PX, covered_strip
from framework.table import RowState, TrackTable

N, RATE = 100, 10


@pytest.fixture
def covered(tmp_path: Path) -> Path:
    """Ten seconds that grow brighter, with a key frame each second."""
    path = tmp_path / "anonymized.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("h264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        stream.options = {"g": "10", "preset": "ultrafast"}
        for k in range(N):
            image = np.full((96, 128, 3), 2 * k, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def table(frames: int = N) -> TrackTable:
    return TrackTable(
        width=128,
        height=96,
        time_s=np.arange(frames) / RATE,
        duration_s=frames / RATE,
        frame=np.arange(frames),
        track_id=np.full(frames, 7),
        xyxy=np.tile(np.array([[30, 40, 60, 80]], np.float32), (frames, 1)),
        score=np.ones(frames, np.float32),
        landmarks=np.full((frames, 5, 2), np.nan, np.float32),
        state=np.full(frames, RowState.DETECTED, np.int8),
    )


@pytest.mark.parametrize("longest_s", [0.0, 60.0])
def test_strip_of_a_video_shows_covered_frames_in_order_with_track_numbers(
    covered: Path, longest_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("framework.report.strip.LONGEST_DECODED_S", longest_s)
    strip = covered_strip(covered, table())
    assert len(strip) == FRAMES
    levels = []
    for frame in strip:
        assert frame.tracks == "tracks 7"
        data = base64.b64decode(frame.source.removeprefix("data:image/jpeg;base64,"))
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape[1] == WIDTH_PX
        levels.append(float(np.median(image)))
    assert levels == sorted(levels) and levels[-1] > levels[0] + 100


def test_strip_of_anything_but_a_video_is_empty(tmp_path: Path) -> None:
    image = tmp_path / "anonymized.png"
    cv2.imwrite(str(image), np.zeros((9, 9, 3), np.uint8))
    assert covered_strip(image, table()) == []
