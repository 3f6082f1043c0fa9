"""Head and face apart: what reaches the donor, and what doesn't."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from framework_fomm.config import FommOptions
from framework_fomm.driver import PlainDriver, TaughtDriver, build_driver
from framework_fomm.exact import through_keypoints
from framework_fomm.expression import (
    HeadMotion,
    Rest,
    Retarget,
    close_lips,
    find_rest,
    gaussian,
    take_apart,
)
from framework_fomm.model import FommConfig, Keypoints, coordinate_grid
from framework_fomm.mouth import open_mouths
from framework_fomm.outline import follow_skull
from framework_training.fomm.landmarks import keypoint_targets
from hypothesis import given, settings
from hypothesis import strategies as st

UPPER, LOWER = 18, 19


def face(gap: float = 0.01) -> np.ndarray:
    """(33, 2) a plausible upright face in [-1, 1], lips ``gap`` apart."""
    points = np.zeros((70, 2), np.float32)
    points[:17] = [(-0.5 + i / 16, 0.7 * math.sin(math.pi * i / 16)) for i in range(17)]
    points[17:22] = [(-0.4 + 0.07 * i, -0.35) for i in range(5)]
    points[22:27] = [(0.12 + 0.07 * i, -0.35) for i in range(5)]
    points[27:31] = [(0, -0.2 + 0.1 * i) for i in range(4)]
    points[31:36] = [(-0.08 + 0.04 * i, 0.15) for i in range(5)]
    for start, x in ((36, -0.25), (42, 0.25)):
        eye = [(-0.08, 0), (-0.03, -0.02), (0.03, -0.02), (0.08, 0), (0.03, 0.02), (-0.03, 0.02)]
        points[start : start + 6] = [(x + dx, -0.2 + dy) for dx, dy in eye]
    points[48:60] = [(-0.18, 0.35), *[(-0.1 + 0.05 * i, 0.3) for i in range(5)], (0.18, 0.35),
                     *[(0.1 - 0.05 * i, 0.42) for i in range(5)]]  # fmt: skip
    points[60:68] = [(-0.15, 0.35), (-0.05, 0.35), (0, 0.35), (0.05, 0.35), (0.15, 0.35),
                     (0.05, 0.35 + gap), (0, 0.35 + gap), (-0.05, 0.35 + gap)]  # fmt: skip
    points[68:] = [(-0.25, -0.2), (0.25, -0.2)]
    return keypoint_targets(points).astype(np.float64)


def keypoints(*faces: np.ndarray) -> Keypoints:
    value, turn = follow_skull(torch.from_numpy(np.stack(faces)).float())
    return Keypoints(value, turn[:, None].expand(-1, 33, 2, 2).contiguous())


def moved(points: np.ndarray, angle: float, zoom: float, shift: tuple[float, float]) -> np.ndarray:
    c, s = zoom * math.cos(angle), zoom * math.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + np.array(shift)


poses = st.tuples(
    st.floats(-0.6, 0.6), st.floats(0.7, 1.3), st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
)


@given(pose=poses, gap=st.floats(0, 0.2))
@settings(max_examples=25, deadline=None)
def test_what_a_face_does_is_the_same_wherever_the_head_is(pose: tuple, gap: float) -> None:  # type: ignore[type-arg]
    one, other = take_apart(np.stack([face(gap), moved(face(gap), *pose)])).face
    assert np.allclose(one, other, atol=1e-5)
    there = take_apart(moved(face(gap), *pose)[None])
    back = there.middle[:, None] + np.einsum("nab,nkb->nka", there.turn, there.face)
    assert np.allclose(back[0], moved(face(gap), *pose), atol=1e-6)


@given(pose=poses)
@settings(max_examples=25, deadline=None)
def test_a_head_that_moves_moves_the_donor_and_not_its_face(pose: tuple) -> None:  # type: ignore[type-arg]
    donor = keypoints(face())
    rest = take_apart(face()[None])
    retarget = Retarget(donor, Rest(rest.face[0], rest.middle[0], float(rest.size[0])))
    still = retarget(rest)
    assert torch.allclose(still.value, donor.value, atol=1e-4)
    assert torch.allclose(still.jacobian, donor.jacobian, atol=1e-4)
    motion = take_apart(retarget(take_apart(moved(face(), *pose)[None])).value.numpy())
    expected = take_apart(moved(face(), *pose)[None])
    assert np.allclose(motion.turn, expected.turn, atol=1e-4)
    assert np.allclose(motion.middle, expected.middle, atol=1e-4)
    assert np.allclose(motion.face[0], take_apart(donor.value.numpy()).face[0], atol=1e-3)


def test_lips_that_are_never_seen_closed_are_not_pressed_into_each_other() -> None:
    """Somebody talks all the time: the least open of the frames must not count as closed."""
    gaps = np.tile([0.06, 0.12, 0.2, 0.12], 10)
    driver = TaughtDriver(keypoints(face()), FommOptions(steadiness_s=0.0))
    frames = keypoints(*(face(gap) for gap in gaps))
    driver.know(frames, frames[:1])
    result = driver.whole(frames, np.arange(40) / 25).value
    opened = (result[:, LOWER, 1] - result[:, UPPER, 1]).numpy()
    assert opened.min() > 0.04 and np.corrcoef(opened, gaps)[0, 1] > 0.99


def test_rest_is_closed_though_most_frames_are_open_and_calm_frames_come_first() -> None:
    motion = take_apart(np.stack([face(0.02)] * 20 + [face(0.2)] * 40))
    assert find_rest(motion).face[LOWER, 1] - find_rest(motion).face[UPPER, 1] < 0.2
    frowning = face(0.0)
    frowning[:6, 1] += 0.1
    motion = take_apart(np.stack([frowning] * 20 + [face(0.02)] * 20))
    weight = np.array([0.1] * 20 + [0.9] * 20)
    assert np.allclose(find_rest(motion, weight).face, take_apart(face(0.02)[None]).face, atol=1e-6)


def test_closing_lips_leaves_closed_ones_alone() -> None:
    closed = take_apart(face(0.01)[None]).face[0]
    assert np.array_equal(close_lips(closed, 1.0), closed)
    parted = close_lips(take_apart(face(0.2)[None]).face[0], 0.05)
    assert parted[LOWER, 1] - parted[UPPER, 1] == pytest.approx(0.05)


def test_narrow_eyes_that_close_close_wide_ones() -> None:
    narrow, wide = face(), face()
    wide[[7, 11], 1] -= 0.03
    shut = narrow.copy()
    shut[[7, 9], 1] = shut[[6, 8], 1].mean()
    shut[[11, 13], 1] = shut[[10, 12], 1].mean()
    rest = take_apart(narrow[None])
    retarget = Retarget(keypoints(wide), Rest(rest.face[0], rest.middle[0], float(rest.size[0])))
    result = retarget(take_apart(np.stack([narrow, shut]))).value
    open_gap, shut_gap = (result[:, 9, 1] - result[:, 7, 1]).tolist()
    assert 0 < shut_gap < 0.2 * open_gap  # and never inside out


def test_strength_scales_the_face_alone() -> None:
    rest = take_apart(face()[None])
    at_rest = Rest(rest.face[0], rest.middle[0], float(rest.size[0]))
    smile = face()
    smile[[14, 15], 0] *= 1.3
    smile = moved(smile, 0.2, 1.1, (0.05, 0.0))
    widths = []
    for strength in (0.5, 1.0, 2.0):
        done = Retarget(keypoints(face()), at_rest, strength)(take_apart(smile[None]))
        apart = take_apart(done.value.numpy())
        assert np.allclose(apart.turn, take_apart(smile[None]).turn, atol=1e-4)
        widths.append(apart.face[0, 15, 0] - apart.face[0, 14, 0])
    assert widths[2] - widths[1] == pytest.approx(2 * (widths[1] - widths[0]), rel=0.01)


# --- over time ---


def test_recordings_are_filtered_without_lag() -> None:
    time_s = np.arange(41) / 25
    bump = np.exp(-0.5 * ((time_s - 0.8) / 0.06) ** 2)
    result = gaussian(bump[:, None], time_s, 0.05)[:, 0]
    assert result.argmax() == bump.argmax() and np.allclose(result, result[::-1], atol=1e-12)
    line = gaussian(time_s[:, None], time_s, 0.1)[:, 0]
    assert np.allclose(line, time_s, atol=1e-12)  # at the ends too
    assert np.array_equal(gaussian(bump[:, None], time_s, 0.0)[:, 0], bump)


def test_live_filter_steadies_and_follows() -> None:
    rng = np.random.default_rng(0)
    frames = keypoints(*(face() + rng.normal(0, 0.004, (33, 2)) for _ in range(60)))
    driver = TaughtDriver(keypoints(face()), FommOptions())
    driver.know(frames[:5], frames[:1])
    made = torch.cat([driver.live(frames[i : i + 1], i / 25).value for i in range(60)])
    jitter = made[20:, 30].diff(dim=0).std() / frames.value[20:, 30].diff(dim=0).std()
    assert jitter < 0.7
    far = keypoints(moved(face(), 0.0, 1.0, (0.3, 0.0)))
    for i in range(60, 80):
        last = driver.live(far, i / 25)
    assert last.value[0, :, 0].mean() - made[-1, :, 0].mean() == pytest.approx(0.3, abs=0.03)
    driver.restart()
    assert torch.isfinite(driver.live(far, 0.0).value).all()  # time may start anew


def test_the_network_decides_the_kind_of_driver() -> None:
    taught = FommConfig(num_kp=33, rigid_outline=True)
    assert isinstance(build_driver(taught, keypoints(face()), FommOptions()), TaughtDriver)
    assert isinstance(build_driver(FommConfig(), keypoints(face()), FommOptions()), PlainDriver)


def test_head_motion_can_be_cut() -> None:
    motion = take_apart(np.stack([face(), face(0.1), face(0.2)]))
    assert isinstance(motion[1], HeadMotion) and motion[1].face.shape == (1, 33, 2)
    assert np.allclose(motion[1:].lip_gap, motion.lip_gap[1:])


# --- the flow ---


@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_flow_leads_every_keypoint_of_the_face_home(seed: int) -> None:
    rng = torch.Generator().manual_seed(seed)
    source = keypoints(face(0.02), face(0.05)).value
    driving = source + 0.01 * torch.randn(source.shape, generator=rng)
    identity = coordinate_grid(64, 64, source).expand(2, 64, 64, 2)
    flow = through_keypoints(identity, source, driving, 192)
    assert flow.shape == (2, 192, 192, 2)
    sampled = torch.nn.functional.grid_sample(
        flow.permute(0, 3, 1, 2), driving[:, :22, None], align_corners=True
    )[..., 0].transpose(1, 2)
    before = (driving - source)[:, :22].norm(dim=-1).mean()
    assert (sampled - source[:, :22]).norm(dim=-1).mean() < 0.25 * before
    still = through_keypoints(identity, source, source, 192)
    assert torch.allclose(still, coordinate_grid(192, 192, source).expand_as(still), atol=1e-5)


# --- the mouth ---


def test_the_inside_of_a_mouth_shows_when_it_opens_and_nowhere_else() -> None:
    donor = keypoints(face(0.01))
    pictures = np.full((2, 256, 256, 3), 180, np.uint8)
    open_mouths(pictures, keypoints(face(0.01), face(0.2)), donor)
    assert (pictures[0] == 180).all()
    changed = np.argwhere((pictures[1] != 180).any(-1)) / 255 * 2 - 1
    assert len(changed) > 200
    assert changed[:, 1].min() > -0.19 and changed[:, 1].max() < 0.19  # between the corners
    assert changed[:, 0].min() > 0.32 and changed[:, 0].max() < 0.58  # between the lips
    middle = pictures[1][round((0.5 + 1) / 2 * 255), 128]
    assert middle.mean() < 80


def test_a_donor_with_open_lips_has_a_mouth_of_its_own() -> None:
    pictures = np.full((1, 64, 64, 3), 180, np.uint8)
    open_mouths(pictures, keypoints(face(0.3)), keypoints(face(0.2)))
    assert (pictures == 180).all()
