"""First pass: find, follow and read every face; then resolve in both directions of time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.media import Damage, SourceInfo, open_reader, prefetch
from framework.pipeline.batches import MOST, in_batches
from framework.pipeline.components import Components
from framework.pipeline.failures import Failure
from framework.pipeline.sampler import EmotionSampler
from framework.progress import Progress, silent
from framework.protocols import Detector, Tracker
from framework.resolve import (
    ObservationLog,
    assign_roles,
    resolve,
    unprotected_detections,
)
from framework.table import TrackTable
from framework.types import Detections, Frame, Tracks


@dataclass(frozen=True)
class Analysis:
    """What the first pass found.

    Attributes:
        table: who is where, with the emotion samples of everybody who is not a bystander.
        source: what kind of recording it was.
        dismissed_s: (k,) times of detections that were taken for false alarms.
        unprotected_s: face-seconds of detections that the table does not cover; 0 by construction.
        failures: exceptions of components; their frames are misses.
        damage: where the recording could not be decoded.
    """

    table: TrackTable
    source: SourceInfo
    dismissed_s: NDArray[np.float64]
    unprotected_s: float
    failures: list[Failure] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)


def analyze_recording(
    source: Path,
    components: Components,
    progress: Progress = silent,
    roles: Callable[[TrackTable], TrackTable] | None = None,
) -> Analysis:
    """Decode, detect, track and classify a recording, then resolve its tracks.

    Args:
        roles: says who is who in the resolved table; None: those who are seen longest and largest
            have the run's role, the others are bystanders.

    Raises:
        MediaError: it cannot be opened.
    """
    config = components.config
    detector, tracker = components.detector(), components.tracker()
    classifier = components.classifier()
    sampler = EmotionSampler(classifier, config.fer_rate) if classifier is not None else None
    failures: list[Failure] = []
    log = ObservationLog()
    with open_reader(source, threads=components.threads) as reader:
        info = reader.info
        for batch in in_batches(prefetch(reader, depth=MOST)):
            found = _detect(detector, batch, failures)
            for frame, detections in zip(batch, found, strict=True):
                tracks = _track(tracker, frame, detections, failures)
                if detections is None or tracks is None:
                    seen = detections if detections is not None else Detections.empty()
                    log.append(frame, Tracks.empty(), seen, failure="detection failed")
                    continue
                log.append(frame, tracks, detections)
                if sampler is not None:
                    sampler.add(frame, tracks)
            progress("analyze", batch[-1].index + 1, info.frame_count)
        duration_s, damage = reader.duration_s, list(reader.damage)
        suspect = sorted(reader.damaged_frames)
    resolution = resolve(
        log,
        width=info.width,
        height=info.height,
        duration_s=duration_s,
        empty_is_miss=not config.allow_no_faces,
        options=components.stages.resolve,
    )
    if suspect:
        # A picture decoded with errors may hide a face from the detector and show it to a person.
        damaged = dict.fromkeys(suspect, "the picture is damaged")
        resolved = resolution.table
        resolution = replace(resolution, table=resolved.with_misses(resolved.misses | damaged))
    if roles is not None:
        table = roles(resolution.table)
    else:
        table = assign_roles(resolution.table, main=config.role, people=config.people)
    if sampler is not None:
        table = table.with_samples(sampler.resolved(table))
        failures += sampler.failures
    unprotected = unprotected_detections(log, table, dismissed=resolution.dismissed)
    dismissed = table.time_s[log.rows().frame[resolution.dismissed]]
    return Analysis(table, info, dismissed, unprotected.face_seconds, failures, damage)


def _detect(
    detector: Detector, batch: list[Frame], failures: list[Failure]
) -> list[Detections | None]:
    """Detections of each frame; None where the detector failed even on the frame alone."""
    try:
        return [*_checked(detector.detect(batch), len(batch))]
    except Exception as error:
        if len(batch) == 1:
            failures.append(Failure.of("detector", error, batch[0].index, batch[0].time_s))
            return [None]
    return [_detect(detector, [frame], failures)[0] for frame in batch]


def _checked(found: list[Detections], count: int) -> list[Detections]:
    if len(found) != count or not all(isinstance(d, Detections) for d in found):
        raise ContractError(f"detect: expected {count} Detections, got {len(found)} items")
    return found


def _track(
    tracker: Tracker, frame: Frame, detections: Detections | None, failures: list[Failure]
) -> Tracks | None:
    """Tracks of this frame; None where they could not be established."""
    if detections is None:
        return None
    try:
        tracks = tracker.update(frame, detections)
        if not isinstance(tracks, Tracks):
            raise ContractError(f"update: expected Tracks, got {type(tracks).__name__}")
    except Exception as error:
        failures.append(Failure.of("tracker", error, frame.index, frame.time_s))
        return None
    return tracks
