"""What each kind of component must do.

Optional abilities are announced in ``ComponentSpec.capabilities``, for users and for the
conformance kit. The core uses the methods where a component has them.

=============== ================== ===============================================================
capability      kinds              meaning
=============== ================== ===============================================================
``batch``       anonymizer         has :meth:`BatchAnonymizer.anonymize_batch`
``prepare``     anonymizer         has :meth:`PreparedAnonymizer.prepare`
``events``      anonymizer         has :meth:`ReportingAnonymizer.drain_events`
``whole-frame`` anonymizer         may change pixels outside the tracks' margins
``synthetic``   anonymizer         shows generated faces; the manifest says so
``unprotected`` anonymizer         leaves faces as they are; refused outside the benchmark
``weak``        voice-anonymizer   an informed attacker still knows the voice; users are warned
``landmarks``   detector           gives five landmarks for each face
``baseline``    emotion-classifier may have a ``correction`` (framework.timeline.Correction)
=============== ================== ===============================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from framework.types import (
    ComponentEvent,
    Detections,
    EmotionWindow,
    Frame,
    Image,
    Measure,
    Recommendation,
    Tracks,
)

if TYPE_CHECKING:
    from framework.table import TrackTable


@runtime_checkable
class Detector(Protocol):
    """Finds faces. Stateless: the answer for a frame never depends on the frames around it."""

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One :class:`Detections` for each frame, in order."""
        ...


@runtime_checkable
class Tracker(Protocol):
    """Links detections over time. Called in order, one instance for each stream."""

    def update(self, frame: Frame, detections: Detections) -> Tracks:
        """The tracks that are alive in this frame, observed or predicted."""
        ...

    def reset(self) -> None:
        """Forget everything; the next frame starts a new stream."""
        ...


@runtime_checkable
class Anonymizer(Protocol):
    """Makes faces unrecognisable. Called in order, one instance for each stream."""

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        """A new image of the same shape in which every track is covered."""
        ...

    def reset(self) -> None:
        """Forget everything; the next frame starts a new stream."""
        ...


@runtime_checkable
class BatchAnonymizer(Anonymizer, Protocol):
    """Capability ``batch``: gives for consecutive frames what one call a frame would give."""

    def anonymize_batch(self, frames: Sequence[Frame], tracks: Sequence[Tracks]) -> list[Image]: ...


class ClipView(Protocol):
    """The recording as an anonymizer may look at it before rendering.

    ``table`` is the resolved track table of the whole recording; ``frames`` decodes the frames with
    these indices (any order; they come in ascending order, each once).

    For an anonymizer that serves some roles only, ``table`` has their tracks alone. The view then
    has ``everyone`` as well, the table of all: in these frames nobody is covered yet.
    """

    @property
    def table(self) -> TrackTable: ...

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]: ...


@runtime_checkable
class PreparedAnonymizer(Anonymizer, Protocol):
    """Capability ``prepare``: called once for each recording, before its first frame."""

    def prepare(self, clip: ClipView) -> None: ...


@runtime_checkable
class ReportingAnonymizer(Anonymizer, Protocol):
    """Capability ``events``: says afterwards what it did that the audit must count."""

    def drain_events(self) -> list[ComponentEvent]:
        """Everything since the last call, and forget it."""
        ...


@runtime_checkable
class EmotionClassifier(Protocol):
    """Names the expression of aligned faces. Stateless and batched.

    Attributes:
        labels: the classes, a subset or permutation of :data:`framework.types.EMOTIONS`.
        input_size: side of the square crops it wants, in pixels.
        crop_scale: how much wider than the alignment template the crop is (1.0: the ArcFace
            template; 1.3 shows 30 % more of the surroundings).
        unknown_below: a second whose top probability is lower than this is ``unknown``, 0 to 1.
    """

    labels: tuple[str, ...]
    input_size: int
    crop_scale: float
    unknown_below: float

    def classify(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Probabilities, shape (len(faces), len(labels)); each row sums to 1."""
        ...


@runtime_checkable
class Recommender(Protocol):
    """Turns emotions over time into advice. A pure function of the window."""

    def recommend(self, window: EmotionWindow) -> list[Recommendation]:
        """Everything this window gives rise to, in order of time."""
        ...


@runtime_checkable
class DetailedRecommender(Recommender, Protocol):
    """Optional: says what it goes by where its options only name a file."""

    def manifest_details(self) -> Mapping[str, Any]:
        """Thresholds and switches by name, for ``manifest.json``; free text is withheld there."""
        ...


@runtime_checkable
class Recognizer(Protocol):
    """Tells people apart: the attacker of the benchmark. Stateless and batched.

    Attributes:
        input_size: side of the aligned square crops it wants, in pixels.
        crop_scale: as for :class:`EmotionClassifier`.

    Optional, measured by ``examples/calibrate_recognizer.py``, None or missing where not known:
    ``match_threshold``, the cosine that one in 1,000 comparisons of strangers reaches, from which
    two faces are taken for one person; ``suspect_threshold``, the one that one in 100 reaches, from
    which ``framework verify`` stops a release.
    """

    input_size: int
    crop_scale: float

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Embeddings of unit length, shape (len(faces), d)."""
        ...


@runtime_checkable
class Measurer(Protocol):
    """Measures aligned faces: pose, gaze, coefficients of expression. Stateless and batched.

    Attributes:
        measures: what each column of the result is, with its unit and range.
        input_size: side of the aligned square crops it wants, in pixels.
        crop_scale: as for :class:`EmotionClassifier`.
    """

    measures: tuple[Measure, ...]
    input_size: int
    crop_scale: float

    def measure(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Values, shape (len(faces), len(measures)); nan where something could not be measured.

        Angles are those of the face in the crop: of a leaning head the crop is upright already.
        """
        ...


@runtime_checkable
class VoiceAnonymizer(Protocol):
    """Changes or removes a voice. One instance for each recording."""

    def anonymize(self, samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Mono samples in [-1, 1], any length; the result has the same length and rate."""
        ...
