"""All eight orientations, from EXIF and from display matrices."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.media.exif import image_orientation, jpeg_is_cut_off
from framework.media.orientation import Orientation
from tests.media.recordings import corner_names, corners, exif_block, jpeg_with_exif

orientations = st.builds(Orientation, st.booleans(), st.booleans(), st.booleans())


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_agrees_with_opencv(value):
    data = jpeg_with_exif(corners(), value)
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    ours = image_orientation(data).apply(corners())
    assert ours.shape == theirs.shape
    assert corner_names(ours) == corner_names(theirs)


@given(orientations)
def test_display_matrix_moves_points_as_apply_moves_pixels(orientation):
    # Build the matrix from its definition: where the axes of the stored picture go.
    x_axis, y_axis = (1, 0), (0, 1)
    if orientation.transpose:
        x_axis, y_axis = y_axis, x_axis
    flip = (-1 if orientation.flip_x else 1, -1 if orientation.flip_y else 1)
    a, b = x_axis[0] * flip[0], x_axis[1] * flip[1]
    c, d = y_axis[0] * flip[0], y_axis[1] * flip[1]
    one = 1 << 16
    matrix = [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30]
    assert Orientation.from_display_matrix(matrix) == orientation


@given(orientations)
def test_mirror_then_turn_is_the_same(orientation):
    picture = corners()
    if orientation.mirrored:
        picture = picture[:, ::-1]
    picture = np.rot90(picture, -orientation.clockwise_deg // 90)
    assert np.array_equal(orientation.apply(corners()), picture)


@given(st.integers(-4, 4), st.floats(-10, 10))
def test_rotation_counts_as_the_nearest_right_angle(quarters, error):
    turned = Orientation.from_rotation(90 * quarters + error).apply(corners())
    assert np.array_equal(turned, np.rot90(corners(), quarters))


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_in_tiff_and_both_byte_orders(order):
    assert image_orientation(exif_block(6, b"camera", order)) == Orientation.from_exif(6)


@given(st.binary(max_size=200), st.sampled_from([b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"II*\0", b""]))
def test_garbage_never_raises(data, start):
    image_orientation(start + data)
    jpeg_is_cut_off(start + data)


def test_cut_off_jpeg():
    data = jpeg_with_exif(corners(), 1)
    assert not jpeg_is_cut_off(data)
    assert not jpeg_is_cut_off(data + b"appended by a phone")
    for size in (3, 100, len(data) // 2, len(data) - 2):
        assert jpeg_is_cut_off(data[:size])
