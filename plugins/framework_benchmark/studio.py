"""Opens items and measures them: one item and one anonymizer at a time.

What is expensive and the same for every anonymizer (where the face is, how the original reads) is
kept in memory as small tables; of pixels, what was decoded last is kept, up to a limit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from framework_faceset.subject import (
    NoFaceError,
    Sightings,
    Subject,
    crops,
    find_subject,
    look_again,
    representative,
)
from numpy.typing import NDArray

from framework.errors import FrameworkError
from framework.harness import Item, Motion, Recording, Seen, Template
from framework.protocols import (
    Detector,
    EmotionClassifier,
    Recognizer,
    Recommender,
    Tracker,
)
from framework.recognition import embed
from framework.types import Image
from framework_benchmark.covering import Covered
from framework_benchmark.expression import Reading, compare_readings, read_expression
from framework_benchmark.metrics.temporal import steps
from framework_benchmark.store import Payload

KEEP_BYTES = 256 << 20
"""Decoded pictures that are kept, so that small sets are decoded once for all anonymizers."""


@dataclass(frozen=True, eq=False)
class Opened:
    """An item with its pixels.

    Attributes:
        sightings: where a detector sees the subject in the original.
        images: the original's frames.
    """

    item: Item
    recording: Recording
    subject: Subject
    sightings: Sightings

    @property
    def images(self) -> list[Image]:
        return [frame.bgr for frame in self.recording.frames]


@dataclass
class Studio:
    """Components that look at items, and what they saw.

    Attributes:
        detector, tracker: find the subject.
        recognizers, classifiers: by label.
        recommender: for the agreement of advice; None for none.
    """

    detector: Detector
    tracker: Tracker
    recognizers: dict[str, Recognizer] = field(default_factory=dict)
    classifiers: dict[str, EmotionClassifier] = field(default_factory=dict)
    recommender: Recommender | None = None
    _decoded: OrderedDict[str, Recording] = field(default_factory=OrderedDict)
    _known: dict[str, tuple[Subject, Sightings]] = field(default_factory=dict)
    _readings: dict[tuple[str, str], Reading] = field(default_factory=dict)

    def open(self, item: Item) -> Opened:
        """Decode an item and find its subject.

        Raises:
            FrameworkError: it cannot be read, or shows no face.
        """
        recording = self._read(item)
        if not recording.frames:
            raise NoFaceError("the item has no frames")
        if item.id not in self._known:
            subject = find_subject(recording, self.detector, self.tracker)
            images = [frame.bgr for frame in recording.frames]
            self._known[item.id] = (
                subject,
                look_again(images, recording, subject, self.detector),
            )
        return Opened(item, recording, *self._known[item.id])

    def _read(self, item: Item) -> Recording:
        """Decode, or take from the items that were decoded last."""
        if item.id in self._decoded:
            self._decoded.move_to_end(item.id)
            return self._decoded[item.id]
        recording = item.source.read()
        self._decoded[item.id] = recording
        while len(self._decoded) > 1 and sum(map(_bytes, self._decoded.values())) > KEEP_BYTES:
            self._decoded.popitem(last=False)
        return recording

    def sightings(self, opened: Opened, images: Sequence[Image]) -> Sightings:
        """Where the subject is seen in covered pictures; unchanged pictures are not searched
        again."""
        changed = np.array(
            [
                not np.array_equal(image, frame.bgr)
                for image, frame in zip(images, opened.recording.frames, strict=True)
            ]
        )
        if not changed.any():
            return opened.sightings
        seen = look_again(images, opened.recording, opened.subject, self.detector, changed)
        clear = opened.sightings
        return Sightings(
            np.where(changed, seen.found, clear.found),
            np.where(changed[:, None], seen.boxes, clear.boxes),
            np.where(changed[:, None, None], seen.landmarks, clear.landmarks),
            np.where(changed, seen.score, clear.score),
        )

    def template(
        self,
        opened: Opened,
        images: Sequence[Image],
        sightings: Sightings,
        recognizer: str,
        whole_track: bool,
    ) -> Template | None:
        """Embeddings of every frame, or of the best one alone; None if there is no crop."""
        component = self.recognizers[recognizer]
        best = representative(sightings, opened.subject)
        if best is None:
            return None
        # Frames without a face are of no use to an attacker who pools a track, and cost as much.
        wanted = np.flatnonzero(sightings.found).tolist() if whole_track else []
        indices, cut = crops(
            images,
            opened.subject,
            sightings,
            component.input_size,
            component.crop_scale,
            sorted({*wanted, best}),
        )
        if best not in indices:
            return None
        rows = embed(component, cut)
        if not whole_track:
            return Template(rows, sightings.found[indices], 0)
        vectors = np.zeros((len(images), rows.shape[1]), np.float32)
        found = np.zeros(len(images), bool)
        vectors[indices] = rows
        found[indices] = sightings.found[indices]
        return Template(vectors, found, best)

    def crop(
        self, opened: Opened, images: Sequence[Image], sightings: Sightings, size: int, scale: float
    ) -> Image | None:
        """One small crop of the best frame, where the original has its face."""
        best = representative(sightings, opened.subject)
        if best is None:
            return None
        _, cut = crops(images, opened.subject, opened.sightings, size, scale, [best])
        return cut[0] if cut else None

    def seen(self, opened: Opened, images: Sequence[Image], sightings: Sightings) -> Seen:
        """An item as metrics look at it."""
        return Seen(
            images=images,
            time_s=np.array([f.time_s for f in opened.recording.frames]),
            duration_s=np.asarray(opened.subject.table.frame_duration_s, np.float64),
            place=opened.subject.boxes,
            found=sightings.found,
            boxes=sightings.boxes,
            landmarks=sightings.landmarks,
        )

    def faces(self, opened: Opened, covered: Covered, sightings: Sightings) -> Payload:
        """Where there is a face, exposure and cost, frame by frame."""
        clear, subject = opened.sightings, opened.subject
        both = clear.found & sightings.found
        none = np.zeros(0, bool)
        return {
            "present": clear.found,
            "found": both,
            "exposed": covered.exposed & subject.present,
            "duration": np.array(subject.table.frame_duration_s),
            "seconds": covered.seconds,
            "prepare": np.array(covered.prepare_s),
            "peak": np.array(covered.peak_bytes),
            "fallback": covered.fallback & subject.present if len(covered.fallback) else none,
            "held": np.array(covered.held),
        }

    def stability(self, template: Template) -> NDArray[np.float64]:
        """Similarity of each frame's embedding with the one before."""
        return steps(template.vectors, template.found)

    def reading(self, opened: Opened, fer: str) -> Reading:
        """How the original reads."""
        key = (opened.item.id, fer)
        if key not in self._readings:
            self._readings[key] = read_expression(
                opened.images,
                opened.recording,
                opened.subject,
                opened.sightings,
                self.classifiers[fer],
            )
        return self._readings[key]

    def emotion(
        self, opened: Opened, images: Sequence[Image], sightings: Sightings, fer: str
    ) -> Payload:
        """How the covered item reads, compared with the original."""
        before = self.reading(opened, fer)
        after = read_expression(
            images,
            opened.recording,
            opened.subject,
            sightings,
            self.classifiers[fer],
            np.unique(before.samples.frame),
        )
        return dict(compare_readings(before, after, opened.item.truth, self.recommender))

    def motion(self, opened: Opened, sightings: Sightings) -> Motion:
        """How the subject moves; where no face is found, how the cover's box does."""
        boxes = np.where(sightings.found[:, None], sightings.boxes, opened.subject.boxes)
        return Motion(boxes.astype(np.float32), sightings.landmarks)


def _bytes(recording: Recording) -> int:
    return sum(frame.bgr.nbytes for frame in recording.frames)


def one_line(error: BaseException) -> str:
    """What a failed row says: our own messages as they are, of others the class alone, since their
    text may hold a path."""
    if isinstance(error, FrameworkError):
        return " ".join(str(error).split())[:200]
    return type(error).__name__
