"""When somebody speaks: voice activity by silero-vad, for analysis alone.

An energy threshold is no substitute: it takes a closing door for a word. Without the package the
run stops and says how to install it. Sound is read block by block and nothing of it is kept.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.encounter.clock import Clock
from framework.encounter.joint import Voice
from framework.errors import ComponentError, MediaError
from framework.media import probe, read_audio

RATE = 16000
CHUNK = 512
"""Samples the network judges at a time."""
CONTEXT = 64
"""Samples of the chunk before that it wants in front."""
SPEECH = 0.5
"""Probability from which a chunk counts as speech (the package's own default)."""


def model_file() -> Path:
    """The network inside the installed package; the package itself is not imported.

    Raises:
        ComponentError: it is not installed.
    """
    spec = importlib.util.find_spec("silero_vad")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place) / "data" / "silero_vad.onnx"
        if file.is_file():
            return file
    raise ComponentError(
        "voice activity needs silero-vad; run: pip install 'clinical-empathy-framework[voice]', or "
        "leave voice_activity out"
    )


class VoiceDetector:
    """Probability of speech for each chunk of a recording, in order."""

    def __init__(self, threads: int = 1) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(threads, 1)
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(model_file()), options, providers=["CPUExecutionProvider"]
        )
        self._state = np.zeros((2, 1, 128), np.float32)
        self._context = np.zeros(CONTEXT, np.float32)

    def probability(self, chunk: NDArray[np.float32]) -> float:
        """Of speech in the next :data:`CHUNK` samples at 16 kHz, 0 to 1."""
        samples = np.concatenate([self._context, chunk])[None]
        given = {"input": samples, "state": self._state, "sr": np.array(RATE, np.int64)}
        found, self._state = self._session.run(None, given)
        self._context = chunk[-CONTEXT:]
        return float(found[0, 0])


def speech_chunks(path: Path, threads: int = 1) -> NDArray[np.bool_]:
    """(k,) whether each chunk of :data:`CHUNK` samples from the first picture on is speech."""
    detector = VoiceDetector(threads)
    found: list[bool] = []
    rest = np.zeros(0, np.float32)
    for block in read_audio(path, RATE, start_s=probe(path).start_s):
        rest = np.concatenate([rest, block.astype(np.float32)])
        while len(rest) >= CHUNK:
            found.append(detector.probability(rest[:CHUNK]) >= SPEECH)
            rest = rest[CHUNK:]
    return np.array(found, bool)


def voice_activity(
    sources: Sequence[Path], clocks: Sequence[Clock], seconds: int, threads: int = 1
) -> Voice:
    """Share of each second with speech, by whomever, from every recording that has sound.

    Where several recordings hear a second, the one that hears most speech counts: a microphone may
    be too far away, but none invents speech.

    Raises:
        ComponentError: silero-vad is not installed.
        MediaError: no recording has sound.
    """
    model_file()
    heard = np.full(seconds, np.nan)
    any_sound = False
    for source, clock in zip(sources, clocks, strict=True):
        if not probe(source).has_audio:
            continue
        any_sound = True
        speech = speech_chunks(source, threads)
        middle = (np.arange(len(speech)) + 0.5) * CHUNK / RATE
        second = np.floor(clock.sync.offset_s + (1 + clock.sync.drift) * middle).astype(np.int64)
        inside = (second >= 0) & (second < seconds)
        count = np.bincount(second[inside], minlength=seconds)
        spoken = np.bincount(second[inside], weights=speech[inside], minlength=seconds)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(count > 0, spoken / count, np.nan)
        heard = np.fmax(heard, share)
    if not any_sound:
        raise MediaError("no recording has sound; leave voice_activity out")
    return Voice(np.arange(seconds), heard.astype(np.float32))
