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
``closer``      detector           has the methods of :class:`CloserDetector`
``baseline``    emotion-classifier may have a ``correction`` (framework.timeline.Correction)
=============== ================== ===============================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from framework.spec import Kind
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
    from pathlib import Path

    from framework.harness import DataSet, Figure, Material, Measured, Scores, Seen
    from framework.table import TrackTable


@runtime_checkable
class Detector(Protocol):
    """Finds faces. Stateless: the answer for a frame never depends on the frames around it."""

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One :class:`Detections` for each frame, in order."""
        ...


@runtime_checkable
class SecondLookDetector(Detector, Protocol):
    """Optional: looks more closely than usual, at more cost.

    The covered recording is searched with it. A detector that has no such method is shown enlarged
    frames instead.
    """

    def second_look(self, frames: Sequence[Frame]) -> list[Detections]:
        """As :meth:`Detector.detect`, and finds smaller faces."""
        ...


@runtime_checkable
class CloserDetector(Detector, Protocol):
    """Capability ``closer``: can look again, at larger size. As stateless as ``detect``."""

    def detect_closer(self, frame: Frame, xyxy: NDArray[np.float32]) -> Detections:
        """Faces around one box, (4,) pixels, looked at in the size that the detector knows best.

        Boxes are those of the whole picture, pixels.
        """
        ...

    def detect_larger(self, frame: Frame) -> Detections:
        """Faces of the whole picture, looked at in about twice the usual size."""
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


@runtime_checkable
class Exporter(Protocol):
    """Writes results in the format of another tool."""

    def export(self, result: Path, out: Path) -> list[Path]:
        """Write files into ``out``, an existing empty folder, and return their paths.

        Args:
            result: a result folder, as ``framework run`` leaves it. It is only read. A file that
                the format needs and that is not there raises :class:`framework.UserError`.
        """
        ...


@runtime_checkable
class Attack(Protocol):
    """Tries to tell who is behind a cover. The strongest attack is what a method is judged by.

    Attributes:
        needs: what it uses of :class:`framework.harness.Material` beside the templates: ``crops``
            (of what was released), ``gallery-crops`` (of the gallery, covered alike), ``fit-crops``
            (of other people before and after), ``motion``.
        uses_recognizer: it compares embeddings, and is run once for each recogniser. Otherwise it
            is run once, and gets no templates and no crops.
        own_threshold: its scores have a scale of their own, so that its threshold is fixed on its
            own comparisons of strangers and not on those of clear faces.
    """

    needs: frozenset[str]
    uses_recognizer: bool
    own_threshold: bool

    def attack(self, material: Material) -> dict[str, Scores]:
        """Similarities (probes, gallery) for each variant it tries, by the variant's name.

        Empty if the material does not suffice. A row of NaN: there is nothing to compare, and the
        attacker guesses.
        """
        ...


@runtime_checkable
class Metric(Protocol):
    """Measures what is left of a recording. Stateless.

    Attributes:
        figures: the numbers it gives.
    """

    figures: tuple[Figure, ...]

    def measure(self, before: Seen, after: Seen) -> Measured:
        """Everything of one item that the figures are computed from later. No pixels."""
        ...

    def summands(
        self, figure: str, measured: Measured | None, reference: Measured
    ) -> tuple[float, float]:
        """Numerator and denominator of one item; they are summed over all items of a person.

        Args:
            measured: of the covered item; None where the anonymizer failed on it.
            reference: of the item that was only encoded anew: what was there to be kept.
        """
        ...


@runtime_checkable
class DataSource(Protocol):
    """Opens a data set for the benchmark: ``--data NAME:TEXT``."""

    def open(self, text: str, max_frames: int) -> DataSet:
        """Describe the items; nothing is decoded yet.

        Args:
            text: what the user wrote after the colon, often a folder; may be empty.
            max_frames: clips are read up to here.

        Raises:
            ConfigError: the text does not fit, a folder is missing.
        """
        ...


PROTOCOL_OF_KIND: dict[Kind, type] = {kind: globals()[kind.protocol] for kind in Kind}
"""The class of each kind."""
