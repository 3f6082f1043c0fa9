"""Track tables as other tools read and write them, as plain values between the two.

A shape is one box of one track in one frame. Every box of the table is a key frame of its own, so
that no tool's interpolation moves a box that was measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from framework.errors import ConfigError
from framework.table import RowState, TrackTable
from framework.types import Role

TOLERANCE_PX = 0.01
"""Tools round coordinates; a box that moved by less is the one that was written."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One box.

    Attributes:
        track: number of the track.
        frame: number of the frame.
        box: left, top, right, bottom in pixels.
        role: of the track.
    """

    track: int
    frame: int
    box: tuple[float, float, float, float]
    role: Role


def shapes_of(table: TrackTable) -> list[Shape]:
    """Every box of a table, by track and then by frame."""
    order = np.lexsort((table.frame, table.track_id))
    return [
        Shape(
            int(table.track_id[k]),
            int(table.frame[k]),
            tuple(float(v) for v in table.xyxy[k]),  # type: ignore[arg-type]
            table.role_of(int(table.track_id[k])),
        )
        for k in order
    ]


def with_shapes(table: TrackTable, shapes: Iterable[Shape], source: str) -> TrackTable:
    """The table with the boxes that another tool gave back.

    A box at the place where it was keeps everything that was measured of it; a new or moved one is
    marked as edited. Samples of boxes that are gone go with them.

    Args:
        table: that the shapes were made from.
        source: name of the file, for messages.

    Raises:
        ConfigError: a shape lies outside of the recording or has no size, or two are at one place.
    """
    known = {
        (int(f), int(t)): k
        for k, (f, t) in enumerate(zip(table.frame, table.track_id, strict=True))
    }
    rows: dict[tuple[int, int], Shape] = {}
    roles: dict[int, Role] = {}
    for shape in shapes:
        _check(shape, table, source)
        place = (shape.frame, shape.track)
        if place in rows:
            raise ConfigError(
                f"{source}: track {shape.track} has two boxes in frame {shape.frame}; keep one"
            )
        rows[place] = shape
        if roles.setdefault(shape.track, shape.role) != shape.role:
            raise ConfigError(f"{source}: track {shape.track} has two roles; keep one")
    places = sorted(rows)
    n = len(places)
    xyxy = np.zeros((n, 4), np.float32)
    score, state = np.zeros(n, np.float32), np.full(n, RowState.EDITED, np.int8)
    landmarks = np.full((n, 5, 2), np.nan, np.float32)
    for at, place in enumerate(places):
        xyxy[at] = rows[place].box
        before = known.get(place)
        if before is not None and np.abs(table.xyxy[before] - xyxy[at]).max() <= TOLERANCE_PX:
            xyxy[at], score[at] = table.xyxy[before], table.score[before]
            state[at], landmarks[at] = table.state[before], table.landmarks[before]
    samples = table.samples
    held = np.array(
        [p in rows for p in zip(samples.frame.tolist(), samples.track_id.tolist(), strict=True)],
        bool,
    )
    return replace(
        table,
        frame=np.array([f for f, _ in places], np.int64),
        track_id=np.array([t for _, t in places], np.int64),
        xyxy=xyxy,
        score=score,
        landmarks=landmarks,
        state=state,
        roles={t: role for t, role in roles.items() if role != Role.UNKNOWN},
        samples=replace(
            samples,
            frame=samples.frame[held],
            track_id=samples.track_id[held],
            probabilities=samples.probabilities[held],
            quality=samples.quality[held],
        ),
    )


def _check(shape: Shape, table: TrackTable, source: str) -> None:
    where = f"{source}: track {shape.track}, frame {shape.frame}"
    if shape.track < 0 or not 0 <= shape.frame < table.frame_count:
        raise ConfigError(f"{where}: expected a frame from 0 to {table.frame_count - 1}")
    x1, y1, x2, y2 = shape.box
    if not all(np.isfinite(shape.box)) or x2 <= x1 or y2 <= y1:
        raise ConfigError(f"{where}: expected a box with a size, got {shape.box}")
    if x2 <= 0 or y2 <= 0 or x1 >= table.width or y1 >= table.height:
        raise ConfigError(
            f"{where}: the box lies outside of the image of {table.width}x{table.height}; is this "
            f"the file of another recording?"
        )
