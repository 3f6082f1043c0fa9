"""What the benchmark harness costs beside what it measures.

    python examples/bench_harness.py                      about a minute of processor time
    python examples/bench_harness.py --recognizer lbp --fer resnet --persons 4

Runs one small benchmark on the synthetic set in this process and splits its processor time into
three: calls of components and decoding (what a script without a harness would do too), the
attackers' own learning and comparing, and the rest, which is the harness: bookkeeping, optical
flow and landmarks' figures, the store. Processor time is used because other work on the machine
changes it little; one thread, so that it adds up. Figures are not evaluated here: that is done once
a benchmark and does not grow with it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
from framework_benchmark import runner, work
from framework_benchmark.attacks import t5_motion
from framework_benchmark.config import load_benchmark_config
from framework_benchmark.data.synthetic import SyntheticSource
from framework_benchmark.store import Store

from framework import Registry

CALLS = ("detect", "update", "embed", "classify", "prepare", "anonymize", "anonymize_batch")


class Clock:
    """Processor seconds by purpose; a call inside another counts for the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inside: list[str] = []

    def timed(self, purpose: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, with its time added to ``purpose`` (less what lies in another)."""

        def run(*args: Any, **named: Any) -> Any:
            start, before = time.process_time(), sum(self.seconds.values())
            try:
                return call(*args, **named)
            finally:
                took = time.process_time() - start
                nested = sum(self.seconds.values()) - before
                self.seconds[purpose] = self.seconds.get(purpose, 0.0) + took - nested

        return run


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Run the benchmark; seconds by purpose and ``total``."""
    cv2.setNumThreads(1)
    clock = Clock()
    registry = Registry.load()
    create = registry.create

    def built(*args: Any, **named: Any) -> Any:
        component = clock.timed("components", create)(*args, **named)
        for name in CALLS:
            if hasattr(component, name):
                setattr(component, name, clock.timed("components", getattr(component, name)))
        return component

    registry.create = built  # type: ignore[method-assign]
    SyntheticSource.read = clock.timed("components", SyntheticSource.read)  # type: ignore[method-assign]
    work.reencode = clock.timed("components", work.reencode)
    for name, attack in runner.ATTACKS.items():
        runner.ATTACKS[name] = clock.timed("attackers", attack)
    t5_motion.attack = clock.timed("attackers", t5_motion.attack)

    config = load_benchmark_config(
        None,
        ["detector.rotations=never"],
        data=f"synthetic:persons={options.persons},clips=2,seconds={options.seconds}",
        anonymizers=options.anonymizer,
        recognizers=options.recognizer,
        fer=options.fer,
        threads=1,
    )
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "results.sqlite") as store:
        bench = runner.Bench(config, registry, store, print)
        clock.seconds.clear()
        start = time.process_time()
        bench.run()
        return clock.seconds | {"total": time.process_time() - start}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--persons", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=1.2)
    parser.add_argument("--anonymizer", default="blur")
    parser.add_argument("--recognizer", default="dlib")
    parser.add_argument("--fer", default="resnet")
    found = measure(parser.parse_args())
    bare, attackers = found["components"], found.get("attackers", 0.0)
    rest = found["total"] - bare - attackers
    print(f"components and decoding  {bare:6.2f} s")
    print(f"attackers' own work      {attackers:6.2f} s  {attackers / bare:6.1%} of that")
    print(f"harness                  {rest:6.2f} s  {rest / bare:6.1%} of that")


if __name__ == "__main__":
    main()
