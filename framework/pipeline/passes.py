"""What the passes over a recording leave behind for the ones after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.measurement import Measurements
from framework.media import Damage, Reader, SourceInfo
from framework.pipeline.failures import Failure
from framework.pipeline.fingerprint import Fingerprint
from framework.pipeline.measuring import MeasureSampler
from framework.pipeline.sampler import EmotionSampler
from framework.pipeline.watch import Watch
from framework.resolve import ObservationLog, Sightings
from framework.table import TrackTable
from framework.types import ComponentEvent, Frame


@dataclass(frozen=True, eq=False)
class Observed:
    """What the first pass saw, before anything is concluded from it.

    Attributes:
        source: what kind of recording it is.
        log: every frame's detections and tracks.
        sightings: what the pictures say beside them.
        sampler: the classified faces; None without a classifier.
        duration_s: length of the recording, seconds.
        damage: where the recording could not be decoded.
        suspect: frames whose picture may be wrong; no detector is trusted on them.
        failures: exceptions of components; their frames are misses.
        notes: what the reader has to say, complete after the pass.
        measured: the measured faces; None without a measurer.
        fingerprint: of the frames that were seen.
    """

    source: SourceInfo
    log: ObservationLog
    sightings: Sightings
    sampler: EmotionSampler | None
    duration_s: float
    damage: list[Damage]
    suspect: list[int]
    failures: list[Failure]
    notes: list[str]
    measured: MeasureSampler | None = None
    fingerprint: str = ""


@dataclass(frozen=True, eq=False)
class Analysis:
    """What is known of a recording after all of it was seen.

    Attributes:
        table: who is where, with the emotion samples of everybody who is not a bystander.
        observed: what it was concluded from.
        dismissed: (k,) rows of the log that were taken for false alarms.
        refused: (k,) those of them in which a second look found no face.
        failures: exceptions of components; their frames are misses.
        measurements: what was measured of everybody who is not a bystander.
    """

    table: TrackTable
    observed: Observed
    dismissed: NDArray[np.int64]
    refused: NDArray[np.int64]
    failures: list[Failure] = field(default_factory=list)
    measurements: Measurements | None = None

    @property
    def damage(self) -> list[Damage]:
        """Where the recording could not be decoded."""
        return self.observed.damage

    @property
    def dismissed_s(self) -> NDArray[np.float64]:
        """(k,) times of the detections that were taken for false alarms, seconds."""
        return self.times_of(self.dismissed)

    @property
    def refused_s(self) -> NDArray[np.float64]:
        """(k,) times of those in which a second look found no face, seconds."""
        return self.times_of(self.refused)

    def times_of(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """(k,) times of these rows of the log, seconds."""
        return self.table.time_s[self.observed.log.rows().frame[rows]]


@dataclass
class Rendering:
    """What the second pass did.

    Attributes:
        path: the covered recording.
        frames_in, frames_out: decoded and written frames.
        whole: indices of frames that were covered whole.
        dropped: indices of frames that were left out.
        failures: exceptions of components; their frames were covered whole.
        events: what the anonymizer itself reported.
        damage: where the recording could not be decoded this time.
        notes: what reader and writer have to say, for instance an odd size that was changed.
        fingerprint: whether the frames are those the table was made from.
        watch: what was noted for the search of the result; None if it is not searched.
    """

    path: Path
    frames_in: int = 0
    frames_out: int = 0
    whole: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    events: list[ComponentEvent] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    watch: Watch | None = None
    fingerprint: Fingerprint = field(default_factory=Fingerprint)


@dataclass(frozen=True)
class RecordingView:
    """A recording as an anonymizer may look at it before rendering (``ClipView``)."""

    table: TrackTable
    reader: Reader

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]:
        """The frames with these indices, in ascending order, each once."""
        return self.reader.frames(indices, self.table.time_s.tolist())
