"""Where the threshold comes from, and what the mean of a track adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from framework_verify.recognition import FALSE_ACCEPTS, Enrolment, enrol
from framework_verify.scan import FEWEST_POOLED, Scan

D = 64


class Direct:
    """Crops are made so that their first pixels hold the embedding."""

    input_size = D
    crop_scale = 1.0

    def __init__(self, suspect_threshold: float | None) -> None:
        self.suspect_threshold = suspect_threshold

    def embed(self, faces: Sequence[np.ndarray]) -> np.ndarray:
        rows = np.stack([f[0, :, 0].astype(np.float32) - 128 for f in faces])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _crop(row: np.ndarray) -> np.ndarray:
    crop = np.zeros((D, D, 3), np.uint8)
    crop[0, :, 0] = np.clip(np.round(row / np.abs(row).max() * 120) + 128, 0, 255)
    return crop


def _people(noise: float, count: int = 1) -> dict[int, list[np.ndarray]]:
    rng = np.random.default_rng(0)
    return {
        t: [_crop(own + noise * rng.normal(size=D)) for _ in range(12)]
        for t, own in enumerate(rng.normal(size=(count, D)))
    }


def _nobody() -> list[np.ndarray]:
    raise AssertionError("not needed where the recognizer knows its threshold")


def test_a_recognizer_that_knows_its_threshold_is_believed() -> None:
    found = enrol(_people(0.1), Direct(0.7), _nobody)
    assert found is not None
    assert found.threshold == 0.7 and found.power == 1.0
    assert found.basis == "one in 100 comparisons of strangers reaches it"


def test_the_threshold_is_never_above_the_persons_own_frames() -> None:
    found = enrol(_people(0.8), Direct(0.999), _nobody)
    assert found is not None
    assert found.threshold < 0.999 and found.power == 0.0
    assert found.basis.startswith("three quarters of the original's own frames reach it")


@pytest.mark.parametrize("seed", range(3))
def test_extrapolated_from_strangers_it_keeps_the_false_accept_rate(seed: int) -> None:
    rng = np.random.default_rng(seed)
    unit = rng.normal(size=(2000, D))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    people = _people(0.05)
    found = enrol(people, Direct(None), lambda: [row[None] for row in unit[:40]])
    assert found is not None and "extrapolated" in found.basis
    accepted = (unit[40:] @ found.vectors[0].T >= found.threshold).mean()
    assert accepted < 3 * FALSE_ACCEPTS
    assert found.power == 1.0  # and the person is still known


def test_the_mean_of_a_track_shows_what_no_frame_shows() -> None:
    rng = np.random.default_rng(2)
    person = rng.normal(size=D)
    person /= np.linalg.norm(person)
    enrolment = Enrolment([7], [person[None].astype(np.float32)], 0.8, 1.0)
    scan = Scan()
    for _ in range(40):
        row = person + 0.25 * rng.normal(size=D)
        row /= np.linalg.norm(row)
        assert row @ person < 0.8
        scan.pool(3, row.astype(np.float32))
    for _ in range(FEWEST_POOLED - 1):
        scan.pool(4, person.astype(np.float32))
    scan.compare_pooled(enrolment)
    assert set(scan.pooled) == {3}  # too few faces of the other
    score, who = scan.pooled[3]
    assert score > 0.9 and who == 7
