from __future__ import annotations

import numpy as np
import pytest
from framework_encounter.sync import RATE, synchronise
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

Samples = NDArray[np.float32]


def speech(seconds: float, seed: int) -> Samples:
    """Coloured noise in syllables with pauses: what matters of speech for a correlation."""
    rng = np.random.default_rng(seed)
    n = int(seconds * RATE)
    noise = np.convolve(rng.standard_normal(n), np.hanning(5), "same")
    steps = (rng.random(int(seconds * 4) + 2) > 0.4).astype(float)
    envelope = np.interp(np.arange(n) * 4 / RATE, np.arange(len(steps)), steps)
    return (0.2 * noise * envelope).astype(np.float32)


def heard(
    source: Samples, start_s: float, seconds: float, drift: float, snr_db: float, seed: int
) -> Samples:
    """What another recorder keeps: a part, on a clock of its own, with its own noise and gain."""
    times = (start_s + np.arange(int(seconds * RATE)) / RATE * (1 + drift)) * RATE
    signal = np.interp(times, np.arange(len(source)), source)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(len(signal)) * signal.std() / 10 ** (snr_db / 20)
    return (0.3 * (signal + noise)).astype(np.float32)


@settings(max_examples=5, deadline=None)
@given(offset=st.floats(0.0, 15.0), seed=st.integers(0, 1000), snr=st.sampled_from([10.0, 20.0]))
def test_the_offset_is_found_within_a_frame(offset: float, seed: int, snr: float) -> None:
    source = speech(40, seed)
    reference = heard(source, 0, 36, 0, snr, seed + 1)
    other = heard(source, offset, 24, 0, snr, seed + 2)
    result = synchronise(reference, other)
    assert abs(result.offset_s - offset) <= 0.04
    assert result.confidence > 0.7
    backwards = synchronise(other, reference)
    assert abs(backwards.offset_s + offset) <= 0.04


@pytest.mark.parametrize("ppm", [-200, 300])
def test_drift_is_followed_to_the_end(ppm: float) -> None:
    source = speech(260, 3)
    other = heard(source, 4.2, 240, ppm * 1e-6, 10, 5)
    result = synchronise(heard(source, 0, 255, 0, 10, 4), other)
    for time in (0.0, 120.0, 239.0):
        true = 4.2 + time * (1 + ppm * 1e-6)
        assert abs(result.to_reference(time) - true) <= 0.04
    assert result.confidence > 0.7


def test_no_common_sound_has_no_confidence() -> None:
    assert synchronise(speech(30, 1), speech(30, 2)).confidence < 0.3
    silence = np.zeros(20 * RATE, np.float32)
    assert synchronise(silence, silence).confidence == 0
    assert synchronise(speech(30, 1), silence).confidence == 0
    assert synchronise(speech(0.2, 1), speech(0.2, 1)).confidence == 0


def test_a_room_with_echo_and_a_telephone_still_agree() -> None:
    source = speech(40, 9)
    echo = np.zeros(2000, np.float32)
    echo[[0, 700, 1500]] = [1, 0.5, 0.3]
    far = np.convolve(heard(source, 2.5, 30, 0, 10, 1), echo)[: 30 * RATE].astype(np.float32)
    thin = np.diff(far, prepend=0).astype(np.float32)
    result = synchronise(heard(source, 0, 38, 0, 10, 2), thin)
    assert abs(result.offset_s - 2.5) <= 0.04
