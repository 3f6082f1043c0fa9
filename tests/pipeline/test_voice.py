"""The sound of a covered recording: anonymized, of the same length, and never let through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from framework import ComponentError, run
from framework.media import open_reader, open_writer, read_audio
from framework.media.source import MediaKind, SourceInfo
from framework.pipeline import voice
from framework.pipeline.voice import RATE, AnonymizedSound
from tests.core.installed import install

from .conftest import HEIGHT, WIDTH, picture

VOICES = """
import numpy as np
from framework import ComponentSpec, hookimpl

class Backwards:
    def __init__(self, options, context): pass
    def anonymize(self, samples, rate): return samples[::-1].copy()

class Through(Backwards):
    def anonymize(self, samples, rate): return samples

class Short(Backwards):
    def anonymize(self, samples, rate): return samples[1:]

class Dies(Backwards):
    def anonymize(self, samples, rate): raise OSError("a secret path")

@hookimpl
def framework_voice_anonymizers():
    for maker in (Backwards, Through, Short, Dies):
        yield ComponentSpec(maker.__name__.lower(), "x", __name__ + ":" + maker.__name__,
                            "fake_parts:NoOptions", capabilities=frozenset({"weak"}))
"""


class Negate:
    """Gives another sound that can be told from the input sample by sample."""

    def anonymize(self, samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        return np.where(np.arange(len(samples)) % 2, samples, -samples).astype(np.float32)


class Echo:
    def anonymize(self, samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        return samples


@pytest.fixture
def talking(tmp_path: Path) -> Path:
    """Two seconds of a face and a tone."""
    path = tmp_path / "talk.mkv"
    info = SourceInfo(MediaKind.VIDEO, WIDTH, HEIGHT, 20, None, None, "matroska", "ffv1")
    sound = (0.3 * np.sin(np.arange(2 * 48000) * 0.05)).astype(np.float32)
    sound *= np.linspace(0.2, 1, len(sound), dtype=np.float32)
    with open_writer(path, info, codec="ffv1", duration_s=2.0) as writer:
        writer.add_audio([sound], 48000)
        for index in range(40):
            writer.write(picture(index, 1), index / 20)
    return path


def go(source: Path, out: Path, **settings: Any) -> Any:
    base = {"detector": "square", "anonymizer": "fill", "fer": "none", "recommender": "none"}
    return run(source, out=out, audio="anonymize", **(base | settings))


def sound_of(out: Path) -> NDArray[np.float32]:
    return np.concatenate(list(read_audio(out / "anonymized.mp4", RATE)))


def split(samples: NDArray[np.float32], sizes: list[int]) -> Iterator[NDArray[np.float32]]:
    start = 0
    for size in sizes:
        yield samples[start : start + size]
        start += size
    yield samples[start:]


@settings(max_examples=30, deadline=None)
@given(
    length=st.integers(0, 9000),
    sizes=st.lists(st.integers(0, 3000), max_size=6),
)
@example(length=1, sizes=[])
@example(length=2, sizes=[1])
def test_as_much_comes_out_as_goes_in(length: int, sizes: list[int]) -> None:
    samples = np.random.default_rng(length).uniform(-1, 1, length).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voice, "WINDOW_S", 0.1)
        patch.setattr(voice, "FADE_S", 0.02)
        sound = AnonymizedSound(Negate())
        made = list(sound.blocks(split(samples, sizes)))
    assert sum(map(len, made)) == length
    assert sound.failures == []
    if length:
        assert (
            np.allclose(np.abs(np.concatenate(made)), np.abs(samples), atol=1e-6) or length > 1600
        )


def test_a_voice_that_comes_back_as_it_was_becomes_silence() -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, 5 * RATE).astype(np.float32)
    sound = AnonymizedSound(Echo())
    made = np.concatenate(list(sound.blocks([samples])))
    assert not made.any()
    assert [failure.stage for failure in sound.failures] == ["voice"]


def test_the_sound_of_a_run_is_that_of_the_component(
    parts: Path, talking: Path, tmp_path: Path
) -> None:
    install(parts, "fake-voices", VOICES)
    said: list[str] = []
    result = go(talking, tmp_path / "out", voice="backwards", warn=said.append)
    assert result.passed, result.reasons
    assert any("'backwards' is weak" in line for line in said)
    sound = sound_of(tmp_path / "out")
    assert len(sound) / RATE == pytest.approx(2.0, abs=0.1)
    quarter = len(sound) // 4
    # The tone grows; backwards it fades.
    assert np.abs(sound[:quarter]).mean() > 1.5 * np.abs(sound[-quarter:]).mean()
    manifest = (tmp_path / "out" / "manifest.json").read_text()
    assert "backwards" in manifest


@pytest.mark.parametrize("name", ["through", "short", "dies"])
def test_a_voice_anonymizer_that_fails_gives_silence_and_status_1(
    parts: Path, talking: Path, tmp_path: Path, name: str
) -> None:
    install(parts, "fake-voices", VOICES)
    result = go(talking, tmp_path / "out", voice=name)
    assert not result.passed
    assert [f.stage for f in result.audit.failures] == ["voice"]
    assert np.abs(sound_of(tmp_path / "out")).max() < 1e-3
    assert "secret" not in (tmp_path / "out" / "audit.json").read_text()


def test_without_a_voice_anonymizer_the_package_is_named(
    parts: Path, talking: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRAMEWORK_PLUGINS", "fake-parts")
    with pytest.raises(ComponentError, match="pip install framework-voice"):
        go(talking, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recording_without_sound_stays_without(
    parts: Path, clip: Callable[..., Path], tmp_path: Path
) -> None:
    install(parts, "fake-voices", VOICES)
    assert go(clip(frames=6), tmp_path / "out", voice="backwards").passed
    with open_reader(tmp_path / "out" / "anonymized.mp4") as reader:
        assert not reader.info.has_audio


@pytest.mark.parametrize("length", [1, 2, 79, 80, 5000])
def test_sound_of_any_length_that_comes_back_is_silenced(length: int) -> None:
    samples = np.random.default_rng(length).uniform(0.1, 1, length).astype(np.float32)
    sound = AnonymizedSound(Echo())
    made = np.concatenate(list(sound.blocks([samples])))
    assert not made.any()
    assert len(sound.failures) == 1
