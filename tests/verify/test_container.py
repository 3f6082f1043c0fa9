"""What a file carries beside its frames, whatever tool left it there."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from framework_verify.container import metadata_left
from framework_verify.gate import _unseen
from framework_verify.unseen import unseen_pictures

from framework.media import probe
from tests.media.recordings import exif_block, jpeg_with_exif, make_video, numbered


def jpeg() -> bytes:
    return bytes(cv2.imencode(".jpg", numbered(3))[1])


def png() -> bytes:
    return bytes(cv2.imencode(".png", numbered(3))[1])


def png_with_text() -> bytes:
    chunk = b"tEXtAuthor\0Dr. Smith"
    block = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return png()[:33] + block + png()[33:]


def two_streams(path: Path, *, cover: bool) -> Path:
    """A covered stream, and one more: what ``ffmpeg -map 0`` takes over from a source."""
    with av.open(str(path), "w") as out:
        for second in (False, True):
            stream = out.add_stream("mjpeg" if second and cover else "libx264", rate=10)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = "yuvj420p" if second and cover else "yuv420p"
            if second and cover:
                stream.disposition = Disposition.attached_pic
        for k, stream in enumerate(out.streams.video):
            for i in range(1 if k and cover else 5):
                frame = av.VideoFrame.from_ndarray(numbered(i), "bgr24")
                frame.pts = i
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("cover.mp4", lambda p: two_streams(p, cover=True)),
        ("second.mkv", lambda p: two_streams(p, cover=False)),
        ("motion.jpg", lambda p: p.write_bytes(jpeg() + b"\0\0\0\x18ftypmp42")),
        ("tail.png", lambda p: p.write_bytes(png() + b"more")),
    ],
)
def test_pictures_that_no_check_looks_at_are_told(
    tmp_path: Path, name: str, make: Callable[[Path], object]
) -> None:
    path = tmp_path / name
    make(path)
    found = unseen_pictures(path, probe(path))
    assert len(found) == 1, found
    finding = _unseen(found, 0)
    assert not finding.passed
    assert found[0] in finding.detail


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".bmp"])
def test_a_plain_picture_has_nothing_beside_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    path.write_bytes(bytes(cv2.imencode(suffix, numbered(3))[1]))
    assert unseen_pictures(path, probe(path)) == []
    assert metadata_left(path, probe(path)) == []


def test_a_plain_recording_has_nothing_beside_it(tmp_path: Path) -> None:
    path = make_video(tmp_path / "plain.mp4", 3, audio_s=0.1)
    assert unseen_pictures(path, probe(path)) == []
    assert _unseen([], 0).passed
    assert not _unseen([], 2).passed


def test_a_folder_holds_its_pictures_and_nothing_else(tmp_path: Path) -> None:
    for k in range(3):
        (tmp_path / f"{k}.png").write_bytes(png())
    assert unseen_pictures(tmp_path, probe(tmp_path)) == []
    (tmp_path / ".raw.png").write_bytes(png())
    (tmp_path / "Thumbs.db").write_bytes(b"thumbnails")
    (tmp_path / "1.png").write_bytes(png() + b"more")
    found = unseen_pictures(tmp_path, probe(tmp_path))
    assert found == ["2 files or folders that are not its pictures", "data behind the picture"]


def test_texts_in_pictures_are_named_and_never_shown(tmp_path: Path) -> None:
    comment = b"\xff\xfe" + (2 + 9).to_bytes(2, "big") + b"Dr. Smith"
    # A thumbnail has a picture of its own: what stands behind it must be seen as well.
    photoshop = b"\xff\xed" + (2 + 14).to_bytes(2, "big") + b"Photoshop 3.0\0"
    with_thumbnail = jpeg_with_exif(numbered(3), 1, jpeg())
    end = 4 + int.from_bytes(with_thumbnail[4:6], "big")
    tiff = exif_block(1, b"SECRET-camera")
    content = {
        "a.jpg": (jpeg()[:2] + comment + jpeg()[2:], {"comment"}),
        "b.jpg": (
            with_thumbnail[:end] + photoshop + with_thumbnail[end:],
            {"Exif", "Photoshop"},
        ),
        "c.png": (png_with_text(), {"tEXt"}),
        "d.tiff": (tiff, {"Model"}),
    }
    for name, (data, names) in content.items():
        path = tmp_path / name
        path.write_bytes(data)
        info = probe(path) if name != "d.tiff" else probe(tmp_path / "a.jpg")
        assert metadata_left(path, info) == [f"picture metadata {n}" for n in sorted(names)], name


def test_an_animated_picture_keeps_its_texts_too(tmp_path: Path) -> None:
    path = make_video(
        tmp_path / "a.apng",
        [np.ascontiguousarray(numbered(i)) for i in range(3)],
        codec="apng",
        pixel_format="rgb24",
        colour=None,
    )
    data = path.read_bytes()
    chunk = png_with_text()[33 : -len(png()) + 33]
    path.write_bytes(data[:33] + chunk + data[33:])
    assert "picture metadata tEXt" in metadata_left(path, probe(path))


def test_streams_and_chapters_that_no_player_needs_are_told(tmp_path: Path) -> None:
    path = tmp_path / "much.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        out.add_attachment("consent.txt", "text/plain", b"Mrs Smith")
        out.set_chapters(
            [
                {
                    "id": 1,
                    "start": 0,
                    "end": 200,
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": "Mrs Smith"},
                }
            ]
        )
        for i in range(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(i), "bgr24")))
        out.mux(stream.encode(None))
    left = metadata_left(path, probe(path))
    assert {"attachment stream", "chapters"} <= set(left)
    assert not any("Smith" in name for name in left)
