"""Emotions read from drivers and results by whatever classifiers are installed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.agreement import cohen_kappa
from framework.alignment import align
from framework.errors import UserError
from framework.protocols import EmotionClassifier
from framework.spec import BuildContext
from framework.types import EMOTIONS
from framework_training.fomm.recognition import SIZE, five_points


class EmotionReader:
    """A classifier under its name."""

    def __init__(self, name: str, classifier: EmotionClassifier) -> None:
        self.name, self._classifier = name, classifier

    def read(
        self, pictures: Sequence[NDArray[np.uint8]], landmarks: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n, 7) probabilities of pictures with their (n, 68, 2) points at 256 px; NaN: no face."""
        out = np.full((len(pictures), len(EMOTIONS)), np.nan)
        known = np.flatnonzero(np.isfinite(landmarks[:, 0, 0])).tolist()
        size = int(getattr(self._classifier, "input_size", 112))
        scale = float(getattr(self._classifier, "crop_scale", 1.0))
        faces = []
        for i in known:
            points = five_points(landmarks[i] * (pictures[i].shape[0] / SIZE))
            faces.append(align(pictures[i], points, size, scale))
        if faces:
            found = np.asarray(self._classifier.classify(faces), np.float64)
            columns = [self._classifier.labels.index(label) for label in EMOTIONS]
            out[known] = found[:, columns]
        return out


def build_readers(threads: int) -> list[EmotionReader]:
    """Every installed classifier that can be built; those that can't are left out."""
    from framework.registry import Registry
    from framework.spec import Kind

    registry = Registry.load()
    context = BuildContext(threads=threads or 1, device="cpu", seed=0, key=None)
    readers = []
    for component in registry.of_kind(Kind.EMOTION_CLASSIFIER):
        name = component.spec.name
        try:
            built = registry.create(Kind.EMOTION_CLASSIFIER, name, {}, context)
        except UserError:
            continue
        readers.append(EmotionReader(name, built))
    return readers


def agreement(pairs: Sequence[tuple[int, int | None]]) -> dict[str, float | int | None]:
    """Labels of a second before and after; a second that can't be read after is a disagreement."""
    counts = np.zeros((len(EMOTIONS), len(EMOTIONS) + 1), np.int64)
    for before, after in pairs:
        counts[before, len(EMOTIONS) if after is None else after] += 1
    same = int(np.trace(counts[:, : len(EMOTIONS)]))
    return {
        "kappa": cohen_kappa(counts),
        "agreement": same / len(pairs) if pairs else None,
        "seconds": len(pairs),
        "unreadable": int(counts[:, -1].sum()),
        "labels_before": int((counts.sum(1) > 0).sum()),
    }
