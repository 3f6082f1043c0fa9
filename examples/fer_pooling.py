"""Which mean of a second's samples is the best evidence for one label.

    python examples/fer_pooling.py CLIP.mp4[=LABEL] ... [--rate 10] [--json OUT]

A spoken second is a mixture: the mouth passes through shapes that look like other expressions, and
an expression has a peak. Compared are

* mean: the mean of the probabilities weighted by face quality, as the timeline takes it;
* logarithms: the mean of the log-probabilities (a product of experts);
* peak: samples weighted by 1 - p(neutral), so that the peak of an expression counts more;
* squared peak: the same weight squared;
* still mouth: samples weighted by exp(-movement), where the movement is how fast the distance of
  the mouth's corners changes, in its own standard deviations.

*Stability*: how often the label from the samples with even numbers is that from the others.
*Right*: of the answered seconds of clips with a label, how many get it. *Neutral*: share of
neutral among all answers. Intervals are from a bootstrap over clips. Clips of one person resemble
each other, so that the interval is too narrow for people in general.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework import EMOTIONS, Kind, Registry, TrackTable, analyze

Rows = NDArray[np.float64]
NEUTRAL = EMOTIONS.index("neutral")


def weighted(p: Rows, weight: Rows) -> Rows:
    total = weight.sum()
    share = weight / total if total > 0 else np.full(len(weight), 1 / len(weight))
    return np.asarray(share @ p)


def logarithms(p: Rows, quality: Rows, movement: Rows) -> Rows:
    mean = np.exp(weighted(np.log(np.maximum(p, 1e-6)), quality))
    return np.asarray(mean / mean.sum())


POOLINGS: dict[str, Callable[[Rows, Rows, Rows], Rows]] = {
    "mean": lambda p, quality, movement: weighted(p, quality),
    "logarithms": logarithms,
    "peak": lambda p, quality, movement: weighted(p, quality * (1 - p[:, NEUTRAL])),
    "squared peak": lambda p, quality, movement: weighted(p, quality * (1 - p[:, NEUTRAL]) ** 2),
    "still mouth": lambda p, quality, movement: weighted(p, quality * np.exp(-movement)),
}


def label(p: Rows, below: float) -> int:
    """Index of the answer, -1 for unknown."""
    return int(p.argmax()) if p.max() >= below else -1


def mouth_movement(table: TrackTable, track: int) -> dict[int, float]:
    """Frame -> how fast the mouth's width changes there, in its standard deviations."""
    rows = table.rows_of_track(track)
    points = table.landmarks[rows].astype(np.float64)
    eyes = np.hypot(*(points[:, 1] - points[:, 0]).T)
    width = np.hypot(*(points[:, 4] - points[:, 3]).T) / np.maximum(eyes, 1e-6)
    speed = np.abs(np.gradient(width)) if len(width) > 1 else np.zeros(len(width))
    scale = np.nanstd(speed)
    speed = np.nan_to_num(speed / scale if scale > 0 else speed)
    return dict(zip(table.frame[rows].tolist(), speed.tolist(), strict=True))


def measured(table: TrackTable, below: float, wanted: int) -> dict[str, NDArray[np.int64]]:
    """Counts of one clip for each pooling: seconds, answered, stable of both answered, these, right
    of answered with a label, these, neutral."""
    samples = table.samples
    second = np.floor(table.time_s[samples.frame]).astype(int)
    found = {name: np.zeros(7, np.int64) for name in POOLINGS}
    for track in table.track_ids():
        speed = mouth_movement(table, track)
        for at in np.unique(second[samples.track_id == track]):
            rows = np.flatnonzero((samples.track_id == track) & (second == at))
            rows = rows[np.argsort(samples.frame[rows])]
            if len(rows) < 4:
                continue
            p = samples.probabilities[rows].astype(np.float64)
            quality = np.nan_to_num(samples.quality[rows]).astype(np.float64)
            movement = np.array([speed.get(int(f), 0.0) for f in samples.frame[rows]])
            for name, pool in POOLINGS.items():
                whole = label(pool(p, quality, movement), below)
                halves = [
                    label(pool(p[i::2], quality[i::2], movement[i::2]), below) for i in (0, 1)
                ]
                both = min(halves) >= 0
                known = whole >= 0 and wanted >= 0
                found[name] += (
                    1, whole >= 0, both and halves[0] == halves[1], both,
                    known and whole == wanted, known, whole == NEUTRAL,
                )  # fmt: skip
    return found


def interval(counts: NDArray[np.int64], top: int, bottom: int, seed: int = 0) -> list[float]:
    """95 % of a ratio of sums over clips."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(counts), size=(2000, len(counts)))
    sums = counts[draws].sum(axis=1)
    ratios = sums[:, top] / np.maximum(1, sums[:, bottom])
    return [float(v) for v in np.percentile(ratios, [2.5, 97.5])]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", nargs="+", help="recording, with =LABEL where it has one")
    parser.add_argument("--rate", type=int, default=10, help="samples a second")
    parser.add_argument("--classifier", default="resnet")
    parser.add_argument("--json", type=Path, dest="json_out")
    asked = parser.parse_args()
    classifier = Registry.load().create(Kind.EMOTION_CLASSIFIER, asked.classifier)
    each: dict[str, list[NDArray[np.int64]]] = {name: [] for name in POOLINGS}
    for clip in asked.clips:
        path, _, wanted = clip.partition("=")
        if wanted and wanted not in EMOTIONS:
            print(f"error: {wanted}: expected one of {', '.join(EMOTIONS)}", file=sys.stderr)
            return 2
        with tempfile.TemporaryDirectory() as folder:
            table = analyze(path, out=folder, fer=asked.classifier, fer_rate=asked.rate).table
        index = EMOTIONS.index(wanted) if wanted else -1
        for name, counts in measured(table, classifier.unknown_below, index).items():
            each[name].append(counts)
    result = {}
    print("pooling          seconds  answered  stable                    right")
    for name, rows in each.items():
        counts = np.array(rows)
        total = counts.sum(axis=0)
        stable, right = interval(counts, 2, 3), interval(counts, 4, 5)
        result[name] = {
            "seconds": int(total[0]),
            "answered": int(total[1]),
            "stable": float(total[2] / max(1, total[3])),
            "stable_95": stable,
            "right": float(total[4] / max(1, total[5])),
            "right_95": right,
            "right_n": int(total[5]),
            "neutral": float(total[6] / max(1, total[1])),
        }
        one = result[name]
        print(
            f"{name:<16}{total[0]:>8}{total[1]:>10}  {one['stable']:.1%} ({stable[0]:.1%} to "
            f"{stable[1]:.1%})   {one['right']:.1%} ({right[0]:.1%} to {right[1]:.1%}), n = "
            f"{total[5]}, neutral {one['neutral']:.1%}"
        )
    if asked.json_out:
        asked.json_out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
