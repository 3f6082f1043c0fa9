"""Train ``lbp-fisher`` on folders of pictures by person.

    python -m framework_training.recognizers.train lfw:DIR --out lbp-fisher.safetensors

Needs persons with several pictures. Use people on whom nothing is measured. Minutes on one
processor core; deterministic for the same data and seed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from framework_benchmark.data import open_data
from framework_faceset.subject import crops, find_subject, look_again
from framework_recognizers.fisher import SIZES, Histograms
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, ConfigError, FrameworkError, UserError
from framework.harness import Item
from framework.protocols import Detector, Tracker
from framework.registry import Registry
from framework.spec import BuildContext, Kind
from framework.types import Image

COMPONENTS = 320
"""Principal components that are kept before the discriminant."""
DIMENSIONS = 128
"""Of an embedding."""
SHRINK = 0.1
"""Share of its mean variance that is put in every direction of the within-class scatter."""
FEWEST = 50
"""Persons with several pictures below which nothing worth having can be learnt."""

Rows = NDArray[np.float32]


def collect(items: Sequence[Item], detector_size: int) -> tuple[Rows, NDArray[np.int64]]:
    """Histograms (n, d) of the faces that are found, and whose they are; none is kept."""
    registry, context = Registry.load(), BuildContext(threads=1)
    detector = registry.create(Kind.DETECTOR, "retinaface", {"size": detector_size}, context)
    tracker = registry.create(Kind.TRACKER, "bytetrack", {}, context)
    histograms = Histograms()
    rows: list[Rows] = []
    who: list[str] = []
    for item in items:
        face = _face(item, detector, tracker)
        if face is not None:
            rows.append(histograms([face])[0])
            who.append(item.person)
    if not rows:
        raise ConfigError("the data: no face was found; expected pictures of faces")
    return np.stack(rows), np.unique(who, return_inverse=True)[1].astype(np.int64)


def _face(item: Item, detector: Detector, tracker: Tracker) -> Image | None:
    try:
        recording = item.source.read()
        subject = find_subject(recording, detector, tracker)
    except FrameworkError:
        return None
    images = [recording.frames[0].bgr]
    sightings = look_again(images, recording, subject, detector)
    _, cut = crops(images, subject, sightings, SIZES[0], 1.0)
    return cut[0] if cut else None


def fit(
    rows: Rows,
    person: NDArray[np.int64],
    seed: int = 0,
    components: int = COMPONENTS,
    dimensions: int = DIMENSIONS,
) -> tuple[Rows, Rows]:
    """Mean (d,) and projection (d, m).

    Args:
        rows: (n, d) features. person: (n,) whose they are.

    Raises:
        ConfigError: fewer than fifty persons with two pictures.
    """
    from scipy.linalg import eigh
    from scipy.sparse.linalg import svds

    counts = np.bincount(person)
    several = np.flatnonzero(counts > 1)
    if len(several) < FEWEST:
        raise ConfigError(
            f"the data: {len(several)} persons with two pictures or more; expected at least "
            f"{FEWEST}"
        )
    mean = rows.mean(axis=0)
    centred = rows - mean
    k = min(components, len(rows) - 1, rows.shape[1] - 1)
    start = np.random.default_rng(seed).normal(size=min(rows.shape)).astype(np.float32)
    axes = svds(centred, k=k, v0=start, return_singular_vectors="vh")[2].T  # (d, k)
    low = (centred @ axes).astype(np.float64)
    sums = np.stack([np.bincount(person, column) for column in low.T], axis=1)
    means = sums / np.maximum(counts, 1)[:, None]
    inside = np.isin(person, several)
    residual = low[inside] - means[person[inside]]
    within = residual.T @ residual / (len(residual) - len(several))
    within += SHRINK * np.trace(within) / k * np.eye(k)
    total = low.T @ low / len(low)
    # Total instead of between-class scatter: the same directions, and single pictures count too.
    _, directions = eigh(total, within, subset_by_index=[max(0, k - dimensions), k - 1])
    projection = axes @ directions
    return mean.astype(np.float32), np.asarray(projection / np.abs(projection).max(), np.float32)


def save(mean: Rows, projection: Rows, path: Path) -> None:
    """Write half-precision numbers, which change no cosine by more than a thousandth."""
    from safetensors.numpy import save_file

    save_file({"mean": mean, "projection": projection.astype(np.float16)}, path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and write; 2 if it could not be done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="as for framework benchmark --data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--detector-size", type=int, default=192)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        rows, person = collect(open_data(given.data).items, given.detector_size)
        mean, projection = fit(rows, person, given.seed)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    save(mean, projection, given.out)
    several = int((np.bincount(person) > 1).sum())
    print(f"{len(rows)} faces of {person.max() + 1} persons, {several} of them with several")
    print(f"wrote {given.out}, {given.out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
