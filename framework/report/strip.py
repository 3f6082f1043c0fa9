"""A strip of covered frames for the report, so that it can be judged by eye and printed.

Only the covered recording is read, never the original. Of a long recording the frames are key
frames, which can be decoded alone: the strip costs milliseconds, however long the recording is. A
short one has too few of them and is decoded whole.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.report.scale import clock
from framework.table import TrackTable
from framework.types import Image

FRAMES = 8
LONGEST_DECODED_S = 60.0
"""A longer recording has a key frame near every time that is shown."""
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
    import av  # imported here: whoever reads a report's data must not pay for a decoder

    targets = ((np.arange(FRAMES) + 0.5) / FRAMES * table.duration_s).tolist()
    found: dict[int, StripFrame] = {}
    with av.open(str(covered)) as container:
        if not container.streams.video:
            return []
        container.streams.video[0].thread_type = "AUTO"
        short = table.duration_s <= LONGEST_DECODED_S
        for frame in _in_order(container, targets) if short else _key_frames(container, targets):
            index = int(np.abs(table.time_s - frame.time).argmin())
            if index not in found:
                found[index] = _of(_image(frame), index, float(frame.time), table)
    return [found[index] for index in sorted(found)]


def _in_order(container: Any, targets: list[float]) -> Iterator[Any]:
    """The first frame at or after each time; the whole recording is decoded."""
    wanted = list(targets)
    for frame in container.decode(video=0):
        if wanted and frame.time is not None and frame.time >= wanted[0] - 1e-6:
            yield frame
            while wanted and frame.time >= wanted[0] - 1e-6:
                wanted.pop(0)
        if not wanted:
            return


def _key_frames(container: Any, targets: list[float]) -> Iterator[Any]:
    """The key frame before each time."""
    for target in targets:
        container.seek(int(target * 1_000_000), backward=True)
        frame = next(iter(container.decode(video=0)), None)
        if frame is not None and frame.time is not None:
            yield frame


def _image(frame: Any) -> Image:
    image: NDArray[np.uint8] = frame.to_ndarray(format="bgr24")
    return image


def _of(image: Image, index: int, time_s: float, table: TrackTable) -> StripFrame:
    import cv2

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
