"""Who speaks: whose microphone hears the voice louder, whatever the gains.

Each person has a microphone that is nearer to them than to the other. The difference of the two
levels is then high while one speaks and low while the other does; the unknown gains shift both by
the same amount, so the boundary lies between the two groups that the differences form (the split of
Otsu 1979), not at zero. If they form no two groups - only one person speaks, or both microphones
hear both alike - nothing is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

STEP_S = 0.032
"""Grid on which two microphones are compared."""
SMOOTH = 9
"""Steps of the running median over the level difference: 0.29 s, about a syllable."""
MIN_GAP_DB = 3.0
"""How far the two groups must lie apart: less is the difference of two vowels."""
MIN_SEPARATION = 0.8
"""Share of the variance that the split must explain; 0.64 for one normal group cut in two, 0.75 for
an even spread."""
MIN_SHARE = 0.03
"""Share of the speech that the smaller group needs; less is a cough."""
MIN_SPEECH_S = 3.0


@dataclass(frozen=True, eq=False)
class Heard:
    """What one microphone heard.

    Attributes:
        time_s: (k,) middle of each chunk on the shared clock, rising.
        speech: (k,) whether it is speech.
        level_db: (k,) its level, in decibels of whatever.
    """

    time_s: NDArray[np.float64]
    speech: NDArray[np.bool_]
    level_db: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Turns:
    """Whose speech each moment is.

    Attributes:
        time_s: (k,) middles of steps of :data:`STEP_S`.
        first, second: (k,) whether the person of the first, or of the second, microphone speaks. Of
            two who speak at once only the louder counts.
    """

    time_s: NDArray[np.float64]
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]


def turns(first: Heard, second: Heard) -> Turns | None:
    """Whose speech it is while both microphones ran; None if that cannot be told."""
    if not (len(first.time_s) and len(second.time_s)):
        return None
    start = max(first.time_s[0], second.time_s[0])
    end = min(first.time_s[-1], second.time_s[-1])
    time_s = np.arange(start, end, STEP_S)
    if not len(time_s):
        return None
    speech = _at(first, time_s) | _at(second, time_s)
    if speech.sum() * STEP_S < MIN_SPEECH_S:
        return None
    louder = np.interp(time_s, first.time_s, first.level_db)
    louder -= np.interp(time_s, second.time_s, second.level_db)
    louder = _median(louder, speech)
    boundary = split(louder[speech])
    if boundary is None:
        return None
    return Turns(time_s, speech & (louder > boundary), speech & (louder <= boundary))


def split(values: NDArray[np.float64]) -> float | None:
    """The boundary between two groups of numbers; None if they are one.

    Args:
        values: (n,) level differences in decibels.
    """
    ordered = np.sort(values)
    n = len(ordered)
    below = np.arange(1, n)
    total = ordered.sum()
    low = np.cumsum(ordered)[:-1] / below
    high = (total - np.cumsum(ordered)[:-1]) / (n - below)
    between = below / n * (1 - below / n) * (high - low) ** 2
    if not n or not len(between):
        return None
    cut = int(between.argmax())
    smaller = min(cut + 1, n - cut - 1) / n
    variance = float(ordered.var())
    apart = float(high[cut] - low[cut])
    if smaller < MIN_SHARE or apart < MIN_GAP_DB or between[cut] < MIN_SEPARATION * variance:
        return None
    return float(high[cut] + low[cut]) / 2


def _at(heard: Heard, time_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the chunk nearest to each time is speech."""
    right = np.clip(np.searchsorted(heard.time_s, time_s), 1, max(len(heard.time_s) - 1, 1))
    left = right - 1
    right = np.minimum(right, len(heard.time_s) - 1)
    nearer = np.where(time_s - heard.time_s[left] <= heard.time_s[right] - time_s, left, right)
    return np.asarray(heard.speech[nearer])


def _median(values: NDArray[np.float64], speech: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Running median over the speech around each step; pauses have no say."""
    known = np.where(speech, values, np.nan)
    half = SMOOTH // 2
    padded = np.pad(known, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, SMOOTH)
    smooth = values.copy()
    smooth[speech] = np.nanmedian(windows[speech], axis=1)
    return smooth
