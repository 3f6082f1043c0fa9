"""What a person should look at, worst first.

Each doubt is a span of one recording with a place in it where there is one. What a person has
settled is remembered by the doubt's key, so that it does not come back after the next rendering.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.table import TrackTable
from framework.types import Role

HUGE_SHARE = 0.25
"""A box over more than this share of the image hides more than a face."""
LONG_CARRIED_S = 0.5
"""A face that nobody saw for longer than this may be somewhere else."""
SHORT_TRACK_S = 0.4
LOW_SCORE = 0.5

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something to look at.

    Attributes:
        key: the same for the same doubt after the next rendering.
        rank: the smaller, the worse.
        kind: in a word, for the page.
        text: one sentence.
        start, end: first and last frame.
        track: whose, or None.
        box: where, in pixels of the frame in the middle of the span, or None for the whole image.
    """

    key: str
    rank: int
    kind: str
    text: str
    start: int
    end: int
    track: int | None = None
    box: Box | None = None

    @property
    def middle(self) -> int:
        """The frame that is shown."""
        return (self.start + self.end) // 2


def find_doubts(
    table: TrackTable, audit: Mapping[str, Any], verification: Mapping[str, Any]
) -> list[Doubt]:
    """Every doubt of one recording, worst first.

    Args:
        table: as it is now, with corrections.
        audit: content of its audit.json; may be empty.
        verification: findings of ``framework verify`` for it; may be empty.
    """
    found = [
        *_findings(verification, table),
        *_from_audit(audit, table),
        *_misses(table),
        *_from_tracks(table),
    ]
    return sorted(found, key=lambda d: (d.rank, d.start, d.key))


def _findings(verification: Mapping[str, Any], table: TrackTable) -> Iterator[Doubt]:
    for number, finding in enumerate(verification.get("findings", ())):
        if not isinstance(finding, Mapping) or finding.get("passed"):
            continue
        what = str(finding.get("what") or finding.get("check") or "finding")
        start, end = _frames(finding, table)
        yield Doubt(f"verify-{number}-{start}", 0, "verify", f"verify: {what}", start, end)


def _from_audit(audit: Mapping[str, Any], table: TrackTable) -> Iterator[Doubt]:
    searched = audit.get("search")
    exposed = searched.get("exposed", ()) if isinstance(searched, Mapping) else ()
    for one in _mappings(exposed):
        start, end = _frames(one, table)
        place = one.get("place")
        box: Box | None = None
        if isinstance(place, list | tuple) and len(place) == 4:
            left, top, width, height = map(float, place)
            box = (left, top, left + width, top + height)
        yield Doubt(
            f"exposed-{start}-{end}",
            1,
            "exposed",
            f"found in the covered recording: {one.get('reason') or 'a face'}",
            start,
            end,
            box=box,
        )
    for one in _mappings(audit.get("dismissed", ())):
        start, end = _frames(one, table)
        reason = str(one.get("reason", ""))
        yield Doubt(
            f"dismissed-{start}-{end}",
            2,
            "dismissed",
            f"taken for no face and left uncovered: {reason}",
            start,
            end,
        )
    for one in _mappings(audit.get("failures", ())):
        start, end = _frames({"start_s": one.get("time_s")}, table)
        yield Doubt(
            f"failure-{start}",
            3,
            "failure",
            f"a component failed ({one.get('stage', '')}); the frame was covered whole",
            start,
            end,
        )


def _misses(table: TrackTable) -> Iterator[Doubt]:
    for start, end in _spans(np.array(sorted(table.misses), np.int64)):
        yield Doubt(
            f"miss-{start}-{end}",
            4,
            "covered whole",
            f"covered whole: {table.misses[start]}",
            start,
            end,
        )


def _from_tracks(table: TrackTable) -> Iterator[Doubt]:
    image = float(table.width * table.height)
    duration = table.frame_duration_s
    for track in table.track_ids():
        rows = table.rows_of_track(track)
        frames, boxes = table.frame[rows], table.xyxy[rows]
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / image

        def at(start: int, end: int, f: NDArray[Any] = frames, b: NDArray[Any] = boxes) -> Box:
            x1, y1, x2, y2 = b[np.searchsorted(f, (start + end) // 2).clip(0, len(f) - 1)].tolist()
            return x1, y1, x2, y2

        for start, end in _spans(frames[area > HUGE_SHARE]):
            share = f"{100 * area[(frames >= start) & (frames <= end)].max():.0f} %"
            text = f"the box of track {track} covers {share} of the image"
            key = f"huge-{track}-{start}"
            yield Doubt(key, 5, "huge box", text, start, end, track, at(start, end))
        for start, end in _spans(frames[~table.observed[rows]]):
            length = float(duration[start : end + 1].sum())
            if length > LONG_CARRIED_S:
                text = f"track {track} was not seen for {length:.1f} s; its box was carried"
                key = f"carried-{track}-{start}"
                yield Doubt(key, 6, "carried", text, start, end, track, at(start, end))
        first, last = int(frames[0]), int(frames[-1])
        score = table.score[rows][table.observed[rows]]
        seen_s = float(duration[frames[table.observed[rows]]].sum())
        measured = score[score > 0]
        if seen_s < SHORT_TRACK_S or (len(measured) and float(measured.mean()) < LOW_SCORE):
            text = f"track {track} was seen for {seen_s:.1f} s" + (
                f" with a mean score of {measured.mean():.2f}" if len(measured) else ""
            )
            key = f"weak-{track}-{first}"
            yield Doubt(key, 7, "doubtful", text, first, last, track, at(first, last))
        if table.role_of(track) == Role.UNKNOWN:
            text = f"it is not known whose face track {track} is"
            yield Doubt(f"role-{track}", 8, "role", text, first, last, track, at(first, last))


def _frames(what: Mapping[str, Any], table: TrackTable) -> tuple[int, int]:
    """Frames of a span in seconds; the first frame where no time is given."""
    start, end = what.get("start_s"), what.get("end_s")
    first = _frame_at(table, start)
    return first, max(first, _frame_at(table, end) if end is not None else first)


def _frame_at(table: TrackTable, time_s: Any) -> int:
    if not isinstance(time_s, int | float) or not table.frame_count:
        return 0
    at = int(np.searchsorted(table.time_s, time_s + 1e-6, side="right")) - 1
    return min(max(at, 0), table.frame_count - 1)


def _spans(frames: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Runs of frames without a gap."""
    if not len(frames):
        return []
    breaks = np.flatnonzero(np.diff(frames) > 1)
    starts = [0, *(breaks + 1)]
    ends = [*breaks, len(frames) - 1]
    return [(int(frames[a]), int(frames[b])) for a, b in zip(starts, ends, strict=True)]


def _mappings(values: Any) -> Iterable[Mapping[str, Any]]:
    return [v for v in values if isinstance(v, Mapping)] if isinstance(values, list | tuple) else []
