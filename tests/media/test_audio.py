"""Sound is dropped unless asked for, and stays in step with the pictures."""

from __future__ import annotations

import av
import numpy as np
import pytest

from framework.errors import MediaError
from framework.media import open_reader, open_writer, read_audio
from tests.media.recordings import make_video, tone


def samples_of(path, rate=48000, start_s=0.0):
    return np.concatenate(list(read_audio(path, rate, start_s=start_s)))


def onset(samples, rate=48000):
    """Second at which the tone starts."""
    return int(np.argmax(np.abs(samples) > 0.1)) / rate


def render(source, path, audio=None):
    with open_reader(source) as reader, open_writer(path, reader.info) as writer:
        if audio == "copy":
            writer.copy_audio(source, reader.start_s)
        elif audio is not None:
            writer.add_audio(*audio)
        for frame in reader:
            writer.write(frame.bgr, frame.time_s)
        writer.duration_s = reader.duration_s
    return writer


def has_audio(path):
    with open_reader(path) as reader:
        return reader.info.has_audio


def test_dropped_by_default(tmp_path):
    source = make_video(tmp_path / "in.mp4", 10, audio_s=0.4)
    assert has_audio(source)
    render(source, tmp_path / "out.mp4")
    assert not has_audio(tmp_path / "out.mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi"])
@pytest.mark.parametrize("delay", [0.0, 0.5])
def test_kept_in_step(tmp_path, suffix, delay):
    source = make_video(tmp_path / "in.mkv", 50, audio_s=1.0, audio_start=delay)
    path = tmp_path / f"out{suffix}"
    render(source, path, "copy")
    with open_reader(path) as reader:
        assert [f.time_s for f in reader] == pytest.approx([i / 25 for i in range(50)], abs=1e-3)
        assert reader.duration_s == pytest.approx(2.0, abs=1e-3)
        assert reader.damage == []
        # AAC in AVI is encoded anew as MP3, whose delay AVI cannot express.
        tolerance = 0.06 if suffix == ".avi" else 0.03
        assert onset(samples_of(path, start_s=reader.start_s)) == pytest.approx(
            delay, abs=tolerance
        )


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_pictures_that_start_late_take_their_sound_along(tmp_path, suffix):
    times = [1.0 + i / 25 for i in range(50)]
    source = make_video(tmp_path / "in.mkv", 50, times=times, audio_s=1.0, audio_start=1.5)
    path = tmp_path / f"out{suffix}"
    render(source, path, "copy")
    with open_reader(path) as reader:
        assert onset(samples_of(path, start_s=reader.start_s)) == pytest.approx(0.5, abs=0.03)
        assert next(iter(reader)).time_s == 0


def test_packets_are_taken_as_they_are(tmp_path):
    source = make_video(tmp_path / "in.mp4", 25, audio_s=1.0)
    render(source, tmp_path / "out.mp4", "copy")

    def packets(path):
        with av.open(str(path)) as container:
            return [bytes(p) for p in container.demux(audio=0) if p.size]

    kept = packets(tmp_path / "out.mp4")
    original = packets(source)
    assert len(kept) >= len(original) - 2
    assert set(kept) <= set(original)


@pytest.mark.parametrize("codec", ["flac", "pcm_s16le"])
def test_codecs_with_comments_are_encoded_anew(tmp_path, codec):
    source = make_video(
        tmp_path / "in.mkv", 25, audio_s=1.0, audio_codec=codec, stream_metadata={"title": "SECRET"}
    )
    render(source, tmp_path / "out.mp4", "copy")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    assert np.abs(samples_of(tmp_path / "out.mp4")).max() > 0.2


def test_source_without_sound(tmp_path):
    source = make_video(tmp_path / "in.mp4", 5)
    writer = render(source, tmp_path / "out.mp4", "copy")
    assert any("no sound" in n for n in writer.notes)
    with pytest.raises(MediaError, match="no audio"):
        list(read_audio(source))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi"])
@pytest.mark.parametrize("rate", [16000, 48000, 11025])
def test_made_elsewhere(tmp_path, suffix, rate):
    source = make_video(tmp_path / "in.mp4", 50)
    sound = np.concatenate([np.zeros(rate // 2, np.float32), tone(1.0, rate)])
    path = tmp_path / f"out{suffix}"
    render(source, path, (np.array_split(sound, 7), rate))
    with open_reader(path) as reader:
        heard = samples_of(path, start_s=reader.start_s)
        assert onset(heard) == pytest.approx(0.5, abs=0.06)
        assert len(heard) / 48000 == pytest.approx(1.5, abs=0.15)


def test_samples_are_taken_as_the_pictures_go(tmp_path):
    taken = []

    def blocks():
        for i in range(100):
            taken.append(i)
            yield np.zeros(4800, np.float32)

    source = make_video(tmp_path / "in.mp4", 25)
    render(source, tmp_path / "out.mp4", (blocks(), 48000))
    assert len(taken) < 20, "sound beyond the pictures is not asked for"


def test_image_outputs_have_no_sound(tmp_path):
    source = make_video(tmp_path / "in.mp4", 1, audio_s=0.2)
    with pytest.raises(MediaError, match="no sound"):
        render(source, tmp_path / "out.png", "copy")
    assert not (tmp_path / "out.png").exists()


class TestReadAudio:
    @pytest.mark.parametrize("rate", [16000, 44100, 48000])
    def test_rate_and_form(self, tmp_path, rate):
        source = make_video(tmp_path / "in.mkv", 25, audio_s=1.0, audio_codec="pcm_s16le")
        blocks = list(read_audio(source, rate))
        assert all(b.dtype == np.float32 and b.ndim == 1 for b in blocks)
        samples = np.concatenate(blocks)
        assert len(samples) == pytest.approx(rate, rel=0.01)
        crossings = np.count_nonzero(np.diff(np.signbit(samples)))
        assert crossings / 2 == pytest.approx(440, rel=0.02)

    def test_starts_with_the_first_picture(self, tmp_path):
        source = make_video(
            tmp_path / "in.mkv", 25, audio_s=1.0, audio_start=0.4, audio_codec="pcm_s16le"
        )
        assert onset(samples_of(source)) == pytest.approx(0.4, abs=0.005)
        assert onset(samples_of(source, start_s=0.25)) == pytest.approx(0.15, abs=0.005)
        late = samples_of(source, start_s=0.9)
        assert onset(late) == 0
        assert len(late) == pytest.approx(0.5 * 48000, abs=480)

    def test_damaged_sound_becomes_silence_of_the_same_length(self, tmp_path):
        source = make_video(tmp_path / "in.mkv", 50, audio_s=2.0)
        whole = samples_of(source)
        data = bytearray(source.read_bytes())
        at = int(len(data) * 0.6)
        data[at : at + 300] = bytes(300)
        source.write_bytes(data)
        assert len(samples_of(source)) == pytest.approx(len(whole), abs=4800)


class TestJoinedRecordings:
    """Two transport streams, one behind the other, as ``cat`` and some cameras join them."""

    def joined(self, tmp_path, first_s: float, second_s: float):
        parts = []
        for k, (seconds, start) in enumerate(((first_s, 0.0), (second_s, 0.6))):
            path = make_video(
                tmp_path / f"{k}.ts",
                round(25 * seconds),
                audio_s=seconds - start,
                audio_start=start,
            )
            parts.append(path.read_bytes())
        (tmp_path / "joined.ts").write_bytes(b"".join(parts))
        return tmp_path / "joined.ts"

    def loud(self, path, start_s: float, at_s: float, rate: int = 16000) -> bool:
        samples = np.concatenate(list(read_audio(path, rate, start_s=start_s)))
        piece = samples[round((at_s - 0.05) * rate) : round((at_s + 0.05) * rate)]
        return bool(np.abs(piece).mean() > 0.05)

    def check(self, path, start_s: float, first_s: float, second_s: float) -> None:
        total = first_s + second_s
        expected = {0.3: True, first_s - 0.15: True, first_s + 0.3: False}
        expected |= {first_s + 0.8: True, total - 0.3: True}
        assert {at: self.loud(path, start_s, at) for at in expected} == expected

    @pytest.mark.parametrize(("first_s", "second_s"), [(2.0, 4.0), (4.0, 2.0), (3.0, 3.0)])
    def test_sound_stays_beside_its_pictures(self, tmp_path, first_s, second_s):
        path = self.joined(tmp_path, first_s, second_s)
        with open_reader(path) as reader:
            frames = list(reader)
            assert len(frames) == round(25 * (first_s + second_s))
            self.check(path, reader.start_s, first_s, second_s)

    @pytest.mark.parametrize(("first_s", "second_s"), [(2.0, 4.0), (4.0, 2.0)])
    def test_kept_sound_is_as_long_as_the_picture(self, tmp_path, first_s, second_s):
        path, target = self.joined(tmp_path, first_s, second_s), tmp_path / "out.mp4"
        with open_reader(path) as reader, open_writer(target, reader.info) as writer:
            writer.copy_audio(path, reader.start_s)
            for frame in reader:
                writer.write(frame.bgr, frame.time_s)
            writer.duration_s = reader.duration_s
        self.check(target, 0.0, first_s, second_s)
        with av.open(str(target)) as container:
            lengths = [float(s.duration * s.time_base) for s in container.streams]
        assert lengths[1] == pytest.approx(lengths[0], abs=0.06)
