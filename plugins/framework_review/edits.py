"""Corrections of a track table, each a small value that can be stored, undone and done again."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from framework.errors import ConfigError
from framework.table import RowState, TrackTable
from framework.types import Role

Box = tuple[float, float, float, float]
SMALLEST_PX = 2.0
"""A box narrower or lower than this is a slip of the hand."""


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Boxed(_Edit):
    box: Box

    @field_validator("box")
    @classmethod
    def _has_a_size(cls, box: Box) -> Box:
        if not all(np.isfinite(box)):
            raise ValueError("expected four finite numbers")
        if box[2] - box[0] < SMALLEST_PX or box[3] - box[1] < SMALLEST_PX:
            raise ValueError(f"expected a box of at least {SMALLEST_PX:g} pixels each way")
        return box


class SetBox(_Boxed):
    """Put a track's box in one frame. Carried rows beside it follow on a line."""

    kind: Literal["set-box"] = "set-box"
    track: int = Field(ge=0)
    frame: int = Field(ge=0)


class Interpolate(_Edit):
    """Lay every box of a track between two frames on the line from the first to the last."""

    kind: Literal["interpolate"] = "interpolate"
    track: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Add(_Boxed):
    """A new track with one box over a span: a face that was not found, a screen, a badge."""

    kind: Literal["add"] = "add"
    track: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    role: Role = Role.BYSTANDER


class Delete(_Edit):
    """Remove a track's boxes between two frames, both included: it is no face."""

    kind: Literal["delete"] = "delete"
    track: int = Field(ge=0)
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Split(_Edit):
    """From a frame on, the track is somebody else with a new number."""

    kind: Literal["split"] = "split"
    track: int = Field(ge=0)
    frame: int = Field(ge=0)
    new: int = Field(ge=0)


class Join(_Edit):
    """Two tracks are one person. Where both have a box, that of ``track`` stays."""

    kind: Literal["join"] = "join"
    track: int = Field(ge=0)
    other: int = Field(ge=0)


class Swap(_Edit):
    """From a frame on, two tracks have been taken for each other."""

    kind: Literal["swap"] = "swap"
    track: int = Field(ge=0)
    other: int = Field(ge=0)
    frame: int = Field(ge=0)


class Assign(_Edit):
    """Whose face a track is."""

    kind: Literal["role"] = "role"
    track: int = Field(ge=0)
    role: Role


Edit = Annotated[
    SetBox | Interpolate | Add | Delete | Split | Join | Swap | Assign, Field(discriminator="kind")
]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Edit)


def parse_edit(value: Any) -> Any:
    """An edit from what the page sent.

    Raises:
        ConfigError: it is none; the message names the field.
    """
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "edit"
        raise ConfigError(f"{where}: {first['msg']}") from None


def apply(table: TrackTable, edit: Any) -> TrackTable:
    """The table with one correction; the table given stays as it is.

    Raises:
        ConfigError: the edit names a track or a frame that is not there.
    """
    match edit:
        case SetBox():
            return _set_box(table, edit)
        case Interpolate():
            return _interpolate(table, edit)
        case Add():
            return _add(table, edit)
        case Delete():
            return _delete(table, edit)
        case Split():
            return _split(table, edit)
        case Join():
            return _join(table, edit)
        case Swap():
            return _swap(table, edit)
        case Assign():
            _rows(table, edit.track)
            return table.with_roles({**table.roles, edit.track: edit.role})
    raise ConfigError(f"expected a correction, got {type(edit).__name__}")


def new_track(table: TrackTable) -> int:
    """A number that no track of the table has."""
    return max([*table.track_ids(), *table.roles], default=0) + 1


def _rows(table: TrackTable, track: int) -> NDArray[np.int64]:
    rows = table.rows_of_track(track)
    if not len(rows):
        raise ConfigError(f"there is no track {track}; reload the page")
    return rows


def _need_frame(table: TrackTable, *frames: int) -> None:
    for frame in frames:
        if frame >= table.frame_count:
            raise ConfigError(
                f"frame {frame} is not in the recording, expected 0 to {table.frame_count - 1}"
            )


def _clipped(table: TrackTable, box: Box) -> NDArray[np.float32]:
    x1, y1 = max(box[0], 0.0), max(box[1], 0.0)
    x2, y2 = min(box[2], float(table.width)), min(box[3], float(table.height))
    if x2 - x1 < SMALLEST_PX or y2 - y1 < SMALLEST_PX:
        raise ConfigError("the box lies outside of the image")
    return np.array([x1, y1, x2, y2], np.float32)


def _set_box(table: TrackTable, edit: SetBox) -> TrackTable:
    _need_frame(table, edit.frame)
    rows = _rows(table, edit.track)
    box = _clipped(table, edit.box)
    at = rows[table.frame[rows] == edit.frame]
    if len(at):
        xyxy, state = table.xyxy.copy(), table.state.copy()
        landmarks, score = table.landmarks.copy(), table.score.copy()
        xyxy[at], state[at] = box, RowState.EDITED
        landmarks[at], score[at] = np.nan, 0.0  # measured for another box
        changed = replace(table, xyxy=xyxy, state=state, landmarks=landmarks, score=score)
    else:
        changed = _with_rows(table, edit.track, np.array([edit.frame]), box[None])
    return _carry_beside(changed, edit.track, edit.frame)


def _carry_beside(table: TrackTable, track: int, frame: int) -> TrackTable:
    """Rows that nobody saw, up to the next seen one on each side, follow on a line."""
    rows = table.rows_of_track(track)
    frames, seen = table.frame[rows], table.observed[rows]
    here = int(np.searchsorted(frames, frame))
    xyxy = table.xyxy.copy()
    for step in (-1, 1):
        end = here + step
        while 0 <= end < len(rows) and not seen[end]:
            end += step
        between = range(min(here, end) + 1, max(here, end))
        if not 0 <= end < len(rows):  # carried beyond the last look: it stands still
            for k in between:
                xyxy[rows[k]] = table.xyxy[rows[here]]
            continue
        for k in between:
            share = (frames[k] - frames[here]) / (frames[end] - frames[here])
            xyxy[rows[k]] = (1 - share) * xyxy[rows[here]] + share * xyxy[rows[end]]
    return replace(table, xyxy=xyxy)


def _interpolate(table: TrackTable, edit: Interpolate) -> TrackTable:
    _need_frame(table, edit.start, edit.end)
    rows = _rows(table, edit.track)
    frames = table.frame[rows]
    ends = [rows[frames == edge] for edge in (edit.start, edit.end)]
    if edit.end - edit.start < 1 or any(not len(e) for e in ends):
        raise ConfigError(
            "to interpolate, the track needs a box in the first and in the last frame of the span"
        )
    first, last = table.xyxy[ends[0][0]], table.xyxy[ends[1][0]]
    inner = np.arange(edit.start + 1, edit.end)
    share = ((inner - edit.start) / (edit.end - edit.start))[:, None].astype(np.float32)
    cleared = _without(table, (table.track_id == edit.track) & np.isin(table.frame, inner))
    return _with_rows(cleared, edit.track, inner, (1 - share) * first + share * last)


def _add(table: TrackTable, edit: Add) -> TrackTable:
    _need_frame(table, edit.start, edit.end)
    if edit.end < edit.start:
        raise ConfigError("the span ends before it starts")
    if len(table.rows_of_track(edit.track)):
        raise ConfigError(f"track {edit.track} is there already; take another number")
    frames = np.arange(edit.start, edit.end + 1)
    boxes = np.tile(_clipped(table, edit.box), (len(frames), 1))
    changed = _with_rows(table, edit.track, frames, boxes)
    return changed.with_roles({**table.roles, edit.track: edit.role})


def _delete(table: TrackTable, edit: Delete) -> TrackTable:
    _rows(table, edit.track)
    gone = (table.track_id == edit.track) & (table.frame >= edit.start) & (table.frame <= edit.end)
    if not gone.any():
        raise ConfigError(f"track {edit.track} has no box between these frames")
    return _without(table, gone)


def _split(table: TrackTable, edit: Split) -> TrackTable:
    rows = _rows(table, edit.track)
    if len(table.rows_of_track(edit.new)):
        raise ConfigError(f"track {edit.new} is there already; take another number")
    later = rows[table.frame[rows] >= edit.frame]
    if not len(later) or len(later) == len(rows):
        raise ConfigError("there is nothing to split: all boxes lie on one side of this frame")
    changed = _renumbered(table, {edit.track: edit.new}, edit.frame)
    return changed.with_roles({**table.roles, edit.new: table.role_of(edit.track)})


def _join(table: TrackTable, edit: Join) -> TrackTable:
    mine, other = _rows(table, edit.track), _rows(table, edit.other)
    if edit.track == edit.other:
        raise ConfigError("a track cannot be joined with itself")
    double = np.zeros(len(table), bool)
    double[other[np.isin(table.frame[other], table.frame[mine])]] = True
    roles = {k: v for k, v in table.roles.items() if k != edit.other}
    joined = _renumbered(_without(table, double), {edit.other: edit.track}, 0)
    return joined.with_roles(roles)


def _swap(table: TrackTable, edit: Swap) -> TrackTable:
    _rows(table, edit.track), _rows(table, edit.other)
    if edit.track == edit.other:
        raise ConfigError("a track cannot be swapped with itself")
    return _renumbered(table, {edit.track: edit.other, edit.other: edit.track}, edit.frame)


def _renumbered(table: TrackTable, names: dict[int, int], from_frame: int) -> TrackTable:
    def moved(ids: NDArray[np.int64], frames: NDArray[np.int64]) -> NDArray[np.int64]:
        out = ids.copy()
        for old, new in names.items():
            out[(ids == old) & (frames >= from_frame)] = new
        return out

    samples = table.samples
    columns = {**_columns(table), "track_id": moved(table.track_id, table.frame)}
    renamed = replace(samples, track_id=moved(samples.track_id, samples.frame))
    return _in_order(replace(table, samples=renamed), columns)


def _columns(table: TrackTable) -> dict[str, NDArray[Any]]:
    """The arrays that have one entry a row."""
    names = ("frame", "track_id", "xyxy", "score", "landmarks", "state")
    return {name: getattr(table, name) for name in names}


def _in_order(table: TrackTable, columns: dict[str, NDArray[Any]]) -> TrackTable:
    """The table with these rows, sorted by frame and track, and its samples likewise."""
    order = np.lexsort((columns["track_id"], columns["frame"]))
    samples = table.samples
    by_row = np.lexsort((samples.track_id, samples.frame))
    return replace(
        table,
        **{name: values[order] for name, values in columns.items()},  # type: ignore[arg-type]
        samples=replace(
            samples,
            frame=samples.frame[by_row],
            track_id=samples.track_id[by_row],
            probabilities=samples.probabilities[by_row],
            quality=samples.quality[by_row],
        ),
    )


def _with_rows(
    table: TrackTable, track: int, frames: NDArray[np.int64], boxes: NDArray[np.float32]
) -> TrackTable:
    n = len(frames)
    more = {
        "frame": frames,
        "track_id": np.full(n, track),
        "xyxy": boxes.astype(np.float32),
        "score": np.zeros(n, np.float32),
        "landmarks": np.full((n, 5, 2), np.nan, np.float32),
        "state": np.full(n, RowState.EDITED, np.int8),
    }
    columns = {k: np.concatenate([v, more[k]]) for k, v in _columns(table).items()}
    return _in_order(table, columns)


def _without(table: TrackTable, gone: NDArray[np.bool_]) -> TrackTable:
    """The table without some rows and what was read of them."""
    kept = ~gone
    samples = table.samples
    row_keys = set(zip(table.frame[gone].tolist(), table.track_id[gone].tolist(), strict=True))
    held = np.array(
        [
            (f, t) not in row_keys
            for f, t in zip(samples.frame.tolist(), samples.track_id.tolist(), strict=True)
        ],
        bool,
    )
    return replace(
        table,
        frame=table.frame[kept],
        track_id=table.track_id[kept],
        xyxy=table.xyxy[kept],
        score=table.score[kept],
        landmarks=table.landmarks[kept],
        state=table.state[kept],
        samples=replace(
            samples,
            frame=samples.frame[held],
            track_id=samples.track_id[held],
            probabilities=samples.probabilities[held],
            quality=samples.quality[held],
        ),
    )
