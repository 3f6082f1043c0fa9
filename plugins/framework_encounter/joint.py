"""The joint timeline: everybody's emotions, second by second, on the patient camera's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from framework.protocols import EmotionClassifier
from framework.table import TrackTable
from framework.timeline import TimelineConfig, build_timelines
from framework.types import EMOTIONS, UNKNOWN, PersonTimeline, Role
from framework_encounter.clock import Clock


@dataclass(frozen=True)
class Seen:
    """One person as one camera sees them.

    Attributes:
        camera: 0-based position of the recording.
        timeline: on the shared clock; seconds may start below 0.
        raw: the same without the correction for the resting face.
    """

    camera: int
    timeline: PersonTimeline
    raw: PersonTimeline


@dataclass(frozen=True)
class Voice:
    """When somebody speaks.

    Attributes:
        second: (n,) int64 on the shared clock.
        speech: (n,) share of the second with speech, 0 to 1; NaN where no sound was recorded.
        speakers: the same for speech of each role; empty if that could not be told.
        note: how speakers were told apart, or why not; empty if nobody asked.
    """

    second: NDArray[np.int64]
    speech: NDArray[np.float32]
    speakers: Mapping[Role, NDArray[np.float32]] = field(default_factory=dict)
    note: str = ""

    def only(self, roles: Sequence[Role]) -> Voice:
        """The same without the speech of others by name."""
        kept = {role: share for role, share in self.speakers.items() if role in roles}
        return replace(self, speakers=kept)


@dataclass(frozen=True)
class Joint:
    """Both people over the patient camera's recording.

    Attributes:
        people: one timeline for each role, each over the seconds that role was recorded.
        cameras: for each person, the camera each of their seconds comes from (-1: none).
        seconds: length of the shared clock in whole seconds.
        voice: speech activity; None if it was not asked for.
    """

    people: tuple[PersonTimeline, ...]
    cameras: tuple[NDArray[np.int64], ...]
    seconds: int
    voice: Voice | None = None

    def of(self, role: Role) -> PersonTimeline | None:
        """The timeline of a role, or None."""
        return next((p for p in self.people if p.role == role), None)

    def only(self, roles: Sequence[Role]) -> Joint:
        """The same for these roles alone."""
        kept = [k for k, p in enumerate(self.people) if p.role in roles]
        return replace(
            self,
            people=tuple(self.people[k] for k in kept),
            cameras=tuple(self.cameras[k] for k in kept),
            voice=None if self.voice is None else self.voice.only(roles),
        )


def on_shared_clock(table: TrackTable, clock: Clock) -> tuple[TrackTable, int]:
    """The table with its times on the shared clock, and the second at which its time 0 lies.

    Timelines count from 0, so whole seconds are taken out and given back.
    """
    if not table.frame_count:
        return table, 0
    scale = 1.0 + clock.sync.drift
    times = clock.sync.offset_s + scale * table.time_s
    end = clock.sync.offset_s + scale * max(table.duration_s, float(table.time_s[-1]))
    # A hair of tolerance: an offset of 3 s must not begin in second 2.
    first = int(np.floor(times[0] + 1e-6))
    shifted = replace(table, time_s=np.maximum(times - first, 0.0), duration_s=end - first)
    return shifted, first


def seen_by(
    camera: int,
    table: TrackTable,
    clock: Clock,
    config: TimelineConfig,
    classifier: EmotionClassifier,
) -> list[Seen]:
    """Timelines of a camera's patient and doctor on the shared clock."""
    wanted = [t for t in table.track_ids() if table.role_of(t) in (Role.PATIENT, Role.DOCTOR)]
    shifted, first = on_shared_clock(table.only(wanted), clock)
    lines = build_timelines(
        shifted,
        config,
        unknown_below=classifier.unknown_below,
        correct=getattr(classifier, "correction", None),
    )
    return [
        Seen(camera, _moved(person, first), _moved(raw, first))
        for person, raw in zip(lines.people, lines.raw, strict=True)
    ]


def _moved(timeline: PersonTimeline, seconds: int) -> PersonTimeline:
    return replace(timeline, second=timeline.second + seconds)


def join(seen: Sequence[Seen], seconds: int) -> Joint:
    """One timeline for each role: in each second that of the camera which reads the face best.

    Args:
        seconds: length of the shared clock; what lies outside it is left out.
    """
    people, cameras = [], []
    for role in (Role.PATIENT, Role.DOCTOR):
        mine = [s for s in seen if s.timeline.role == role]
        if mine:
            person, source = _best_of(mine, seconds)
            if len(person):
                people.append(person)
                cameras.append(source)
    return Joint(tuple(people), tuple(cameras), seconds)


def _best_of(seen: Sequence[Seen], seconds: int) -> tuple[PersonTimeline, NDArray[np.int64]]:
    starts = [max(0, int(s.timeline.second[0])) for s in seen if len(s.timeline)]
    ends = [min(seconds, int(s.timeline.second[-1]) + 1) for s in seen if len(s.timeline)]
    first, end = min(starts, default=0), max(ends, default=0)
    count = max(0, end - first)
    score = np.full(count, -1.0)
    source = np.full(count, -1, np.int64)
    row = np.zeros(count, np.int64)
    for position, one in enumerate(seen):
        line = one.timeline
        at = np.arange(len(line)) + (int(line.second[0]) if len(line) else 0) - first
        inside = (at >= 0) & (at < count)
        labelled = np.array([label != UNKNOWN for label in line.label], bool)
        worth = labelled * (1.0 + np.nan_to_num(line.quality)) + np.nan_to_num(line.coverage) * 0.1
        better = inside.copy()
        better[inside] = worth[inside] > score[at[inside]]
        score[at[better]] = worth[better]
        source[at[better]] = position
        row[at[better]] = np.flatnonzero(better)
    lines = [s.timeline for s in seen]
    blank = np.full(len(EMOTIONS), np.nan, np.float32)

    def gather(name: str, empty: float) -> NDArray[np.float64]:
        return np.array(
            [
                getattr(lines[p], name)[r] if p >= 0 else empty
                for p, r in zip(source, row, strict=True)
            ]
        )

    person = PersonTimeline(
        person=lines[0].person,
        role=lines[0].role,
        second=np.arange(first, first + count),
        probabilities=np.array(
            [
                lines[p].probabilities[r] if p >= 0 else blank
                for p, r in zip(source, row, strict=True)
            ],
            np.float32,
        ).reshape(-1, len(EMOTIONS)),
        label=tuple(
            lines[p].label[r] if p >= 0 else UNKNOWN for p, r in zip(source, row, strict=True)
        ),
        samples=gather("samples", 0).astype(np.int64),
        coverage=gather("coverage", 0.0).astype(np.float32),
        quality=gather("quality", np.nan).astype(np.float32),
    )
    camera = np.array([seen[p].camera if p >= 0 else -1 for p in source.tolist()], np.int64)
    return person, camera
