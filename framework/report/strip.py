"""A strip of covered frames for the report, so that it can be judged by eye and printed.

Only the covered recording is read, never the original. The frames are key frames, which can be
decoded alone: the strip costs milliseconds, however long the recording is.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from framework.report.scale import clock
from framework.table import TrackTable
from framework.types import Image

FRAMES = 8
WIDTH_PX = 320
QUALITY = 80


@dataclass(frozen=True, slots=True)
class StripFrame:
    """One frame of the strip.

    Attributes:
        time: in words, on the recording's clock.
        tracks: numbers of the tracks in it, in words; empty if there is none.
        source: the frame as a ``data:`` address, JPEG.
    """

    time: str
    tracks: str
    source: str


def covered_strip(covered: Path, table: TrackTable) -> list[StripFrame]:
    """At most :data:`FRAMES` frames of a covered video, spread over its length.

    Args:
        covered: the covered recording. Anything but a video gives an empty strip.
        table: its tracks; their numbers are drawn beside the faces.
    """
    if not table.frame_count or covered.suffix.lower() not in (".mp4", ".mkv", ".mov", ".webm"):
        return []
    found: dict[int, StripFrame] = {}
    targets = (np.arange(FRAMES) + 0.5) / FRAMES * table.duration_s
    with av.open(str(covered)) as container:
        if not container.streams.video:
            return []
        stream = container.streams.video[0]
        for target in targets.tolist():
            container.seek(int(target * 1_000_000), backward=True)
            frame = next(iter(container.decode(stream)), None)
            if frame is None or frame.time is None:
                continue
            index = int(np.abs(table.time_s - frame.time).argmin())
            if index not in found:
                found[index] = _of(_image(frame), index, float(frame.time), table)
    return [found[index] for index in sorted(found)]


def _image(frame: Any) -> Image:
    image: NDArray[np.uint8] = frame.to_ndarray(format="bgr24")
    return image


def _of(image: Image, index: int, time_s: float, table: TrackTable) -> StripFrame:
    scale = WIDTH_PX / image.shape[1]
    size = (WIDTH_PX, max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    tracks = table.tracks_at(index)
    for box, track in zip(tracks.xyxy, tracks.track_id, strict=True):
        # The table is for upright frames with square pixels; an encoder may have changed the size.
        x = int(box[0] * WIDTH_PX / table.width)
        y = max(12, int(box[1] * size[1] / table.height))
        for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
            cv2.putText(
                small, str(track), (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, thickness
            )
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    numbers = ", ".join(str(t) for t in tracks.track_id.tolist())
    source = f"data:image/jpeg;base64,{base64.b64encode(bytes(data)).decode()}"
    return StripFrame(clock(time_s), f"tracks {numbers}" if numbers else "", source)
