"""Turned heads: how the angle is read, and cutting out at the border."""

from __future__ import annotations

import numpy as np
import pytest
from framework_faces.candidates import Candidates
from framework_faces.letterbox import Placement
from framework_faces.refine import _cut_out, refine_turned, roll_degrees

from framework.types import Image

UPRIGHT = np.array([[38, 52], [74, 52], [56, 72], [42, 92], [71, 92]], np.float32)


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 135, 180, -90])
def test_the_angle_of_a_turned_face(degrees: float) -> None:
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    assert roll_degrees((UPRIGHT @ turn.T)[None])[0] == pytest.approx(abs(degrees), abs=2)


@pytest.mark.parametrize(
    "box", [(10, 10, 20, 24), (-5, -5, 8, 8), (95, 55, 130, 90), (-40, 10, -20, 30), (0, 0, 400, 9)]
)
def test_the_cut_shows_the_picture_where_it_says(box: tuple[int, int, int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 100, 3)).astype(np.uint8)
    cut, origin = _cut_out(image, np.array(box, np.float32))
    left, top = origin.astype(int)
    for y in range(60):
        for x in (0, 33, 99):
            if 0 <= y - top < cut.shape[0] and 0 <= x - left < cut.shape[1]:
                np.testing.assert_array_equal(cut[y - top, x - left], image[y, x])


class _OneFaceEverywhere:
    """Stands for the network: in every orientation it finds the same face, best in one."""

    def __init__(self, box: tuple[float, float, float, float], best: int) -> None:
        self._box = np.array([box], np.float32)
        self._best = best

    def candidates(self, pictures: list[Image], placements: list[Placement]) -> list[Candidates]:
        points = np.zeros((1, 5, 2), np.float32)
        scores = [0.999 if turns == self._best else 0.9 for turns in range(len(pictures))]
        return [Candidates(self._box, np.array([s], np.float32), points) for s in scores]


def _refined(network: _OneFaceEverywhere, faces: Candidates) -> Candidates:
    image = np.zeros((200, 200, 3), np.uint8)
    return refine_turned(network, image, faces)  # type: ignore[arg-type]


SURE_AND_WEAK = Candidates(
    np.array([[30, 20, 70, 60], [50, 20, 80, 60]], np.float32),
    np.array([0.999, 0.3], np.float32),
    np.stack([UPRIGHT, UPRIGHT]),
)
# The cut around the weak box starts at (25, 0), so that this is the sure face.
SURE_IN_THE_CUT = (5.0, 20.0, 45.0, 60.0)


def test_a_turned_face_gets_what_is_seen_in_its_own_orientation() -> None:
    weak = SURE_AND_WEAK.take(np.array([1]))
    found = _refined(_OneFaceEverywhere(SURE_IN_THE_CUT, best=1), weak)
    np.testing.assert_array_equal(found.xyxy, [[30, 20, 80, 60]])
    np.testing.assert_allclose(found.score, 0.999)


def test_a_weak_box_on_the_edge_of_a_face_does_not_become_that_face() -> None:
    found = _refined(_OneFaceEverywhere(SURE_IN_THE_CUT, best=1), SURE_AND_WEAK)
    np.testing.assert_array_equal(found.xyxy, SURE_AND_WEAK.xyxy)


def test_a_weak_upright_face_stays_weak() -> None:
    weak = SURE_AND_WEAK.take(np.array([1]))
    found = _refined(_OneFaceEverywhere(SURE_IN_THE_CUT, best=0), weak)
    np.testing.assert_array_equal(found.xyxy, weak.xyxy)
    np.testing.assert_array_equal(found.score, weak.score)
