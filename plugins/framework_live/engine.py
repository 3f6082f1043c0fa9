"""One pass: every picture is held for a moment, then leaves covered or covered whole.

What is known of a picture when it leaves: the faces found in it, those found in pictures up to the
delay later (carried back), and those lost not long ago (carried on). A picture that was not
analysed, because the machine is behind, is covered with the faces of its analysed neighbours on
both sides; without one on either side it is covered whole. So is a picture in which no face is
known, one whose analysis or covering failed, and one that decodes with errors.

Where the shot was cut, nothing is carried from one side to the other (framework.resolve.changes): a
cut is certain three pictures later, so that a delay below that covers as if there was none.

The result depends on the pictures, their times and which of them were analysed, on nothing else: a
file through the live path gives what it gives offline.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.pipeline.cover import Coverer, UncoveredFace, read_only
from framework.pipeline.cover_check import whole_frame_cover
from framework.pipeline.failures import Failure
from framework.pipeline.find import Finder
from framework.protocols import Anonymizer, Detector, Tracker
from framework.resolve import ResolveOptions
from framework.resolve.changes import FLASH_FRAMES, Change, ChangeFinder, thumbnail
from framework.resolve.follow import grey_of
from framework.types import Detections, Frame, Image, Role, Tracks
from framework_live.options import LiveOptions

NO_FACE, NOT_ANALYSED, FAILED, DAMAGED = "no face", "not analysed", "failed", "damaged"


@dataclass(frozen=True, eq=False)
class Covered:
    """A picture that may be shown.

    Attributes:
        index, time_s: of the picture.
        image: covered, (h, w, 3) BGR.
        whole: why the whole picture was covered; empty if its faces were.
        faces: how many were covered.
    """

    index: int
    time_s: float
    image: Image
    whole: str
    faces: int


@dataclass(eq=False)
class _Held:
    frame: Frame
    tracks: Tracks | None
    why: str


@dataclass(frozen=True, eq=False)
class _Face:
    """One face as it was last seen."""

    track_id: int
    time_s: float
    xyxy: NDArray[np.float32]
    score: float
    landmarks: NDArray[np.float32]
    observed: bool


@dataclass
class LiveEngine:
    """Detects, tracks and covers picture by picture.

    Attributes:
        detector, tracker, anonymizer: as offline; the anonymizer is not prepared, since the future
            of a live stream is not known.
        resolve: how long faces are carried and how fast they grow meanwhile.
        options: the delay.
        role, people: role of the main people, and how many there are; others are bystanders.
        allow_no_faces: pictures without any known face leave as they are.
        failures: exceptions, by the class's name and stage.
        masked: what the anonymizer says it covered in another way, by reason.
    """

    detector: Detector
    tracker: Tracker
    anonymizer: Anonymizer
    resolve: ResolveOptions
    options: LiveOptions
    role: Role = Role.PATIENT
    people: int = 1
    allow_no_faces: bool = False
    failures: list[tuple[float, str, str]] = field(default_factory=list)
    masked: Counter[str] = field(default_factory=Counter)
    _held: deque[_Held] = field(default_factory=deque)
    _last: dict[int, _Face] = field(default_factory=dict)
    _weight: dict[int, float] = field(default_factory=dict)
    _time_s: float | None = None
    _strays: int = 0
    _before_s: float = -np.inf
    _coverer: Coverer | None = None
    _finder: ChangeFinder = field(default_factory=ChangeFinder)
    _shown_s: deque[float] = field(default_factory=lambda: deque(maxlen=2 * FLASH_FRAMES))
    _cuts: deque[tuple[float, Change]] = field(default_factory=deque)
    _cut_off: set[int] = field(default_factory=set)

    def push(
        self, frame: Frame, analyse: bool = True, damaged: bool = False
    ) -> tuple[Tracks | None, list[Covered]]:
        """Take in the next picture.

        Args:
            analyse: False: it is shown later, covered by what its neighbours know.
            damaged: it may hide a face from the detector and show it to a person.

        Returns:
            The faces found in it with their roles (None without analysis), and the pictures whose
            delay is over.
        """
        frame = read_only(frame)
        self._watch_shots(frame)
        tracks: Tracks | None = None
        why = NOT_ANALYSED
        if analyse:
            tracks = self._analyse(frame)
            why = "" if tracks is not None else FAILED
        if damaged:
            why = DAMAGED
        self._held.append(_Held(frame, tracks, why))
        out = []
        while frame.time_s - self._held[0].frame.time_s >= self.options.delay_s - 1e-9:
            out.append(self._emit(self._held.popleft()))
            if not self._held:
                break
        return tracks, out

    def _watch_shots(self, frame: Frame) -> None:
        """Take in a picture for the cuts, and note those that have become certain."""
        self._finder.add(thumbnail(grey_of(frame.bgr)[0]), frame.time_s)
        self._shown_s.append(frame.time_s)
        for change in self._finder.decided():
            ago = self._finder.frame_count - change.start
            self._cuts.append((self._shown_s[-ago], change))
        reach = self.options.delay_s + self.resolve.carry_s + 1.0
        while self._cuts and frame.time_s - self._cuts[0][0] > reach:
            self._cuts.popleft()

    def _parted(self, face: _Face, held: _Held) -> bool:
        """Whether the shot was cut, where this face is, between it and a held picture."""
        first, last = sorted((face.time_s, held.frame.time_s))
        size = (held.frame.width, held.frame.height)
        return any(
            first < cut_s <= last and change.holds_at(face.xyxy, *size)
            for cut_s, change in self._cuts
        )

    def finish(self) -> list[Covered]:
        """The pictures that are still held."""
        return [self._emit(self._held.popleft()) for _ in range(len(self._held))]

    def _analyse(self, frame: Frame) -> Tracks | None:
        finder = Finder(self.detector, self.tracker)
        found = finder.detect([frame])[0]
        tracks = finder.track(frame, found)
        self.failures += [(f.time_s, f.stage, f.error) for f in finder.failures]
        if found is None or tracks is None:
            return None
        tracks, strays = _with_strays(tracks, found, self._strays)
        self._strays += strays
        return self._cast(tracks, frame)

    def _cast(self, tracks: Tracks, frame: Frame) -> Tracks:
        """Roles from presence so far, the recent past counting more."""
        if self._time_s is not None:
            passed = max(0.0, frame.time_s - self._time_s)
            fade = 0.5 ** (passed / self.options.half_life_s)
            self._weight = {t: w * fade for t, w in self._weight.items() if w * fade > 1e-6}
        self._time_s = frame.time_s
        assert tracks.observed is not None
        area = frame.width * frame.height
        for box, track, seen in zip(tracks.xyxy, tracks.track_id, tracks.observed, strict=True):
            if seen and track >= 0:
                size = float((box[2] - box[0]) * (box[3] - box[1])) / area
                self._weight[int(track)] = self._weight.get(int(track), 0.0) + size
        ranked = sorted(self._weight, key=lambda t: (-round(self._weight[t], 6), t))
        main = set(ranked[: self.people])
        return Tracks(
            xyxy=tracks.xyxy,
            score=tracks.score,
            landmarks=tracks.landmarks,
            track_id=tracks.track_id,
            role=tuple(self.role if int(t) in main else Role.BYSTANDER for t in tracks.track_id),
            observed=tracks.observed,
        )

    def _emit(self, held: _Held) -> Covered:
        frame = held.frame
        if held.why in (FAILED, DAMAGED):
            return self._whole(frame, held.why)
        faces = self._faces(held)
        if faces is None:
            return self._whole(frame, NOT_ANALYSED)
        if not len(faces) and not self.allow_no_faces:
            return self._whole(frame, NO_FACE)
        if self._coverer is None or self._coverer.anonymizer is not self.anonymizer:
            self._coverer = Coverer(self.anonymizer)
        (cover,) = self._coverer.cover([frame], [faces])
        # Counted and forgotten: a day of them would fill the memory.
        self.masked.update(e.detail or e.kind for e in self._coverer.drain_events())
        if cover.error is not None or cover.image is None:
            failure = Failure.of(
                "anonymizer", cover.error or UncoveredFace(), frame.index, frame.time_s
            )
            self.failures.append((failure.time_s, failure.stage, failure.error))
            return self._whole(frame, FAILED)
        return Covered(frame.index, frame.time_s, cover.image, "", len(faces))

    def _whole(self, frame: Frame, why: str) -> Covered:
        return Covered(frame.index, frame.time_s, whole_frame_cover(frame), why, 0)

    def _faces(self, held: _Held) -> Tracks | None:
        """Every face to cover in a picture; None if too little is known of it."""
        time_s = held.frame.time_s
        later = [h for h in self._held if h.tracks is not None]
        roles = {
            int(t): r
            for h in (held, *later)
            if h.tracks is not None
            for t, r in zip(h.tracks.track_id, h.tracks.role, strict=True)
        }
        known: dict[int, _Face] = {}
        parted = {t for t, f in self._last.items() if self._parted(f, held)}
        self._last = {t: f for t, f in self._last.items() if t not in parted}
        self._cut_off |= parted  # what the tracker predicts of them belongs to the shot before
        if held.tracks is not None:
            rows = _rows(held.tracks, time_s)
            self._cut_off -= {f.track_id for f in rows if f.observed}
            self._cut_off &= {f.track_id for f in rows}
            known = {f.track_id: f for f in rows if f.track_id not in self._cut_off}
            self._before_s = time_s
            for face in known.values():
                if face.observed:
                    self._last[face.track_id] = face
                else:
                    # A prediction may be off; where the face was and will be is covered, too.
                    seen = (f for h in later for f in _rows(_found(h), h.frame.time_s))
                    after = next(
                        (
                            f
                            for f in seen
                            if f.track_id == face.track_id
                            and f.observed
                            and not self._parted(f, held)
                        ),
                        None,
                    )
                    wide = self._union(face, time_s)
                    if after is not None:
                        wide = _around(wide, self._grown(after, time_s))
                    known[face.track_id] = wide
        elif not later or time_s - self._before_s > self.options.delay_s + self.resolve.carry_s:
            return None
        else:
            for face in _rows(_found(later[0]), later[0].frame.time_s):
                if not self._parted(face, held):
                    known[face.track_id] = self._union(face, time_s)
        for h in later:
            for face in _rows(_found(h), h.frame.time_s):
                new = face.track_id not in known and face.observed
                if new and not self._parted(face, held):
                    known[face.track_id] = self._grown(face, time_s)
        for track, face in list(self._last.items()):
            if time_s - face.time_s > self.resolve.carry_s:
                del self._last[track]
            elif track not in known:
                known[track] = self._grown(face, time_s)
        return _tracks(known, roles)

    def _union(self, face: _Face, time_s: float) -> _Face:
        """A face where it is believed to be and where it was last seen."""
        grown = self._grown(face, time_s)
        before = self._last.get(face.track_id)
        return grown if before is None else _around(grown, self._grown(before, time_s))

    def _grown(self, face: _Face, time_s: float) -> _Face:
        """The face's box, larger the further away in time it was seen."""
        size = face.xyxy[2:] - face.xyxy[:2]
        share = min(self.resolve.growth * abs(time_s - face.time_s), self.resolve.max_growth)
        box = face.xyxy + np.concatenate([-size * share, size * share]).astype(np.float32)
        return _Face(face.track_id, face.time_s, box, face.score, face.landmarks, False)


def _around(one: _Face, other: _Face) -> _Face:
    """The first face with a box around both."""
    low = np.minimum(one.xyxy[:2], other.xyxy[:2])
    high = np.maximum(one.xyxy[2:], other.xyxy[2:])
    box = np.concatenate([low, high]).astype(np.float32)
    return _Face(one.track_id, one.time_s, box, one.score, one.landmarks, False)


def _found(held: _Held) -> Tracks:
    assert held.tracks is not None
    return held.tracks


def _with_strays(tracks: Tracks, found: Detections, used: int) -> tuple[Tracks, int]:
    """The tracks, and every detection that no track reports as it is, under numbers below zero.

    Args:
        used: how many such numbers were given before; each is given once.

    Returns:
        The faces, and how many of them are such detections.
    """
    same = (tracks.xyxy[:, None] == found.xyxy[None]).all(axis=2).any(axis=0)
    stray = found[~same]
    if not len(stray):
        return tracks, 0
    assert tracks.observed is not None

    def points(d: Detections) -> NDArray[np.float32]:
        return np.full((len(d), 5, 2), np.nan, np.float32) if d.landmarks is None else d.landmarks

    faces = Tracks(
        xyxy=np.concatenate([tracks.xyxy, stray.xyxy]),
        score=np.concatenate([tracks.score, stray.score]),
        landmarks=np.concatenate([points(tracks), points(stray)]),
        track_id=np.concatenate([tracks.track_id, -1 - used - np.arange(len(stray))]),
        role=tracks.role + (Role.BYSTANDER,) * len(stray),
        observed=np.concatenate([tracks.observed, np.ones(len(stray), bool)]),
    )
    return faces, len(stray)


def _rows(tracks: Tracks, time_s: float) -> list[_Face]:
    assert tracks.observed is not None
    points = tracks.landmarks
    blank = np.full((5, 2), np.nan, np.float32)
    return [
        _Face(
            int(tracks.track_id[k]),
            time_s,
            tracks.xyxy[k],
            float(tracks.score[k]),
            blank if points is None else points[k],
            bool(tracks.observed[k]),
        )
        for k in range(len(tracks))
    ]


def _tracks(faces: dict[int, _Face], roles: dict[int, Role]) -> Tracks:
    listed = [faces[t] for t in sorted(faces)]
    if not listed:
        return Tracks.empty()
    return Tracks(
        xyxy=np.stack([f.xyxy for f in listed]),
        score=np.array([f.score for f in listed], np.float32),
        landmarks=np.stack([f.landmarks for f in listed]),
        track_id=np.array([f.track_id for f in listed], np.int64),
        role=tuple(roles.get(f.track_id, Role.BYSTANDER) for f in listed),
        observed=np.array([f.observed for f in listed], bool),
    )
