"""How much of the expression is left: the covered recording read again, second by second."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from framework.agreement import LABELS_AFTER, paired
from framework.api import analyze
from framework.errors import FrameworkError
from framework.table import EmotionSamples, TrackTable
from framework.timeline import build_timelines
from framework.types import EMOTIONS, PersonTimeline
from framework_release.results import Camera, Results

Counts = dict[str, dict[str, int]]


def read_again(
    camera: Camera, results: Results, settings: Mapping[str, Any], place: Path
) -> Counts | None:
    """Seconds by label before and after, of the one person whom a camera shows.

    Args:
        camera: whose covered recording is read, by the classifier that read the original.
        results: with the seconds of the original.
        settings: ``detector`` and others for :func:`framework.analyze`.
        place: a folder for temporary files, which are removed; never the results, whose approval
            would lapse.

    Returns:
        ``{before: {after: seconds}}``; None where nothing can be said: no emotions were read, the
        camera shows two people, or the classifier is not installed here.
    """
    before = _before(camera, results)
    name = classifier(results.manifest)
    if before is None or name is None or camera.file is None:
        return None
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(prefix=".again-", dir=place) as folder:
            found = analyze(
                camera.file, out=folder, fer=name, allow_no_faces=True, **dict(settings)
            )
    except FrameworkError:
        return None
    after = _one_person(found.table)
    return confusion(before, after, camera)


def classifier(manifest: Mapping[str, Any]) -> str | None:
    """The emotion classifier that a manifest names."""
    for component in manifest.get("components", ()):
        if component.get("kind") == "emotion-classifier":
            return str(component["name"])
    return None


def confusion(before: PersonTimeline, after: PersonTimeline | None, camera: Camera) -> Counts:
    """Count the seconds; those of ``after`` are on the camera's own clock."""
    if after is not None:
        shift = round(camera.offset_s)
        after = replace(after, second=after.second + shift)
    codes = paired(before, after)
    counts: dict[str, Counter[str]] = {}
    for code in codes.tolist():
        first, second = divmod(code, len(LABELS_AFTER))
        counts.setdefault(EMOTIONS[first], Counter())[LABELS_AFTER[second]] += 1
    return {label: dict(sorted(c.items())) for label, c in sorted(counts.items())}


def _before(camera: Camera, results: Results) -> PersonTimeline | None:
    if len(camera.shows) > 1:
        return None
    people = [p for p in results.people if not camera.shows or str(p.role) in camera.shows]
    return people[0] if len(people) == 1 else None


def _one_person(table: TrackTable) -> PersonTimeline | None:
    """Everything read in the recording as one person's: the best face of each frame."""
    samples = table.samples
    if not len(samples):
        return None
    order = np.lexsort((-samples.quality, samples.frame))
    _, first = np.unique(samples.frame[order], return_index=True)
    best = order[first]
    frames = samples.frame[best]
    rows = np.array(
        [
            np.flatnonzero((table.frame == f) & (table.track_id == t))[0]
            for f, t in zip(frames.tolist(), samples.track_id[best].tolist(), strict=True)
        ],
        np.int64,
    )
    # One row a frame for coverage: the sampled face where there is one, else the first.
    _, any_row = np.unique(table.frame, return_index=True)
    chosen = dict(zip(table.frame[any_row].tolist(), any_row.tolist(), strict=True))
    chosen |= dict(zip(frames.tolist(), rows.tolist(), strict=True))
    keep = np.array([chosen[f] for f in sorted(chosen)], np.int64)
    one = np.ones(len(keep), np.int64)
    merged = replace(
        table,
        frame=table.frame[keep],
        track_id=one,
        xyxy=table.xyxy[keep],
        score=table.score[keep],
        landmarks=table.landmarks[keep],
        state=table.state[keep],
        roles={},
        samples=EmotionSamples(
            frames,
            np.ones(len(best), np.int64),
            samples.probabilities[best],
            samples.quality[best],
            samples.interval_s,
        ),
    )
    people = build_timelines(merged).raw
    return people[0] if people else None
