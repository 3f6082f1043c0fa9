"""Seconds as they pass: each becomes a row of the timeline, and may give rise to advice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.pipeline.sampler import EmotionSampler
from framework.protocols import Recommender
from framework.table import RowState, TrackTable
from framework.timeline import TimelineConfig, build_timelines
from framework.types import (
    EMOTIONS,
    UNKNOWN,
    EmotionWindow,
    Frame,
    PersonTimeline,
    Recommendation,
    Role,
    Tracks,
)
from framework_live.options import LiveOptions

Event = dict[str, Any]


@dataclass
class Moments:
    """Collects a second's faces, then makes a row for each person of it.

    With one main person the row is that person's whatever number the tracker gives the face, so
    that a lost track doesn't begin a new timeline.

    Attributes:
        sampler: classifies faces; None without a classifier.
        recommender: None for no advice.
    """

    sampler: EmotionSampler | None
    recommender: Recommender | None
    config: TimelineConfig
    options: LiveOptions
    role: Role
    people: int
    width: int
    height: int
    unknown_below: float
    _second: int = 0
    _times: list[float] = field(default_factory=list)
    _seen: list[Tracks] = field(default_factory=list)
    _frames: dict[int, int] = field(default_factory=dict)
    _lines: dict[int, PersonTimeline] = field(default_factory=dict)
    _advised_s: float = -1.0

    def add(self, frame: Frame, tracks: Tracks) -> list[Event]:
        """Take in an analysed picture; events of the seconds that it closes."""
        events = []
        while frame.time_s >= self._second + 1:
            events += self._close(1.0)
        if self.sampler is None:
            return events
        mine = self._named(tracks)
        self._frames[frame.index] = len(self._times)
        self._times.append(frame.time_s - self._second)
        self._seen.append(mine)
        self.sampler.add(frame, mine)
        return events

    def finish(self, duration_s: float) -> list[Event]:
        """Events of the second that breaks off."""
        rest = duration_s - self._second
        return self._close(min(1.0, rest)) if self._times and rest > 1e-9 else []

    def window(self) -> EmotionWindow:
        """The timelines so far."""
        return EmotionWindow(tuple(self._lines[key] for key in sorted(self._lines)))

    def _named(self, tracks: Tracks) -> Tracks:
        """The main people alone; a single one is number 1."""
        main = tracks[np.array([role is self.role for role in tracks.role], bool)]
        if self.people > 1 or not len(main):
            return main
        one = main[:1]
        return Tracks(
            xyxy=one.xyxy,
            score=one.score,
            landmarks=one.landmarks,
            track_id=np.ones(1, np.int64),
            role=one.role,
            observed=one.observed,
        )

    def _close(self, length_s: float) -> list[Event]:
        rows = self._rows(length_s)
        for key, line in list(self._lines.items()):
            if key not in rows:
                rows[key] = _absent(line, self._second)
        events = []
        for key in sorted(rows):
            row = rows[key]
            before = self._lines.get(key)
            self._lines[key] = row if before is None else _joined(before, row, self.options)
            events.append(_emotions(row))
        events += [_advice(a) for a in self._advice()]
        self._second += 1
        self._times, self._seen, self._frames = [], [], {}
        return events

    def _rows(self, length_s: float) -> dict[int, PersonTimeline]:
        """This second of everybody who was found in it."""
        if self.sampler is None:
            return {}
        samples = self.sampler.drain()
        table = self._table(length_s)
        kept = [k for k, f in enumerate(samples.frame.tolist()) if f in self._frames]
        if not table.frame_count:
            return {}
        frames = np.array([self._frames[int(samples.frame[k])] for k in kept], np.int64)
        moved = type(samples)(
            frame=frames,
            track_id=samples.track_id[kept],
            probabilities=samples.probabilities[kept],
            quality=samples.quality[kept],
            interval_s=samples.interval_s,
        )
        lines = build_timelines(
            table.with_samples(moved), self.config, unknown_below=self.unknown_below
        ).people
        ids = table.track_ids()
        return {key: _at(line, self._second) for key, line in zip(ids, lines, strict=True)}

    def _table(self, length_s: float) -> TrackTable:
        counts = [len(t) for t in self._seen]
        empty: NDArray[np.float32] = np.zeros((0, 4), np.float32)
        observed = [t.observed for t in self._seen if t.observed is not None]
        seen = np.concatenate([np.zeros(0, bool), *observed])
        ids = np.concatenate([np.zeros(0, np.int64), *(t.track_id for t in self._seen)])
        frame = np.repeat(np.arange(len(counts)), counts)
        order = np.lexsort((ids, frame))
        boxes = np.concatenate([empty, *(t.xyxy for t in self._seen)])
        roles = {int(t): r for s in self._seen for t, r in zip(s.track_id, s.role, strict=True)}
        return TrackTable(
            width=self.width,
            height=self.height,
            time_s=np.array(self._times, np.float64),
            duration_s=length_s,
            frame=frame[order].astype(np.int64),
            track_id=ids[order],
            xyxy=boxes[order],
            score=np.zeros(len(ids), np.float32),
            landmarks=np.full((len(ids), 5, 2), np.nan, np.float32),
            state=np.where(seen[order], RowState.DETECTED, RowState.CARRIED).astype(np.int8),
            roles=roles,
        )

    def _advice(self) -> list[Recommendation]:
        """What is new: a recommender decides from the past alone, so the old stays what it was."""
        if self.recommender is None or not self._lines:
            return []
        found = self.recommender.recommend(self.window())
        new = [a for a in found if a.time_s > self._advised_s]
        self._advised_s = float(self._second + 1)
        return new


def _at(line: PersonTimeline, second: int) -> PersonTimeline:
    """The first row of a timeline as that of ``second``."""
    return PersonTimeline(
        line.person,
        line.role,
        np.array([second]),
        line.probabilities[:1],
        line.label[:1],
        line.samples[:1],
        line.coverage[:1],
        line.quality[:1],
    )


def _absent(line: PersonTimeline, second: int) -> PersonTimeline:
    nothing = np.full((1, len(EMOTIONS)), np.nan, np.float32)
    zero, nan = np.zeros(1, np.float32), np.full(1, np.nan, np.float32)
    return PersonTimeline(
        line.person,
        line.role,
        np.array([second]),
        nothing,
        (UNKNOWN,),
        np.zeros(1, np.int64),
        zero,
        nan,
    )


def _joined(line: PersonTimeline, row: PersonTimeline, options: LiveOptions) -> PersonTimeline:
    keep = slice(max(0, len(line) + 1 - options.history_s), None)
    return PersonTimeline(
        line.person,
        row.role,
        np.append(line.second[keep], row.second),
        np.concatenate([line.probabilities[keep], row.probabilities]),
        line.label[keep] + row.label,
        np.append(line.samples[keep], row.samples),
        np.append(line.coverage[keep], row.coverage),
        np.append(line.quality[keep], row.quality),
    )


def _emotions(row: PersonTimeline) -> Event:
    known = row.label[0] != UNKNOWN
    return {
        "event": "emotions",
        "second": int(row.second[0]),
        "person": row.person,
        "role": str(row.role),
        "label": row.label[0],
        "probabilities": {
            name: round(float(p), 4)
            for name, p in zip(EMOTIONS, row.probabilities[0], strict=True)
            if known
        },
        "coverage": round(float(row.coverage[0]), 4),
    }


def _advice(advice: Recommendation) -> Event:
    return {
        "event": "advice",
        "time_s": advice.time_s,
        "to": str(advice.to),
        "rule": advice.rule,
        "text": advice.text,
        "reason": advice.reason,
        "about": advice.about,
        "emotion": advice.emotion,
        "start_s": advice.start_s,
        "end_s": advice.end_s,
        "latency_s": advice.time_s - advice.start_s,
        "confidence": advice.confidence,
    }
