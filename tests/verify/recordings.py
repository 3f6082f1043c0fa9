"""Recordings the tests make themselves, and what other tools would make of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from framework_benchmark.data import open_data

from framework.types import Image

RATE = 12


def original_frames(seconds: float = 3.0, person: int = 4) -> list[Image]:
    """A person who does not exist, moving and changing expression."""
    item = open_data(f"synthetic:persons={person + 1},clips=1,seconds={seconds}").items[person]
    return [frame.bgr for frame in item.source.read().frames]


def write(
    path: Path,
    frames: Sequence[Image],
    *,
    metadata: dict[str, str] | None = None,
    sound: bool = False,
) -> Path:
    """An MP4 as any tool might write it."""
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata.update(metadata or {})
        video = out.add_stream("libx264", rate=RATE, options={"crf": "16", "preset": "ultrafast"})
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio = out.add_stream("aac", rate=16000) if sound else None
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="bgr24")
            out.mux(video.encode(picture))
        out.mux(video.encode(None))
        if audio is not None:
            tone = np.sin(np.arange(16000) / 16000 * 2 * np.pi * 220).astype(np.float32)[None]
            block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            block.sample_rate = 16000
            out.mux(audio.encode(block))
            out.mux(audio.encode(None))
    return path


def boxed(frames: Sequence[Image]) -> list[Image]:
    """A grey box over the head, as a video editor would put it."""
    covered = []
    for frame in frames:
        copy = frame.copy()
        copy[8:175, 25:165] = 90
        covered.append(copy)
    return covered


def blurred(frames: Sequence[Image], sigma: float) -> list[Image]:
    import cv2

    return [np.asarray(cv2.GaussianBlur(f, (0, 0), sigma), np.uint8) for f in frames]
