"""The table from which the timeline's least quality is read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from framework_training.fer.datasets import LabelledFaces, whole_picture
from framework_training.fer.reading_quality import EDGES, by_quality


@dataclass
class Sees:
    """Right and sure about faces of at least 30 pixels, wrong and half sure about smaller ones."""

    labels: np.ndarray
    unknown_below: float = 0.4
    sides: list[int] = field(default_factory=list)

    def classify_framed(self, faces: list[np.ndarray], framing: object) -> np.ndarray:
        del framing
        rows = np.full((len(faces), 7), 0.05, np.float32)
        for number, face in enumerate(faces):
            self.sides.append(face.shape[0])
            large = face.shape[0] >= 30
            answer = self.labels[number] if large else (self.labels[number] + 1) % 7
            rows[number, answer] = 0.7 if large else 0.45
        return rows


def faces(count: int) -> tuple[list[np.ndarray], LabelledFaces]:
    rng = np.random.default_rng(0)
    views = [rng.integers(0, 255, (48, 48)).astype(np.uint8) for _ in range(count)]
    labels = np.arange(count) % 7
    placement = np.stack([whole_picture((48, 48))] * count)
    return views, LabelledFaces("made", tuple(views), placement, labels)


def test_every_face_is_in_one_row_and_small_ones_are_wrong() -> None:
    views, labelled = faces(140)
    sees = Sees(labelled.labels)
    rows = by_quality(sees, views, labelled, seed=1)  # type: ignore[arg-type]
    assert [row["from"] for row in rows] == list(EDGES[:-1])
    assert sum(row["n"] for row in rows) == 140
    assert min(sees.sides) < 14 < 40 < max(sees.sides)
    worst, best = rows[0], [row for row in rows if row["n"]][-1]
    assert worst["risk"] == 1.0
    assert best["risk"] < 0.2


def test_answers_under_the_confidence_are_not_counted_as_wrong() -> None:
    views, labelled = faces(70)
    strict = Sees(labelled.labels, unknown_below=0.6)
    rows = by_quality(strict, views, labelled, seed=1)  # type: ignore[arg-type]
    assert rows[0]["answered"] == 0.0
    assert rows[0]["risk"] is None
    assert all(row["risk"] in (None, 0.0) for row in rows)


def test_the_same_seed_gives_the_same_table() -> None:
    views, labelled = faces(30)
    tables = [by_quality(Sees(labelled.labels), views, labelled, seed=3) for _ in range(2)]  # type: ignore[arg-type]
    assert tables[0] == tables[1]
