"""What a picture is goes by its content; its colours and its turn are applied."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from framework.errors import MediaError
from framework.media import MediaKind, default_suffix, open_reader, open_writer, probe
from tests.media.recordings import (
    corner_names,
    corners,
    jpeg_with_exif,
    make_video,
    number_of,
    numbered,
)


def rgb(picture) -> Pillow.Image:
    return Pillow.fromarray(np.ascontiguousarray(picture[:, :, ::-1]))


def swapped_profile() -> bytes:
    """A profile that calls itself sRGB and has red and green exchanged."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", data, 128)
    for i in range(count):
        at = 132 + 12 * i
        name = bytes(data[at : at + 4])
        if name in (b"rXYZ", b"gXYZ"):
            data[at : at + 4] = b"gXYZ" if name == b"rXYZ" else b"rXYZ"
    return bytes(data)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


@pytest.mark.parametrize("name", ["a.jfif", "a", "a.mp4", "a.png", "a.JPG~"])
def test_a_jpeg_of_any_name_is_a_picture_and_turned(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(jpeg_with_exif(corners(), 2))
    info = probe(path)
    assert (info.kind, info.mirrored, default_suffix(info)) == (MediaKind.IMAGE, True, ".jpg")
    (frame,) = open_reader(path)
    assert corner_names(frame.bgr) == "GRWB"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a"])
def test_a_video_of_any_name_is_a_video(tmp_path, name):
    source = make_video(tmp_path / "a.mp4", 4)
    source.rename(tmp_path / name)
    assert [number_of(f.bgr) for f in open_reader(tmp_path / name)] == [0, 1, 2, 3]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp"])
def test_a_colour_profile_is_converted_to_srgb(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    options = {"lossless": True} if suffix == ".webp" else {}
    if suffix == ".jpg":
        options = {"quality": 98, "subsampling": 0}
    rgb(corners()).save(path, icc_profile=swapped_profile(), **options)
    (frame,) = open_reader(path)
    assert corner_names(frame.bgr) == "GRBW", "red and green are exchanged"
    assert any("profile" in note for note in probe(path).notes)


def test_a_profile_that_is_srgb_changes_nothing(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    for profile, note in ((srgb, 0), (b"no profile at all", 1)):
        rgb(picture).save(tmp_path / "a.png", icc_profile=profile)
        (frame,) = open_reader(tmp_path / "a.png")
        assert np.array_equal(frame.bgr, picture)
        assert len(probe(tmp_path / "a.png").notes) == note


def test_ycbcr_in_tiff_is_read_as_pillow_reads_it(tmp_path):
    smooth = np.indices((64, 96)).sum(axis=0)[:, :, None] + np.array([0, 40, 90])
    path = tmp_path / "a.tif"
    rgb(np.asarray(smooth, np.uint8)).convert("YCbCr").save(path)
    with Pillow.open(path) as opened:
        expected = np.asarray(opened.convert("RGB"))[:, :, ::-1]
    (frame,) = open_reader(path)
    assert np.abs(frame.bgr.astype(int) - expected).max() <= 1


class TestAnimations:
    def pictures(self) -> list[Pillow.Image]:
        return [rgb(numbered(i)) for i in range(5)]

    def test_apng_with_a_long_chunk_before_its_marker(self, tmp_path):
        first, *rest = self.pictures()
        data = io.BytesIO()
        first.save(data, "PNG", save_all=True, append_images=rest, duration=80)
        plain = data.getvalue()
        path = tmp_path / "a.png"
        path.write_bytes(plain[:33] + chunk(b"tEXt", b"Comment\0" + b"x" * 9000) + plain[33:])
        with open_reader(path) as reader:
            frames = list(reader)
            assert reader.info.kind is MediaKind.ANIMATION
        assert [number_of(f.bgr) for f in frames] == [0, 1, 2, 3, 4]
        assert [f.time_s for f in frames] == pytest.approx([0, 0.08, 0.16, 0.24, 0.32])

    @pytest.mark.parametrize("profile", [None, swapped_profile()])
    def test_animated_webp_is_read_with_its_times(self, tmp_path, profile):
        first, *rest = self.pictures()
        path = tmp_path / "a.webp"
        options = {} if profile is None else {"icc_profile": profile}
        first.save(
            path,
            save_all=True,
            append_images=rest,
            duration=[40, 80, 40, 40, 200],
            lossless=True,
            **options,
        )
        with open_reader(path) as reader:
            frames = list(reader)
            assert reader.info.kind is MediaKind.ANIMATION
            assert reader.duration_s == pytest.approx(0.4)
            assert [f.index for f in reader.frames([3, 1])] == [1, 3]
        assert [number_of(f.bgr) for f in frames] == [0, 1, 2, 3, 4]
        assert [f.time_s for f in frames] == pytest.approx([0, 0.04, 0.12, 0.16, 0.2])

    def test_animated_webp_becomes_an_animated_png(self, tmp_path):
        first, *rest = self.pictures()
        first.save(tmp_path / "a.webp", save_all=True, append_images=rest, duration=80)
        with open_reader(tmp_path / "a.webp") as reader:
            target = tmp_path / f"b{default_suffix(reader.info)}"
            with open_writer(target, reader.info) as writer:
                for frame in reader:
                    writer.write(frame.bgr, frame.time_s)
        assert target.suffix == ".apng"
        assert len(list(open_reader(target))) == 5

    def test_a_broken_animated_webp_is_refused(self, tmp_path):
        pictures = [
            Pillow.fromarray(np.random.default_rng(i).integers(0, 256, (64, 64, 3), np.uint8))
            for i in range(4)
        ]
        path = tmp_path / "a.webp"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=80)
        data = bytearray(path.read_bytes())
        at = data.rindex(b"ANMF") + 40
        data[at : at + 400] = bytes(400)
        path.write_bytes(data)
        with pytest.raises(MediaError, match="damaged"):
            open_reader(path)

    def test_pages_of_a_tiff_are_refused(self, tmp_path):
        first, *rest = self.pictures()
        first.save(tmp_path / "a.tiff", save_all=True, append_images=rest)
        with pytest.raises(MediaError, match="5 pages"):
            open_reader(tmp_path / "a.tiff")


class TestLimits:
    def bomb(self, path, side: int):
        """A PNG of a few kilobytes that unpacks to three bytes a pixel."""
        head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        packer = zlib.compressobj(9)
        row = bytes(3 * side + 1)
        body = b"".join(packer.compress(row) for _ in range(64)) + packer.flush()
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
        )

    @pytest.mark.parametrize("side", [12_000, 40_000])
    def test_a_picture_that_is_too_large_is_refused_unread(self, tmp_path, side):
        self.bomb(tmp_path / "a.png", side)
        with pytest.raises(MediaError, match="million"):
            open_reader(tmp_path / "a.png")

    def test_a_text_that_unpacks_to_much_is_refused(self, tmp_path):
        data = io.BytesIO()
        rgb(numbered(1)).save(data, "PNG")
        plain = data.getvalue()
        text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(80 * 2**20), 9))
        (tmp_path / "a.png").write_bytes(plain[:33] + text + plain[33:])
        with pytest.raises(MediaError, match="damaged"):
            open_reader(tmp_path / "a.png")
