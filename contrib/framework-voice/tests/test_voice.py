"""The voice anonymizers keep the contract, and do what their pages say."""

from __future__ import annotations

import numpy as np
import pytest
from framework_voice.config import SilenceOptions
from framework_voice.mcadams import McAdams, moved_filters, prediction
from framework_voice.silence import Silence

from framework.testing import conformance

RATE = 16000


def tone(seconds: float, hertz: float = 200.0, rate: int = RATE) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    wave = sum(np.sin(2 * np.pi * hertz * k * t) / k for k in range(1, 12))
    return (0.2 * wave).astype(np.float32)


def conversation() -> np.ndarray:
    """Room noise, with a second of voice from 1 to 2 s and from 4 to 5 s."""
    room = np.random.default_rng(9).normal(0, 0.001, 6 * RATE).astype(np.float32)
    for start in (1, 4):
        room[start * RATE : (start + 1) * RATE] += tone(1.0)
    return room


@conformance("voice-anonymizer:silence")
def test_silence_contract(check) -> None:
    check()


@conformance("voice-anonymizer:mcadams")
def test_mcadams_contract(check) -> None:
    check()


def test_speech_becomes_silence_and_the_timing_stays() -> None:
    out = Silence(SilenceOptions()).anonymize(conversation(), RATE)
    for start in (1, 4):
        assert not out[start * RATE : (start + 1) * RATE].any()
    assert out[2 * RATE + 8000 : 3 * RATE].any()
    assert np.abs(out).max() < 0.01


def test_by_default_no_sample_of_the_recording_is_left() -> None:
    samples = conversation()
    out = Silence(SilenceOptions()).anonymize(samples, RATE)
    kept = (out == samples) & (out != 0)
    assert kept.sum() < 5


def test_pauses_are_kept_only_when_asked() -> None:
    samples = conversation()
    out = Silence(SilenceOptions(background="keep")).anonymize(samples, RATE)
    pause = slice(2 * RATE + 8000, 3 * RATE)
    assert np.array_equal(out[pause], samples[pause])
    assert not out[RATE : 2 * RATE].any()


def test_a_recording_without_pauses_is_all_speech() -> None:
    assert not Silence(SilenceOptions()).anonymize(tone(3.0), RATE).any()


def test_a_pole_goes_to_its_angle_to_the_power_of_the_coefficient() -> None:
    angle, radius = 0.6, 0.9
    a = np.array([[1.0, -2 * radius * np.cos(angle), radius**2]])
    moved = moved_filters(a, 0.8)
    poles = np.roots(moved[0])
    assert np.abs(poles) == pytest.approx(radius)
    assert np.abs(np.angle(poles)) == pytest.approx(angle**0.8)


def test_the_prediction_finds_the_filter_that_made_the_sound() -> None:
    from scipy.signal import lfilter

    true = np.array([1.0, -1.2, 0.8])
    noise = np.random.default_rng(2).standard_normal(20000)
    found = prediction(lfilter([1.0], true, noise)[None], 2)[0]
    assert found == pytest.approx(true, abs=0.03)


def test_with_coefficient_one_the_sound_is_that_of_before() -> None:
    samples = tone(1.0) + np.random.default_rng(0).normal(0, 0.002, RATE).astype(np.float32)
    out = McAdams(1.0, 20).anonymize(samples, RATE)
    inner = slice(800, -800)
    a, b = samples[inner], out[inner]
    assert (a @ b) / np.sqrt((a @ a) * (b @ b)) > 0.98


def test_formants_move_up_and_loudness_stays() -> None:
    rng = np.random.default_rng(1)
    from scipy.signal import lfilter

    pole = 0.97 * np.exp(1j * 2 * np.pi * 800 / RATE)
    voiced = lfilter([1.0], np.poly([pole, pole.conjugate()]).real, rng.standard_normal(2 * RATE))
    samples = (0.1 * voiced / np.abs(voiced).max()).astype(np.float32)
    out = McAdams(0.8, 20).anonymize(samples, RATE)
    spectrum = np.abs(np.fft.rfft(out.astype(np.float64)))
    peak = np.convolve(spectrum, np.ones(101), "same").argmax() * RATE / len(out)
    expected = (2 * np.pi * 800 / RATE) ** 0.8 * RATE / (2 * np.pi)
    assert peak == pytest.approx(expected, rel=0.1)
    assert np.square(out).mean() == pytest.approx(np.square(samples).mean(), rel=0.05)
