"""Streams whose packets, times or tags are not what they seem."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from framework.errors import MediaError
from framework.media import MediaKind, open_reader, probe
from framework.media.bitstream import is_hidden, may_code_fields
from framework.media.cropping import Crop
from tests.media.recordings import make_video, number_of, numbered
from tests.media.unusual import (
    change_packets,
    field_coded,
    filtered,
    untimed,
    with_clean_aperture,
    with_pixel_crop,
)


class TestTiming:
    def test_raw_h264_without_timing_takes_the_nominal_rate(self, tmp_path):
        with open_reader(untimed(tmp_path / "camera.h264", 120)) as reader:
            times = [frame.time_s for frame in reader]
            assert len(times) == 120
            assert np.diff(times) == pytest.approx(np.full(119, 1 / 25))
            assert reader.duration_s == pytest.approx(120 / 25)
            assert any("no times of its own" in note for note in reader.notes)
            assert reader.damage == []

    def test_a_duration_far_below_the_nominal_one_is_none(self):
        from framework.media.clock import PresentationClock

        clock = PresentationClock(Fraction(1, 1_200_000), 25)
        ticks = [clock.place(None, duration) for duration in (48000, 1, 1, 0, 48000)]
        assert ticks == [0, 48000, 96000, 144000, 192000]


class TestFields:
    def test_a_second_field_with_its_own_time_is_no_lost_picture(self, tmp_path):
        with open_reader(field_coded(tmp_path / "camcorder.mts")) as reader:
            frames = list(reader)
            assert len(frames) == 12
            assert reader.damage == []
            assert reader.damaged_frames == set()
            assert np.diff([f.time_s for f in frames]) == pytest.approx(np.full(11, 0.04))

    def test_a_lost_picture_between_fields_is_still_told(self, tmp_path):
        source = field_coded(tmp_path / "whole.mts")
        broken = tmp_path / "broken.mts"

        def lose(index: int, data: bytes) -> bytes:
            # Both fields of one picture become a unit that decoders skip.
            return b"\0\0\0\1\x0c\xff\xff\x80" if index in (10, 11) else data

        change_packets(source, broken, lose)
        with open_reader(broken) as reader:
            assert len(list(reader)) == 11
            assert reader.damage

    def test_field_coding_is_seen_in_the_parameter_sets(self, tmp_path):
        for path, coded in (
            (field_coded(tmp_path / "fields.mts"), True),
            (make_video(tmp_path / "progressive.mp4", 3), False),
            (make_video(tmp_path / "progressive.ts", 30), False),
            (
                make_video(tmp_path / "mbaff.mp4", 3, options={"flags": "+ildct+ilme"}),
                True,
            ),
        ):
            with av.open(str(path)) as container:
                assert may_code_fields(container.streams.video[0]) is coded, path.name


class TestHiddenPictures:
    def hide(self, path, target, every: int, bit: int):
        return change_packets(
            path,
            target,
            lambda i, data: bytes([data[0] & ~bit]) + data[1:] if i % every == 4 else data,
        )

    @pytest.mark.parametrize(("codec", "bit"), [("libvpx", 0x10), ("libvpx-vp9", 0x02)])
    def test_a_reference_that_is_never_shown_is_no_lost_picture(self, tmp_path, codec, bit):
        source = make_video(
            tmp_path / "a.webm",
            20,
            codec=codec,
            options={"deadline": "realtime", "crf": "12", "b": "500k", "error-resilient": "1"},
            key_interval=100,
        )
        hidden = self.hide(source, tmp_path / "b.webm", 10, bit)
        with open_reader(hidden) as reader:
            assert len(list(reader)) == 18
            assert reader.damage == []

    def test_vp9_superframes_and_shown_references_are_pictures(self):
        def packet(first: int, last: int = 0) -> av.Packet:
            return av.Packet(bytes([first, 0, 0, last]))

        assert not is_hidden(packet(0b10000010), "vp9")
        assert is_hidden(packet(0b10000000), "vp9")
        assert not is_hidden(packet(0b10000000, 0b11000001), "vp9"), "a superframe"
        assert not is_hidden(packet(0b10001000), "vp9"), "shows an earlier picture"
        assert not is_hidden(packet(0), "h264")


class TestColourTags:
    @pytest.mark.parametrize("matrix", [8, 10, 11, 12, 13, 14, 15, 17])
    def test_an_unknown_matrix_is_read_as_the_nearest_with_a_note(self, tmp_path, matrix):
        source = make_video(tmp_path / "a.mp4", 6)
        tagged = filtered(source, tmp_path / "b.mp4", f"h264_metadata=matrix_coefficients={matrix}")
        with open_reader(tagged) as reader:
            assert [number_of(frame.bgr) for frame in reader] == list(range(6))
            assert any("colour matrix" in note for note in reader.notes)

    @pytest.mark.parametrize("matrix", [1, 2, 5, 6, 9])
    def test_a_known_matrix_has_no_note(self, tmp_path, matrix):
        source = make_video(tmp_path / "a.mp4", 2)
        tagged = filtered(source, tmp_path / "b.mp4", f"h264_metadata=matrix_coefficients={matrix}")
        assert probe(tagged).notes == ()


class TestChoiceOfStream:
    def two(self, path, *, first: int, second: int, default: int):
        """Two video streams of so many pictures, numbered from 0 and from 100; -1: both default."""
        from av.stream import Disposition

        with av.open(str(path), "w") as out:
            streams = []
            for k in range(2):
                stream = out.add_stream("libx264", rate=25, options={"crf": "12"})
                stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
                stream.disposition = Disposition.default if default in (k, -1) else Disposition(0)
                streams.append(stream)
            for k, count in enumerate((first, second)):
                for i in range(count):
                    frame = av.VideoFrame.from_ndarray(numbered(100 * k + i), "bgr24")
                    frame.pts, frame.time_base = i, Fraction(1, 25)
                    out.mux(streams[k].encode(frame))
                out.mux(streams[k].encode(None))
        return path

    @pytest.mark.parametrize(
        ("first", "second", "default", "chosen"),
        [
            (1, 9, 1, 100),
            (1, 9, 0, 100),
            (9, 5, 1, 100),
            (9, 5, 0, 0),
            (9, 1, 1, 0),
            (5, 9, -1, 100),
        ],
    )
    @pytest.mark.parametrize("suffix", [".mov", ".mp4"])
    def test_a_recording_comes_before_a_thumbnail(
        self, tmp_path, suffix, first, second, default, chosen
    ):
        path = self.two(tmp_path / f"a{suffix}", first=first, second=second, default=default)
        with open_reader(path) as reader:
            numbers = [number_of(frame.bgr) for frame in reader]
        assert numbers[0] == chosen
        assert len(numbers) == (second if chosen else first)
        assert any("2 video streams" in note for note in reader.notes)


class TestWhatAnAuthorHid:
    def test_opacity_of_vp9_is_applied(self, tmp_path):
        pictures = [
            np.dstack([numbered(200 + i), np.full((48, 64), 255, np.uint8)]) for i in range(6)
        ]
        for picture in pictures:
            picture[:, 32:, 3] = 0
        source = make_video(
            tmp_path / "a.webm",
            pictures,
            codec="libvpx-vp9",
            pixel_format="yuva420p",
            colour=None,
            options={"auto-alt-ref": "0", "crf": "12", "b": "0", "deadline": "realtime"},
            stream_metadata={"alpha_mode": "1"},
        )
        assert "transparent" in str(probe(source).notes)
        with open_reader(source) as reader:
            frames = list(reader)
        assert len(frames) == 6
        for frame in frames:
            assert frame.bgr[:, 36:].max() <= 4, "the hidden half"
            assert frame.bgr[:, :28].max() > 100

    def test_pixel_crop_of_matroska_is_applied(self, tmp_path):
        source = make_video(tmp_path / "a.mkv", 5)
        path = with_pixel_crop(source, tmp_path / "b.mkv", right=24)
        with open_reader(path) as reader, open_reader(source) as whole:
            assert reader.info.width == 40
            for frame, other in zip(reader, whole, strict=True):
                assert np.array_equal(frame.bgr, other.bgr[:, :40])
            assert any("crops" in note for note in reader.notes)

    def test_clean_aperture_of_mp4_is_applied(self, tmp_path):
        source = make_video(tmp_path / "a.mp4", 5)
        path = with_clean_aperture(source, tmp_path / "b.mp4", 48, 40)
        with open_reader(path) as reader, open_reader(source) as whole:
            assert (reader.info.width, reader.info.height) == (48, 40)
            for frame, other in zip(reader, whole, strict=True):
                assert np.array_equal(frame.bgr, other.bgr[4:44, 8:56])

    def test_a_crop_of_everything_is_refused(self, tmp_path):
        source = make_video(tmp_path / "a.mkv", 2)
        path = with_pixel_crop(source, tmp_path / "b.mkv", right=64)
        with pytest.raises(MediaError):
            open_reader(path)

    def test_a_crop_of_a_scaled_picture_never_shows_more(self):
        image = np.zeros((10, 30, 3), np.uint8)
        assert Crop(right=1).apply(image, (20, 10)).shape == (10, 28, 3)
        assert Crop(left=1, top=0.5).apply(image, (20, 10)).shape == (9, 28, 3)


def test_an_animated_avif_is_read_as_a_recording(tmp_path):
    path = make_video(
        tmp_path / "a.avif",
        6,
        codec="libsvtav1",
        options={"crf": "20", "preset": "12"},
        colour=None,
    )
    assert probe(path).kind is MediaKind.VIDEO
    assert len(list(open_reader(path))) == 6
