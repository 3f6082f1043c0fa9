"""How often an answer is wrong at each face quality: where the timeline should say "unknown".

The timeline leaves out seconds whose mean face quality (:mod:`framework.quality`) is under
``timeline.min_quality``. That threshold is read off this table: labelled faces are made small and
blurred at random, their quality is computed as for a recording, and the answers that the calibrated
confidence lets through are counted by quality. The pose has no part in it, because labelled sets
come without landmarks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from framework_fer.classifier import ExpressionClassifier
from framework_fer.framing import WINDOW, Framing

from framework.alignment import TEMPLATE, TEMPLATE_SIZE
from framework.quality import sharpness_score, size_score
from framework_training.fer.augment import plain_view
from framework_training.fer.datasets import LabelledFaces, whole_picture
from framework_training.fer.degradation import Grey, gaussian_blur

EDGES = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Borders of the table's rows."""
SMALLEST_SIDE, LARGEST_SIDE = 10.0, 48.0
"""Sides of the faces, pixels; between them evenly by their logarithm."""
_SIDE = 96  # of the tight framing inside an aligned crop, where the blur is measured
_EYES = float(TEMPLATE[1, 0] - TEMPLATE[0, 0]) / (TEMPLATE_SIZE * (WINDOW[2] - WINDOW[0]))


def by_quality(
    classifier: ExpressionClassifier, views: list[Grey], faces: LabelledFaces, seed: int
) -> list[dict[str, Any]]:
    """One row for each interval of quality.

    Args:
        views: the faces in the tight framing, (h, w) uint8 each.
        faces: their labels.
        seed: of sizes and blurs.

    Returns:
        Rows with ``from``, ``to`` (quality, 0 to 1), ``n``, ``answered`` (share with a top
        probability of at least ``classifier.unknown_below``) and ``risk`` (share of these that are
        wrong; None: none answered).
    """
    damaged, quality = [], []
    for number, view in enumerate(views):
        rng = np.random.default_rng([seed, number])
        face, value = _damaged(view, rng)
        damaged.append(face)
        quality.append(value)
    answers = classifier.classify_framed(damaged, Framing.TIGHT)
    kept = answers.max(axis=1) >= classifier.unknown_below
    wrong = answers.argmax(axis=1) != faces.labels
    # the last row includes 1
    row_of = np.clip(np.digitize(quality, EDGES) - 1, 0, len(EDGES) - 2)
    rows = []
    for row in range(len(EDGES) - 1):
        mine = row_of == row
        said = mine & kept
        rows.append(
            {
                "from": EDGES[row],
                "to": EDGES[row + 1],
                "n": int(mine.sum()),
                "answered": float(kept[mine].mean()) if mine.any() else 0.0,
                "risk": float(wrong[said].mean()) if said.any() else None,
            }
        )
    return rows


def _damaged(view: Grey, rng: np.random.Generator) -> tuple[Grey, float]:
    """A face at a random size, blurred or not, and its quality."""
    side = round(float(np.exp(rng.uniform(np.log(SMALLEST_SIDE), np.log(LARGEST_SIDE)))))
    large = plain_view(view, whole_picture(view.shape), _SIDE)
    if rng.random() < 0.5:
        large = gaussian_blur(large, float(rng.random()), rng)
    import cv2

    small = np.asarray(cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    crop = plain_view(small, whole_picture(small.shape), _SIDE)
    distance = side * _EYES
    sharpness = sharpness_score(
        np.repeat(crop[:, :, None], 3, axis=2), distance, _SIDE / TEMPLATE_SIZE
    )
    return small, min(size_score(distance), sharpness)
