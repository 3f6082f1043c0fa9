"""The covered recording, looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from framework.boxes import iou
from framework.pipeline.failures import Failure
from framework.pipeline.sampler import MATCH_IOU
from framework.table import EmotionSamples
from framework.types import Detections, Tracks


@dataclass(frozen=True, eq=False)
class Searched:
    """What is in the covered recording.

    Attributes:
        samples: emotions under the original's frame numbers and track ids; None if they were not
            read again.
        failures: exceptions of components.
    """

    samples: EmotionSamples | None = None
    failures: list[Failure] = field(default_factory=list)


def face_at_each_track(detections: Detections, tracks: Tracks, ids: list[int]) -> Iterator[Tracks]:
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
