"""Names of expressions as they occur in data sets, and the seven classes they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from framework.types import EMOTIONS

SYNONYMS = {
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happy": "happiness",
    "joy": "happiness",
    "smiling": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}


def index_of(label: str) -> int | None:
    """Index in :data:`framework.types.EMOTIONS`, or None for another label.

    >>> index_of(" Happy "), index_of("6"), index_of("contempt")
    (3, 6, None)
    """
    word = label.strip().lower()
    word = SYNONYMS.get(word, word)
    if word in EMOTIONS:
        return EMOTIONS.index(word)
    if word.isdecimal() and int(word) < len(EMOTIONS):
        return int(word)
    return None


def known(labels: Iterable[str]) -> tuple[list[int | None], dict[str, int]]:
    """Indices of all labels, and how often each unknown one occurs."""
    indices = []
    unknown: Counter[str] = Counter()
    for label in labels:
        index = index_of(label)
        indices.append(index)
        if index is None:
            unknown[label.strip() or "(empty)"] += 1
    return indices, dict(sorted(unknown.items()))
