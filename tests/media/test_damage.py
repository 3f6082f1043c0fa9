"""What decodes is delivered, and what is lost is told with its time. Never a traceback."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from framework.errors import MediaError
from framework.media import open_reader, probe
from tests.media.recordings import make_video, number_of, numbered

COUNT = 100


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    noise = np.random.default_rng(0)
    pictures = []
    for i in range(COUNT):
        picture = numbered(i)
        picture[:, 40:] = noise.integers(0, 255, picture[:, 40:].shape)
        pictures.append(picture)
    files = {}
    for suffix, options in {
        ".mp4": {"movflags": "+faststart"},
        ".mkv": {},
        ".avi": {},
        ".ts": {},
    }.items():
        base = Fraction(1, 25) if suffix == ".avi" else Fraction(1, 12800)
        files[suffix] = make_video(
            folder / f"v{suffix}", pictures, container_options=options, time_base=base
        )
    return files


def read(path):
    with open_reader(path) as reader:
        frames = list(reader)
        return frames, reader


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_cut_off(tmp_path, whole, suffix, share):
    data = whole[suffix].read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    frames, reader = read(path)
    good = [f for f in frames if f.index not in reader.damaged_frames]
    assert [number_of(f.bgr) for f in good] == [f.index for f in good]
    assert len(good) >= int(COUNT * share) - 12
    assert len(frames) < COUNT
    assert reader.damage, "the loss must be told"
    assert reader.damage[-1].time_s == pytest.approx(len(frames) / 25, abs=0.2)
    assert reader.duration_s == pytest.approx(frames[-1].time_s + 0.04, abs=0.01)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts"])
def test_garbage_in_the_middle(tmp_path, whole, suffix):
    data = bytearray(whole[suffix].read_bytes())
    start = len(data) // 2
    data[start : start + 6000] = np.random.default_rng(1).bytes(6000)
    path = tmp_path / f"garbage{suffix}"
    path.write_bytes(data)
    frames, reader = read(path)
    good = [f for f in frames if f.index not in reader.damaged_frames]
    assert len(good) >= 60
    for frame in good:
        late = number_of(frame.bgr) - round(frame.time_s * 25)
        # AVI has no times, only a count of frames: what is lost moves the rest forward.
        assert late == 0 or (suffix == ".avi" and frame.time_s > 1 and 0 < late < 10)
    assert reader.damage
    assert all(1.0 <= d.time_s <= 3.2 for d in reader.damage), reader.damage
    times = [f.time_s for f in frames]
    assert times == sorted(set(times))
    assert [f.index for f in frames] == list(range(len(frames)))


@pytest.mark.parametrize("share", [0.4, 0.99])
def test_cut_off_gif(tmp_path, share):
    whole = make_video(
        tmp_path / "whole.gif",
        30,
        codec="gif",
        pixel_format="rgb8",
        time_base=Fraction(1, 100),
        colour=None,
    )
    assert read(whole)[1].damage == []
    data = whole.read_bytes()
    path = tmp_path / "cut.gif"
    path.write_bytes(data[: int(len(data) * share)])
    frames, reader = read(path)
    assert 5 < len(frames) <= 30
    assert [d.what for d in reader.damage] == ["the recording breaks off"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_copy_that_starts_between_key_frames_is_not_damaged(tmp_path, suffix):
    source = make_video(tmp_path / "in.mp4", 60, options={"bf": "2"}, key_interval=20)
    path = tmp_path / f"out{suffix}"
    with av.open(str(source)) as a, av.open(str(path), "w") as b:
        stream = b.add_stream_from_template(a.streams.video[0])
        packets = [p for p in a.demux(video=0) if p.dts is not None]
        for packet in packets[30:]:
            packet.stream = stream
            b.mux(packet)
    frames, reader = read(path)
    assert [number_of(f.bgr) for f in frames] == list(range(40, 60))
    assert frames[0].time_s == 0
    assert reader.duration_s == pytest.approx(0.8, abs=0.01)
    assert reader.damage == []
    assert any("before the first key frame" in n for n in reader.notes)


def test_missing_stretch_in_matroska(tmp_path, whole):
    data = whole[".mkv"].read_bytes()
    third = len(data) // 3
    path = tmp_path / "hole.mkv"
    path.write_bytes(data[:third] + data[2 * third :])
    frames, reader = read(path)
    good = [f for f in frames if f.index not in reader.damaged_frames]
    assert all(number_of(f.bgr) == round(f.time_s * 25) for f in good)
    assert reader.damage


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_random_damage_never_crashes(tmp_path, whole, suffix, seed):
    random = np.random.default_rng(seed)
    data = bytearray(whole[suffix].read_bytes())
    for _ in range(8):
        at = int(random.integers(0, len(data) - 64))
        data[at : at + int(random.integers(1, 64))] = random.bytes(32)
    path = tmp_path / f"random{suffix}"
    path.write_bytes(data)
    try:
        frames, _ = read(path)
    except MediaError as error:
        assert "\n" not in str(error)
        return
    times = [f.time_s for f in frames]
    assert times == sorted(set(times))


class TestCannotBeOpened:
    """Each kind of bad input has its own one-line message."""

    def check(self, path, *words):
        for function in (probe, open_reader):
            with pytest.raises(MediaError) as caught:
                function(path)
            message = str(caught.value)
            assert "\n" not in message
            assert all(w in message for w in words), message

    def test_missing(self, tmp_path):
        self.check(tmp_path / "none.mp4", "no such file")

    def test_empty(self, tmp_path):
        path = tmp_path / "empty.mp4"
        path.touch()
        self.check(path, "is empty")

    @pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.nfo", "a.jpg", "a"])
    def test_text(self, tmp_path, name):
        path = tmp_path / name
        path.write_text("Dear doctor, this is not a video.\n" * 50)
        self.check(path, "not a video or image")

    @pytest.mark.parametrize("brand", [b"heic", b"mif1", b"avif"])
    def test_picture_of_a_phone(self, tmp_path, brand):
        """FFmpeg opens them, and shows the first of many tiles as if it were a video."""
        path = tmp_path / "IMG_0001.HEIC"
        path.write_bytes(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + b"\0" * 400)
        self.check(path, "HEIC", "save it as JPEG or PNG")

    def test_playlist(self, tmp_path):
        make_video(tmp_path / "v.ts", 3)
        path = tmp_path / "list.m3u8"
        path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nv.ts\n#EXT-X-ENDLIST\n")
        self.check(path, "not a video or image")

    def test_without_index(self, tmp_path, whole):
        path = tmp_path / "v.mp4"
        plain = make_video(tmp_path / "plain.mp4", 20)
        path.write_bytes(plain.read_bytes()[:-2000])
        self.check(path, "too damaged")

    def test_only_sound(self, tmp_path):
        source = make_video(tmp_path / "v.mp4", 5, audio_s=0.5)
        path = tmp_path / "sound.m4a"
        with av.open(str(source)) as a, av.open(str(path), "w", format="mp4") as b:
            stream = b.add_stream_from_template(a.streams.audio[0])
            for packet in a.demux(a.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    b.mux(packet)
        self.check(path, "no video stream", "only audio")

    def test_folder_without_images(self, tmp_path):
        (tmp_path / "notes.txt").write_text("nothing here")
        self.check(tmp_path, "folder without images")

    def test_garbage_with_a_good_header(self, tmp_path, whole):
        data = whole[".mp4"].read_bytes()
        at = data.index(b"mdat") + 4
        path = tmp_path / "v.mp4"
        path.write_bytes(data[:at] + np.random.default_rng(0).bytes(len(data) - at))
        self.check(path, "damaged")

    def test_unreadable(self, tmp_path, monkeypatch):
        path = make_video(tmp_path / "v.mp4", 2)

        def refuse(self, *args, **kwargs):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
        self.check(path, "cannot be read", "ermission denied")
