"""What is left of the expression: the emotion analysis, repeated on the covered recording.

The faces are looked for again in the covered picture, as any later user of the data set would have
to. A face that is no longer found yields no sample, and its second becomes ``unknown``: a
disagreement, not a gap in the comparison.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from framework.boxes import iou
from framework.media import open_reader, prefetch
from framework.pipeline.batches import MOST, in_batches
from framework.pipeline.sampler import EVERY_FRAME_RATE, MATCH_IOU, EmotionSampler
from framework.progress import Progress, silent
from framework.protocols import Detector, EmotionClassifier
from framework.table import EmotionSamples, TrackTable
from framework.types import Detections, Frame, Tracks


def reclassify(
    covered: Path,
    table: TrackTable,
    detector: Detector,
    classifier: EmotionClassifier,
    *,
    dropped: Collection[int] = (),
    threads: int = 0,
    progress: Progress = silent,
) -> EmotionSamples:
    """Classify the covered recording at the moments at which the original was classified.

    Args:
        covered: the recording that :func:`render_recording` wrote.
        table: the resolved table of the original, with its samples.
        dropped: indices of the original's frames that are not in ``covered``.

    Returns:
        Samples under the original's frame numbers and track ids.
    """
    sampler = EmotionSampler(classifier, EVERY_FRAME_RATE)
    wanted = set(table.samples.frame.tolist())
    ids_of_frame: dict[int, list[int]] = {}
    pairs = zip(table.samples.frame.tolist(), table.samples.track_id.tolist(), strict=True)
    for frame_index, track_id in pairs:
        ids_of_frame.setdefault(frame_index, []).append(track_id)
    left_out = set(dropped)
    original = (i for i in range(table.frame_count) if i not in left_out)
    with open_reader(covered, threads=threads) as reader:
        numbered = zip(original, prefetch(reader, depth=MOST), strict=False)
        again = (Frame(f.bgr, index, f.time_s) for index, f in numbered if index in wanted)
        for batch in in_batches(again):
            _sample(batch, table, ids_of_frame, detector, sampler)
            progress("check the result", batch[-1].index + 1, table.frame_count)
    progress("check the result", table.frame_count, table.frame_count)
    # The interval of the original: it says how many samples a second can have.
    return replace(sampler.samples(), interval_s=table.samples.interval_s)


def _sample(
    frames: list[Frame],
    table: TrackTable,
    ids_of_frame: dict[int, list[int]],
    detector: Detector,
    sampler: EmotionSampler,
) -> None:
    for frame, detections in zip(frames, detector.detect(frames), strict=True):
        found = _matched(detections, table.tracks_at(frame.index), ids_of_frame[frame.index])
        for tracks in found:
            sampler.add(frame, tracks)


def _matched(detections: Detections, tracks: Tracks, ids: list[int]) -> Iterator[Tracks]:
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
