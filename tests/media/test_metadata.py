"""Nothing about the people, the place or the device goes from a source to an output."""

from __future__ import annotations

import re

import av
import cv2
import numpy as np
import pytest

from framework.media import open_reader, open_writer
from tests.media.recordings import jpeg_with_exif, make_video, numbered

SECRETS = {
    "title": "SECRET-title",
    "artist": "SECRET-artist",
    "comment": "SECRET-comment",
    "location": "+52.5200+013.4050/SECRET-gps",
    "com.apple.quicktime.location.ISO6709": "+52.5200+013.4050/SECRET-iso6709",
    "com.apple.quicktime.model": "SECRET-camera",
    "creation_time": "2023-07-11T12:13:14.000000Z",
    "encoder": "SECRET-encoder",
}
STREAM_SECRETS = {"handler_name": "SECRET-handler", "title": "SECRET-track", "language": "ger"}


@pytest.fixture(params=[".mp4", ".mov", ".mkv"])
def source(request, tmp_path):
    path = make_video(
        tmp_path / f"SECRET-name{request.param}",
        10,
        metadata=SECRETS,
        stream_metadata=STREAM_SECRETS,
        container_options={"movflags": "+use_metadata_tags"} if request.param != ".mkv" else None,
        audio_s=0.4,
    )
    with av.open(str(path)) as container:
        assert "SECRET-title" in container.metadata.values(), "the test needs such a source"
    return path


@pytest.mark.parametrize(
    ("suffix", "keep_audio"),
    [(s, a) for s in (".mp4", ".mov", ".mkv", ".webm", ".avi") for a in (False, True)]
    + [(".gif", False)],
)
def test_nothing_of_the_source_is_left(tmp_path, source, suffix, keep_audio):
    path = tmp_path / f"out{suffix}"
    with open_reader(source) as reader, open_writer(path, reader.info) as writer:
        if keep_audio:
            writer.copy_audio(source, reader.start_s)
        for frame in reader:
            writer.write(frame.bgr, frame.time_s)
    data = path.read_bytes()
    assert b"SECRET" not in data
    assert b"2023" not in data
    assert re.search(rb"Lav[cf]\d", data) is None, "not even versions of the libraries"
    with av.open(str(path)) as container:
        assert bool(container.streams.audio) == keep_audio
        for entry in [container, *container.streams]:
            for key, value in entry.metadata.items():
                assert "SECRET" not in value
                assert key not in ("creation_time", "location", "title", "comment")
                if key == "language":
                    assert value in ("und", "eng")
        assert not container.chapters()


def test_mp4_dates_are_zero(tmp_path, source):
    path = tmp_path / "out.mp4"
    with open_reader(source) as reader, open_writer(path, reader.info) as writer:
        for frame in reader:
            writer.write(frame.bgr, frame.time_s)
    data = path.read_bytes()
    for box in (b"mvhd", b"tkhd", b"mdhd"):
        at = data.index(box)
        assert data[at + 8 : at + 16] == b"\0" * 8, box


@pytest.mark.parametrize("name", ["out.jpg", "out.png", "out.webp", "out.tiff", "out.bmp", "out"])
def test_images_lose_exif(tmp_path, name):
    source = tmp_path / "in.jpg"
    source.write_bytes(jpeg_with_exif(numbered(5), 6, b"SECRET-camera"))
    with open_reader(source) as reader, open_writer(tmp_path / name, reader.info) as writer:
        for frame in reader:
            writer.write(frame.bgr, frame.time_s)
    path = tmp_path / name
    files = list(path.iterdir()) if path.is_dir() else [path]
    assert files
    for file in files:
        data = file.read_bytes()
        assert b"SECRET" not in data
        assert b"Exif" not in data
        # The orientation is applied, not kept.
        assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2] == (64, 48)
