"""The covered recording, looked at again: is there a face in it that we did not make?

Each searched frame is looked at by the run's detector, more closely than in the first pass where
it can, and by another installed detector if there is one. A face that lies where we covered one,
in pixels that we changed, is ours. Any other is looked at once more, enlarged; if it stands, it is
a face that got out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.errors import ContractError
from framework.pipeline.failures import Failure
from framework.pipeline.likeness import Resemblance
from framework.pipeline.sampler import EVERY_FRAME_RATE, MATCH_IOU, EmotionSampler
from framework.pipeline.watch import Watch
from framework.protocols import Detector, EmotionClassifier, SecondLookDetector
from framework.table import EmotionSamples, TrackTable
from framework.types import Detections, Frame, Image, Tracks

ENLARGED = 4 / 3
"""How much larger a detector without a second look of its own is shown a frame."""
SAME_IOU = 0.3
"""Overlap from which two boxes are the same face."""
SURE = 0.5
"""Score that a face outside every cover must reach in the enlarged look at it."""
AROUND = 2.0
"""Side of what is enlarged, in sides of the face."""
SMALLEST = 48
"""Least side of what is enlarged, pixels."""
LEAST_FACE = 8.0
"""Longer side of a face, pixels, below which nobody can be recognised and no detector is right."""
QUARTER = 0.25
"""Share of the frame above which the seconds are counted."""
MOST = 16
"""Faces of one frame and detector that are looked at once more, best scores first."""

OUTSIDE = "a face outside every cover"
DISMISSED = "a face that the analysis took for a false alarm"


@dataclass(frozen=True, eq=False)
class Sighting:
    """A face in one frame of the covered recording that is not ours.

    Attributes:
        frame: index in the original's count.
        time_s: of that frame.
        seconds: for how long it stands, until the next searched frame.
        xyxy: (4,) pixels.
        reason: :data:`OUTSIDE` or :data:`DISMISSED`.
    """

    frame: int
    time_s: float
    seconds: float
    xyxy: NDArray[np.float32]
    reason: str


@dataclass(frozen=True, eq=False)
class Searched:
    """What is in the covered recording.

    Attributes:
        searched: whether faces were looked for at all.
        frames: how many frames were searched.
        seconds: for how long these stand.
        looked_with: names of the detectors.
        recognizer: name of what compared faces with the original; empty: fine structure alone.
        faces: how many faces were found, summed over detectors.
        ours: how many of these were in our covers.
        unconfirmed: how many did not stand the enlarged look.
        sightings: those that are neither, each once a frame.
        resemblances: how much of the original is in the covered faces, by track.
        covered_share: mean share of the frame that was covered, 0 to 1; None if it is not known.
        over_quarter_s: for how long it was more than a quarter, seconds.
        samples: emotions under the original's frame numbers and track ids; None if they were not
            read again.
        failures: exceptions of components.
        notes: what could not be done.
    """

    searched: bool = False
    frames: int = 0
    seconds: float = 0.0
    looked_with: tuple[str, ...] = ()
    recognizer: str = ""
    faces: int = 0
    ours: int = 0
    unconfirmed: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    resemblances: list[Resemblance] = field(default_factory=list)
    covered_share: float | None = None
    over_quarter_s: float | None = None
    samples: EmotionSamples | None = None
    failures: list[Failure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Looker:
    """A detector that takes part in the search.

    Attributes:
        name: of the component.
        detector: the component.
        closely: whether it looks more closely than in the first pass.
    """

    name: str
    detector: Detector
    closely: bool

    def look(self, frames: list[Frame]) -> list[Detections]:
        """Faces of each frame, in its pixels."""
        if not self.closely:
            return _as_many(self.detector.detect(frames), frames)
        if isinstance(self.detector, SecondLookDetector):
            return _as_many(self.detector.second_look(frames), frames)
        larger = [_enlarged(frame) for frame in frames]
        found = _as_many(self.detector.detect(larger), frames)
        return [
            _scaled(d, f.width / e.width, f.height / e.height)
            for d, f, e in zip(found, frames, larger, strict=True)
        ]


@dataclass
class Search:
    """Looks for faces in the frames of a covered recording.

    Attributes:
        lookers: who looks; the first is the run's own detector.
        watch: what was noted while rendering.
        whole: frames that show nothing, because they were covered whole.
    """

    lookers: Sequence[Looker]
    watch: Watch
    whole: frozenset[int]
    faces: int = 0
    ours: int = 0
    unconfirmed: int = 0
    frames: int = 0
    sightings: list[Sighting] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stands = _stands(self.watch)

    @property
    def seconds(self) -> float:
        """For how long the regular search stands."""
        return float(sum(self._stands.values()))

    def coverage(self) -> tuple[float | None, float | None]:
        """Mean share of the frame that was covered, and for how long it was over a quarter."""
        shares = dict.fromkeys(self.whole & self._stands.keys(), 1.0) | {
            index: share for index, share in self.watch.shares.items() if index in self._stands
        }
        if not shares:
            return None, None
        seconds = {index: self._stands[index] for index in shares}
        total = sum(seconds.values())
        if total <= 0:  # a still picture
            return sum(shares.values()) / len(shares), 0.0
        mean = sum(shares[index] * s for index, s in seconds.items()) / total
        return mean, sum(s for index, s in seconds.items() if shares[index] > QUARTER)

    def look(self, batch: list[Frame]) -> None:
        """Search some frames of the covered recording, numbered as the original's."""
        self.frames += len(batch)
        shown = [frame for frame in batch if frame.index not in self.whole]
        seen = {frame.index: list(self._dismissed(frame)) for frame in shown}
        regular = [frame for frame in shown if frame.index in self._stands]
        for looker in self.lookers if regular else []:
            try:
                found = looker.look(regular)
            except BaseException as error:
                stage = f"second search ({looker.name})"
                self.failures.append(Failure.of(stage, error, regular[0].index, regular[0].time_s))
                continue
            for frame, faces in zip(regular, found, strict=True):
                mine = seen[frame.index]
                for sighting in self._judged(frame, faces):
                    if not any(_same(sighting.xyxy, other.xyxy) for other in mine):
                        mine.append(sighting)
        for frame in shown:
            self.sightings += seen[frame.index]

    def _judged(self, frame: Frame, faces: Detections) -> Iterator[Sighting]:
        """The faces that are not ours."""
        longer = (faces.xyxy[:, 2:] - faces.xyxy[:, :2]).max(axis=1, initial=0)
        faces = faces[longer >= LEAST_FACE]
        self.faces += len(faces)
        doubtful = []
        for k in np.argsort(-faces.score, kind="stable").tolist():
            box = faces.xyxy[k]
            if self.watch.ours(frame.index, box):
                self.ours += 1
            else:
                doubtful.append(box)
        stands = self._stands.get(frame.index, 0.0)
        for k, box in enumerate(doubtful):
            if k < MOST and self._stands_out(frame, box):
                yield Sighting(frame.index, frame.time_s, stands, box, OUTSIDE)
            else:
                self.unconfirmed += 1

    def _dismissed(self, frame: Frame) -> Iterator[Sighting]:
        """Detections of this frame that the analysis left uncovered and that are faces."""
        for one in self.watch.dismissed:
            if one.frame == frame.index and self._stands_out(frame, one.xyxy):
                shown_s = float(self.watch.table.frame_duration_s[frame.index])
                yield Sighting(frame.index, frame.time_s, shown_s, one.xyxy, DISMISSED)

    def _stands_out(self, frame: Frame, box: NDArray[np.float32]) -> bool:
        """Whether a face is still one when it is looked at alone and enlarged."""
        centre = (box[:2] + box[2:]) / 2
        half = max(float((box[2:] - box[:2]).max()) * AROUND, SMALLEST) / 2
        left, top = np.maximum(np.floor(centre - half), 0).astype(int)
        right = min(int(np.ceil(centre[0] + half)), frame.width)
        bottom = min(int(np.ceil(centre[1] + half)), frame.height)
        if right - left < 8 or bottom - top < 8:
            return False
        part = np.ascontiguousarray(frame.bgr[top:bottom, left:right])
        try:
            (faces,) = self.lookers[0].look([Frame(part, frame.index, frame.time_s)])
        except BaseException as error:
            self.failures.append(Failure.of("second search", error, frame.index, frame.time_s))
            return True  # nobody can say that it is none
        offset = np.array([left, top, left, top], np.float32)
        sure = faces.xyxy[faces.score >= SURE] + offset
        return any(_same(box, other) for other in sure)


def _stands(watch: Watch) -> dict[int, float]:
    """For how long each frame of the regular search stands: until the next of them, seconds."""
    times = watch.table.time_s[watch.frames]
    end = max(watch.table.duration_s, float(times[-1])) if len(times) else 0.0
    lengths = np.diff(np.append(times, end))
    return dict(zip(watch.frames.tolist(), lengths.tolist(), strict=True))


def _same(box: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    return bool(iou(box[None], other[None])[0, 0] >= SAME_IOU)


def _as_many(found: list[Detections], frames: Sequence[Frame]) -> list[Detections]:
    if len(found) != len(frames) or not all(isinstance(d, Detections) for d in found):
        raise ContractError(f"detect: expected {len(frames)} Detections, got {len(found)} items")
    return found


def _enlarged(frame: Frame) -> Frame:
    import cv2

    size = (round(frame.width * ENLARGED), round(frame.height * ENLARGED))
    larger: Image = np.asarray(
        cv2.resize(frame.bgr, size, interpolation=cv2.INTER_LINEAR), np.uint8
    )
    return Frame(larger, frame.index, frame.time_s)


def _scaled(found: Detections, x: float, y: float) -> Detections:
    box = np.array([x, y, x, y], np.float32)
    points = found.landmarks
    return Detections(
        xyxy=found.xyxy * box,
        score=found.score,
        landmarks=None if points is None else points * box[:2],
    )


@dataclass
class Reading:
    """Reads the emotions of the covered recording.

    Attributes:
        table: the original's tracks and samples.
        detector: finds the faces, as it found the original's.
        at: indices of the frames that are read.
    """

    table: TrackTable
    detector: Detector
    classifier: EmotionClassifier
    at: dict[int, list[int]] = field(init=False)
    sampler: EmotionSampler = field(init=False)

    def __post_init__(self) -> None:
        self.sampler = EmotionSampler(self.classifier, EVERY_FRAME_RATE)
        self.at = {}
        samples = self.table.samples
        for index, track in zip(samples.frame.tolist(), samples.track_id.tolist(), strict=True):
            self.at.setdefault(index, []).append(track)

    def read(self, batch: list[Frame]) -> None:
        """Read the faces of some frames, numbered as the original's."""
        if not batch:
            return
        for frame, faces in zip(batch, self.detector.detect(batch), strict=True):
            tracks = self.table.tracks_at(frame.index)
            for one in _face_at_each_track(faces, tracks, self.at[frame.index]):
                self.sampler.add(frame, one)

    def samples(self) -> EmotionSamples:
        """What was read, at the original's interval: it says how many samples a second can have."""
        return replace(self.sampler.samples(), interval_s=self.table.samples.interval_s)


def conclude(search: Search | None, reading: Reading | None) -> Searched:
    """Everything the third pass found."""
    samples = reading.samples() if reading is not None else None
    failures = list(reading.sampler.failures) if reading is not None else []
    if search is None:
        return Searched(samples=samples, failures=failures)
    likeness = search.watch.likeness
    notes = []
    if likeness.failure:
        notes.append(
            f"faces were not compared by a recogniser ({likeness.failure}), by their detail alone"
        )
    share, over_quarter_s = search.coverage()
    return Searched(
        searched=True,
        frames=search.frames,
        seconds=search.seconds,
        looked_with=tuple(looker.name for looker in search.lookers),
        recognizer=likeness.name,
        faces=search.faces,
        ours=search.ours,
        unconfirmed=search.unconfirmed,
        sightings=search.sightings,
        resemblances=likeness.found(),
        covered_share=share,
        over_quarter_s=over_quarter_s,
        samples=samples,
        failures=[*failures, *search.failures],
        notes=notes,
    )


def _face_at_each_track(detections: Detections, tracks: Tracks, ids: list[int]) -> Iterator[Tracks]:
    """For each wanted track the detection that overlaps its box most, under the track's id."""
    if not len(detections):
        return
    overlap = iou(np.asarray(tracks.xyxy), np.asarray(detections.xyxy))
    for row, track_id in enumerate(tracks.track_id.tolist()):
        if track_id not in ids:
            continue
        best = int(overlap[row].argmax())
        if overlap[row, best] < MATCH_IOU:
            continue
        one = detections[best]
        yield Tracks(
            xyxy=one.xyxy,
            score=one.score,
            landmarks=one.landmarks,
            track_id=tracks.track_id[row : row + 1],
            role=(tracks.role[row],),
        )
