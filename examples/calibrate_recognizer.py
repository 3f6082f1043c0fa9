"""From which similarity on does a recogniser call a face known? Measured on strangers.

    python examples/calibrate_recognizer.py lfw:DIR --recognizer dlib
    python examples/calibrate_recognizer.py stills:DIR --recognizer arcface-onnx -o path=NET.onnx

Compares one picture of each person with those of all others, and prints the similarity that so many
strangers reach (the false accept rate, FAR), with a 95 % interval from resampling persons, and the
share of second pictures of the same person that reach it (TAR). The values at a FAR of 0.001 and of
0.01 are a recogniser's ``match_threshold`` and ``suspect_threshold``; ``framework verify`` uses the
second. Use people who are not in what you measure or verify. Nothing is stored.
"""

from __future__ import annotations

import argparse

import numpy as np
from framework_benchmark.data import open_data
from framework_benchmark.studio import Studio
from numpy.typing import NDArray

from framework import BuildContext, Kind, Registry
from framework.config import merge_options
from framework.errors import FrameworkError
from framework.harness import Item

FARS = (1e-2, 1e-3, 1e-4)
RESAMPLES = 200


def main() -> None:
    """Embed, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="as for framework benchmark --data")
    parser.add_argument("--recognizer", default="dlib")
    parser.add_argument("-o", "--option", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--persons", type=int, default=400)
    parser.add_argument("--detector-size", type=int, default=192)
    given = parser.parse_args()

    registry, context = Registry.load(), BuildContext(threads=1)
    options = merge_options({}, [f"recognizer.{text}" for text in given.option])
    studio = Studio(
        registry.create(Kind.DETECTOR, "retinaface", {"size": given.detector_size}, context),
        registry.create(Kind.TRACKER, "bytetrack", {}, context),
        {
            "": registry.create(
                Kind.RECOGNIZER, given.recognizer, options.get("recognizer"), context
            )
        },
    )
    # Several pictures first: only they have a genuine score. The order says nothing else.
    people = sorted(open_data(given.data).persons().values(), key=lambda own: -min(len(own), 2))
    first: list[NDArray[np.float32]] = []
    genuine: list[float] = []
    for own in people[: given.persons]:
        vectors = [vector for item in own[:2] if (vector := embedded(studio, item)) is not None]
        if vectors:
            first.append(vectors[0])
        if len(vectors) == 2:
            genuine.append(float(vectors[0] @ vectors[1]))
    rows = np.stack(first)
    scores = rows @ rows.T
    print(f"{given.recognizer}: {len(rows)} persons, {len(genuine)} with a second picture")
    for far in FARS:
        value = at_far(scores, np.arange(len(rows)), far)
        rng = np.random.default_rng(0)
        drawn = [
            at_far(scores, np.unique(rng.integers(0, len(rows), len(rows))), far)
            for _ in range(RESAMPLES)
        ]
        low, high = np.quantile(drawn, [0.025, 0.975])
        tar = float(np.mean(np.array(genuine) >= value)) if genuine else float("nan")
        print(f"FAR {far:g}: similarity {value:.4f} [{low:.4f}, {high:.4f}], TAR {tar:.3f}")


def embedded(studio: Studio, item: Item) -> NDArray[np.float32] | None:
    """The embedding of a picture; None where no face is found."""
    try:
        opened = studio.open(item)
    except FrameworkError:
        return None
    template = studio.template(opened, opened.images, opened.sightings, "", whole_track=False)
    return None if template is None else template.vector


def at_far(scores: NDArray[np.float32], persons: NDArray[np.int64], far: float) -> float:
    """The score that a share ``far`` of the comparisons of different persons reaches."""
    part = scores[np.ix_(persons, persons)]
    return float(np.quantile(part[~np.eye(len(part), dtype=bool)], 1 - far))


if __name__ == "__main__":
    main()
