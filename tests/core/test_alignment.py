from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.alignment import align, landmarks_from_box, similarity, template


@given(
    angle=st.floats(-3.1, 3.1),
    scale=st.floats(0.05, 20),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
)
def test_similarity_recovers_rotation_scale_and_shift(
    angle: float, scale: float, x: float, y: float
) -> None:
    source = template(112)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = source @ linear.T + np.array([x, y])
    found = similarity(source, target)
    np.testing.assert_allclose(found[:, :2], linear, atol=1e-3 * scale + 1e-5)
    np.testing.assert_allclose(source @ found[:, :2].T + found[:, 2], target, atol=0.05)


def test_similarity_agrees_with_the_svd_solution_on_noisy_points() -> None:
    rng = np.random.default_rng(0)
    source = template(112).astype(np.float64)
    target = source * 1.7 + rng.normal(0, 3, source.shape)
    found = similarity(source, target)
    # Umeyama (1991), equations 40 to 42, by singular values.
    p, q = source - source.mean(0), target - target.mean(0)
    u, d, vt = np.linalg.svd(q.T @ p / len(p))
    s = np.diag([1, np.sign(np.linalg.det(u) * np.linalg.det(vt))])
    rotation = u @ s @ vt
    scale = (d * np.diag(s)).sum() / p.var(axis=0).sum()
    np.testing.assert_allclose(found[:, :2], scale * rotation, atol=1e-5)


def test_points_that_coincide_have_no_similarity() -> None:
    with pytest.raises(ValueError, match="distinct"):
        similarity(np.ones((5, 2), np.float32), template(112))
    with pytest.raises(ValueError, match="distinct"):
        similarity(np.full((5, 2), np.nan, np.float32), template(112))


@pytest.mark.parametrize("face", [30, 112, 900])
@pytest.mark.parametrize("angle", [0.0, 0.7, 3.1])
def test_a_face_of_any_size_and_angle_lands_on_the_template(face: int, angle: float) -> None:
    side = 1200
    image = np.full((side, side, 3), 40, np.uint8)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = ((template(face) - face / 2) @ turn.T + side / 2).astype(np.float32)
    radius = max(2, face // 30)
    for x, y in points:
        rows, columns = np.ogrid[:side, :side]
        image[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = 255
    crop = align(image, points, 112)
    for x, y in template(112):
        assert crop[round(float(y)), round(float(x))].min() > 120


def test_the_scale_shows_more_of_the_surroundings() -> None:
    np.testing.assert_allclose(template(112, 1.0).mean(0), template(224, 2.0).mean(0) - 56, atol=8)
    narrow, wide = template(112, 1.0), template(112, 1.5)
    ratio = np.linalg.norm(narrow[0] - narrow[1]) / np.linalg.norm(wide[0] - wide[1])
    assert ratio == pytest.approx(1.5, rel=1e-4)


def test_landmarks_are_guessed_inside_the_box() -> None:
    points = landmarks_from_box(np.array([[10, 20, 110, 170]], np.float32))
    assert points.shape == (1, 5, 2)
    assert (points[0] > [10, 20]).all()
    assert (points[0] < [110, 170]).all()
    assert points[0, 0, 0] < points[0, 1, 0]
