"""Hair beside the head is covered, as far as it is found, and a shape that isn't hair stays out."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from framework_fomm.anonymizer import FommAnonymizer
from framework_fomm.cover import cover_heads, covered_mask
from framework_fomm.hair import SHOULDERS, HairReach, HairWatch, find_hair, hair_regions
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.regions import Region, face_region

from .conftest import frames_of, scene, tracks_of, upright
from .test_anonymizer import Clip

BOX = (136.0, 50.0, 184.0, 110.0)  # half height about 30
SIZE = (320, 240)
HAIR, WALL, SKIN, SHIRT = (30, 45, 70), (190, 185, 170), (130, 160, 215), (140, 90, 40)


def region(box: tuple[float, float, float, float] = BOX) -> Region:
    return face_region(np.array(box, np.float32), SIZE, upright(box), margin=0.25)


def person(
    left: float | None, right: float | None, jacket: tuple[int, int, int] = SHIRT, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """A schematic person and where their hair is; each side hangs that many b below the middle."""
    height, width = SIZE[1], SIZE[0]
    y, x = np.mgrid[:height, :width].astype(float)
    x, y = (x - 160) / 30, (y - 80) / 30
    image = np.full((height, width, 3), WALL, np.uint8)
    image[(np.abs(x) < 2.6) & (y > 1.35)] = jacket
    image[(np.abs(x) < 0.35) & (y > 0.7) & (y < 1.6)] = SKIN
    hair = (np.hypot(x / 1.02, (y + 0.15) / 1.25) < 1) & (y < -0.2)
    for sign, length in ((-1, left), (1, right)):
        if length is not None:
            hair |= (sign * x > 0.6) & (sign * x < 1.5) & (y > -0.5) & (y < length)
    image[hair] = HAIR
    face = np.hypot(x / 0.78, y / 0.98) < 1
    image[face] = SKIN
    noise = np.random.default_rng(seed).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), hair & ~face


@pytest.mark.parametrize("length", [1.6, 2.0, 2.5])
def test_long_hair_is_covered(length: float) -> None:
    image, hair = person(length, length)
    head = region()
    reach = find_hair(image, head)
    mask = covered_mask([head, *hair_regions(head, reach)], SIZE)
    assert hair[covered_mask([head], SIZE) == 0].sum() > 150  # there is something to do
    assert (mask[hair] == 255).mean() > 0.985
    assert reach.left_below < length + 0.5  # and not everything below


@pytest.mark.parametrize("jacket", [SHIRT, HAIR])
def test_short_hair_leaves_shoulders_alone(jacket: tuple[int, int, int]) -> None:
    """Even where the jacket has the colour of the hair: nothing connects them."""
    reach = find_hair(person(None, None, jacket)[0], region())
    assert reach.left_below < 1.1 and reach.right_below < 1.1


def test_what_hangs_on_one_side_is_covered_on_both() -> None:
    reach = find_hair(person(2.0, None)[0], region())
    assert reach.left_below > 1.9 and reach.right_below == reach.left_below


@given(st.floats(0.5, 4), st.floats(-80, 300), st.floats(-80, 200))
@settings(max_examples=25, deadline=None)
def test_anywhere_and_at_any_size(scale: float, x: float, y: float) -> None:
    box = (x, y, x + 48 * scale, y + 60 * scale)
    head = region(box)
    reach = find_hair(scene(1, 240, 320), head)
    assert (reach.values() >= 0).all() and (reach.values() <= 3).all()
    for part in hair_regions(head, SHOULDERS):
        assert part.track_id == head.track_id and np.isfinite(part.polygon).all()
        part.raster()


@given(st.floats(1.2, 2.2), st.floats(1.2, 3.0), st.floats(-0.7, 0.7), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_nothing_under_the_cover_shows(wide: float, below: float, roll: float, seed: int) -> None:
    """Whatever the hair under the cover looks like, the result is the same."""
    five = upright(BOX)
    centre = five.mean(0)
    turn = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
    five = ((five - centre) @ turn.T + centre).astype(np.float32)
    head = face_region(np.array(BOX, np.float32), SIZE, five, margin=0.25)
    parts = [head, *hair_regions(head, HairReach(1.9, wide, below, wide, below))]
    mask = covered_mask(parts, SIZE)
    base = scene(seed, 240, 320)
    results = []
    for other in (base, 255 - base):
        image = base.copy()
        image[mask == 255] = other[mask == 255]
        cover_heads(image, parts, mask)
        results.append(image)
    assert np.array_equal(*results)


def test_a_watch_grows_at_once_and_shrinks_slowly() -> None:
    head, watch = region(), HairWatch()
    short, long = person(None, None)[0], person(2.2, 2.2)[0]
    watch.look(short, head)
    assert watch.reach(0.0).left_below < 1.1
    for _ in range(4):
        watch.look(long, head)
    full = watch.reach(0.5)
    assert full.left_below > 2.1
    for _ in range(30):
        watch.look(short, head)
    soon, late = watch.reach(1.0), watch.reach(60.0)
    assert 1.9 < soon.left_below < full.left_below and late.left_below < 1.1


def test_a_watched_recording_is_covered_the_same_all_through() -> None:
    head, watch = region(), HairWatch()
    for _ in range(5):
        watch.look(person(2.2, 2.2)[0], head)
    watch.settle()
    first = watch.reach(0.0)
    watch.look(person(None, None)[0], head)
    assert watch.reach(99.0) == first and first.left_below > 2.1


@pytest.mark.parametrize(("share", "standing"), [(3, False), (6, True)])
def test_what_stands_off_is_hair_if_it_is_mostly_there(share: int, standing: bool) -> None:
    """Something dark behind a head comes and goes with its movement; hair that hangs may, too."""
    for below, covered in ((1.0, standing), (2.0, True)):
        watch = HairWatch()
        watch._looks.extend([HairReach(0, 1.8, below, 1.8, below)] * share)
        watch._looks.extend([HairReach()] * (10 - share))
        watch.settle()
        assert (watch.reach(0.0).left > 0) == covered


Make = Callable[..., FommAnonymizer]


@pytest.mark.parametrize("live", [False, True])
def test_the_swap_leaves_no_long_hair(make_swap: Make, live: bool) -> None:
    image, hair = person(2.0, 2.0)
    frames, tracks = frames_of([image] * 8), [tracks_of(BOX)] * 8

    def left(**options: object) -> float:
        swap = make_swap(label=False, **options)
        if not live:
            swap.prepare(Clip(frames, tracks))
        result = [swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)][-1]
        seen = np.abs(cv2.blur(result, (3, 3)).astype(int) - HAIR).max(-1) < 25
        outside = hair & (covered_mask([region()], SIZE) == 0)
        return float(seen[outside].mean())

    assert left(hair="head") > 0.5
    assert left() < 0.05
    assert left(hair="shoulders") < 0.05
