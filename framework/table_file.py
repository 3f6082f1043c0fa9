"""The track table as a file that a person can correct in a spreadsheet.

``framework analyze`` writes it, ``framework render`` reads it. The format is plain CSV::

    # framework-tracks 1,width=640,height=480,frames=2,duration_s=0.08,interval_s=0.2
    frame,time_s,state,track_id,role,x1,y1,x2,y2,score,lx0,ly0,...,quality,reason
    0,0.0,frame,,,,,,,,...
    0,,detected,1,patient,101.5,80.0,180.25,190.0,0.98,...
    1,0.04,miss,,,,,,,,...,the detector failed

Every frame has one row of its own (state ``frame``, or ``miss`` with a reason where its faces could
not be established), which carries its time, and one more row for each face in it. The rows of a
track can therefore be deleted, added or given to somebody else without losing the time of a frame.
Numbers are written so that they come back bit for bit.
"""

from __future__ import annotations

import csv
import difflib
import itertools
import math
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from framework.atomic import atomic_text
from framework.errors import ConfigError, MediaError
from framework.reading import check_file, why_unreadable
from framework.table import EmotionSamples, RowState, TrackTable
from framework.types import EMOTIONS, Role

VERSION = 1
_MAGIC = "# framework-tracks"
_BOX = ("x1", "y1", "x2", "y2")
_LANDMARKS = tuple(f"l{axis}{i}" for i in range(5) for axis in "xy")
COLUMNS: tuple[str, ...] = (
    "frame",
    "time_s",
    "state",
    "track_id",
    "role",
    *_BOX,
    "score",
    *_LANDMARKS,
    *EMOTIONS,
    "quality",
    "reason",
)
"""Columns in the order in which they are written. They may be read in any order."""
_REQUIRED = ("frame", "state", "track_id", *_BOX)
_IGNORED = ("comment",)
_FRAME_STATES = ("frame", "miss")
_ROW_STATES = {state.name.lower(): state for state in RowState}
_LONGEST_GAP = 10_000
"""Frames inside a track that are filled where rows were deleted; a longer gap is meant."""
_FORMULA = ("=", "+", "-", "@")
_MAX_FRAMES = 100_000_000
_MAX_BYTES = 2**31
_MAX_LINE = 2**16
"""Characters of a line; ours have a few hundred."""
_FRAME_BYTES = 6
"""Bytes that a frame takes in a file at least: its number, its state, commas, a line end."""


def save_table(table: TrackTable, path: str | Path) -> None:
    """Write a track table.

    Raises:
        MediaError: the file cannot be written.
    """
    with atomic_text(Path(path)) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        meta = {
            "width": table.width,
            "height": table.height,
            "frames": table.frame_count,
            "duration_s": repr(float(table.duration_s)),
            "interval_s": repr(float(table.samples.interval_s)),
        }
        if table.fingerprint:
            meta["shows"] = table.fingerprint
            meta["gaps"] = " ".join(f"{t}:{a}-{b}" for t, a, b in _gaps(table))
        writer.writerow([f"{_MAGIC} {VERSION}", *(f"{k}={v}" for k, v in meta.items())])
        writer.writerow(COLUMNS)
        writer.writerows(_rows(table))


def _gaps(table: TrackTable) -> Iterator[tuple[int, int, int]]:
    """Every stretch inside a track without a row: track id, first and last frame."""
    for track_id in table.track_ids():
        frames = table.frame[table.rows_of_track(track_id)]
        for k in np.flatnonzero(np.diff(frames) > 1).tolist():
            yield track_id, int(frames[k]) + 1, int(frames[k + 1]) - 1


def _rows(table: TrackTable) -> Iterator[list[str]]:
    sample_of = {
        key: k
        for k, key in enumerate(
            zip(table.samples.frame.tolist(), table.samples.track_id.tolist(), strict=True)
        )
    }
    padding = [""] * (len(COLUMNS) - 4)
    state_name = {int(state): name for name, state in _ROW_STATES.items()}
    for index in range(table.frame_count):
        time = repr(float(table.time_s[index]))
        reason = table.misses.get(index)
        state = "frame" if reason is None else "miss"
        note = "" if reason is None else _one_line(reason)
        yield [str(index), time, state, *padding, note]
        rows = table.rows_of_frame(index)
        for row in range(rows.start, rows.stop):
            track_id = int(table.track_id[row])
            k = sample_of.get((index, track_id))
            emotions = [""] * (len(EMOTIONS) + 1)
            if k is not None:
                sample = np.append(table.samples.probabilities[k], table.samples.quality[k])
                emotions = _floats(sample)
            yield [
                str(index),
                time,
                state_name[int(table.state[row])],
                str(track_id),
                str(table.role_of(track_id)),
                *_floats(table.xyxy[row]),
                *_floats(table.score[row : row + 1]),
                *_floats(table.landmarks[row].reshape(-1)),
                *emotions,
                "",
            ]


def _floats(values: NDArray[np.float32]) -> list[str]:
    """The shortest decimal that gives each 32-bit number back; nothing for NaN."""
    return ["" if text == "nan" else text for text in map(str, values)]


def _one_line(text: str) -> str:
    """Free text that no spreadsheet takes for a formula; :func:`_plain` undoes it."""
    flat = " ".join(text.split())
    return f"'{flat}" if flat[:1] in _FORMULA else flat


def _plain(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:2] in _FORMULA else text


def load_table(path: str | Path) -> TrackTable:
    """Read a track table, as it was written or as a person and a spreadsheet left it.

    Commas or semicolons (then also decimal commas), any order of rows and columns, quoted cells,
    Windows line ends and a byte order mark are all fine. Rows without ``score`` or landmarks are as
    well; a face without probabilities is one that was not classified. ``role`` holds for the whole
    track as soon as one of its rows names one.

    Raises:
        MediaError: the file cannot be read.
        ConfigError: it does not validate; the message names the line and the column.
    """
    try:
        path = Path(path)
        check_file(path, _MAX_BYTES)
        most = path.stat().st_size // _FRAME_BYTES
        with path.open(encoding="utf-8-sig", newline="") as handle:
            return _read(_lines(handle), most)
    except FileNotFoundError:
        raise MediaError("track table: no such file; `framework analyze` writes one") from None
    except OSError as error:
        raise MediaError(f"track table: {why_unreadable(error)}") from None
    except UnicodeDecodeError:
        raise ConfigError("track table: expected UTF-8 text; save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise ConfigError(f"track table: not valid CSV ({error})") from None


def _lines(handle: TextIO) -> Iterator[str]:
    """The lines of a file, none of them so long that it would fill the memory."""
    number = 0
    while line := handle.readline(_MAX_LINE + 1):
        number += 1
        if len(line) > _MAX_LINE:
            raise ConfigError(
                f"track table, line {number}: longer than {_MAX_LINE} characters; "
                "is this a file from `framework analyze`?"
            )
        yield line


def _read(lines: Iterable[str], most_frames: int = _MAX_FRAMES) -> TrackTable:
    source = iter(lines)
    first = next(source, "")
    delimiter, meta, about = _header(first)
    if meta["frames"] > most_frames:
        raise ConfigError(
            f"track table, line 1: frames={meta['frames']:.0f}, but the file is too short for that "
            "many; each frame has a row of its own"
        )
    # The reader counts lines itself, quoted line breaks included; the first is already consumed.
    reader = csv.reader(itertools.chain([first], source), delimiter=delimiter, strict=True)
    next(reader)
    columns: dict[str, int] | None = None
    builder = _Builder(meta, delimiter, analysed="shows" in about)
    for cells in reader:
        if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
            continue
        if columns is None:
            columns = _columns(cells, reader.line_num)
            builder.columns = columns
        else:
            builder.add(cells, reader.line_num)
    if columns is None:
        raise ConfigError("track table: expected a row with the names of the columns, found none")
    return _with_origin(builder.table(), about)


def _header(line: str) -> tuple[str, dict[str, float], dict[str, str]]:
    text = line.strip().strip('"')
    match = re.match(rf"{re.escape(_MAGIC)}\s+(\d+)", text)
    if match is None:
        raise ConfigError(
            f"track table, line 1: expected `{_MAGIC} {VERSION},width=...`; "
            "is this a file from `framework analyze`?"
        )
    if int(match[1]) != VERSION:
        raise ConfigError(
            f"track table, line 1: format {match[1]} is not known, expected {VERSION}; "
            "analyze the recording again with this version"
        )
    delimiter = next((c for c in line[match.end() :] if c in ",;\t"), ",")
    cells = next(csv.reader([line], delimiter=delimiter))
    pairs = dict(cell.strip().split("=", 1) for cell in cells[1:] if "=" in cell)
    meta: dict[str, float] = {}
    for name in ("width", "height", "frames", "duration_s", "interval_s"):
        if name not in pairs:
            raise ConfigError(f"track table, line 1: expected `{name}=`, found none")
        value = _number(pairs[name], delimiter)
        whole = name in ("width", "height", "frames")
        if value is None or value < 0 or (whole and value != int(value)):
            kind = "a whole number" if whole else "a number"
            raise ConfigError(
                f"track table, line 1: {name}: expected {kind} of at least 0, got {pairs[name]!r}"
            )
        meta[name] = value
    if meta["width"] < 1 or meta["height"] < 1 or meta["frames"] > _MAX_FRAMES:
        raise ConfigError(
            "track table, line 1: expected width and height of at least 1 "
            f"and at most {_MAX_FRAMES} frames"
        )
    return delimiter, meta, {k: v.strip() for k, v in pairs.items() if k not in meta}


def _with_origin(table: TrackTable, about: Mapping[str, str]) -> TrackTable:
    """The table with its fingerprint, and with the rows that were deleted inside a track.

    A person may delete a track, or its start or end. A row that is missing in the middle is an
    accident in a spreadsheet: the face was there before and after.

    Raises:
        ConfigError: the fingerprint or the list of gaps is not one.
    """
    shows = about.get("shows", "")
    if not re.fullmatch(r"(?:[0-9a-f]{128})*", shows):
        raise ConfigError("track table, line 1: shows: expected the digits that analyze wrote")
    table = replace(table, fingerprint=shows)
    if "gaps" not in about:  # written by hand, or by another program
        return table
    known: dict[int, list[tuple[int, int]]] = {}
    for text in about["gaps"].split():
        match = re.fullmatch(r"(-?\d{1,18}):(\d{1,9})-(\d{1,9})", text)
        if match is None:
            raise ConfigError(f"track table, line 1: gaps: expected TRACK:FIRST-LAST, got {text!r}")
        known.setdefault(int(match[1]), []).append((int(match[2]), int(match[3])))
    lost = [
        (track_id, first, last)
        for track_id, first, last in _gaps(table)
        # A gap that was there may have become longer, or be part of a track joined by hand.
        if not any(a <= last and first <= b for a, b in known.get(track_id, []))
        and (last - first + 1) <= _LONGEST_GAP
    ]
    if not lost:
        return table
    rows = sum(last - first + 1 for _, first, last in lost)
    note = (
        f"{rows} rows were missing inside tracks of the track table; their faces were covered "
        f"between the rows around them"
    )
    return replace(_filled(table, lost), repairs=(note,))


def _filled(table: TrackTable, gaps: Iterable[tuple[int, int, int]]) -> TrackTable:
    """The table with interpolated rows in these gaps."""
    frames, ids, boxes, points = [table.frame], [table.track_id], [table.xyxy], [table.landmarks]
    for track_id, first, last in gaps:
        rows = table.rows_of_track(track_id)
        own = table.frame[rows]
        before, after = rows[own == first - 1][0], rows[own == last + 1][0]
        between = np.arange(first, last + 1)
        share = ((between - first + 1) / (last - first + 2)).astype(np.float32)[:, None]
        frames.append(between)
        ids.append(np.full(len(between), track_id, np.int64))
        boxes.append(table.xyxy[before] * (1 - share) + table.xyxy[after] * share)
        points.append(
            table.landmarks[before] * (1 - share[:, None]) + table.landmarks[after] * share[:, None]
        )
    frame, track = np.concatenate(frames), np.concatenate(ids)
    new = len(frame) - len(table)
    order = np.lexsort((track, frame))
    return replace(
        table,
        frame=frame[order],
        track_id=track[order],
        xyxy=np.concatenate(boxes).astype(np.float32)[order],
        landmarks=np.concatenate(points).astype(np.float32)[order],
        score=np.concatenate([table.score, np.zeros(new, np.float32)])[order],
        state=np.concatenate([table.state, np.full(new, RowState.CARRIED, np.int8)])[order],
    )


def _columns(cells: list[str], line: int) -> dict[str, int]:
    names = [cell.strip() for cell in cells]
    found: dict[str, int] = {}
    for position, name in enumerate(names):
        if not name:
            continue
        if name not in COLUMNS and name not in _IGNORED:
            close = difflib.get_close_matches(name, COLUMNS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "call your own column `comment`"
            raise ConfigError(f"track table, line {line}: unknown column {name!r}; {hint}")
        if name in found:
            raise ConfigError(f"track table, line {line}: column {name!r} occurs twice")
        found[name] = position
    missing = [name for name in _REQUIRED if name not in found]
    if missing:
        raise ConfigError(f"track table, line {line}: missing column {', '.join(missing)}")
    return found


def _number(text: str, delimiter: str) -> float | None:
    """A finite number, or None. With semicolons between cells a comma may be the decimal point."""
    text = text.strip()
    if delimiter == ";" and "." not in text:
        text = text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


class _Builder:
    """Collects rows in compact arrays and checks each as it comes."""

    def __init__(
        self, meta: Mapping[str, float], delimiter: str, *, analysed: bool = False
    ) -> None:
        self._analysed = analysed
        self.columns: dict[str, int] = {}
        self._meta = meta
        self._delimiter = delimiter
        self._frames = int(meta["frames"])
        self._time: NDArray[np.float64] = np.full(self._frames, np.nan)
        self._misses: dict[int, str] = {}
        self._roles: dict[int, tuple[Role, int]] = {}
        self._tracks: set[int] = set()
        self._line = 0
        self._cells: list[str] = []
        self._ints = {name: array("q") for name in ("frame", "track_id", "state", "line")}
        self._box = array("f")
        self._score = array("f")
        self._landmarks = array("f")
        self._sample_row = array("q")
        self._sample = array("f")

    def add(self, cells: list[str], line: int) -> None:
        self._cells, self._line = cells, line
        frame = self._whole("frame", 0, self._frames - 1)
        self._add_time(frame)
        state = self._text("state").lower()
        if state in _FRAME_STATES:
            if self._text("track_id") or any(self._text(name) for name in _BOX):
                raise self._error(
                    "state", f"a row with a face is {' or '.join(_ROW_STATES)}, not {state!r}"
                )
            if state == "miss":
                self._misses[frame] = _plain(self._text("reason")) or "marked by hand"
            return
        if state not in _ROW_STATES:
            expected = ", ".join((*_FRAME_STATES, *_ROW_STATES))
            raise self._error("state", f"expected one of {expected}, got {state!r}")
        self._add_face(frame, _ROW_STATES[state])

    def _add_time(self, frame: int) -> None:
        text = self._text("time_s")
        if not text:
            return
        value = _number(text, self._delimiter)
        if value is None or value < 0:
            raise self._error("time_s", f"expected seconds of at least 0, got {text!r}")
        known = self._time[frame]
        if not math.isnan(known) and abs(known - value) > 1e-6:
            raise self._error(
                "time_s", f"frame {frame} is at {known} s in another row, here at {value} s"
            )
        if math.isnan(known):
            self._time[frame] = value

    def _add_face(self, frame: int, state: RowState) -> None:
        track_id = self._whole("track_id", -(2**62), 2**62)
        self._tracks.add(track_id)
        self._add_role(track_id)
        box = [self._float(name) for name in _BOX]
        if box[2] <= box[0] or box[3] <= box[1]:
            which = "x2" if box[2] <= box[0] else "y2"
            raise self._error(which, f"expected x1 < x2 and y1 < y2, got {box}")
        width, height = self._meta["width"], self._meta["height"]
        outside = box[2] <= 0 or box[3] <= 0 or box[0] >= width or box[1] >= height
        # In a table of an analysis every box that was seen lies in the picture.
        seen = state == RowState.EDITED or (self._analysed and state == RowState.DETECTED)
        if self._analysed and seen and min(box[2] - box[0], box[3] - box[1]) < 1.0:
            raise self._error("x1", f"the box {box} is smaller than a pixel")
        if seen and outside:
            raise self._error(
                "x1", f"the box {box} lies outside the picture of {width:.0f} x {height:.0f} pixels"
            )
        score = self._float("score", default=0.0)
        if not 0.0 <= score <= 1.0:
            raise self._error("score", f"expected 0 to 1, got {score}")
        landmarks = self._group(_LANDMARKS)
        self._add_sample()
        self._ints["frame"].append(frame)
        self._ints["track_id"].append(track_id)
        self._ints["state"].append(int(state))
        self._ints["line"].append(self._line)
        self._box.extend(box)
        self._score.append(score)
        self._landmarks.extend(landmarks or [math.nan] * len(_LANDMARKS))

    def _add_role(self, track_id: int) -> None:
        text = self._text("role").lower()
        if not text:
            return
        if text not in tuple(Role):
            raise self._error("role", f"expected one of {', '.join(Role)}, got {text!r}")
        role = Role(text)
        if role == Role.UNKNOWN:
            return
        known, line = self._roles.setdefault(track_id, (role, self._line))
        if known != role:
            raise self._error(
                "role",
                f"track {track_id} is {known} in line {line} and {role} here; "
                "a track has one role, change it in all of its rows",
            )

    def _add_sample(self) -> None:
        probabilities = self._group(EMOTIONS)
        if probabilities is None:
            return
        if min(probabilities) < 0 or abs(sum(probabilities) - 1.0) > 1e-3:
            raise self._error(
                EMOTIONS[0], f"expected probabilities with sum 1, got {sum(probabilities):.4g}"
            )
        quality = self._float("quality", default=math.nan)
        if not (math.isnan(quality) or 0.0 <= quality <= 1.0):
            raise self._error("quality", f"expected 0 to 1, got {quality}")
        self._sample_row.append(len(self._ints["frame"]))
        self._sample.extend([*probabilities, quality])

    def _group(self, names: tuple[str, ...]) -> list[float] | None:
        """All of these cells, or None if none of them is filled."""
        filled = [name for name in names if self._text(name)]
        if not filled:
            return None
        if len(filled) < len(names):
            empty = next(name for name in names if name not in filled)
            raise self._error(empty, f"fill all of {names[0]} to {names[-1]}, or none")
        return [self._float(name) for name in names]

    def _text(self, name: str) -> str:
        position = self.columns.get(name)
        if position is None or position >= len(self._cells):
            return ""
        return self._cells[position].strip()

    def _float(self, name: str, default: float | None = None) -> float:
        text = self._text(name)
        if not text and default is not None:
            return default
        value = _number(text, self._delimiter)
        if value is None or abs(value) > 1e9:
            raise self._error(name, f"expected a number, got {text!r}")
        return value

    def _whole(self, name: str, low: int, high: int) -> int:
        text = self._text(name)
        # Spreadsheets like to write 7 as 7.0.
        match = re.fullmatch(r"([+-]?\d{1,18})([.,]0*)?", text)
        value = int(match[1]) if match else None
        if value is None or not low <= value <= high:
            span = "" if low < -(2**60) else f" from {low} to {high}"
            raise self._error(name, f"expected a whole number{span}, got {text!r}")
        return value

    def _error(self, column: str, message: str) -> ConfigError:
        return ConfigError(f"track table, line {self._line}, column {column}: {message}")

    def table(self) -> TrackTable:
        self._check_times()
        frame, track_id, state, line = (
            np.array(self._ints[name], np.int64) for name in ("frame", "track_id", "state", "line")
        )
        order = np.lexsort((track_id, frame))
        frame, track_id, line = frame[order], track_id[order], line[order]
        twice = np.flatnonzero((np.diff(frame) == 0) & (np.diff(track_id) == 0))
        if len(twice):
            k = int(twice[0])
            raise ConfigError(
                f"track table, lines {int(line[k])} and {int(line[k + 1])}: track "
                f"{int(track_id[k])} occurs twice in frame {int(frame[k])}; delete one of the rows"
            )
        m = len(frame)
        place = np.empty(m, np.int64)
        place[order] = np.arange(m)
        samples = np.array(self._sample, np.float32).reshape(-1, len(EMOTIONS) + 1)
        at = place[np.array(self._sample_row, np.int64)]
        by_row = np.argsort(at)
        at, samples = at[by_row], samples[by_row]
        return TrackTable(
            width=int(self._meta["width"]),
            height=int(self._meta["height"]),
            time_s=self._time,
            duration_s=float(self._meta["duration_s"]),
            frame=frame,
            track_id=track_id,
            xyxy=np.array(self._box, np.float32).reshape(m, 4)[order],
            score=np.array(self._score, np.float32)[order],
            landmarks=np.array(self._landmarks, np.float32).reshape(m, 5, 2)[order],
            state=state.astype(np.int8)[order],
            roles={t: r for t, (r, _) in sorted(self._roles.items()) if t in self._tracks},
            misses=dict(sorted(self._misses.items())),
            samples=EmotionSamples(
                frame=frame[at],
                track_id=track_id[at],
                probabilities=samples[:, : len(EMOTIONS)].copy(),
                quality=samples[:, -1].copy(),
                interval_s=float(self._meta["interval_s"]),
            ),
        )

    def _check_times(self) -> None:
        unknown = np.flatnonzero(np.isnan(self._time))
        if len(unknown):
            k = int(unknown[0])
            raise ConfigError(
                f"track table: no row tells the time of frame {k} ({len(unknown)} such frames); "
                f"put back its row `{k},<time in seconds>,frame`"
            )
        backwards = np.flatnonzero(np.diff(self._time) < 0)
        if len(backwards):
            k = int(backwards[0])
            raise ConfigError(
                f"track table, column time_s: frame {k + 1} ({self._time[k + 1]} s) is before "
                f"frame {k} ({self._time[k]} s)"
            )
