"""A small recording with two faces, its table, and the results of a run, made without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from fastapi.testclient import TestClient
from framework_review.access import Access
from framework_review.items import Review, find_review
from framework_review.server import Desk, build_app

from framework.table import RowState, TrackTable
from framework.table_file import save_table
from framework.types import Role

WIDTH, HEIGHT, FRAMES, RATE = 320, 240, 60, 15
PORT = 8123
ORIGIN = f"http://127.0.0.1:{PORT}"


def write_video(path: Path, shade: int) -> None:
    """A grey recording with a moving bright square."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("h264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"g": "15", "preset": "ultrafast"}
        for k in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), shade, np.uint8)
            image[60:120, 40 + k : 100 + k] = 220
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)


def make_table() -> TrackTable:
    """Track 1 all the time, carried in the middle; track 2 in the second half, of unknown role."""
    one = np.arange(FRAMES)
    two = np.arange(30, FRAMES)
    frame = np.concatenate([one, two])
    track = np.concatenate([np.full(len(one), 1), np.full(len(two), 2)])
    left = np.concatenate([40.0 + one, 200.0 + 0 * two])
    xyxy = np.stack([left, 60 + 0 * left, left + 60, 120 + 0 * left], axis=1).astype(np.float32)
    state = np.full(len(frame), RowState.DETECTED, np.int8)
    state[20:34] = RowState.CARRIED
    score = np.where(state == RowState.DETECTED, 0.9, 0.0).astype(np.float32)
    score[len(one) :] = 0.3
    order = np.lexsort((track, frame))
    return TrackTable(
        width=WIDTH,
        height=HEIGHT,
        time_s=np.arange(FRAMES) / RATE,
        duration_s=FRAMES / RATE,
        frame=frame[order],
        track_id=track[order],
        xyxy=xyxy[order],
        score=score[order],
        landmarks=np.full((len(frame), 5, 2), np.nan, np.float32),
        state=state[order],
        roles={1: Role.PATIENT},
        misses={5: "the detector failed"},
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """``visit.mp4``, ``work/tracks.csv`` and ``out`` with a covered recording."""
    write_video(tmp_path / "visit.mp4", 90)
    (tmp_path / "work").mkdir()
    save_table(make_table(), tmp_path / "work" / "tracks.csv")
    out = tmp_path / "out"
    out.mkdir()
    write_video(out / "anonymized.mp4", 10)
    audit = {
        "passed": False,
        "reasons": ["<script>alert(1)</script>"],
        "search": {
            "exposed": [
                {
                    "start_s": 2.0,
                    "end_s": 2.4,
                    "place": [80, 60, 60, 60],
                    "reason": "a face outside",
                }
            ]
        },
        "dismissed": [{"start_s": 1.0, "end_s": 1.2, "frames": 3, "reason": "weak"}],
    }
    (out / "audit.json").write_text(json.dumps(audit))
    (out / "manifest.json").write_text(json.dumps({"settings": {"anonymizer": "mask"}}))
    return tmp_path


@pytest.fixture
def review(place: Path) -> Review:
    return find_review(place / "out", [place / "visit.mp4"], [place / "work" / "tracks.csv"])


@pytest.fixture
def access() -> Access:
    return Access(PORT)


@pytest.fixture
def client(review: Review, access: Access) -> Iterator[TestClient]:
    """A browser that has used the address."""
    desk = Desk(review)
    app = build_app(desk, access)
    with TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN}) as browser:
        assert browser.get(f"/open?token={access.token}").status_code == 200
        browser.post("/api/page", json={"page": "mine"})
        yield browser
    desk.close()
