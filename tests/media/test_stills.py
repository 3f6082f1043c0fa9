"""Images and folders of images."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest

from framework.errors import MediaError
from framework.media import MediaKind, default_suffix, open_reader, open_writer, probe
from framework.media.still import natural_key
from tests.media.recordings import (
    corner_names,
    corners,
    exif_block,
    jpeg_with_exif,
    number_of,
    numbered,
)


def save(path, picture):
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tiff", ".tif"])
@pytest.mark.parametrize("name", ["a", "frame-%03d", "IMG_0001", "file:x", "ä ö"])
def test_read(tmp_path, suffix, name):
    path = save(tmp_path / f"{name}{suffix}", numbered(77))
    with open_reader(path) as reader:
        (frame,) = reader
        assert number_of(frame.bgr) == 77
        assert frame.time_s == 0
        assert reader.info.kind is MediaKind.IMAGE
        assert reader.damage == []
        assert [f.index for f in reader.frames([0, 5])] == [0]
    assert (
        default_suffix(probe(path))[:4]
        == {".jpeg": ".jpg", ".tif": ".tiff"}.get(suffix, suffix)[:4]
    )


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_of_jpeg(tmp_path, value):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_with_exif(corners(), value))
    expected = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    (frame,) = open_reader(path)
    assert frame.bgr.shape == expected.shape
    assert corner_names(frame.bgr) == corner_names(expected)
    info = probe(path)
    assert (info.width, info.height) == (frame.width, frame.height)


def test_exif_orientation_of_png_and_webp(tmp_path):
    data = cv2.imencode(".png", corners())[1].tobytes()
    block = exif_block(6)
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block
    chunk += struct.pack(">I", zlib.crc32(b"eXIf" + block))
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    image = cv2.imencode(".webp", corners())[1].tobytes()[12:]
    flags = struct.pack("<4sIBBBB", b"VP8X", 10, 8, 0, 0, 0)
    flags += (63).to_bytes(3, "little") + (47).to_bytes(3, "little")
    body = b"WEBP" + flags + image + b"EXIF" + struct.pack("<I", len(block)) + block
    (tmp_path / "a.webp").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    for name in ("a.png", "a.webp"):
        (frame,) = open_reader(tmp_path / name)
        assert corner_names(frame.bgr) == "BRWG", name
        assert frame.bgr.shape == (64, 48, 3)


def test_grey_alpha_palette_and_16_bit(tmp_path):
    grey = np.full((20, 30), 90, np.uint8)
    save(tmp_path / "grey.png", grey)
    save(tmp_path / "grey16.png", np.full((20, 30), 90 * 257, np.uint16))
    save(tmp_path / "colour16.png", np.full((20, 30, 3), 90 * 257, np.uint16))
    save(tmp_path / "grey.jpg", grey)
    for name in ("grey.png", "grey16.png", "colour16.png", "grey.jpg"):
        (frame,) = open_reader(tmp_path / name)
        assert np.abs(frame.bgr.astype(int) - 90).max() <= 1, name
        assert frame.bgr.shape == (20, 30, 3)
    alpha = np.full((20, 30, 4), (100, 150, 200, 128), np.uint8)
    save(tmp_path / "alpha.png", alpha)
    (frame,) = open_reader(tmp_path / "alpha.png")
    assert np.abs(frame.bgr[5, 5].astype(int) - (50, 75, 100)).max() <= 1
    assert any("transparent" in n for n in probe(tmp_path / "alpha.png").notes)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tiff"])
def test_cut_off(tmp_path, suffix):
    path = save(tmp_path / f"a{suffix}", np.random.default_rng(0).integers(0, 255, (99, 99, 3)))
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(MediaError, match="damaged"):
        open_reader(path)


def test_an_animated_webp_without_pictures_is_damaged(tmp_path):
    path = tmp_path / "a.webp"
    head = b"WEBPVP8X" + struct.pack("<I", 10) + bytes([2, 0, 0, 0, 9, 0, 0, 9, 0, 0])
    body = head + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(MediaError, match="damaged"):
        open_reader(path)


class TestFolder:
    def fill(self, folder, count=12, suffix=".png"):
        for i in range(count):
            save(folder / f"img{i}{suffix}", numbered(i))

    def test_natural_order(self, tmp_path):
        self.fill(tmp_path)
        (tmp_path / "notes.txt").write_text("not a picture")
        save(tmp_path / ".hidden.png", numbered(99))
        with open_reader(tmp_path, sequence=True) as reader:
            frames = list(reader)
            assert [number_of(f.bgr) for f in frames] == list(range(12))
            assert [f.time_s for f in frames] == pytest.approx([i / 25 for i in range(12)])
            assert reader.duration_s == pytest.approx(12 / 25)
            assert reader.info.kind is MediaKind.FOLDER
            assert [f.index for f in reader.frames([3, 1])] == [1, 3]

    def test_natural_key(self):
        assert natural_key("²x٣"), "digits of other scripts do no harm"
        assert sorted(["10", "9", "b", "a10", "a9"], key=natural_key) == [
            "9",
            "10",
            "a9",
            "a10",
            "b",
        ]

    def test_mixed_sizes(self, tmp_path):
        self.fill(tmp_path, 2)
        save(tmp_path / "img5.png", numbered(5, 32, 32))
        with pytest.raises(MediaError, match=r"32x32.*64x48"):
            list(open_reader(tmp_path, sequence=True))

    def test_damaged_image_is_left_out_and_told(self, tmp_path):
        self.fill(tmp_path, 4)
        (tmp_path / "img2.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
        with open_reader(tmp_path, sequence=True) as reader:
            frames = list(reader)
            assert [number_of(f.bgr) for f in frames] == [0, 1, 3]
            assert [f.index for f in frames] == [0, 1, 2]
            assert [d.time_s for d in reader.damage] == [pytest.approx(2 / 25)]

    @pytest.mark.parametrize("suffix", [".png", ".jpg"])
    def test_folder_to_folder(self, tmp_path, suffix):
        source, target = tmp_path / "patient-smith", tmp_path / "out"
        source.mkdir()
        self.fill(source, 11, suffix)
        with (
            open_reader(source, sequence=True) as reader,
            open_writer(target, reader.info) as writer,
        ):
            for frame in reader:
                writer.write(frame.bgr, frame.time_s)
        names = sorted(p.name for p in target.iterdir())
        assert names == [f"{i:06d}{suffix}" for i in range(11)]
        assert [number_of(f.bgr) for f in open_reader(target, sequence=True)] == list(range(11))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "patient-smith"]

    def test_output_folder_must_be_empty(self, tmp_path):
        self.fill(tmp_path, 1)
        info = probe(tmp_path, sequence=True)
        with pytest.raises(MediaError, match="not an empty folder"):
            open_writer(tmp_path, info)
        empty = tmp_path / "empty"
        empty.mkdir()
        with open_writer(empty, info) as writer:
            writer.write(numbered(0), 0.0)
        assert [p.name for p in empty.iterdir()] == ["000000.png"]

    def test_folder_to_video(self, tmp_path):
        source = tmp_path / "in"
        source.mkdir()
        self.fill(source, 5)
        with (
            open_reader(source, sequence=True) as reader,
            open_writer(tmp_path / "out.mp4", reader.info) as writer,
        ):
            for frame in reader:
                writer.write(frame.bgr, frame.time_s)
        assert [number_of(f.bgr) for f in open_reader(tmp_path / "out.mp4")] == list(range(5))


def test_picture_too_large_for_the_format(tmp_path):
    path = save(tmp_path / "a.png", np.zeros((2, 17000, 3), np.uint8))
    with (
        pytest.raises(MediaError, match="17000x2"),
        open_reader(path) as reader,
        open_writer(tmp_path / "a.webp", reader.info) as writer,
    ):
        for frame in reader:
            writer.write(frame.bgr, frame.time_s)
    assert not (tmp_path / "a.webp").exists()
