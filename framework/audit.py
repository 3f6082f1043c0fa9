"""What happened to every face in every frame, as figures that a release decision can rest on.

The pipeline tells an :class:`AuditRecorder` the fate of each frame it renders; the recorder adds up
face-seconds (one face on screen for one second) for each person and in total. The result says
whether the recording passed, and if not, why. It holds no picture, no file name and no message of
an exception, any of which could point to a person.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import EXIT_CANNOT_RUN, EXIT_CHECK_FAILED, EXIT_OK
from framework.table import RowState, TrackTable
from framework.timeline import person_name
from framework.types import ComponentEvent, Role

SCHEMA = "framework-audit"
SCHEMA_VERSION = 1


class FrameFate(StrEnum):
    """What became of one frame.

    ``covered``: every face in it was covered by the anonymizer. ``fully-covered``: the whole
    picture was covered, because its faces could not be established or a component failed.
    ``dropped``: it is not in the output. ``untouched``: it left as it came in, on purpose (the
    component ``none``).
    """

    COVERED = "covered"
    FULLY_COVERED = "fully-covered"
    DROPPED = "dropped"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True)
class Exposure:
    """What happened to one person's face, or to all faces together, in face-seconds.

    Attributes:
        present_s: time in which the face is in the track table; the sum of the next five.
        covered_s: covered where a detector or a person had put the box.
        carried_s: covered where the box was carried or interpolated between detections.
        fully_covered_s: the whole frame was covered.
        dropped_s: the frame is not in the output.
        unprotected_s: the face left as it was. Anything above 0 fails the audit.
        events: what components reported, counted by kind, for instance ``fallback``.
    """

    present_s: float
    covered_s: float
    carried_s: float
    fully_covered_s: float
    dropped_s: float
    unprotected_s: float
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PersonExposure:
    """Exposure of one track."""

    person: str
    role: Role
    exposure: Exposure


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception in a component.

    Attributes:
        time_s: in the recording; None if no frame was involved.
        stage: where, for instance ``detect`` or ``anonymize``.
        exception: class name only, since messages may hold paths or data.
        count: how often the same happened in a row of frames, from ``time_s`` on.
    """

    time_s: float | None
    stage: str
    exception: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Dismissal:
    """Detections that were taken for false alarms and left uncovered.

    Attributes:
        start_s, end_s: first and last time.
        frames: number of frames.
        reason: why, in a few words.
    """

    start_s: float
    end_s: float
    frames: int
    reason: str


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of the source that could not be read.

    Attributes:
        time_s: where in the recording.
        what: in a few words, without a name or path.
        lost_s: how much is missing, seconds; None if not known.
    """

    time_s: float
    what: str
    lost_s: float | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """The whole account of one recording.

    Attributes:
        people: everybody in the track table, bystanders included, by track id. total: face-seconds
        of all of them together. frames_in, frames_out: decoded and written. frames_fully_covered,
        frames_dropped, frames_missed: frames that were covered whole, left out,
            and whose faces could not be established (each of the last is one of the first two).
        duration_in_s, duration_out_s: of the recording before and after, seconds.
        failures, dismissed, damage: see the classes.
        notes: remarks that do not decide over passing.
        reasons: why it did not pass; empty if it did.
    """

    people: tuple[PersonExposure, ...]
    total: Exposure
    frames_in: int
    frames_out: int
    frames_fully_covered: int
    frames_dropped: int
    frames_missed: int
    duration_in_s: float
    duration_out_s: float
    failures: tuple[Failure, ...] = ()
    dismissed: tuple[Dismissal, ...] = ()
    damage: tuple[Damage, ...] = ()
    notes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing stands against handing the result on, as far as the audit can see."""
        return not self.reasons

    @property
    def exit_status(self) -> int:
        """0 passed, 1 did not pass, 2 a face left the house uncovered."""
        if self.total.unprotected_s > 0:
            return EXIT_CANNOT_RUN
        return EXIT_OK if self.passed else EXIT_CHECK_FAILED

    def to_json(self) -> dict[str, Any]:
        """As it is written, with seconds rounded to the millisecond."""
        body = asdict(self)
        body["people"] = [
            {"person": p.person, "role": str(p.role), **asdict(p.exposure)} for p in self.people
        ]
        head = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "passed": self.passed}
        rounded: dict[str, Any] = _rounded({**head, "reasons": body.pop("reasons"), **body})
        return rounded


def write_audit(audit: Audit, path: Path) -> None:
    """Write ``audit.json``.

    Raises:
        MediaError: the file cannot be written.
    """
    write_text(path, json.dumps(audit.to_json(), indent=2, ensure_ascii=False) + "\n")


class AuditRecorder:
    """Adds up what happens while a recording is rendered.

    One call of :meth:`frame` for each frame of the track table, in any order; the others as things
    occur. A frame that nobody reported counts as dropped, so that a mistake in the pipeline shows.
    """

    def __init__(self, table: TrackTable) -> None:
        self._table = table
        self._fate: dict[int, FrameFate] = {}
        self._exposed: dict[int, frozenset[int]] = {}
        self._events: dict[int, Counter[str]] = {}
        self._failures: list[Failure] = []
        self._dismissed: list[Dismissal] = []
        self._damage: list[Damage] = []
        self._notes: list[str] = []

    def frame(self, index: int, fate: FrameFate, unprotected: Iterable[int] = ()) -> None:
        """Record what became of a frame.

        Args:
            index: of the frame.
            fate: see :class:`FrameFate`.
            unprotected: track ids that were left uncovered in a frame that was otherwise covered.
        """
        self._fate[index] = fate
        exposed = frozenset(unprotected)
        if exposed:
            self._exposed[index] = exposed

    def event(self, event: ComponentEvent) -> None:
        """Count something that a component reported."""
        self._events.setdefault(event.track_id, Counter())[event.kind] += 1

    def failure(self, stage: str, error: BaseException, time_s: float | None = None) -> None:
        """Record an exception, by its class alone; the same one again is counted."""
        name = type(error).__name__
        if self._failures:
            last = self._failures[-1]
            if (last.stage, last.exception) == (stage, name):
                self._failures[-1] = Failure(last.time_s, stage, name, last.count + 1)
                return
        self._failures.append(Failure(time_s, stage, name))

    def dismissed(self, dismissal: Dismissal) -> None:
        """Record detections that were dropped as false alarms."""
        self._dismissed.append(dismissal)

    def damage(self, damage: Damage) -> None:
        """Record a part of the source that could not be read."""
        self._damage.append(damage)

    def note(self, text: str) -> None:
        """Record a remark; the same one only once."""
        if text not in self._notes:
            self._notes.append(text)

    def finish(
        self,
        *,
        frames_out: int,
        duration_out_s: float,
        allow_no_faces: bool = False,
        allow_unprotected: bool = False,
    ) -> Audit:
        """The account of the whole recording.

        Args:
            frames_out: frames in the written file.
            duration_out_s: its length, seconds.
            allow_no_faces: a recording without any face passes.
            allow_unprotected: faces that were left untouched on purpose (component ``none``) are
                still counted, and the audit still does not pass; this only changes the wording.
        """
        people = [self._person(track_id) for track_id in self._table.track_ids()]
        total = self._total([p.exposure for p in people])
        fates = Counter(
            self._fate.get(index, FrameFate.DROPPED) for index in range(self._table.frame_count)
        )
        reasons = self._reasons(
            total,
            fates,
            frames_out,
            duration_out_s,
            allow_no_faces=allow_no_faces,
            on_purpose=allow_unprotected,
        )
        return Audit(
            people=tuple(people),
            total=total,
            frames_in=self._table.frame_count,
            frames_out=frames_out,
            frames_fully_covered=fates[FrameFate.FULLY_COVERED],
            frames_dropped=fates[FrameFate.DROPPED],
            frames_missed=len(self._table.misses),
            duration_in_s=float(self._table.duration_s),
            duration_out_s=float(duration_out_s),
            failures=tuple(self._failures),
            dismissed=tuple(self._dismissed),
            damage=tuple(self._damage),
            notes=tuple(self._notes),
            reasons=tuple(reasons),
        )

    def _person(self, track_id: int) -> PersonExposure:
        table = self._table
        seconds = dict.fromkeys(
            ("covered", "carried", "fully_covered", "dropped", "unprotected"), 0.0
        )
        for row in table.rows_of_track(track_id).tolist():
            index = int(table.frame[row])
            fate = self._fate.get(index, FrameFate.DROPPED)
            exposed = track_id in self._exposed.get(index, ())
            if fate == FrameFate.DROPPED:
                where = "dropped"
            elif fate == FrameFate.UNTOUCHED or exposed:
                where = "unprotected"
            elif fate == FrameFate.FULLY_COVERED:
                where = "fully_covered"
            elif table.state[row] == RowState.CARRIED:
                where = "carried"
            else:
                where = "covered"
            seconds[where] += float(table.frame_duration_s[index])
        return PersonExposure(
            person=person_name(track_id),
            role=table.role_of(track_id),
            exposure=_exposure(seconds, self._events.get(track_id, Counter())),
        )

    def _total(self, exposures: list[Exposure]) -> Exposure:
        names = ("covered", "carried", "fully_covered", "dropped", "unprotected")
        seconds = {name: sum(getattr(e, f"{name}_s") for e in exposures) for name in names}
        events: Counter[str] = sum(self._events.values(), Counter())
        return _exposure(seconds, events)

    def _reasons(
        self,
        total: Exposure,
        fates: Mapping[FrameFate, int],
        frames_out: int,
        duration_out_s: float,
        *,
        allow_no_faces: bool,
        on_purpose: bool,
    ) -> list[str]:
        reasons = []
        # A face in a frame of no duration (a still image) is a face all the same.
        bare = any(f == FrameFate.UNTOUCHED for f in self._fate.values()) or self._exposed
        if total.unprotected_s > 0 or (bare and len(self._table)):
            wish = " (anonymization was switched off)" if on_purpose else ""
            reasons.append(f"{total.unprotected_s:.2f} face-seconds left uncovered{wish}")
        if not len(self._table) and not allow_no_faces:
            reasons.append(
                "no face was found; look at the recording, and allow it if there is none"
            )
        if self._failures:
            count = sum(f.count for f in self._failures)
            reasons.append(
                f"components failed {_times(count)}; those frames were not passed through"
            )
        if self._damage:
            reasons.append(f"the source is damaged ({_times(len(self._damage))})")
        expected = self._table.frame_count - fates.get(FrameFate.DROPPED, 0)
        if frames_out != expected:
            reasons.append(f"{frames_out} frames were written, {expected} were expected")
        longest = float(self._table.frame_duration_s.max(initial=0.0))
        if abs(duration_out_s - self._table.duration_s) > longest + 1e-3:
            reasons.append(
                f"the output lasts {duration_out_s:.2f} s, "
                f"the source {self._table.duration_s:.2f} s"
            )
        return reasons


def _exposure(seconds: Mapping[str, float], events: Mapping[str, int]) -> Exposure:
    return Exposure(
        present_s=sum(seconds.values()),
        covered_s=seconds["covered"],
        carried_s=seconds["carried"],
        fully_covered_s=seconds["fully_covered"],
        dropped_s=seconds["dropped"],
        unprotected_s=seconds["unprotected"],
        events=dict(sorted(events.items())),
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
