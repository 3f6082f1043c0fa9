"""Warps, landmark schemes, expression signals and the statistics of measuring."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from framework_fomm.crop import square_of_box
from framework_fomm.outline import follow_skull
from framework_training.fomm.expression import SIGNALS, head_scale, signals, similarity, transfer
from framework_training.fomm.framing import BOX_HEIGHT, smooth_squares, square_of_landmarks
from framework_training.fomm.landmarks import (
    KEYPOINTS,
    MIRROR,
    TAUGHT,
    jacobian_target,
    keypoint_targets,
)
from framework_training.fomm.options import compact_config
from framework_training.fomm.series import (
    blinks,
    correlation,
    f1,
    head_rotation,
    interval,
    labels_per_second,
    match_events,
    rotation_error,
    threshold_at,
)
from framework_training.fomm.warps import border_points, fit_thin_plate, sample
from hypothesis import given, settings
from hypothesis import strategies as st


def face(size: float = 200.0) -> np.ndarray:
    """(70, 2) landmarks of a schematic frontal face."""
    points = np.zeros((70, 2))
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([0.5 + 0.28 * np.cos(angle), 0.45 + 0.38 * np.sin(angle)], 1)
    for start, x in ((17, 0.29), (22, 0.54)):
        line = np.linspace(0, 1, 5)
        points[start : start + 5] = np.stack(
            [x + 0.17 * line, 0.37 - 0.03 * np.sin(np.pi * line)], 1
        )
    points[27:31] = [(0.5, 0.43 + 0.05 * i) for i in range(4)]
    points[31:36] = [(0.44 + 0.03 * i, 0.61) for i in range(5)]
    ring = ((-1, 0), (-0.4, -0.35), (0.4, -0.35), (1, 0), (0.4, 0.35), (-0.4, 0.35))
    for start, x in ((36, 0.375), (42, 0.625)):
        points[start : start + 6] = [(x + 0.055 * a, 0.44 + 0.055 * b) for a, b in ring]
    outer = np.linspace(np.pi, 3 * np.pi, 13)[:12]
    points[48:60] = np.stack([0.5 + 0.11 * np.cos(outer), 0.7 + 0.045 * np.sin(outer)], 1)
    inner = np.linspace(np.pi, 3 * np.pi, 9)[:8]
    points[60:68] = np.stack([0.5 + 0.09 * np.cos(inner), 0.7 + 0.015 * np.sin(inner)], 1)
    points[68], points[69] = (0.375, 0.44), (0.625, 0.44)
    return points * size


def test_mirror_is_its_own_inverse_and_keeps_a_symmetric_face() -> None:
    assert (MIRROR[MIRROR] == np.arange(70)).all()
    points = face()
    turned = points[MIRROR].copy()
    turned[:, 0] = 200.0 - turned[:, 0]
    assert np.abs(turned - points).max() < 1e-9


def test_keypoints_are_means_of_landmarks_and_nan_stays_nan() -> None:
    points = face().astype(np.float32)
    points[68:] = np.nan  # dlib knows no irises
    targets = keypoint_targets(points)
    assert targets.shape == (TAUGHT, 2)
    assert np.flatnonzero(np.isnan(targets[:, 0])).tolist() == [26, 27]
    assert np.allclose(targets[7], points[[37, 38]].mean(0))
    crown, ears = targets[len(KEYPOINTS)], targets[-2:]
    assert crown[1] < points[:68, 1].min()  # above every landmark
    assert ears[0, 0] < points[0, 0] and ears[1, 0] > points[16, 0]


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-0.6, 0.6), zoom=st.floats(0.5, 2.0))
def test_jacobians_are_taught_the_turn_of_the_head(angle: float, zoom: float) -> None:
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    upright = jacobian_target(face().astype(np.float32), 200)
    turned = jacobian_target((face() @ turn.T).astype(np.float32), 200)
    assert np.allclose(turned, turn @ upright, atol=1e-4)
    assert np.allclose(upright, upright[0, 0] * np.eye(2), atol=1e-6)
    # the outline turns with it
    moved = keypoint_targets((face() @ turn.T).astype(np.float32))
    assert np.allclose(moved, keypoint_targets(face().astype(np.float32)) @ turn.T, atol=1e-3)


def test_square_of_landmarks_is_that_of_the_box() -> None:
    points = face().astype(np.float32)
    brow = points[17:27, 1].mean()
    chin = points[8, 1]
    box = np.array([points[:17, 0].min(), chin - BOX_HEIGHT * (chin - brow), 0, chin])
    box[2] = points[:17, 0].max()
    found, wanted = square_of_landmarks(points), square_of_box(box)
    assert (found.x, found.y, found.side) == pytest.approx((wanted.x, wanted.y, wanted.side))


def test_smooth_squares_keep_a_still_head_still_and_damp_jumps() -> None:
    still = square_of_landmarks(face().astype(np.float32))
    same = smooth_squares([still] * 5)
    assert all(abs(s.x - still.x) < 1e-9 and abs(s.side - still.side) < 1e-9 for s in same)
    moved = square_of_landmarks((face() + np.array([40, 0])).astype(np.float32))
    jump = smooth_squares([still] * 30 + [moved] * 30)
    assert max(abs(b.x - a.x) for a, b in itertools.pairwise(jump)) < 4


@settings(max_examples=25, deadline=None)
@given(
    angle=st.floats(-0.6, 0.6),
    zoom=st.floats(0.5, 2.0),
    x=st.floats(-50, 50),
    y=st.floats(-50, 50),
)
def test_signals_ignore_roll_scale_and_place(angle: float, zoom: float, x: float, y: float) -> None:
    points = face()
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert np.allclose(signals(points), signals(points @ turn.T + [x, y]), atol=1e-6)
    matrix, shift = similarity(points, points @ turn.T + [x, y])
    assert np.allclose(matrix, turn, atol=1e-6) and np.allclose(shift, [x, y], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "rows", "move"),
    [
        ("mouth_opening", [65, 66, 67], (0, 8)),
        ("brow_height", list(range(17, 27)), (0, -6)),
        ("lid_opening", [37, 38, 43, 44], (0, -2)),
    ],
)
def test_each_signal_follows_its_part(name: str, rows: list[int], move: tuple[int, int]) -> None:
    points = face()
    points[rows] += move
    change = signals(points) - signals(face())
    column = SIGNALS.index(name)
    assert change[column] > 0.01
    assert np.abs(np.delete(change, column)).max() < 1e-9


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-0.4, 0.4), zoom=st.floats(0.6, 1.6))
def test_transfer_takes_the_expression_and_leaves_the_head(angle: float, zoom: float) -> None:
    rest, smiling = face(), face()
    smiling[[48, 54]] += [(-6, -3), (6, -3)]
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = transfer(face(), rest, smiling @ turn.T + [9, -4])  # smiled while it turned
    assert np.abs(moved - smiling).max() < 1e-6
    assert abs(head_scale(moved) - head_scale(rest)) < 1e-6


def test_thin_plate_hits_its_points_and_has_the_derivative_it_says() -> None:
    rng = np.random.default_rng(0)
    start = np.concatenate([face(), border_points(200)])
    goal = start + rng.normal(0, 2, start.shape)
    warp = fit_thin_plate(start, goal, smoothness=1e-6)
    assert np.abs(warp(start) - goal).max() < 0.01
    spots = rng.uniform(40, 160, (20, 2))
    step = rng.normal(0, 1e-3, (20, 2))
    predicted = np.einsum("nij,nj->ni", warp.jacobian(spots, 1e-3), step)
    assert np.allclose(warp(spots + step) - warp(spots), predicted, atol=1e-4)


def test_thin_plate_of_a_closed_eye_is_regular() -> None:
    start = face()
    start[[37, 38]] = start[[41, 40]]  # lids meet: two places become one
    warp = fit_thin_plate(np.concatenate([start, border_points(200)]),
                          np.concatenate([face(), border_points(200)]))  # fmt: skip
    assert np.isfinite(warp(face())).all()


def test_sample_of_a_shift_is_a_shift() -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
    spots = rng.uniform(0, 63, (10, 2))
    moved = sample(picture, fit_thin_plate(spots, spots + np.array([3, 5])))
    gap = np.abs(moved[:50, :50].astype(int) - picture[5:55, 3:53])
    assert gap.max() <= 2


def test_correlation_and_its_unknown_cases() -> None:
    a = np.sin(np.arange(30.0))
    assert correlation(a, 2 * a + 1) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1)
    holes = a.copy()
    holes[::3] = np.nan
    assert correlation(holes, a) == pytest.approx(1)
    assert correlation(a, np.ones(30)) is None
    assert correlation(a[:4], a[:4]) is None


def test_blinks_are_found_once_and_matched_in_time() -> None:
    time_s = np.arange(100) / 25
    gap = np.ones(100)
    gap[20:23] = [0.6, 0.2, 0.6]
    gap[70:72] = 0.4
    gap[71] = np.nan
    found = blinks(gap, time_s)
    assert found == pytest.approx([21 / 25, 70 / 25])
    assert match_events(found, [0.9, 2.0]) == (1, 1, 1)
    assert match_events([1.0, 1.1], [1.05]) == (1, 1, 0)  # one event can't match twice
    assert f1(1, 1, 1) == 0.5 and f1(0, 0, 0) is None


def test_rotation_error_compares_turns_not_positions() -> None:
    import cv2

    def about_y(degrees: float) -> np.ndarray:
        return cv2.Rodrigues(np.array([0, np.deg2rad(degrees), 0.0]))[0]

    assert rotation_error(about_y(20), about_y(5), about_y(30), about_y(15)) == pytest.approx(0)
    assert rotation_error(about_y(20), about_y(0), about_y(5), about_y(5)) == pytest.approx(20)
    straight = head_rotation(face(256)[:68], 256)
    assert straight is not None
    leaning = face(256)[:68] - 128
    turn = np.array([[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]])
    leant = head_rotation(leaning @ turn.T + 128, 256)
    assert leant is not None
    error = rotation_error(leant, straight, straight, straight)
    assert error == pytest.approx(np.rad2deg(0.2), abs=2.5)
    assert head_rotation(np.full((68, 2), np.nan), 256) is None


def test_interval_draws_persons_not_frames() -> None:
    values = [0.0] * 50 + [1.0] * 50
    wide = interval(values, [0] * 50 + [1] * 50)
    narrow = interval(values, list(range(100)))
    assert wide["mean"] == narrow["mean"] == 0.5 and wide["persons"] == 2
    assert wide["low"] == 0 and wide["high"] == 1  # two persons: nearly nothing is known
    assert narrow["high"] - narrow["low"] < 0.25  # type: ignore[operator]
    assert interval([], [])["mean"] is None


def test_threshold_and_seconds() -> None:
    distances = np.linspace(0, 1, 1001)
    assert threshold_at(distances, 0.001) == pytest.approx(0.001)
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [np.nan, np.nan], [0.1, 0.9]])
    seconds = labels_per_second(probabilities, np.array([0.1, 0.5, 1.2, 2.0]))
    assert seconds == {0: 0, 2: 1}


@settings(max_examples=20, deadline=None)
@given(angle=st.floats(-0.6, 0.6), zoom=st.floats(0.5, 1.5), x=st.floats(-0.2, 0.2))
def test_outline_follows_the_skull(angle: float, zoom: float, x: float) -> None:
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    value = torch.from_numpy(keypoint_targets(face().astype(np.float32)) / 100 - 1)[None]
    rest, upright = follow_skull(value)
    moved = value @ torch.from_numpy(turn).float().T + torch.tensor([x, 0.0])
    moved[:, 28:] = 5.0  # the detector lost the hair
    placed, turned = follow_skull(moved)
    wanted = rest @ torch.from_numpy(turn).float().T + torch.tensor([x, 0.0])
    assert torch.allclose(placed, wanted, atol=1e-4)
    assert torch.allclose(turned[0], torch.from_numpy(turn).float() @ upright[0], atol=1e-4)
    assert torch.equal(placed[:, :22], moved[:, :22])  # the face itself stays as it was found


def test_outline_needs_its_keypoints() -> None:
    with pytest.raises(ValueError, match="needs 33 keypoints"):
        compact_config(192, {"num_kp": 10})
