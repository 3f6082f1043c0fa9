"""When did the other camera start? Offset and drift of two recordings from their sound.

Generalised cross-correlation with phase transform (Knapp and Carter 1976): dividing the
cross-spectrum by its magnitude leaves the phase alone, whose inverse transform peaks at the lag
whatever the gains, the equalisation and most of the room. A few long pieces of one recording are
looked for in the whole of the other, stretch by stretch so that memory does not grow with its
length; short windows along it then give lags of their own near what the pieces agree on, and a
robust line through them (Theil 1950, Sen 1968) gives offset and drift. How many windows lie on the
line is the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 8000
"""Samples a second: speech has what is needed below 4 kHz."""
PIECE_S = 20.0
MAX_PIECES = 12
ENOUGH_PIECES = 3
"""Pieces at about the same lag that settle the matter: by chance no two of them agree."""
STRETCH_S = 180.0
"""How much of the reference a piece is compared with at once."""
WINDOW_S = 10.0
MAX_WINDOWS = 60
SEARCH_S = 1.0
"""How far a window may lie from the global lag: 25 minutes at 500 ppm are 0.75 s."""
AGREEMENT_S = 0.04
"""Windows within this of the line agree with it: one frame at 25 a second."""
MIN_PEAK = 7.0
"""A correlation peak below so many standard deviations of its surroundings is noise."""


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How one clock follows from another: ``t_reference = offset_s + (1 + drift) * t_other``.

    Attributes:
        offset_s: time on the reference clock at which the other recording starts; seconds.
        drift: relative difference of the two clocks; 1e-5 is 10 parts in a million.
        confidence: share of windows with sound that agree with the line (one of them apart, which
            any line would find), 0 to 1; 0 if the recordings have no sound in common.
        windows: how many windows had sound.
        residual_s: median absolute distance of the agreeing windows from the line, seconds.
    """

    offset_s: float
    drift: float
    confidence: float
    windows: int
    residual_s: float

    def to_reference(self, time_s: float) -> float:
        """A time of the other recording on the reference clock, seconds."""
        return self.offset_s + (1.0 + self.drift) * time_s


def gcc_phat(
    reference: NDArray[np.float32], other: NDArray[np.float32], rate: int
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Phase-transformed cross-correlation of two signals.

    Args:
        reference, other: mono samples, any lengths.
        rate: samples a second; the spectrum is used from 80 Hz up, below is handling noise.

    Returns:
        The correlation and the lag of each of its values in seconds. A peak at lag L says that
        ``reference(t + L)`` is ``other(t)``: the other recording starts L after the reference.
    """
    from scipy import fft

    length = fft.next_fast_len(len(reference) + len(other), real=True)
    cross = fft.rfft(reference, length) * np.conj(fft.rfft(other, length))
    magnitude = np.abs(cross)
    # Bins without energy have a phase of pure rounding error, which the division would amplify.
    floor = max(float(magnitude.mean()) * 1e-6, 1e-30)
    cross /= np.maximum(magnitude, floor)
    cross[: int(80 * length / rate)] = 0
    correlation = fft.irfft(cross, length)
    lags = np.arange(length)
    lags = np.where(lags < len(reference), lags, lags - length)
    order = np.argsort(lags, kind="stable")
    return correlation[order].astype(np.float32), lags[order] / rate


def peak(correlation: NDArray[np.float32]) -> tuple[int, float]:
    """Index of the highest value, and its height in standard deviations of the correlation."""
    index = int(np.argmax(correlation))
    spread = float(correlation.std())
    return index, float(correlation[index]) / spread if spread > 0 else 0.0


def synchronise(
    reference: NDArray[np.float32], other: NDArray[np.float32], rate: int = RATE
) -> SyncResult:
    """Offset and drift of ``other`` against ``reference``.

    Args:
        reference, other: mono samples in [-1, 1].
        rate: samples a second of both.

    Returns:
        The estimate; confidence 0 if there is nothing in common.
    """
    nothing = SyncResult(0.0, 0.0, 0.0, 0, float("nan"))
    if min(len(reference), len(other)) < rate:
        return nothing
    rough = _rough_lag(reference, other, rate)
    if rough is None:
        return nothing
    times, found = _window_lags(reference, other, rate, rough)
    if not len(times):
        return SyncResult(rough, 0.0, 0.0, 0, float("nan"))
    slope, intercept = _robust_line(times, found)
    distance = np.abs(found - (intercept + slope * times))
    agree = distance <= AGREEMENT_S
    if agree.sum() >= 3:
        slope, intercept = _robust_line(times[agree], found[agree])
        distance = np.abs(found - (intercept + slope * times))
        agree = distance <= AGREEMENT_S
    residual = float(np.median(distance[agree])) if agree.any() else float("nan")
    # A line always passes through some window; it is the others that speak for it.
    share = max(0.0, float(agree.sum() - 1) / max(len(times) - 1, 1))
    return SyncResult(float(intercept), float(slope), share, len(times), residual)


def _rough_lag(
    reference: NDArray[np.float32], other: NDArray[np.float32], rate: int
) -> float | None:
    """The lag that most pieces of ``other`` agree on; None if no piece is found in ``reference``.

    Pieces, not the whole: over minutes a drift of 200 ppm smears the peak beyond recognition.
    """
    size = min(len(other), int(PIECE_S * rate))
    count = min(MAX_PIECES, max(1, len(other) // size))
    found = []
    step = int(STRETCH_S * rate)
    for start in np.linspace(0, len(other) - size, count).astype(int).tolist():
        piece = other[start : start + size]
        best: tuple[float, float | None] = (MIN_PEAK, None)
        for low in range(0, max(1, len(reference) - size), step):
            # Neighbouring stretches share a piece's length, so that no match is cut in two.
            correlation, lags = gcc_phat(reference[low : low + step + size], piece, rate)
            index, height = peak(correlation)
            if height >= best[0]:
                best = (height, float(lags[index]) + (low - start) / rate)
        if best[1] is not None:
            found.append(best[1])
            if int((np.abs(np.array(found) - best[1]) <= SEARCH_S).sum()) >= ENOUGH_PIECES:
                break
    if not found:
        return None
    lags_found = np.array(found)
    near = np.abs(lags_found[:, None] - lags_found[None]) <= SEARCH_S
    return float(np.median(lags_found[near[int(near.sum(axis=1).argmax())]]))


def _window_lags(
    reference: NDArray[np.float32], other: NDArray[np.float32], rate: int, rough: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle times (on the other's clock) and lags of windows with sound in both recordings."""
    size, reach = int(WINDOW_S * rate), int(SEARCH_S * rate)
    size = min(size, len(other) // 3)
    first = max(0, int(-rough * rate))
    last = min(len(other), int(len(reference) - rough * rate)) - size
    if last <= first or size < rate // 2:
        return np.zeros(0), np.zeros(0)
    count = min(MAX_WINDOWS, max(3, (last - first) // size))
    loud = 0.1 * _rms(other)
    times, found = [], []
    for start in np.linspace(first, last, count).astype(int):
        piece = other[start : start + size]
        low = max(0, start + int(rough * rate) - reach)
        match = reference[low : low + size + 2 * reach]
        if _rms(piece) < loud or len(match) < size:
            continue
        correlation, lags = gcc_phat(match, piece, rate)
        near = np.abs(lags + (low - start) / rate - rough) <= SEARCH_S
        index, _ = peak(np.where(near, correlation, 0))
        times.append((start + size / 2) / rate)
        found.append(float(lags[index]) + (low - start) / rate)
    return np.array(times), np.array(found)


def _rms(samples: NDArray[np.float32]) -> float:
    """Root mean square, without a copy of what may be 25 minutes of sound."""
    return float(np.sqrt(np.dot(samples, samples) / max(len(samples), 1)))


def _robust_line(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept by Theil and Sen: medians, so that a third of the points may be wrong."""
    if len(x) < 3 or float(np.ptp(x)) < 20.0:
        # Over a few seconds the jitter of single windows is larger than any drift.
        return 0.0, float(np.median(y))
    from scipy import stats

    line = stats.theilslopes(y, x)
    return float(line.slope), float(line.intercept)
