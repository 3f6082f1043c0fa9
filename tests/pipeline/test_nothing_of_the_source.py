"""A recording full of things that tell of whom, when and where; none of them in any output."""

from __future__ import annotations

from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from framework_verify.container import metadata_left
from framework_verify.unseen import unseen_pictures

from framework import run
from framework.media import probe
from tests.media.recordings import tone
from tests.media.test_metadata import SECRETS, STREAM_SECRETS

from .conftest import HEIGHT, WIDTH, bright, picture, pictures

pytestmark = pytest.mark.usefixtures("parts")
FRAMES = 10


def loaded(path: Path, *, attachments: bool) -> Path:
    """Tags, chapters, sound, a second camera, a cover picture, subtitles, a data stream or file."""
    with av.open(str(path), "w") as out:
        out.metadata.update(SECRETS)
        videos = [out.add_stream("libx264", rate=20, options={"crf": "12"}) for _ in range(2)]
        cover = out.add_stream("mjpeg", rate=1)
        cover.disposition = Disposition.attached_pic
        cover.pix_fmt = "yuvj420p"
        sound = out.add_stream("aac", rate=48000)
        sound.codec_context.layout = "mono"
        for video in (*videos, cover):
            video.width, video.height = WIDTH, HEIGHT
        words: Any = out.add_mux_stream("subrip" if attachments else "mov_text")
        for stream in (*videos, sound):
            stream.metadata.update(STREAM_SECRETS)
        if attachments:
            out.add_attachment("SECRET-consent.txt", "text/plain", b"SECRET-signature")
        chapter = {"id": 1, "start": 0, "end": 400, "time_base": Fraction(1, 1000)}
        out.set_chapters([chapter | {"metadata": {"title": "SECRET-chapter"}}])
        for video in videos:
            for index in range(FRAMES):
                frame = av.VideoFrame.from_ndarray(picture(index, 1), "bgr24")
                frame.pts, frame.time_base = index, Fraction(1, 20)
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
        out.mux(cover.encode(av.VideoFrame.from_ndarray(picture(3, 1), "bgr24")))
        out.mux(cover.encode(None))
        text = b"SECRET-name says hello"
        packet = av.Packet(text if attachments else len(text).to_bytes(2, "big") + text)
        packet.stream, packet.time_base = words, Fraction(1, 1000)
        packet.pts = packet.dts = 0
        packet.duration = 300
        out.mux(packet)
        block = av.AudioFrame.from_ndarray(tone(0.5).reshape(1, -1), format="fltp", layout="mono")
        block.sample_rate = 48000
        out.mux(sound.encode(block))
        out.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("audio", ["drop", "keep"])
def test_only_covered_pictures_leave(tmp_path: Path, suffix: str, audio: str) -> None:
    source = loaded(tmp_path / f"SECRET-file{suffix}", attachments=suffix == ".mkv")
    with av.open(str(source)) as container:
        kinds = {stream.type for stream in container.streams}
        assert {"video", "audio", "subtitle"} <= kinds and container.chapters()
        assert len(container.streams.video) == 3
    out = tmp_path / "out"
    chosen: dict[str, Any] = {"detector": "square", "anonymizer": "fill", "fer": "happy"}
    result = run(source, out=out, audio=audio, **chosen)
    assert result.passed, result.reasons
    covered = out / "anonymized.mp4"
    with av.open(str(covered)) as container:
        expected = ["video", "audio"] if audio == "keep" else ["video"]
        assert [stream.type for stream in container.streams] == expected
        assert not container.chapters()
    assert all(bright(image) == 0 for image in pictures(covered))
    assert unseen_pictures(covered, probe(covered)) == []
    assert metadata_left(covered, probe(covered)) == []
    for file in out.iterdir():
        assert b"SECRET" not in file.read_bytes(), file.name
        assert str(tmp_path).encode() not in file.read_bytes(), file.name


def test_options_that_are_paths_do_not_get_into_any_file(tmp_path: Path) -> None:
    source = loaded(tmp_path / "visit.mkv", attachments=True)
    rules = tmp_path / "SECRET-rules.yaml"
    shipped = resources.files("framework_rules") / "default.yaml"
    rules.write_text(shipped.read_text(encoding="utf-8"), encoding="utf-8")
    key = tmp_path / "SECRET.key"
    key.write_bytes(b"0123456789abcdef-SECRET")
    key.chmod(0o600)
    out = tmp_path / "out"
    chosen: dict[str, Any] = {"detector": "square", "anonymizer": "fill", "fer": "happy"}
    options = [f"recommender.rules={rules}"]
    run(source, out=out, options=options, key_file=key, **chosen)
    for file in out.iterdir():
        assert b"SECRET" not in file.read_bytes(), file.name


def test_a_picture_loses_what_a_phone_appends(tmp_path: Path) -> None:
    still = bytes(cv2.imencode(".jpg", picture(0, 1), [cv2.IMWRITE_JPEG_QUALITY, 98])[1])
    source = tmp_path / "motion.jpg"
    source.write_bytes(still + b"SECRET" + still)
    run(source, out=tmp_path / "out", detector="square", anonymizer="fill", fer="none")
    data = (tmp_path / "out" / "anonymized.jpg").read_bytes()
    assert b"SECRET" not in data
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None and bright(np.asarray(shown, np.uint8)) == 0
