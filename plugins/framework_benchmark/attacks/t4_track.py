"""T4, track: uses every frame of a clip, so that one slip is enough.

Threat: somebody who has the whole released video. A cover that holds in 99 frames of a hundred has
protected nobody: the attacker looks at all of them.

* ``T4-mean``: the mean of all embeddings of the track.
* ``T4-best1``: for each person of the gallery the single most similar frame.
* ``T4-best5``: the mean of the five most similar frames.

The enrolled clip is pooled by its mean. Only frames with a detected face count.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.harness import Material, Scores, Template
from framework.spec import BuildContext
from framework_benchmark.attacks.component import FunctionAttack, NoOptions
from framework_benchmark.attacks.material import compare, unit

BEST = (1, 5)


def attack(material: Material) -> dict[str, Scores]:
    """Three variants; none if no probe has more than one frame."""
    if not any(t is not None and len(t.vectors) > 1 for t in material.probes):
        return {}
    gallery = [None if t is None or not t.found.any() else _mean(t) for t in material.clear]
    means = [None if t is None or not t.found.any() else _mean(t) for t in material.probes]
    result = {"T4-mean": compare(means, gallery)}
    frames = [_frame_scores(t, gallery) for t in material.probes]
    for k in BEST:
        result[f"T4-best{k}"] = _best(frames, k, len(gallery))
    return result


def _mean(template: Template) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    pooled = template.vectors[template.found].astype(np.float64).mean(axis=0, keepdims=True)
    return np.asarray(unit(pooled)[0], np.float32)


def _frame_scores(template: Template | None, gallery: Sequence[object]) -> Scores | None:
    if template is None or not template.found.any():
        return None
    rows = list(template.vectors[template.found])
    return compare(rows, gallery)  # type: ignore[arg-type]


def _best(frames: Sequence[Scores | None], k: int, columns: int) -> Scores:
    """Mean of the k highest scores of each column."""
    result = np.full((len(frames), columns), np.nan)
    for i, scores in enumerate(frames):
        if scores is not None:
            count = min(k, len(scores))
            result[i] = np.sort(scores, axis=0)[-count:].mean(axis=0)
    return result


def build(config: NoOptions, context: BuildContext) -> FunctionAttack:
    """Factory of ``t4``."""
    return FunctionAttack(attack)
