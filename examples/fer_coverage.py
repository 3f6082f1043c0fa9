"""How far the label of a second can be trusted when the face was seen for only a part of it.

    python examples/fer_coverage.py CLIP.mp4 ... [--rate 10] [--classifier resnet] [--json OUT]

Seconds in which a face was classified without a gap are labelled once from all of their samples and
once from a stretch of them, at every place where the stretch can lie. The table says how often the
two labels differ, by the share of the second that the stretch covers; `timeline.min_coverage` is
read off it. Intervals are from a bootstrap over recordings, since neighbouring seconds resemble
each other. Needs no labels, so it measures stability, not truth.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework import EMOTIONS, Kind, Registry, TrackTable, analyze
from framework.timeline import aggregate

Counts = dict[int, tuple[int, int, int]]  # samples seen -> stretches, answered, answered otherwise


def label(probabilities: NDArray[np.float32], quality: NDArray[np.float32], below: float) -> int:
    """Index of the label, -1 for unknown, as the timeline gives it."""
    means, _, _ = aggregate(probabilities, quality, np.zeros(len(quality), np.int64), 1)
    return int(means[0].argmax()) if means[0].max() >= below else -1


def whole_seconds(
    table: TrackTable, rate: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Probabilities (rate, 7) and qualities (rate,) of each person's seconds without a gap."""
    samples = table.samples
    second = np.floor(table.time_s[samples.frame]).astype(int)
    for track in table.track_ids():
        for at in np.unique(second):
            rows = np.flatnonzero((samples.track_id == track) & (second == at))
            rows = rows[np.argsort(samples.frame[rows])]
            quality = samples.quality[rows].astype(np.float32)
            if len(rows) == rate and np.isfinite(quality).all():
                yield samples.probabilities[rows], quality


def count(table: TrackTable, rate: int, below: float) -> Counts:
    """Stretches of one recording by their length."""
    found = {seen: np.zeros(3, int) for seen in range(1, rate + 1)}
    for probabilities, quality in whole_seconds(table, rate):
        whole = label(probabilities, quality, below)
        if whole < 0:
            continue
        for seen in found:
            for start in range(rate - seen + 1):
                part = slice(start, start + seen)
                answer = label(probabilities[part], quality[part], below)
                found[seen] += (1, answer >= 0, answer not in (-1, whole))
    return {seen: (int(a), int(b), int(c)) for seen, (a, b, c) in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--rate", type=int, default=10, help="samples a second")
    parser.add_argument("--classifier", default="resnet")
    parser.add_argument("--json", type=Path, dest="json_out")
    asked = parser.parse_args()
    classifier = Registry.load().create(Kind.EMOTION_CLASSIFIER, asked.classifier)
    counts = []
    for clip in asked.clips:
        with tempfile.TemporaryDirectory() as folder:
            table = analyze(
                clip, out=folder, fer=asked.classifier, fer_rate=asked.rate, people=16
            ).table
        counts.append(count(table, asked.rate, classifier.unknown_below))
    used = [c for c in counts if c[asked.rate][0]]
    if not used:
        print("error: no second of any recording has a face throughout", file=sys.stderr)
        return 1
    rng = np.random.default_rng(0)
    draws = rng.integers(len(used), size=(2000, len(used)))
    rows = []
    for seen in range(1, asked.rate + 1):
        tried, answered, other = np.array([c[seen] for c in used]).T
        risks = other[draws].sum(1) / np.maximum(1, answered[draws].sum(1))
        rows.append(
            {
                "coverage": seen / asked.rate,
                "answered": float(answered.sum() / tried.sum()),
                "risk": float(other.sum() / max(1, answered.sum())),
                "interval_95": [float(v) for v in np.percentile(risks, [2.5, 97.5])],
            }
        )
    seconds = sum(c[asked.rate][0] for c in used)
    print(
        f"{seconds} labelled seconds without a gap, {len(used)} recordings, {len(EMOTIONS)} labels"
    )
    print("seen   answered   answered otherwise (95 % interval)")
    for row in rows:
        low, high = row["interval_95"]
        print(
            f"{row['coverage']:4.0%}   {row['answered']:7.1%}    {row['risk']:6.1%} "
            f"({low:.1%} to {high:.1%})"
        )
    if asked.json_out:
        found = {"seconds": seconds, "recordings": len(used), "rows": rows}
        asked.json_out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
