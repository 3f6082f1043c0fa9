"""``mcadams``: the formants of a voice are moved by an exponent on the angles of its poles.

Patino, Tomashenko, Todisco, Nautsch, Evans 2021, "Speaker anonymisation using the McAdams
coefficient", the signal-processing baseline (B2) of the VoicePrivacy challenges. A frame of speech
is the output of an all-pole filter; a pole at angle phi goes to phi ** alpha, its conjugate with
it, real poles stay. The residual is kept, so pitch, rhythm and words are those of the speaker.

That is weak. In the VoicePrivacy evaluations an attacker who transforms his own training speech in
the same way reaches an equal error rate that is hardly above that for unprotected speech. It keeps
a passer-by from recognising a voice, and no more.
"""

from __future__ import annotations

import hashlib
from math import gcd

import numpy as np
from numpy.typing import NDArray

from framework import BuildContext
from framework_voice.config import McAdamsOptions

Samples = NDArray[np.float32]

RATE = 16000
"""The rate at which the method is defined; angles mean frequencies only together with a rate."""
FRAME = 320  # 20 ms
HOP = 160
DRAWN = (0.5, 0.9)
MAX_RADIUS = 0.995
"""Poles nearer to the unit circle ring."""
CHUNK = 512
"""Frames whose poles are found in one call; bounds the memory."""


class McAdams:
    """Moves formants. One coefficient for each instance."""

    def __init__(self, coefficient: float, order: int) -> None:
        self.coefficient = coefficient
        self.order = order

    def anonymize(self, samples: Samples, sample_rate: int) -> Samples:
        """The same speech with other formants; nothing above 8 kHz is kept.

        Args:
            samples: (n,) in [-1, 1].
            sample_rate: samples a second.

        Returns:
            (n,) float32, new memory, as loud as the input.
        """
        from scipy.signal import resample_poly

        clean = np.nan_to_num(samples.astype(np.float64))
        if not np.any(clean):
            return np.zeros(len(samples), np.float32)
        part = gcd(RATE, sample_rate)
        up, down = RATE // part, sample_rate // part
        there = clean if up == down else resample_poly(clean, up, down)
        moved = self._at_16k(there)
        back = moved if up == down else resample_poly(moved, down, up)
        out = np.zeros(len(samples))
        count = min(len(out), len(back))
        out[:count] = back[:count]
        loud = np.sqrt(np.mean(np.square(clean)) / max(float(np.mean(np.square(out))), 1e-20))
        # A frame that is amplified into clipping would be heard; a little softer is not.
        peak = float(np.abs(out).max())
        return np.asarray(out * min(float(loud), 1.0 / max(peak, 1e-9)), np.float32)

    def _at_16k(self, signal: NDArray[np.float64]) -> NDArray[np.float64]:
        window = np.sqrt(np.hanning(FRAME + 1)[:FRAME])
        count = -(-len(signal) // HOP) + 1
        padded = np.zeros((count + 1) * HOP)
        padded[HOP : HOP + len(signal)] = signal
        frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP] * window
        out = np.zeros_like(padded)
        for first in range(0, len(frames), CHUNK):
            part = frames[first : first + CHUNK]
            for k, frame in enumerate(self._frames(part), first):
                out[k * HOP : k * HOP + FRAME] += frame * window
        return out[HOP : HOP + len(signal)]

    def _frames(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        from scipy.signal import lfilter

        before = prediction(frames, self.order)
        after = moved_filters(before, self.coefficient)
        out = np.zeros_like(frames)
        for k, frame in enumerate(frames):
            if np.any(frame):
                out[k] = lfilter([1.0], after[k], lfilter(before[k], [1.0], frame))
        return out


def prediction(frames: NDArray[np.float64], order: int) -> NDArray[np.float64]:
    """Linear prediction by the autocorrelation method (Levinson, Durbin).

    Args:
        frames: (m, n) windowed frames.

    Returns:
        (m, order + 1) coefficients of the inverse filter; the first is 1.
    """
    size = 1 << (2 * frames.shape[1] - 1).bit_length()
    spectrum = np.fft.rfft(frames, size)
    r = np.fft.irfft(np.square(np.abs(spectrum)), size)[:, : order + 1]
    r[:, 0] = r[:, 0] * (1 + 1e-9) + 1e-12  # silence has no prediction
    a = np.zeros((len(frames), order + 1))
    a[:, 0] = 1.0
    error = r[:, 0].copy()
    for i in range(1, order + 1):
        reflect = -(a[:, :i] * r[:, i:0:-1]).sum(axis=1) / error
        a[:, 1 : i + 1] += reflect[:, None] * a[:, i - 1 :: -1][:, :i]
        error = np.maximum(error * (1 - np.square(reflect)), 1e-15)
    return a


def moved_filters(a: NDArray[np.float64], coefficient: float) -> NDArray[np.float64]:
    """The same filters with every complex pole's angle raised to ``coefficient``.

    Args:
        a: (m, order + 1), the first column 1.

    Returns:
        (m, order + 1) real coefficients.
    """
    order = a.shape[1] - 1
    companion = np.zeros((len(a), order, order))
    companion[:, 0, :] = -a[:, 1:]
    companion[:, np.arange(1, order), np.arange(order - 1)] = 1.0
    poles = np.linalg.eigvals(companion)
    radius = np.minimum(np.abs(poles), MAX_RADIUS)
    angle = np.angle(poles)
    complex_ones = np.abs(poles.imag) > 1e-8
    turned = np.where(
        complex_ones,
        np.sign(angle) * np.minimum(np.abs(angle) ** coefficient, np.pi),
        angle,
    )
    moved = radius * np.exp(1j * turned)
    out = np.zeros((len(a), order + 1), complex)
    out[:, 0] = 1.0
    for k in range(order):
        out[:, 1 : k + 2] -= moved[:, k : k + 1] * out[:, : k + 1].copy()
    return np.asarray(out.real)


def build(options: McAdamsOptions, context: BuildContext) -> McAdams:
    """Factory named in the component's description."""
    if options.coefficient is not None:
        return McAdams(options.coefficient, options.order)
    if context.key is None:
        rng = np.random.default_rng()
    else:
        text = b"framework-voice mcadams" + context.key + context.seed.to_bytes(8, "big")
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(text).digest(), "big"))
    return McAdams(float(rng.uniform(*DRAWN)), options.order)
