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

from framework.errors import ComponentError, MediaError
from framework.media import probe, read_audio
from framework.types import Role
from framework_encounter.clock import Clock
from framework_encounter.joint import Voice
from framework_encounter.speakers import Heard, turns

RATE = 16000
CHUNK = 512
"""Samples the network judges at a time."""
CONTEXT = 64
"""Samples of the chunk before that it wants in front."""
SPEECH = 0.5
"""Probability from which a chunk counts as speech (the package's own default)."""
SILENCE = 1e-10
"""Power of digital silence, so that its level is a number."""

ONE_MICROPHONE = (
    "who speaks is not told: that takes a camera with sound for the patient alone and another for "
    "the doctor alone"
)
ALIKE = (
    "who speaks is not told: the two microphones hear all speech about equally loud, or only one "
    "person speaks"
)
TOLD = (
    "who speaks is told by whose microphone hears it louder, gains apart; of two who speak at once "
    "only the louder counts"
)


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


def hear(path: Path, clock: Clock, threads: int = 1) -> Heard:
    """Speech and level of each chunk of :data:`CHUNK` samples from the first picture on."""
    detector = VoiceDetector(threads)
    speech: list[bool] = []
    level: list[float] = []
    rest = np.zeros(0, np.float32)
    for block in read_audio(path, RATE, start_s=probe(path).start_s):
        rest = np.concatenate([rest, block.astype(np.float32)])
        used = len(rest) // CHUNK * CHUNK
        for chunk in rest[:used].reshape(-1, CHUNK):
            speech.append(detector.probability(chunk) >= SPEECH)
            # The step from sample to sample: rumble and handling noise hardly count.
            power = float(np.mean(np.diff(chunk.astype(np.float64)) ** 2))
            level.append(10 * np.log10(power + SILENCE))
        rest = rest[used:]
    middle = (np.arange(len(speech)) + 0.5) * CHUNK / RATE
    shared = clock.sync.offset_s + (1 + clock.sync.drift) * middle
    return Heard(shared, np.array(speech, bool), np.array(level, np.float64))


def voice_activity(
    sources: Sequence[Path],
    clocks: Sequence[Clock],
    seconds: int,
    shows: Sequence[Sequence[Role]] = (),
    threads: int = 1,
) -> Voice:
    """Share of each second with speech, and by whom if the microphones tell.

    Where several recordings hear a second, the one that hears most speech counts: a microphone may
    be too far away, but none invents speech. Who speaks is told by the microphones of two cameras
    that show one person each; see :mod:`framework_encounter.speakers`.

    Args:
        shows: whom each recording shows.

    Raises:
        ComponentError: silero-vad is not installed.
        MediaError: no recording has sound.
    """
    model_file()
    overall = np.full(seconds, np.nan)
    own: dict[Role, Heard] = {}
    microphones = 0
    roles = list(shows) or [()] * len(sources)
    for source, clock, shown in zip(sources, clocks, roles, strict=True):
        if not probe(source).has_audio:
            continue
        microphones += 1
        heard = hear(source, clock, threads)
        overall = np.fmax(overall, _shares(heard.time_s, heard.speech, seconds))
        if len(shown) == 1:
            own.setdefault(shown[0], heard)
    if not microphones:
        raise MediaError("no recording has sound; leave voice_activity out")
    second = np.arange(seconds)
    speech = overall.astype(np.float32)
    if not {Role.PATIENT, Role.DOCTOR} <= own.keys():
        return Voice(second, speech, note=ONE_MICROPHONE)
    found = turns(own[Role.PATIENT], own[Role.DOCTOR])
    if found is None:
        return Voice(second, speech, note=ALIKE)
    speakers = {
        role: _shares(found.time_s, spoken, seconds).astype(np.float32)
        for role, spoken in ((Role.PATIENT, found.first), (Role.DOCTOR, found.second))
    }
    return Voice(second, speech, speakers, TOLD)


def _shares(
    time_s: NDArray[np.float64], spoken: NDArray[np.bool_], seconds: int
) -> NDArray[np.float64]:
    """(seconds,) share of each second's chunks that are speech; NaN without any."""
    second = np.floor(time_s).astype(np.int64)
    inside = (second >= 0) & (second < seconds)
    count = np.bincount(second[inside], minlength=seconds)
    total = np.bincount(second[inside], weights=spoken[inside], minlength=seconds)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(count > 0, total / count, np.nan), np.float64)
