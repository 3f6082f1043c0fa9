"""Watching a recording before it is rendered: the readings of every head that may be swapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from framework_measures.reading import Reader, Reading
from numpy.typing import NDArray

from framework.protocols import ClipView
from framework.types import Frame, Image
from framework_fomm.background import Background


@dataclass
class Seen:
    """One track: its ``n`` frames in ascending order, and what was read in them."""

    frames: list[int] = field(default_factory=list)
    time_s: list[float] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)


def rehearse(
    clip: ClipView,
    wanted: Mapping[int, Sequence[tuple[int, NDArray[np.float32]]]],
    reader: Reader,
    batch: int,
    watch: Callable[[Frame, int], None] | None = None,
    background: Background | None = None,
) -> dict[int, Seen]:
    """Decode once and read faces.

    Args:
        wanted: frame -> (track, five landmarks) of each head in it.
        batch: heads that are read together.
        watch: called with each frame and track in it.
        background: sees the frames it wants, too.

    Returns:
        Track -> what was seen; frames that can't be decoded are missing.
    """
    seen: dict[int, Seen] = {}
    pending: list[tuple[int, Frame, Image, NDArray[np.float32]]] = []

    def read() -> None:
        if not pending:
            return
        pictures, landmarks = [p[2] for p in pending], [p[3] for p in pending]
        for (track_id, frame, *_), reading in zip(
            pending, reader.faces(pictures, landmarks), strict=True
        ):
            mine = seen.setdefault(track_id, Seen())
            mine.frames.append(frame.index)
            mine.time_s.append(frame.time_s)
            mine.readings.append(reading)
        pending.clear()

    asked = background.frames if background is not None else frozenset[int]()
    for frame in clip.frames(sorted(asked.union(wanted))):
        if background is not None and frame.index in asked:
            background.see(frame)
        for track_id, landmarks in wanted.get(frame.index, ()):
            pending.append((track_id, frame, frame.bgr, landmarks))
            if watch is not None:
                watch(frame, track_id)
            if len(pending) >= batch:
                read()
    read()
    return seen
