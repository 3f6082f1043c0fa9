"""What is read from a face before and after: seconds, episodes, advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from framework_faceset.subject import Sightings, Subject
from numpy.typing import NDArray

from framework.episodes import episodes
from framework.harness import Recording
from framework.pipeline.sampler import EVERY_FRAME_RATE, EmotionSampler
from framework.protocols import EmotionClassifier, Recommender
from framework.table import EmotionSamples
from framework.timeline import build_timelines, person_name
from framework.types import EMOTIONS, UNKNOWN, EmotionWindow, Frame, Image, PersonTimeline, Tracks
from framework_benchmark.metrics.events import Event, match_events

RATE = 5.0
"""Samples a second, as a run takes them by default."""


@dataclass(frozen=True, eq=False)
class Reading:
    """The expression of one item as one classifier reads it.

    Attributes:
        timeline: by second; a still picture is one second.
        samples: what it was made from.
    """

    timeline: PersonTimeline
    samples: EmotionSamples

    @property
    def labels(self) -> tuple[str, ...]:
        return self.timeline.label

    def overall(self) -> str:
        """The most frequent label of the readable seconds after the first third (where animated
        and posed clips have reached their expression), or ``unknown``."""
        labels = [x for x in self.labels[len(self.labels) // 3 :] if x != UNKNOWN]
        return max(sorted(set(labels)), key=labels.count) if labels else UNKNOWN


def read_expression(
    images: Sequence[Image],
    recording: Recording,
    subject: Subject,
    sightings: Sightings,
    classifier: EmotionClassifier,
    at: NDArray[np.int64] | None = None,
) -> Reading:
    """Classify the subject.

    Args:
        images: original or covered pictures.
        sightings: where the face is in them.
        at: frames to classify (those of the original's reading); None: draw them.
    """
    sampler = EmotionSampler(classifier, RATE if at is None else EVERY_FRAME_RATE)
    for i in range(len(images)) if at is None else at:
        if not sightings.found[i]:
            continue
        tracks = Tracks(
            xyxy=sightings.boxes[i][None],
            score=sightings.score[i][None],
            landmarks=sightings.landmarks[i][None],
            track_id=np.array([subject.track_id]),
        )
        sampler.add(Frame(images[i], int(i), recording.frames[i].time_s), tracks)
    samples = sampler.samples()
    if sampler.failures:
        raise RuntimeError(f"the classifier failed: {sampler.failures[0].error}")
    rated = EmotionSamples(
        samples.frame, samples.track_id, samples.probabilities, samples.quality, 1.0 / RATE
    )
    timelines = build_timelines(
        subject.table.with_samples(rated), unknown_below=classifier.unknown_below
    )
    name = person_name(subject.track_id)
    own = [person for person in timelines.raw if person.person == name]
    return Reading(own[0], rated)


def compare_readings(
    before: Reading, after: Reading, truth: str, recommender: Recommender | None
) -> dict[str, NDArray[np.generic]]:
    """Everything the figures of utility need, as arrays for the store."""
    names = (*EMOTIONS, UNKNOWN)
    found = match_events(_episodes(before.timeline), _episodes(after.timeline))
    result: dict[str, NDArray[np.generic]] = {
        "before": np.array([names.index(x) for x in before.labels], np.int8),
        "after": np.array([names.index(x) for x in after.labels], np.int8),
        "truth": np.array(names.index(truth) if truth else -1, np.int8),
        "overall": np.array([names.index(before.overall()), names.index(after.overall())], np.int8),
        "episodes": np.array([found.matched, found.before, found.after]),
    }
    if recommender is not None:
        advice = match_events(
            _advice(recommender, before.timeline), _advice(recommender, after.timeline)
        )
        result["advice"] = np.array([advice.matched, advice.before, advice.after])
    return result


def _episodes(timeline: PersonTimeline) -> list[Event]:
    return [Event("negative", e.start_s, e.end_s) for e in episodes(timeline)]


def _advice(recommender: Recommender, timeline: PersonTimeline) -> list[Event]:
    given = recommender.recommend(EmotionWindow((timeline,)))
    return [Event(a.rule, a.time_s, a.time_s) for a in given]
