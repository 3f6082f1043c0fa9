"""Voice anonymizers: same length and rate, another voice."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.testing.result import check, require
from framework.testing.subject import Subject

Samples = NDArray[np.float32]
RATES = (8000, 16000, 44100, 48000)


def speech(rate: int, seconds: float = 1.0, pitch: float = 120.0, seed: int = 0) -> Samples:
    """Something like a voice: pulses of a pitch through three resonances, in syllables.

    Returns:
        (n,) float32 in [-1, 1], read-only.
    """
    t = np.arange(int(rate * seconds)) / rate
    wave = np.zeros(len(t))
    for k in range(1, 30):
        frequency = k * pitch
        if frequency >= rate / 2:
            break
        gain = sum(1 / (1 + ((frequency - f) / 90) ** 2) for f in (600, 1200, 2500))
        wave += gain * np.sin(2 * np.pi * frequency * t)
    wave *= 0.5 + 0.5 * np.sin(2 * np.pi * 3 * t)
    wave += 0.003 * np.random.default_rng(seed).standard_normal(len(t))
    out = np.asarray(0.5 * wave / np.abs(wave).max(), np.float32)
    out.flags.writeable = False
    return out


def anonymize(component: Any, samples: Samples, rate: int) -> Samples:
    """Anonymize, and check length, type and range."""
    out = component.anonymize(samples, rate)
    require(isinstance(out, np.ndarray), f"expected an array, got {type(out).__name__}")
    require(
        out.shape == samples.shape and out.dtype == np.float32,
        f"expected {samples.shape} float32, got {out.shape} {out.dtype}",
    )
    require(np.isfinite(out).all(), "a sample that is not finite")
    loudest = float(np.abs(out).max(initial=0.0))
    require(loudest <= 1.0, f"samples reach {loudest:.2f}, beyond 1")
    return np.asarray(out, np.float32)


@check()
def keeps_length_and_range(subject: Subject) -> None:
    """Any usual sample rate, and lengths that fit no block size."""
    for rate in RATES:
        anonymize(subject.create(), speech(rate), rate)
    for length in (0, 1, 2, 17, 1001):
        anonymize(subject.create(), speech(16000)[:length], 16000)


@check()
def changes_the_voice(subject: Subject) -> str:
    """What comes out is not what went in."""
    samples = speech(16000, 2.0)
    out = anonymize(subject.create(), samples, 16000)
    a, b = samples.astype(np.float64), out.astype(np.float64)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    similar = abs(float(a @ b)) / scale if scale > 1e-9 else 0.0
    require(similar < 0.95, f"the result correlates {similar:.2f} with the original")
    return f"correlation {similar:.2f}"


@check()
def survives_odd_sound(subject: Subject) -> None:
    """Silence, full scale, clicks and noise."""
    n = 16000
    click = np.zeros(n, np.float32)
    click[n // 2] = 1.0
    noise = np.random.default_rng(1).uniform(-1, 1, n).astype(np.float32)
    square = np.sign(np.sin(np.arange(n) * 0.05)).astype(np.float32)
    for samples in (np.zeros(n, np.float32), click, noise, square):
        anonymize(subject.create(), samples, 16000)


@check()
def leaves_the_input_alone(subject: Subject) -> None:
    """The samples are not written to."""
    samples = speech(16000).copy()
    before = samples.copy()
    out = anonymize(subject.create(), samples, 16000)
    require(np.array_equal(samples, before), "the input was changed")
    require(not np.shares_memory(out, samples), "the result shares memory with the input")


@check()
def same_seed_same_result(subject: Subject) -> None:
    """Two instances with the same options, seed and key give the same sound."""
    one, two = (anonymize(subject.create(), speech(16000), 16000) for _ in range(2))
    require(np.array_equal(one, two), "a second instance gives another sound")


@check()
def instances_share_nothing(subject: Subject) -> None:
    """Another recording in between changes nothing."""
    alone = anonymize(subject.create(), speech(16000), 16000)
    component = subject.create()
    anonymize(subject.create(), speech(16000, pitch=200.0, seed=4), 16000)
    require(np.array_equal(alone, anonymize(component, speech(16000), 16000)), "results differ")


@check()
def time_per_second_of_sound(subject: Subject) -> str:
    """Reported, not judged."""
    samples = speech(16000, 10.0)
    start = time.perf_counter()
    anonymize(subject.create(), samples, 16000)
    return f"{(time.perf_counter() - start) * 100:.1f} ms for a second of sound at 16 kHz"


CHECKS = (
    keeps_length_and_range,
    changes_the_voice,
    survives_odd_sound,
    leaves_the_input_alone,
    same_seed_same_result,
    instances_share_nothing,
    time_per_second_of_sound,
)
