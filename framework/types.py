"""The values that flow through the pipeline.

All arrays are NumPy; images are BGR because that is what OpenCV, and most detectors, expect, and
the attribute name says so. The containers are frozen structs of parallel arrays: shapes are checked
once, when they are made, and the message gives the expected and the actual shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError

Image = NDArray[np.uint8]
"""One picture, shape (height, width, 3), BGR, 0 to 255."""

EMOTIONS: tuple[str, ...] = (
    "anger",
    "disgust",
    "fear",
    "happiness",
    "neutral",
    "sadness",
    "surprise",
)
"""The seven classes of the paper (Yang et al. 2022), in the order of every probability vector."""

UNKNOWN = "unknown"
"""The label of a second without enough evidence. Never one of a classifier's classes."""

NEGATIVE_EMOTIONS: frozenset[str] = frozenset({"anger", "disgust", "fear", "sadness"})


class Role(StrEnum):
    """Who somebody is in the encounter. A bystander is covered and never analysed."""

    PATIENT = "patient"
    DOCTOR = "doctor"
    BYSTANDER = "bystander"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture and its place in the recording.

    Attributes:
        bgr: shape (h, w, 3), uint8, upright (rotation metadata already applied), square pixels.
        index: 0-based count of frames in presentation order.
        time_s: presentation time in seconds from the first frame, from the container's
            timestamps, never from ``index / fps``.
    """

    bgr: Image
    index: int
    time_s: float

    def __post_init__(self) -> None:
        if self.bgr.ndim != 3 or self.bgr.shape[2] != 3 or self.bgr.dtype != np.uint8:
            raise ContractError(
                f"Frame.bgr: expected (h, w, 3) uint8, got {self.bgr.shape} {self.bgr.dtype}"
            )

    @property
    def height(self) -> int:
        return int(self.bgr.shape[0])

    @property
    def width(self) -> int:
        return int(self.bgr.shape[1])


def _array(owner: str, name: str, value: Any, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return ``value`` as a read-only array of ``dtype``; -1 in ``shape`` matches any length."""
    array = np.array(value, dtype=dtype)
    if array.size == 0 and len(shape) > 1:
        array = array.reshape((0, *shape[1:]))
    fits = array.ndim == len(shape) and all(
        want in (-1, got) for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = tuple("n" if n == -1 else n for n in shape)
        raise ContractError(f"{owner}.{name}: expected shape {wanted}, got {array.shape}")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """Faces found in one frame.

    Attributes:
        xyxy: (n, 4) float32, pixels: left, top, right, bottom. May reach past the frame.
        score: (n,) float32, 0 to 1.
        landmarks: (n, 5, 2) float32 pixels, or None if the detector gives none. Order: the eye, the
            nose tip and the mouth corner as seen in the picture: left eye, right eye, nose, left
            mouth corner, right mouth corner. A row of NaN means "not known for this face".

    >>> d = Detections(xyxy=[[0, 0, 10, 10], [5, 5, 9, 9]], score=[0.9, 0.2])
    >>> len(d[d.score > 0.5])
    1
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        name = type(self).__name__
        xyxy = _array(name, "xyxy", self.xyxy, np.float32, (-1, 4))
        object.__setattr__(self, "xyxy", xyxy)
        n = len(xyxy)
        object.__setattr__(self, "score", _array(name, "score", self.score, np.float32, (n,)))
        if self.landmarks is not None:
            points = _array(name, "landmarks", self.landmarks, np.float32, (n, 5, 2))
            object.__setattr__(self, "landmarks", points)
        if not np.isfinite(xyxy).all():
            raise ContractError(f"{name}.xyxy: every coordinate must be finite")

    @classmethod
    def empty(cls) -> Self:
        """No face at all."""
        return cls(xyxy=np.zeros((0, 4), np.float32), score=np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, index: Any) -> Self:
        """Rows by mask, slice or integer array. An integer gives a container of one row."""
        rows = np.arange(len(self))[index]
        return self._take(np.atleast_1d(rows))

    def _take(self, rows: NDArray[np.intp]) -> Self:
        landmarks = None if self.landmarks is None else self.landmarks[rows]
        return replace(self, xyxy=self.xyxy[rows], score=self.score[rows], landmarks=landmarks)


@dataclass(frozen=True, slots=True, eq=False)
class Tracks(Detections):
    """Detections of one frame that know whom they belong to.

    Attributes:
        track_id: (n,) int64, stable for one person through the recording, unique within a frame.
        role: n values of :class:`Role`.
        observed: (n,) bool. False: the box was carried or interpolated, no detector saw it here.
    """

    track_id: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    role: tuple[Role, ...] = ()
    observed: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        # Not super(): a dataclass with slots is a new class, and the zero-argument form breaks.
        Detections.__post_init__(self)
        n = len(self.xyxy)
        ids = _array("Tracks", "track_id", self.track_id, np.int64, (n,))
        if len(np.unique(ids)) != n:
            raise ContractError(f"Tracks.track_id: expected unique ids, got {ids.tolist()}")
        object.__setattr__(self, "track_id", ids)
        roles = tuple(Role(r) for r in self.role) if self.role else (Role.UNKNOWN,) * n
        if len(roles) != n:
            raise ContractError(f"Tracks.role: expected {n} values, got {len(roles)}")
        object.__setattr__(self, "role", roles)
        seen = np.ones(n, bool) if self.observed is None else self.observed
        object.__setattr__(self, "observed", _array("Tracks", "observed", seen, np.bool_, (n,)))

    @classmethod
    def empty(cls) -> Self:
        return cls(
            xyxy=np.zeros((0, 4), np.float32),
            score=np.zeros(0, np.float32),
            track_id=np.zeros(0, np.int64),
        )

    def __iter__(self) -> Iterator[Self]:
        """One container of a single row for each track."""
        return (self[i] for i in range(len(self)))

    def _take(self, rows: NDArray[np.intp]) -> Self:
        assert self.observed is not None  # set in __post_init__
        return replace(
            self,
            xyxy=self.xyxy[rows],
            score=self.score[rows],
            landmarks=None if self.landmarks is None else self.landmarks[rows],
            track_id=self.track_id[rows],
            role=tuple(self.role[i] for i in rows),
            observed=self.observed[rows],
        )


@dataclass(frozen=True, slots=True)
class Measure:
    """What a :class:`framework.Measurer` gives in one column.

    Attributes:
        name: lower-case letters, digits and underscores; the column of ``measures.csv``.
        unit: ``degrees``, ``1`` for shares and coefficients, or another.
        low, high: the range of the values, in this unit.
        about: one line on what it means and how the sign goes.
    """

    name: str
    unit: str
    low: float
    high: float
    about: str


FAILED = "failed: "
"""How the detail of an event begins that tells of an exception inside a component."""


@dataclass(frozen=True, slots=True)
class ComponentEvent:
    """Something a component did in a frame that the audit must count.

    Attributes:
        kind: a short stable word, for instance ``fallback``.
        detail: why, in a few words, without anything that identifies a person or a file. One that
            begins with :data:`FAILED` goes on with the class of an exception inside the component,
            and counts as a failure of it.
    """

    index: int
    time_s: float
    track_id: int
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class PersonTimeline:
    """One person's emotions, one row a second.

    Attributes:
        person: pseudonym, for instance ``person-1``.
        role: who this is in the encounter.
        second: (n,) int64, consecutive; row k covers [second, second + 1) on the shared clock.
        probabilities: (n, 7) float32 in the order of :data:`EMOTIONS`; a row of NaN where the
            label is ``unknown``.
        label: n labels, each of :data:`EMOTIONS` or ``unknown``.
        samples: (n,) int64, classified faces in that second.
        coverage: (n,) float32, share of that second in which the face was observed, 0 to 1.
        quality: (n,) float32, mean quality of the classified faces, 0 to 1 (NaN without samples).
    """

    person: str
    role: Role
    second: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    label: tuple[str, ...]
    samples: NDArray[np.int64]
    coverage: NDArray[np.float32]
    quality: NDArray[np.float32]

    def __post_init__(self) -> None:
        name = "PersonTimeline"
        second = _array(name, "second", self.second, np.int64, (-1,))
        n = len(second)
        if n > 1 and not (np.diff(second) == 1).all():
            raise ContractError(f"{name}.second: expected consecutive seconds")
        if len(self.label) != n:
            raise ContractError(f"{name}.label: expected {n} labels, got {len(self.label)}")
        wrong = sorted(set(self.label) - set(EMOTIONS) - {UNKNOWN})
        if wrong:
            raise ContractError(f"{name}.label: expected {(*EMOTIONS, UNKNOWN)}, got {wrong}")
        probabilities = _array(
            name, "probabilities", self.probabilities, np.float32, (n, len(EMOTIONS))
        )
        object.__setattr__(self, "role", Role(self.role))
        object.__setattr__(self, "second", second)
        object.__setattr__(self, "probabilities", probabilities)
        object.__setattr__(self, "samples", _array(name, "samples", self.samples, np.int64, (n,)))
        for column in ("coverage", "quality"):
            value = _array(name, column, getattr(self, column), np.float32, (n,))
            object.__setattr__(self, column, value)

    def __len__(self) -> int:
        return len(self.second)


@dataclass(frozen=True, slots=True, eq=False)
class EmotionWindow:
    """What a recommender is given: every analysed person's timeline over the same stretch.

    Offline it is the whole recording; live it is everything up to now. A recommender is a pure
    function of it: the same window gives the same advice.
    """

    people: tuple[PersonTimeline, ...]

    def of(self, role: Role) -> tuple[PersonTimeline, ...]:
        """The timelines of everybody with this role."""
        return tuple(p for p in self.people if p.role == role)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One piece of advice, and the evidence it rests on.

    Attributes:
        time_s: when it is given (end of the evidence).
        to: whom it addresses.
        rule: name of the rule that fired.
        text: the advice, as it is shown.
        reason: what was observed, in a sentence.
        about: the person who was observed (pseudonym).
        emotion: the emotion, or group of emotions, that was observed.
        start_s, end_s: evidence window on the shared clock.
        confidence: 0 to 1.
    """

    time_s: float
    to: Role
    rule: str
    text: str
    reason: str
    about: str
    emotion: str
    start_s: float
    end_s: float
    confidence: float
