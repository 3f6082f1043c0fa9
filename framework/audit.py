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
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.atomic import write_text
from framework.errors import EXIT_CHECK_FAILED, EXIT_OK
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


_FATES = tuple(FrameFate)
_NOT_REPORTED = -1


@dataclass(frozen=True, slots=True)
class Exposure:
    """What happened to one person's face, or to all faces together, in face-seconds.

    Attributes:
        present_s: time in which the face is in the track table; the sum of the next five.
        covered_s: covered where a detector or a person had put the box.
        carried_s: covered where the box was carried or interpolated between detections.
        fully_covered_s: the whole frame was covered.
        dropped_s: the frame is not in the output.
        unprotected_s: the face left as it was, or can still be recognised; in the total also
            faces that belong to nobody in the table. Measured by the search of the result; None
            without one.
        unprotected_frames: in how many frames it did. Anything above 0 fails the audit. None
            without a search.
        events: what components reported, counted by kind and reason, for instance
            ``fallback: turned``.
        followed_s: the part of ``carried_s`` in which the head was followed in the picture; in the
            rest nothing was known but where it was before and after.
    """

    present_s: float
    covered_s: float
    carried_s: float
    fully_covered_s: float
    dropped_s: float
    unprotected_s: float | None
    unprotected_frames: int | None
    events: Mapping[str, int]
    followed_s: float = 0.0


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
        where: module and line of the component's own code, "" where that is not known.
    """

    time_s: float | None
    stage: str
    exception: str
    count: int = 1
    where: str = ""


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
class Exposed:
    """A face that got out, or can still be recognised.

    Attributes:
        start_s, end_s: from when to when.
        face_s: for how long it was seen, face-seconds.
        place: left, top, width and height in pixels, where it is first seen.
        person: whose, None if it is nobody's in the table.
        reason: why it counts.
    """

    start_s: float
    end_s: float
    face_s: float
    place: tuple[int, int, int, int]
    person: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Compared:
    """How much of the original is in the covered faces of one person.

    Attributes:
        person: whose.
        faces: how many were compared.
        detail: mean correlation of their fine structure with the original's, -1 to 1.
        recognised: share of them that the recogniser takes for the original's, 0 to 1.
        similarity: mean cosine of a covered face with the most similar of the original's.
        recognisable: whether that is too much.
    """

    person: str
    faces: int
    detail: float | None
    recognised: float | None
    similarity: float | None
    recognisable: bool


@dataclass(frozen=True, slots=True)
class SecondSearch:
    """What was found when the covered recording was searched again.

    Attributes:
        searched: False: nobody looked, and nothing is known.
        frames: frames that were looked at.
        frames_per_s: how many that is in a second.
        detectors: who looked.
        recognizer: who compared faces with the original; "" for fine structure alone.
        faces: what was found, summed over frames and detectors.
        ours: how many of these were inside a cover of ours, in pixels that had been changed.
        unconfirmed: how many others were no face in an enlarged look at them.
        compared: by person, how much of the original is left.
        exposed_s: face-seconds of what got out.
        exposed: what got out.
    """

    searched: bool = False
    frames: int = 0
    frames_per_s: float = 0.0
    detectors: tuple[str, ...] = ()
    recognizer: str = ""
    faces: int = 0
    ours: int = 0
    unconfirmed: int = 0
    compared: tuple[Compared, ...] = ()
    exposed_s: float = 0.0
    exposed: tuple[Exposed, ...] = ()


NOT_SEARCHED = SecondSearch()
"""Nobody looked at the result."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The whole account of one recording.

    Attributes:
        people: everybody in the track table, bystanders included, by track id.
        total: face-seconds of all of them together.
        frames_in, frames_out: decoded and written.
        frames_fully_covered: frames that were covered whole.
        frames_dropped: frames that were left out.
        frames_missed: frames whose faces could not be established; each is one of the former two.
        duration_in_s, duration_out_s: of the recording before and after, seconds.
        search: what was found in the result.
        covered_share: mean share of the frame that was covered, 0 to 1, from the frames that were
            searched; None without a search.
        over_quarter_s: for how long more than a quarter of the frame was covered, seconds.
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
    search: SecondSearch = NOT_SEARCHED
    covered_share: float | None = None
    over_quarter_s: float | None = None
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
        """0 passed, 1 did not pass."""
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
    occur. A frame that nobody reported counts as dropped, and then the audit does not pass.
    """

    def __init__(self, table: TrackTable) -> None:
        self._table = table
        self._fate: NDArray[np.int8] = np.full(table.frame_count, _NOT_REPORTED, np.int8)
        self._exposed: set[tuple[int, int]] = set()
        self._events: dict[int, Counter[str]] = {}
        self._failures: list[Failure] = []
        self._dismissed: list[Dismissal] = []
        self._damage: list[Damage] = []
        self._notes: list[str] = []
        self._search = NOT_SEARCHED

    def frame(self, index: int, fate: FrameFate, unprotected: Iterable[int] = ()) -> None:
        """Record what became of a frame.

        Args:
            index: of the frame.
            fate: see :class:`FrameFate`.
            unprotected: track ids that were left uncovered in a frame that was otherwise covered.
        """
        self._fate[index] = _FATES.index(fate)
        self._exposed.update((index, track_id) for track_id in unprotected)

    def event(self, event: ComponentEvent) -> None:
        """Count something that a component reported."""
        name = f"{event.kind}: {event.detail}" if event.detail else event.kind
        self._events.setdefault(event.track_id, Counter())[name] += 1

    def failure(
        self,
        stage: str,
        error: BaseException | str,
        time_s: float | None = None,
        where: str = "",
    ) -> None:
        """Record an exception, by (the name of) its class and its place in the component's code
        alone; the same one again is counted."""
        name = error if isinstance(error, str) else type(error).__name__
        if self._failures:
            last = self._failures[-1]
            if (last.stage, last.exception, last.where) == (stage, name, where):
                self._failures[-1] = replace(last, count=last.count + 1)
                return
        self._failures.append(Failure(time_s, stage, name, where=where))

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
        search: SecondSearch = NOT_SEARCHED,
        covered_share: float | None = None,
        over_quarter_s: float | None = None,
    ) -> Audit:
        """The account of the whole recording.

        Args:
            search: what was found in the result.
            covered_share, over_quarter_s: how much of the frame was covered, see :class:`Audit`.
            frames_out: frames in the written file.
            duration_out_s: its length, seconds.
            allow_no_faces: a recording without any face passes.
        """
        self._search = search
        self._note_recognisable()
        people = [self._person(track_id) for track_id in self._table.track_ids()]
        total = self._total([p.exposure for p in people])
        reasons = self._reasons(
            people,
            frames_out,
            duration_out_s,
            allow_no_faces=allow_no_faces,
        )
        return Audit(
            people=tuple(people),
            total=total,
            frames_in=self._table.frame_count,
            frames_out=frames_out,
            frames_fully_covered=self._frames(FrameFate.FULLY_COVERED),
            frames_dropped=self._frames(FrameFate.DROPPED),
            frames_missed=len(self._table.misses),
            duration_in_s=float(self._table.duration_s),
            duration_out_s=float(duration_out_s),
            search=search,
            covered_share=covered_share,
            over_quarter_s=over_quarter_s,
            failures=tuple(self._failures),
            dismissed=tuple(self._dismissed),
            damage=tuple(self._damage),
            notes=tuple(self._notes),
            reasons=tuple(reasons),
        )

    def _note_recognisable(self) -> None:
        """A person who can be recognised is unprotected wherever the anonymizer covered them."""
        recognisable = {c.person for c in self._search.compared if c.recognisable}
        for track_id in self._table.track_ids():
            if person_name(track_id) in recognisable:
                frames = self._table.frame[self._table.rows_of_track(track_id)]
                single = self._fate[frames] == _FATES.index(FrameFate.COVERED)
                self._exposed.update((f, track_id) for f in frames[single].tolist())

    def _frames(self, fate: FrameFate) -> int:
        """Frames with this fate; one that nobody reported was not written, so it was dropped."""
        codes = [_FATES.index(fate)]
        if fate == FrameFate.DROPPED:
            codes.append(_NOT_REPORTED)
        return int(np.isin(self._fate, codes).sum())

    def _person(self, track_id: int) -> PersonExposure:
        table = self._table
        rows = table.rows_of_track(track_id)
        frames = table.frame[rows]
        fate = self._fate[frames]
        exposed = np.array([(f, track_id) in self._exposed for f in frames.tolist()], bool)
        dropped = (fate == _FATES.index(FrameFate.DROPPED)) | (fate == _NOT_REPORTED)
        bare = ~dropped & (exposed | (fate == _FATES.index(FrameFate.UNTOUCHED)))
        whole = ~dropped & ~bare & (fate == _FATES.index(FrameFate.FULLY_COVERED))
        single = ~dropped & ~bare & ~whole
        carried = single & ~table.observed[rows]
        duration = table.frame_duration_s[frames]
        chosen = {
            "covered": single & ~carried,
            "carried": carried,
            "fully_covered": whole,
            "dropped": dropped,
            "unprotected": bare,
        }
        return PersonExposure(
            person=person_name(track_id),
            role=table.role_of(track_id),
            exposure=_exposure(
                {name: float(duration[mask].sum()) for name, mask in chosen.items()},
                int(bare.sum()),
                self._events.get(track_id, Counter()),
                self._search.searched,
                float(duration[carried & (table.state[rows] == RowState.FOLLOWED)].sum()),
            ),
        )

    def _total(self, exposures: list[Exposure]) -> Exposure:
        names = ("covered", "carried", "fully_covered", "dropped", "unprotected")
        seconds = {name: sum(getattr(e, f"{name}_s") or 0.0 for e in exposures) for name in names}
        events: Counter[str] = sum(self._events.values(), Counter())
        strangers = [e for e in self._search.exposed if e.person is None]
        present = sum(e.present_s for e in exposures)
        frames = sum(e.unprotected_frames or 0 for e in exposures)
        followed_s = sum(e.followed_s for e in exposures)
        total = _exposure(seconds, frames, events, self._search.searched, followed_s)
        if not strangers:
            return total
        # A face that nobody had seen is no part of what was present in the table.
        return replace(
            total,
            present_s=present,
            unprotected_s=seconds["unprotected"] + sum(e.face_s for e in strangers),
            unprotected_frames=frames + self._stranger_frames(strangers),
        )

    def _stranger_frames(self, strangers: Iterable[Exposed]) -> int:
        """In how many frames somebody is seen who is not in the table."""
        time_s = self._table.time_s
        seen = np.zeros(len(time_s), bool)
        for e in strangers:
            seen |= (time_s >= e.start_s - 1e-6) & (time_s < max(e.end_s, e.start_s + 1e-6))
        return int(seen.sum())

    def _reasons(
        self,
        people: list[PersonExposure],
        frames_out: int,
        duration_out_s: float,
        *,
        allow_no_faces: bool,
    ) -> list[str]:
        reasons = []
        reasons += self._search_reasons()
        known = {c.person for c in self._search.compared if c.recognisable}
        left = [
            p.exposure for p in people if p.person not in known and p.exposure.unprotected_frames
        ]
        if left:
            seconds = sum(e.unprotected_s or 0.0 for e in left)
            frames = sum(e.unprotected_frames or 0 for e in left)
            reasons.append(f"{seconds:.2f} face-seconds left uncovered ({_times(frames, 'frame')})")
        if not len(self._table) and not allow_no_faces:
            reasons.append(
                "no face was found; look at the recording, and allow it if there is none"
            )
        if self._failures:
            count = sum(f.count for f in self._failures)
            which = sorted(
                {
                    f"{f.stage}: {f.exception}" + (f" in {f.where}" if f.where else "")
                    for f in self._failures
                }
            )
            reasons.append(
                f"components failed {_times(count)} ({', '.join(which)}); those frames were not "
                "passed through"
            )
        if self._damage:
            reasons.append(f"the source is damaged ({_times(len(self._damage))})")
        lost = int((self._fate == _NOT_REPORTED).sum())
        if lost > 0:
            reasons.append(f"{_times(lost, 'frame')} of the analysis never came to rendering")
        expected = self._table.frame_count - self._frames(FrameFate.DROPPED)
        if frames_out != expected:
            reasons.append(f"{frames_out} frames were written, {expected} were expected")
        if abs(duration_out_s - self._table.duration_s) > self._slack_s() + 1e-3:
            reasons.append(
                f"the output lasts {duration_out_s:.2f} s, "
                f"the source {self._table.duration_s:.2f} s"
            )
        return reasons

    def _search_reasons(self) -> list[str]:
        """What the search of the result found, with the seconds to look at."""
        reasons = []
        strangers = [e for e in self._search.exposed if e.person is None]
        if strangers:
            seconds = sum(e.face_s for e in strangers)
            reasons.append(
                f"the search of the result found {seconds:.2f} face-seconds outside every cover; "
                f"look at {_spans(strangers)}"
            )
        for one in self._search.compared:
            if one.recognisable:
                detail = "-" if one.detail is None else f"{one.detail:.2f}"
                known = "" if one.recognised is None else f", recognised in {one.recognised:.0%}"
                reasons.append(
                    f"{one.person} can still be recognised in the result: {one.faces} faces "
                    f"compared, detail correlates by {detail}{known}; choose a stronger anonymizer"
                )
        return reasons

    def _slack_s(self) -> float:
        """By how much the length may differ: one frame, since containers differ in how they note
        the duration of the last one, and whatever was dropped at the two ends."""
        durations = self._table.frame_duration_s.tolist()
        slack = max(durations, default=0.0)
        for order in (range(len(durations)), range(len(durations) - 1, -1, -1)):
            for index in order:
                if self._fate[index] != _FATES.index(FrameFate.DROPPED):
                    break
                slack += durations[index]
        return float(slack)


def _exposure(
    seconds: Mapping[str, float],
    unprotected_frames: int,
    events: Mapping[str, int],
    searched: bool,
    followed_s: float,
) -> Exposure:
    # What is known to be open counts without a search; that nothing is known to be open does not.
    known = searched or unprotected_frames > 0
    return Exposure(
        present_s=sum(seconds.values()),
        covered_s=seconds["covered"],
        carried_s=seconds["carried"],
        fully_covered_s=seconds["fully_covered"],
        dropped_s=seconds["dropped"],
        unprotected_s=seconds["unprotected"] if known else None,
        unprotected_frames=unprotected_frames if known else None,
        events=dict(sorted(events.items())),
        followed_s=followed_s,
    )


MOST_SPANS = 12
"""Stretches of time that a reason names."""


def _spans(found: Iterable[Exposed]) -> str:
    """The seconds in which something is seen: ``3 s, 7 to 9 s``."""
    seconds = sorted({s for e in found for s in range(int(e.start_s), int(e.end_s) + 1)})
    runs: list[list[int]] = []
    for second in seconds:
        if runs and second == runs[-1][1] + 1:
            runs[-1][1] = second
        else:
            runs.append([second, second])
    texts = [f"{a} s" if a == b else f"{a} to {b} s" for a, b in runs[:MOST_SPANS]]
    more = len(runs) - MOST_SPANS
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")


def _times(count: int, unit: str = "time") -> str:
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {unit}s"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
