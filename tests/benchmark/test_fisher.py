"""The recogniser that is trained here: what it learns, what it refuses."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from framework_benchmark.data import open_data
from framework_recognizers.fisher import FisherRecognizer, load
from framework_recognizers.plugin import FISHER_WEIGHTS
from framework_training.recognizers import train
from safetensors.numpy import save_file

from framework.errors import ConfigError, WeightsError
from framework.testing import conformance
from framework.weights import verified


@conformance("recognizer:lbp-fisher")
def test_contract(check) -> None:  # type: ignore[no-untyped-def]
    check()


def _faces(persons: int, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Features in which people differ a little and their pictures differ a lot, elsewhere."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(persons), each)
    rows = rng.normal(size=(len(person), 60)) * np.r_[np.full(20, 0.3), np.full(40, 1.5)]
    rows[:, :20] += rng.normal(size=(persons, 20))[person]
    return rows.astype(np.float32), person


def test_it_learns_where_people_differ() -> None:
    rows, person = _faces(120, 3)
    known = person < 80
    mean, projection = train.fit(rows[known], person[known], components=59, dimensions=16)
    assert projection.shape == (60, 16)

    def right(features: np.ndarray) -> float:
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        scores = unit[1::3] @ unit[0::3].T
        return float((scores.argmax(axis=1) == np.arange(len(scores))).mean())

    new = rows[~known] - mean  # people it was not trained on
    assert right(new @ projection) > right(new) + 0.2


def test_too_few_people_are_refused() -> None:
    with pytest.raises(ConfigError, match="40 persons with two pictures or more; expected at le"):
        train.fit(*_faces(40, 2))


def test_the_program_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = open_data("synthetic:persons=1,clips=1,seconds=0.2").items[0].source.read().frames
    (tmp_path / "a").mkdir()
    cv2.imwrite(str(tmp_path / "a" / "1.png"), frames[0].bgr)
    out = tmp_path / "weights.safetensors"
    assert train.main([f"stills:{tmp_path}", "--out", str(out)]) == 2
    assert "0 persons with two pictures" in capsys.readouterr().err
    assert not out.exists()
    assert train.main([f"stills:{tmp_path / 'nowhere'}", "--out", str(out)]) == 2


def test_weights_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="not the projection"):
        load(path)
    small = {"mean": np.zeros(4, np.float32), "projection": np.zeros((4, 2), np.float16)}
    save_file(small, path)
    with pytest.raises(WeightsError, match="expected 11564 rows"):
        load(path)


def test_mirrored_faces_are_the_same_and_flat_ones_do_not_break() -> None:
    recognizer = FisherRecognizer(*load(verified(FISHER_WEIGHTS)))
    face = np.random.default_rng(1).integers(0, 255, (112, 112, 3)).astype(np.uint8)
    a, b, flat = recognizer.embed(
        [face, np.ascontiguousarray(face[:, ::-1]), np.full_like(face, 128)]
    )
    assert a @ b == pytest.approx(1.0, abs=1e-4)
    assert np.linalg.norm(flat) == pytest.approx(1.0, abs=1e-4)
