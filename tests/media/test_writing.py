"""Every frame arrives with its own time, the colours stay, and nothing is left half written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.errors import ContractError, MediaError
from framework.media import MediaKind, SourceInfo, default_suffix, open_reader, open_writer, probe
from tests.media.recordings import make_video, number_of, numbered

LIKE = SourceInfo(
    MediaKind.VIDEO, 64, 48, 25.0, None, None, "mp4", "h264", time_base=Fraction(1, 12800)
)


def write(path, pictures, times, end=None, **options):
    with open_writer(path, LIKE, duration_s=end, **options) as writer:
        for picture, time_s in zip(pictures, times, strict=True):
            writer.write(picture, time_s)
    return writer


def read(path):
    with open_reader(path) as reader:
        return list(reader), reader


@pytest.mark.parametrize(
    ("suffix", "codec", "tolerance"),
    [
        (".mp4", None, 1e-4),
        (".m4v", None, 1e-4),
        (".mov", None, 1e-4),
        (".mkv", None, 6e-4),
        (".webm", None, 6e-4),
        (".mp4", "hevc", 1e-4),
        (".mp4", "av1", 1e-4),
        (".webm", "av1", 6e-4),
        (".mp4", "vp9", 1e-4),
        (".mp4", "mpeg4", 1e-4),
        (".mkv", "mjpeg", 6e-4),
        (".mkv", "ffv1", 6e-4),
        (".gif", None, 5.1e-3),
        (".apng", None, 6e-4),
    ],
)
def test_variable_times_and_duration_are_kept(tmp_path, suffix, codec, tolerance):
    path = tmp_path / f"out{suffix}"
    times = [0.0, 0.04, 0.11, 0.5, 0.54, 1.2, 1.24, 1.3]
    writer = write(path, [numbered(i) for i in range(8)], times, end=2.0, codec=codec)
    frames, reader = read(path)
    assert [number_of(f.bgr) for f in frames] == list(range(8))
    assert [f.time_s for f in frames] == pytest.approx(times, abs=tolerance)
    assert reader.damage == []
    if suffix != ".apng":  # its demuxer does not tell the length of the last frame
        assert reader.duration_s == pytest.approx(2.0, abs=tolerance)
    assert writer.frames_written == 8
    assert writer.notes == []


def test_rounded_times_are_told(tmp_path):
    writer = write(tmp_path / "a.gif", [numbered(0), numbered(1)], [0.0, 0.044])
    assert writer.notes == ["times moved by up to 4.0 ms"]


def test_avi_keeps_every_frame_on_its_grid(tmp_path):
    for codec in ("h264", "mpeg4", "mjpeg"):
        path = tmp_path / f"{codec}.avi"
        writer = write(
            path, [numbered(i) for i in range(30)], [i / 25 for i in range(30)], codec=codec
        )
        frames, reader = read(path)
        assert [number_of(f.bgr) for f in frames] == list(range(30))
        assert [f.time_s for f in frames] == pytest.approx([i / 25 for i in range(30)])
        assert reader.duration_s == pytest.approx(1.2)
        assert any("fixed frame rate" in n for n in writer.notes)


def test_without_a_duration_the_last_frame_is_as_long_as_the_one_before(tmp_path):
    write(tmp_path / "a.mp4", [numbered(i) for i in range(3)], [0.0, 0.04, 0.14])
    assert read(tmp_path / "a.mp4")[1].duration_s == pytest.approx(0.24, abs=1e-3)
    write(tmp_path / "b.mp4", [numbered(0)], [0.0])
    assert read(tmp_path / "b.mp4")[1].duration_s == pytest.approx(0.04, abs=1e-3)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.integers(1, 20_000), min_size=1, max_size=15),
    st.integers(1, 30_000),
    st.sampled_from([Fraction(1, 12800), Fraction(1, 90000), Fraction(1001, 30000 * 1001)]),
)
def test_times_in_are_times_out(tmp_path, steps, last, base):
    ticks = np.concatenate([[0], np.cumsum(steps)])
    times = [float(int(t) * base) for t in ticks]
    like = SourceInfo(MediaKind.VIDEO, 16, 16, 25.0, None, None, "mp4", "h264", time_base=base)
    path = tmp_path / "out.mp4"
    end = float((int(ticks[-1]) + last) * base)
    with open_writer(path, like, duration_s=end) as writer:
        for i, time_s in enumerate(times):
            writer.write(numbered(i, 16, 16), time_s)
    frames, reader = read(path)
    assert [f.time_s for f in frames] == pytest.approx(times, abs=1e-9)
    assert all(b > a for a, b in pairwise(f.time_s for f in frames))
    assert reader.duration_s == pytest.approx(end, abs=1e-3)


@pytest.mark.parametrize(
    ("suffix", "options", "tolerance"),
    [
        (".mp4", {"quality": "high"}, 4),
        (".mp4", {"quality": "standard"}, 4),
        (".mp4", {"quality": "small"}, 8),
        (".mp4", {"codec": "hevc", "quality": "high"}, 4),
        (".mp4", {"codec": "av1", "quality": "high"}, 4),
        (".webm", {"quality": "high"}, 10),
        (".mp4", {"codec": "mpeg4", "quality": "high"}, 5),
        (".avi", {"codec": "mjpeg", "quality": "high"}, 6),
        (".mkv", {"codec": "ffv1"}, 0),
        (".apng", {}, 0),
        (".gif", {}, 12),
        (".png", {}, 0),
        (".jpg", {}, 3),
        (".webp", {}, 4),
        (".bmp", {}, 0),
        (".tiff", {}, 0),
    ],
)
def test_colours_come_back(tmp_path, suffix, options, tolerance):
    # Greys first: a shift there is a wrong range, a shift in the others a wrong matrix.
    patches = [(0, 0, 0), (64, 64, 64), (128, 128, 128), (255, 255, 255)]
    patches += [(200, 40, 40), (40, 200, 40), (40, 40, 200), (140, 170, 220)]
    picture = np.repeat(np.array(patches, np.uint8).reshape(2, 4, 3), 32, 0).repeat(32, 1)
    path = tmp_path / f"out{suffix}"
    write(path, [picture], [0.0], **options)
    (frame,), _ = read(path)
    error = np.abs(frame.bgr[16::32, 16::32].astype(int) - picture[16::32, 16::32])
    assert error.max() <= tolerance, error


def test_many_generations_do_not_drift(tmp_path):
    picture = np.full((64, 64, 3), (140, 170, 220), np.uint8)
    for generation in range(6):
        path = tmp_path / f"{generation}.mp4"
        write(path, [picture], [0.0], quality="high")
        picture = read(path)[0][0].bgr
    assert np.abs(picture.mean((0, 1)) - (140, 170, 220)).max() < 2


@pytest.mark.parametrize("size", [(63, 47), (64, 47), (16, 16), (17, 17), (2, 2), (3, 5)])
def test_odd_and_tiny_sizes(tmp_path, size):
    pictures = [np.full((size[1], size[0], 3), 40 * i, np.uint8) for i in range(3)]
    writer = write(tmp_path / "out.mp4", pictures, [0.0, 0.04, 0.08])
    frames, _ = read(tmp_path / "out.mp4")
    even = (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert [(f.width, f.height) for f in frames] == [even] * 3
    assert any("padded" in n for n in writer.notes) == (even != size)
    for frame, picture in zip(frames, pictures, strict=True):
        assert np.abs(frame.bgr.astype(int) - picture[0, 0]).max() <= 6, "the edge is repeated"


def test_pictures_may_be_views_and_reused(tmp_path):
    whole = np.zeros((48, 2 * 64, 3), np.uint8)
    with open_writer(tmp_path / "out.mp4", LIKE) as writer:
        for i in range(5):
            whole[:, 64:] = numbered(i)
            writer.write(whole[:, 64:], i / 25)
        writer.write(numbered(9)[::-1, ::-1][::-1, ::-1], 5 / 25)
    assert [number_of(f.bgr) for f in read(tmp_path / "out.mp4")[0]] == [0, 1, 2, 3, 4, 9]


def test_output_like_its_source(tmp_path):
    source = make_video(tmp_path / "in.mkv", 20, options={"bf": "2"})
    with open_reader(source) as reader:
        path = tmp_path / f"out{default_suffix(reader.info)}"
        with open_writer(path, reader.info) as writer:
            for frame in reader:
                writer.write(frame.bgr, frame.time_s)
            writer.duration_s = reader.duration_s
        times = [f.time_s for f in reader]
    frames, result = read(path)
    assert path.suffix == ".mp4"
    assert [number_of(f.bgr) for f in frames] == list(range(20))
    assert [f.time_s for f in frames] == pytest.approx(times, abs=1e-9)
    assert result.duration_s == pytest.approx(0.8)


class TestNothingHalfWritten:
    def test_exception(self, tmp_path):
        with (
            pytest.raises(RuntimeError),
            open_writer(tmp_path / "out.mp4", LIKE) as writer,
        ):
            writer.write(numbered(0), 0.0)
            writer.write(numbered(1), 0.04)
            raise RuntimeError
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out.png", "out"])
    def test_interrupt(self, tmp_path, name):
        with (
            pytest.raises(KeyboardInterrupt),
            open_writer(tmp_path / name, LIKE) as writer,
        ):
            writer.write(numbered(0), 0.0)
            raise KeyboardInterrupt
        assert list(tmp_path.iterdir()) == []

    def test_an_existing_file_survives_a_failure(self, tmp_path):
        path = tmp_path / "out.mp4"
        path.write_bytes(b"precious")
        with pytest.raises(RuntimeError), open_writer(path, LIKE) as writer:
            writer.write(numbered(0), 0.0)
            raise RuntimeError
        assert path.read_bytes() == b"precious"
        assert list(tmp_path.iterdir()) == [path]

    def test_no_frames(self, tmp_path):
        with pytest.raises(MediaError, match="no frame"), open_writer(tmp_path / "a.mp4", LIKE):
            pass
        assert list(tmp_path.iterdir()) == []

    def test_temporary_name_says_nothing(self, tmp_path):
        with open_writer(tmp_path / "patient-smith.mp4", LIKE) as writer:
            writer.write(numbered(0), 0.0)
            assert not any("smith" in p.name for p in tmp_path.iterdir())
        assert [p.name for p in tmp_path.iterdir()] == ["patient-smith.mp4"]

    def test_new_files_have_the_usual_permissions(self, tmp_path):
        write(tmp_path / "out.mp4", [numbered(0)], [0.0])
        (tmp_path / "other").touch()
        assert (tmp_path / "out.mp4").stat().st_mode == (tmp_path / "other").stat().st_mode

    @pytest.mark.skipif(os.name != "posix", reason="needs signals and limits of POSIX")
    @pytest.mark.parametrize("name", ["out.mp4", "out.mkv", "out.png", "out.gif"])
    def test_disk_full(self, tmp_path, name):
        # A limit on the size of files stands in for a full disk: writing fails in the same place.
        code = textwrap.dedent(
            """
            import resource, signal, sys
            import numpy as np
            from framework.errors import MediaError
            from framework.media import MediaKind, SourceInfo, open_writer
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
            like = SourceInfo(MediaKind.VIDEO, 256, 256, 25.0, None, None, "mp4", "h264")
            noise = np.random.default_rng(0)
            try:
                with open_writer(sys.argv[1], like) as writer:
                    for i in range(1 if sys.argv[1].endswith("png") else 60):
                        writer.write(noise.integers(0, 255, (256, 256, 3), dtype=np.uint8), i / 25)
            except MediaError as error:
                print(error)
            """
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / name)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "cannot be written" in done.stdout
        assert len(done.stdout.splitlines()) == 1
        assert done.stderr == ""
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
    def test_ctrl_c(self, tmp_path):
        code = textwrap.dedent(
            """
            import signal, sys
            import numpy as np
            from framework.media import MediaKind, SourceInfo, open_writer
            # Tests that run in the background of a shell ignore interrupts, and so would this.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            like = SourceInfo(MediaKind.VIDEO, 64, 64, 25.0, None, None, "mp4", "h264")
            try:
                with open_writer(sys.argv[1], like) as writer:
                    for i in range(10**9):
                        writer.write(np.zeros((64, 64, 3), np.uint8), i / 25)
                        if i == 100:
                            print("running", flush=True)
            except KeyboardInterrupt:
                sys.exit(130)
            """
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "out.mp4")],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert list(tmp_path.iterdir())
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        assert list(tmp_path.iterdir()) == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("name", "options", "words"),
        [
            ("out.mp5", {}, "unknown suffix .mp5"),
            ("out.mp4", {"codec": "h265"}, "expected one of h264, hevc"),
            ("out.webm", {"codec": "h264"}, "does not go into .webm"),
            ("out.png", {"codec": "h264"}, "only a video"),
            ("out.mp4", {"quality": "best"}, "expected small, standard or high"),
            ("no/such/out.mp4", {}, "does not exist"),
        ],
    )
    def test_bad_arguments(self, tmp_path, name, options, words):
        with pytest.raises(MediaError) as caught:
            open_writer(tmp_path / name, LIKE, **options)
        assert words in str(caught.value)
        assert list(tmp_path.iterdir()) == []

    def test_output_is_a_folder(self, tmp_path):
        (tmp_path / "a.mp4").mkdir()
        with pytest.raises(MediaError, match="is a folder"):
            open_writer(tmp_path / "a.mp4", LIKE)

    def test_time_must_advance(self, tmp_path):
        with (
            pytest.raises(ContractError, match="time_s"),
            open_writer(tmp_path / "a.mp4", LIKE) as writer,
        ):
            writer.write(numbered(0), 0.0)
            writer.write(numbered(1), 0.0)

    def test_size_must_stay(self, tmp_path):
        with (
            pytest.raises(ContractError, match="expected"),
            open_writer(tmp_path / "a.mp4", LIKE) as writer,
        ):
            writer.write(numbered(0), 0.0)
            writer.write(numbered(1, 32, 32), 0.1)

    def test_unwritable_folder(self, tmp_path, monkeypatch):
        from pathlib import Path

        def refuse(self, *args, **kwargs):
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "touch", refuse)
        with pytest.raises(MediaError, match="cannot be written"):
            open_writer(tmp_path / "a.mp4", LIKE)


def test_image_holds_one_frame(tmp_path):
    with (
        pytest.raises(MediaError, match="one frame"),
        open_writer(tmp_path / "a.png", LIKE) as writer,
    ):
        writer.write(numbered(0), 0.0)
        writer.write(numbered(1), 0.1)
    assert list(tmp_path.iterdir()) == []


def test_colours_are_tagged(tmp_path):
    import av

    write(tmp_path / "a.mp4", [numbered(0)], [0.0])
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)
        assert (frame.color_primaries, frame.color_trc) == (1, 1)


def test_mp4_starts_with_its_index(tmp_path):
    write(tmp_path / "a.mp4", [numbered(i) for i in range(5)], [i / 25 for i in range(5)])
    data = (tmp_path / "a.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_same_input_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write(tmp_path / name, [numbered(i) for i in range(5)], [i / 25 for i in range(5)])
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_probe_of_an_output(tmp_path):
    write(tmp_path / "a.mp4", [numbered(i) for i in range(5)], [i / 25 for i in range(5)])
    info = probe(tmp_path / "a.mp4")
    assert (info.codec, info.width, info.height, info.frame_count) == ("h264", 64, 48, 5)
    assert info.start_s == 0
    assert not info.has_audio
