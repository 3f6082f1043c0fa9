"""``silence``: speech becomes digital silence of the same length.

What is left is when somebody spoke, which turn-taking and pauses can be studied from. No pitch, no
formant and no word is left. With ``background="noise"`` not one sample of the recording comes out:
what stands in the pauses is made noise, and its loudness is rounded to 6 dB.

Speech is whatever is louder than the room. The detector errs towards silence on purpose: a door
that slams is silenced too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from framework import BuildContext
from framework_voice.config import SilenceOptions

Samples = NDArray[np.float32]

FRAME_S = 0.02
FLOOR_QUANTILE = 0.1
"""The room is as loud as the quietest tenth of the frames."""
LOUDEST_ROOM_DB = -40.0
"""A recording without any pause must not make its speech the room."""
QUIETEST_DB = -120.0
ROUND_DB = 6.0


class Silence:
    """Replaces speech by silence. Stateless and deterministic."""

    def __init__(self, options: SilenceOptions, seed: int = 0) -> None:
        self.options = options
        self._seed = seed

    def anonymize(self, samples: Samples, sample_rate: int) -> Samples:
        """Silence where there is speech, noise or the original in between.

        Args:
            samples: (n,) in [-1, 1].
            sample_rate: samples a second.

        Returns:
            (n,) float32, new memory.
        """
        if not len(samples):
            return np.zeros(0, np.float32)
        length = max(1, round(FRAME_S * sample_rate))
        levels = frame_levels(samples, length)
        room = min(float(np.quantile(levels, FLOOR_QUANTILE)), LOUDEST_ROOM_DB)
        speech = levels > room + self.options.threshold_db
        speech = _widened(speech, math.ceil(self.options.hangover_s / FRAME_S))
        mute = np.repeat(speech, length)[: len(samples)]
        if self.options.background == "keep":
            out = np.array(samples, np.float32)
        else:
            out = self._noise(len(samples), room)
        out[mute] = 0.0
        return np.clip(out, -1.0, 1.0)

    def _noise(self, count: int, room_db: float) -> Samples:
        if room_db <= QUIETEST_DB:
            return np.zeros(count, np.float32)
        level = 10 ** (ROUND_DB * round(room_db / ROUND_DB) / 20)
        rng = np.random.default_rng(self._seed)
        return (level * rng.standard_normal(count)).astype(np.float32)


def frame_levels(samples: Samples, length: int) -> NDArray[np.float64]:
    """Loudness of consecutive frames in decibels relative to full scale, the last one padded.

    A first difference comes before: speech has energy above the hum of the mains and of fans,
    which would otherwise hide it.
    """
    count = -(-len(samples) // length)
    padded = np.zeros(count * length)
    padded[: len(samples)] = np.nan_to_num(samples.astype(np.float64))
    sharp = np.diff(padded, prepend=padded[:1])
    power = np.maximum(
        np.square(sharp).reshape(count, length).mean(axis=1),
        # Voices without any high frequency (through a wall) must be found too.
        np.square(padded).reshape(count, length).mean(axis=1) / 16,
    )
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (QUIETEST_DB / 10))))


def _widened(flags: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """True within ``by`` places of a True."""
    counts = np.concatenate([[0], np.cumsum(flags)])
    low = np.maximum(np.arange(len(flags)) - by, 0)
    high = np.minimum(np.arange(len(flags)) + by + 1, len(flags))
    return np.asarray(counts[high] > counts[low])


def build(options: SilenceOptions, context: BuildContext) -> Silence:
    """Factory named in the component's description."""
    return Silence(options, context.seed)
