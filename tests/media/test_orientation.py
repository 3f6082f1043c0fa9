"""All eight orientations, from EXIF and from display matrices."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from framework.errors import MediaError
from framework.media.orientation import Orientation
from framework.media.still import read_image
from tests.media.recordings import corner_names, corners, exif_block, jpeg_with_exif

orientations = st.builds(Orientation, st.booleans(), st.booleans(), st.booleans())


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_agrees_with_opencv(tmp_path, value):
    data = jpeg_with_exif(corners(), value)
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    ours, info = read_image(path)
    assert ours.shape == theirs.shape
    assert corner_names(ours) == corner_names(theirs)
    turned = Orientation.from_exif(value)
    assert (info.rotation_deg, info.mirrored) == (turned.clockwise_deg, turned.mirrored)


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
def test_exif_in_tiff_and_both_byte_orders(tmp_path, order):
    path = tmp_path / "a.tiff"
    Pillow.fromarray(corners()[:, :, ::-1]).save(path, exif=exif_block(6, b"camera", order))
    assert corner_names(read_image(path)[0]) == corner_names(
        Orientation.from_exif(6).apply(corners())
    )


@given(
    st.binary(max_size=200), st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b""])
)
def test_garbage_raises_nothing_but_a_message(tmp_path_factory, data, start):
    path = tmp_path_factory.mktemp("garbage") / "a.jpg"
    path.write_bytes(start + data)
    with pytest.raises(MediaError):
        read_image(path)


def test_cut_off_jpeg(tmp_path):
    data = jpeg_with_exif(corners(), 1)
    path = tmp_path / "a.jpg"
    for whole in (data, data + b"appended by a phone"):
        path.write_bytes(whole)
        read_image(path)
    for size in (3, 100, len(data) // 2, len(data) - 2):
        path.write_bytes(data[:size])
        with pytest.raises(MediaError, match=r"damaged|still picture"):
            read_image(path)
