"""Frames come upright, in order, with their times, whatever the recording is stored as."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from framework.media import MediaKind, open_reader, probe
from tests.media.recordings import (
    RATE,
    corner_names,
    corners,
    make_video,
    number_of,
    numbered,
)


def numbers(reader):
    return [number_of(f.bgr) for f in reader]


@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format", "name"),
    [
        (".mp4", "libx264", "yuv420p", "h264"),
        (".mov", "libx264", "yuv422p", "h264"),
        (".mkv", "libx264", "yuv444p", "h264"),
        (".mp4", "libx265", "yuv420p", "hevc"),
        (".webm", "libvpx-vp9", "yuv420p", "vp9"),
        (".mp4", "libsvtav1", "yuv420p", "av1"),
        (".avi", "mpeg4", "yuv420p", "mpeg4"),
        (".avi", "mjpeg", "yuvj420p", "mjpeg"),
        (".mov", "mjpeg", "yuvj422p", "mjpeg"),
        (".mkv", "ffv1", "gray", "ffv1"),
        (".mkv", "ffv1", "gray10le", "ffv1"),
        (".mkv", "ffv1", "bgra", "ffv1"),
        (".mp4", "libx265", "yuv420p10le", "hevc"),
        (".mp4", "libx264", "gray", "h264"),
    ],
)
def test_formats(tmp_path, suffix, codec, pixel_format, name):
    options = {
        "libx265": {"x265-params": "log-level=none", "preset": "ultrafast", "crf": "10"},
        "libsvtav1": {"preset": "8", "crf": "10"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10", "b": "0"},
        "mpeg4": {"qmin": "2", "qmax": "2"},
        "mjpeg": {"qmin": "2", "qmax": "2"},
    }.get(codec)
    path = make_video(
        tmp_path / f"v{suffix}",
        codec=codec,
        pixel_format=pixel_format,
        options=options,
        time_base=Fraction(1, RATE),
        colour=None if codec in ("ffv1", "mjpeg") else (1, 1),
    )
    with open_reader(path) as reader:
        frames = list(reader)
        assert [number_of(f.bgr) for f in frames] == list(range(10))
        assert [f.index for f in frames] == list(range(10))
        assert [f.time_s for f in frames] == pytest.approx([i / RATE for i in range(10)])
        assert reader.duration_s == pytest.approx(0.4, abs=1e-6)
        assert reader.damage == []
        assert reader.info.codec == name
        assert reader.info.kind is MediaKind.VIDEO
        assert reader.info.bit_depth == (10 if "10" in pixel_format else 8)
    assert all(f.bgr.flags.c_contiguous and f.bgr.flags.owndata for f in frames)


def test_b_frames_come_in_presentation_order(tmp_path):
    path = make_video(tmp_path / "v.mp4", 40, options={"bf": "3", "preset": "medium"})
    with open_reader(path) as reader:
        assert numbers(reader) == list(range(40))
        assert numbers(reader) == list(range(40)), "a reader can be iterated again"


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_thread_count_changes_nothing(tmp_path, threads):
    path = make_video(tmp_path / "v.mp4", 30)
    with open_reader(path, threads=threads) as reader:
        assert numbers(reader) == list(range(30))


def test_variable_frame_rate_and_last_duration(tmp_path):
    times = [0.0, 0.04, 0.1, 0.5, 0.52, 2.0]
    for suffix, tolerance in ((".mp4", 1e-4), (".mkv", 6e-4)):
        path = make_video(tmp_path / f"v{suffix}", 6, times=times, end=3.5)
        with open_reader(path) as reader:
            assert [f.time_s for f in reader] == pytest.approx(times, abs=tolerance)
            assert reader.duration_s == pytest.approx(3.5, abs=tolerance)
            assert reader.damage == []


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_stream_that_starts_late(tmp_path, suffix):
    times = [3.0 + i / RATE for i in range(10)]
    path = make_video(tmp_path / f"v{suffix}", 10, times=times)
    with open_reader(path) as reader:
        assert [f.time_s for f in reader] == pytest.approx([i / RATE for i in range(10)], abs=1e-3)
        assert reader.start_s >= 2.99
        assert reader.duration_s == pytest.approx(0.4, abs=0.01)
        assert reader.damage == []


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True)])
def test_rotation_and_mirroring(tmp_path, turn, flips):
    path = make_video(tmp_path / "v.mp4", [corners(64, 32)] * 2, matrix=(turn, *flips))
    expected = np.rot90(corners(64, 32), turn // 90)
    expected = expected[:, ::-1] if flips[0] else expected
    expected = expected[::-1] if flips[1] else expected
    info = probe(path)
    frame = next(iter(open_reader(path)))
    assert (info.width, info.height) == (frame.width, frame.height) == expected.shape[1::-1]
    assert corner_names(frame.bgr) == corner_names(expected)
    assert info.mirrored == (sum(flips) == 1)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [(Fraction(4, 3), (86, 48)), (Fraction(8, 9), (64, 54)), (Fraction(1), (64, 48))],
)
def test_pixels_become_square(tmp_path, aspect, size):
    path = make_video(tmp_path / "v.mp4", 3, aspect=aspect)
    info = probe(path)
    frames = list(open_reader(path))
    assert (info.width, info.height) == size
    assert all((f.width, f.height) == size for f in frames)
    assert [number_of(f.bgr) for f in frames] == [0, 1, 2]
    assert bool(info.notes) == (aspect != 1)


@pytest.mark.parametrize("size", [(63, 47), (16, 16), (17, 33), (2, 2), (130, 6)])
def test_odd_and_tiny_sizes(tmp_path, size):
    picture = np.full((size[1], size[0], 3), (40, 90, 200), np.uint8)
    path = make_video(tmp_path / "v.mkv", [picture] * 3, codec="ffv1", pixel_format="yuv444p")
    frames = list(open_reader(path))
    assert [(f.width, f.height) for f in frames] == [size] * 3
    assert np.abs(frames[0].bgr.astype(int) - picture).max() <= 3


def test_one_frame(tmp_path):
    path = make_video(tmp_path / "v.mp4", 1)
    with open_reader(path) as reader:
        assert [f.time_s for f in reader] == [0.0]
        assert reader.duration_s == pytest.approx(0.04)


@pytest.mark.parametrize("matrix", [1, 5])
@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_declared_colour_matrix_and_range_are_used(tmp_path, matrix, scale, pixel_format):
    colours = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (128, 128, 128), (250, 250, 250)]
    pictures = [np.full((48, 64, 3), c, np.uint8) for c in colours]
    path = make_video(
        tmp_path / "v.mkv",
        pictures,
        codec="ffv1",
        pixel_format=pixel_format,
        colour=(matrix, scale),
    )
    for frame, colour in zip(open_reader(path), colours, strict=True):
        error = frame.bgr[24, 32].astype(int) - colour
        assert np.abs(error).max() <= 3, (colour, frame.bgr[24, 32])


def test_undeclared_matrix_is_601_in_small_and_709_in_hd_pictures(tmp_path):
    for size, matrix in (((64, 48), 5), ((1280, 720), 1)):
        colour = (30, 200, 30)
        picture = np.full((size[1], size[0], 3), colour, np.uint8)
        frames = [picture]
        path = tmp_path / f"{size[0]}.mkv"
        with av.open(str(path), "w") as output:
            stream = output.add_stream("ffv1", rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            for image in frames:
                frame = av.VideoFrame.from_ndarray(image, "bgr24").reformat(
                    format="yuv420p", dst_colorspace=matrix, dst_color_range=1
                )
                frame.colorspace, frame.color_range = 2, 0
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        got = next(iter(open_reader(path))).bgr[5, 5]
        assert np.abs(got.astype(int) - colour).max() <= 3, (size, got)


def test_alpha_is_shown_over_black(tmp_path):
    picture = np.full((48, 64, 4), (200, 100, 50, 255), np.uint8)
    picture[:, :32, 3] = 0
    picture[:24, 32:, 3] = 128
    path = make_video(tmp_path / "v.mkv", [picture] * 2, codec="ffv1", pixel_format="bgra")
    frame = next(iter(open_reader(path)))
    assert frame.bgr[40, 50].tolist() == [200, 100, 50]
    assert frame.bgr[10, 10].tolist() == [0, 0, 0]
    assert np.abs(frame.bgr[10, 50].astype(int) - (100, 50, 25)).max() <= 1


@pytest.mark.parametrize("suffix", [".gif", ".apng"])
def test_animations(tmp_path, suffix):
    codec, pixel_format = {".gif": ("gif", "rgb8"), ".apng": ("apng", "rgb24")}[suffix]
    times = [0.0, 0.1, 0.3, 0.4]
    path = make_video(
        tmp_path / f"a{suffix}",
        4,
        times=times,
        end=0.9,
        codec=codec,
        pixel_format=pixel_format,
        time_base=Fraction(1, 100),
        colour=None,
    )
    with open_reader(path) as reader:
        assert reader.info.kind is MediaKind.ANIMATION
        frames = list(reader)
        assert [number_of(f.bgr) for f in frames] == [0, 1, 2, 3]
        assert [f.time_s for f in frames] == pytest.approx(times)
        if suffix == ".gif":
            assert reader.duration_s == pytest.approx(0.9)


def test_size_change_within_a_stream(tmp_path):
    big = make_video(tmp_path / "a.ts", [numbered(5, 128, 96)] * 5)
    small = make_video(tmp_path / "b.ts", [numbered(6)] * 5)
    joined = tmp_path / "c.ts"
    joined.write_bytes(big.read_bytes() + small.read_bytes())
    with open_reader(joined) as reader:
        frames = list(reader)
        assert {(f.width, f.height) for f in frames} == {(128, 96)}
        assert {number_of(f.bgr) for f in frames} == {5, 6}
        times = [f.time_s for f in frames]
        assert times == sorted(set(times))
        assert any("size" in n for n in reader.notes)


def test_joined_recordings_go_on_in_time(tmp_path):
    parts = [
        make_video(tmp_path / f"{i}.ts", [numbered(100 * i + k) for k in range(60)])
        for i in range(2)
    ]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(p.read_bytes() for p in parts))
    with open_reader(joined) as reader:
        frames = list(reader)
        assert [number_of(f.bgr) for f in frames] == [*range(60), *range(100, 160)]
        times = [f.time_s for f in frames]
        assert times == pytest.approx([i / 25 for i in range(120)], abs=0.05)
        assert not any("did not decode" in d.what for d in reader.damage)
        picked = [number_of(f.bgr) for f in reader.frames([5, 90, 119], times)]
        assert picked == [5, 130, 159]


def test_notes_say_what_was_changed(tmp_path):
    path = make_video(
        tmp_path / "v.mp4",
        2,
        pixel_format="yuv420p10le",
        aspect=Fraction(4, 3),
    )
    assert any("10-bit" in n for n in probe(path).notes)
    assert any("square" in n for n in probe(path).notes)


class TestPick:
    """``frames(indices)`` gives what a full iteration gives."""

    @pytest.fixture(scope="class")
    @classmethod
    def recording(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("pick")
        options = {"bf": "2", "preset": "veryfast"}
        return make_video(folder / "v.mp4", 250, options=options, key_interval=30)

    @pytest.mark.parametrize("wanted", [[], [0], [249, 3, 3, 120], [200], range(0, 250, 60), [999]])
    def test_with_and_without_times(self, recording, wanted):
        with open_reader(recording) as reader:
            times = [f.time_s for f in reader]
            expected = sorted({i for i in wanted if i < 250})
            for known in ((), times, np.array(times)):
                got = list(reader.frames(wanted, known))
                assert [f.index for f in got] == expected
                assert [number_of(f.bgr) for f in got] == expected
                assert [f.time_s for f in got] == [times[i] for i in expected]

    def test_seeking_gives_the_same_pixels(self, recording):
        with open_reader(recording) as reader:
            every = {f.index: f for f in reader}
            times = [f.time_s for f in every.values()]
            for frame in reader.frames([100, 240], times):
                assert np.array_equal(frame.bgr, every[frame.index].bgr)

    def test_wrong_times_fall_back_to_decoding(self, recording):
        with open_reader(recording) as reader:
            times = [f.time_s + 0.001 * f.index for f in reader]
            assert [number_of(f.bgr) for f in reader.frames([200, 220], times)] == [200, 220]


def test_leaving_early_closes_the_file(tmp_path):
    path = make_video(tmp_path / "v.mp4", 30)
    with open_reader(path) as reader:
        first = iter(reader)
        assert next(first).index == 0
    assert next(first, None) is None
