"""The measurer ``expression``: its contract, and what it reads from a real face."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from framework_measures import gaze, mesh
from framework_measures.expression import ExpressionMeasurer, snake
from framework_measures.plugin import EXPRESSION_WEIGHTS
from framework_measures.reading import Reader, five_points
from framework_measures.weightfile import Loaded, load, save

from framework.alignment import align
from framework.errors import WeightsError
from framework.testing import conformance
from framework.types import Image
from framework.weights import verified
from tests.faces.carphone import first_frames

# Eyes, nose and mouth of the first frame of carphone_pristine.mp4, pixels.
FIVE = np.array([[77.7, 60.2], [97.8, 55.5], [90.3, 67.7], [84.5, 82.8], [100.8, 78.8]], np.float32)


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(verified(EXPRESSION_WEIGHTS))


@pytest.fixture(scope="module")
def reader(loaded: Loaded) -> Reader:
    return Reader(loaded, threads=1)


@pytest.fixture(scope="module")
def picture() -> Image:
    return first_frames(1)[0]


@conformance("measurer:expression")
def test_contract(check: Callable[[], str]) -> None:
    check()


def test_two_looks_from_rough_landmarks_agree_with_a_start_elsewhere(
    reader: Reader, picture: Image
) -> None:
    near = reader.faces([picture], [FIVE])[0]
    moved = reader.faces([picture], [FIVE + np.array([1.5, -1.5], np.float32)])[0]
    unit = np.linalg.norm(near.points[mesh.LEFT_EYE_OUTER] - near.points[mesh.RIGHT_EYE_OUTER])
    apart = np.linalg.norm((near.points - moved.points)[:, :2], axis=1).mean() / unit
    assert apart < 0.04
    assert near.doubt < 0.12


def test_points_lie_on_the_face_in_the_picture(reader: Reader, picture: Image) -> None:
    found = five_points(reader.faces([picture], [FIVE])[0].points)
    assert np.abs(found - FIVE).max() < 5


def test_a_mirrored_face_has_the_other_yaw_and_the_other_side(
    reader: Reader, picture: Image
) -> None:
    crop = align(picture, FIVE, 80, 1.35)
    both = reader.crops([crop, np.ascontiguousarray(crop[:, ::-1])])
    assert both[0].pose[0] == pytest.approx(-both[1].pose[0], abs=6)
    assert both[0].pose[1] == pytest.approx(both[1].pose[1], abs=6)
    left, right = (reader.coefficients.index(f"eyeBlink{side}") for side in ("Left", "Right"))
    assert both[0].coefficients[left] == pytest.approx(both[1].coefficients[right], abs=0.25)


def test_a_leaning_picture_gives_the_lean(reader: Reader, picture: Image) -> None:
    turned = np.ascontiguousarray(np.rot90(picture, -1))  # clockwise
    height = picture.shape[0]
    five = np.stack([height - 1 - FIVE[:, 1], FIVE[:, 0]], 1).astype(np.float32)
    upright = reader.faces([picture], [FIVE])[0]
    leaning = reader.faces([turned], [five])[0]
    assert leaning.pose[2] - upright.pose[2] == pytest.approx(90, abs=6)
    assert leaning.coefficients == pytest.approx(upright.coefficients, abs=0.2)


def test_gaze_follows_the_iris_and_is_zero_straight_ahead(reader: Reader) -> None:
    face = reader.reference.copy()
    assert gaze.in_head(face, reader.reference) == pytest.approx((0, 0), abs=1e-9)
    for _, iris in mesh.EYES:
        face[list(iris), 0] += gaze.EYEBALL / 2
    assert gaze.in_head(face, reader.reference) == pytest.approx((30, 0), abs=1e-6)


def test_every_coefficient_has_a_column_and_names_are_snake_case(reader: Reader) -> None:
    names = [one.name for one in ExpressionMeasurer(reader).measures]
    assert names[:3] == ["pose_yaw", "pose_pitch", "pose_roll"]
    assert len(names) == 7 + len(reader.coefficients) + len(reader.votes)
    assert snake("browDownLeft") == "brow_down_left"


def test_weights_survive_writing_and_a_changed_file_is_refused(
    loaded: Loaded, tmp_path: Path
) -> None:
    path = tmp_path / "w.safetensors"
    from framework_measures.network import ExpressionNetwork

    fresh = ExpressionNetwork(len(loaded.coefficients), len(loaded.votes)).eval()
    save(path, Loaded(fresh, loaded.coefficients, loaded.votes, loaded.reference))
    again = load(path)
    first, second = (next(iter(n.parameters())).detach() for n in (fresh, again.network))
    assert np.allclose(first, second, atol=1e-3)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsError):
        load(path)


def test_the_declared_hash_is_that_of_the_file() -> None:
    data = verified(EXPRESSION_WEIGHTS).read_bytes()
    assert hashlib.sha256(data).hexdigest() == EXPRESSION_WEIGHTS.sha256
