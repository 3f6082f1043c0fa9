"""The sound of a covered recording: every voice changed or removed, and never let through.

A component that raises, returns something else than it should, or gives back what it was given,
costs that stretch of sound (silence instead) and shows in the audit, as a face would.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.media import read_audio
from framework.pipeline.failures import Failure
from framework.protocols import VoiceAnonymizer

Samples = NDArray[np.float32]

RATE = 16000
"""Samples a second. Speech needs no more, and what lies above 8 kHz tells speakers apart too."""
WINDOW_S = 30.0
"""Length of what the component is given at once; memory does not grow with the recording."""
FADE_S = 0.5
"""Neighbouring windows overlap by this much, and one fades into the other."""
ALIKE = 0.999
"""Correlation with the original above which a voice counts as unchanged."""
TELLING_S = 0.005
"""Sound shorter than this, less than a period of a voice, is refused only if it is the same sample
by sample: so few samples correlate by chance, and a single one always does."""
SILENT = 1e-4
"""Amplitude (of 1) below which there is nothing to change."""


@dataclass
class AnonymizedSound:
    """Blocks of anonymized sound for :meth:`framework.media.Writer.add_audio`.

    Attributes:
        failures: stretches that became silence because the component failed.
    """

    voice: VoiceAnonymizer
    failures: list[Failure] = field(default_factory=list)

    def of_recording(self, path: Path, start_s: float) -> Iterator[Samples]:
        """The anonymized sound of a recording at :data:`RATE`, from its first picture on."""
        return self.blocks(read_audio(path, RATE, start_s=start_s))

    def blocks(self, samples: Iterable[Samples]) -> Iterator[Samples]:
        """Anonymize sound that comes in blocks of any length; as much comes out."""
        fade, window = round(FADE_S * RATE), round(WINDOW_S * RATE)
        rise = np.linspace(0, 1, fade, dtype=np.float32)
        given = iter(samples)
        waiting = np.zeros(0, np.float32)
        tail = np.zeros(0, np.float32)  # what the window before made of the overlap
        position, more = 0, True
        while more:
            parts, length = [waiting], len(waiting)
            while length < window and more:
                block = next(given, None)
                more = block is not None
                if block is not None:
                    parts.append(np.asarray(block, np.float32))
                    length += len(block)
            piece = np.concatenate(parts)
            cut, waiting = (piece[:window], piece[window - fade :]) if more else (piece, piece[:0])
            made = self._anonymized(cut, position)
            if len(tail):
                count = min(len(tail), len(made))
                made[:count] = tail[:count] * (1 - rise[:count]) + made[:count] * rise[:count]
            ready = made[:-fade] if more else made
            tail = made[-fade:] if more else made[:0]
            position += len(ready)
            if len(ready):
                yield ready

    def _anonymized(self, samples: Samples, position: int) -> Samples:
        if not len(samples):
            return samples.copy()
        try:
            made = self.voice.anonymize(samples.copy(), RATE)
            return _checked(samples, made)
        except BaseException as error:
            self.failures.append(Failure.of("voice", error, 0, position / RATE))
            return np.zeros(len(samples), np.float32)


def _checked(samples: Samples, made: Samples) -> Samples:
    """A copy of what came back, if it is sound of the same length and not the same sound.

    Raises:
        ContractError: it is not.
    """
    if not isinstance(made, np.ndarray) or made.shape != samples.shape:
        raise ContractError("voice: expected as many samples as were given")
    if not np.isfinite(made).all():
        raise ContractError("voice: expected finite samples")
    if np.abs(samples).max() > SILENT and _alike(samples, made):
        raise ContractError("voice: the sound came back as it was")
    return np.clip(made, -1.0, 1.0).astype(np.float32)


def _alike(samples: Samples, made: Samples) -> bool:
    """Whether one is the other, at whatever loudness."""
    if len(samples) < TELLING_S * RATE:
        return np.array_equal(samples, made)
    a, b = samples.astype(np.float64), made.astype(np.float64)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return scale > 0 and abs(float(a @ b)) > ALIKE * scale
