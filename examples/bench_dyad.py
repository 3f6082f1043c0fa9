"""How long do synchrony and mimicry take, and how often do they alarm without reason?

    python examples/bench_dyad.py --minutes 25 --rate 5 --surrogates 1000
    python examples/bench_dyad.py --encounters 327 --minutes 4.6

Both people are made up and independent of each other, so every alarm is a false one. The series are
autoregressive, as faces are: values resemble their neighbours.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from framework_encounter.dyad.interaction import Track, between, contrasts
from framework_encounter.dyad.options import DyadOptions
from scipy.signal import lfilter

from framework.types import EMOTIONS, PersonTimeline, Role


def person(role: Role, seconds: int, rate: float, generator: np.random.Generator) -> Track:
    """Somebody whose smile comes and goes."""
    n = round(seconds * rate)
    drive = lfilter([1.0], [1.0, -(0.9 ** (1 / rate))], generator.normal(size=n))
    happy = 1 / (1 + np.exp(-(drive - drive.mean()) / drive.std() * 2))
    probabilities = np.zeros((n, len(EMOTIONS)), np.float32)
    probabilities[:, EMOTIONS.index("happiness")] = happy
    probabilities[:, EMOTIONS.index("neutral")] = 0.9 * (1 - happy)
    probabilities[:, EMOTIONS.index("sadness")] = 0.1 * (1 - happy)
    at = np.minimum((np.arange(n) / rate).astype(int), seconds - 1)
    means = np.stack([probabilities[at == s].mean(axis=0) for s in range(seconds)])
    timeline = PersonTimeline(
        person="person-1" if role == Role.PATIENT else "person-2",
        role=role,
        second=np.arange(seconds),
        probabilities=means.astype(np.float32),
        label=tuple(EMOTIONS[k] for k in means.argmax(axis=1)),
        samples=np.full(seconds, 5),
        coverage=np.ones(seconds, np.float32),
        quality=np.ones(seconds, np.float32),
    )
    return Track(role, np.arange(n) / rate, contrasts([probabilities]), timeline)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--encounters", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--rate", type=float, default=5.0, help="samples a second")
    parser.add_argument("--surrogates", type=int, default=1000)
    given = parser.parse_args()
    generator = np.random.default_rng(1)
    options = DyadOptions(surrogates=given.surrogates)
    wall = cpu = 0.0
    alarms = read = 0
    for _ in range(given.encounters):
        pair = [
            person(role, round(60 * given.minutes), given.rate, generator)
            for role in (Role.PATIENT, Role.DOCTOR)
        ]
        start, start_cpu = time.perf_counter(), time.process_time()
        found = between(pair[0], pair[1], [], options)
        wall += time.perf_counter() - start
        cpu += time.process_time() - start_cpu
        smile = found.of("smile")
        if smile is not None and smile.synchrony is not None:
            read += 1
            alarms += smile.synchrony.p_value <= 0.05
    print(
        f"{given.encounters} encounters of {given.minutes:g} minutes at {given.rate:g} samples a "
        f"second, {given.surrogates} surrogates: {wall:.2f} s ({cpu:.2f} s CPU); synchrony of the "
        f"smile below p 0.05 in {alarms} of {read}, where 5 % are expected"
    )


if __name__ == "__main__":
    main()
