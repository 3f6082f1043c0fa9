"""What plugins cost: discovery of many installed packages, and a component called by name.

    python examples/bench_discovery.py                    50 packages, 15 runs
    python examples/bench_discovery.py --packages 200

Makes packages in a temporary folder, measures ``framework --help`` and ``framework plugins`` in
fresh processes with and without them, and the difference between an anonymizer built through the
registry and one built by hand, at 1280 x 720. Times are processor time (user and system), which
other work on the machine changes less than it changes the time on the clock.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from framework import BuildContext, Frame, Kind, Registry, Tracks

PLUGIN = """
from framework import ComponentSpec, hookimpl

@hookimpl
def framework_anonymizers():
    yield ComponentSpec("bench-{n}", "for a benchmark", "bench_{n}_box:build", "bench_{n}_box:O")

@hookimpl
def framework_detectors():
    yield ComponentSpec("bench-{n}", "for a benchmark", "bench_{n}_box:find", "bench_{n}_box:O")
"""


def install(folder: Path, number: int) -> None:
    """A package with an entry point, as pip would leave it."""
    (folder / f"bench_{number}.py").write_text(PLUGIN.format(n=number))
    info = folder / f"framework_bench_{number}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: framework-bench-{number}\nVersion: 1.0\n"
        + "".join(f"Requires-Dist: package-{k}>=1.{k}\n" for k in range(12))
        + "\n"
        + "A README, which is part of what is read when a name is asked for.\n" * 100
    )
    (info / "entry_points.txt").write_text(
        f"[framework.plugins]\nbench-{number} = bench_{number}\n"
    )


def seconds(arguments: list[str], path: str) -> float:
    """Processor time of a fresh process."""
    environment = os.environ | {"PYTHONPATH": path}
    command = [sys.executable, "-m", "framework.cli.main", *arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def report(name: str, values: list[float], unit: str = "ms", scale: float = 1e3) -> float:
    """Print median and spread; returns the median."""
    middle = statistics.median(values)
    low, high = np.percentile(values, [10, 90]) * scale
    print(f"{name:<44} {middle * scale:8.2f} {unit}   (10 to 90 %: {low:.2f} to {high:.2f})")
    return middle


def discovery(packages: int, runs: int) -> None:
    """With and without the packages, in turns, so that a busy machine harms both alike."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(packages):
            install(Path(folder), number)
        base = os.environ.get("PYTHONPATH", "")
        loaded = os.pathsep.join(filter(None, [folder, base]))
        seconds(["plugins"], loaded)  # compiles what is imported
        for arguments in (["--help"], ["plugins"]):
            without, with_them = [], []
            for _ in range(runs):
                without.append(seconds(arguments, base))
                with_them.append(seconds(arguments, loaded))
            words = "framework " + " ".join(arguments)
            report(f"{words}, as installed", without)
            report(f"{words}, {packages} more packages", with_them)
            pairs = [b - a for a, b in zip(without, with_them, strict=True)]
            report("  difference of each pair", pairs)
            draws = np.random.default_rng(0).choice(pairs, (4000, len(pairs))) * 1e3
            low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
            print(f"  its median, 95 %: {low:.1f} to {high:.1f} ms; n = {runs}")


def overhead(calls: int, rounds: int) -> None:
    """One frame of 1280 x 720 with one face, built by name and built by hand, in turns.

    Each round gives one ratio of medians; the last line is the middle of the rounds, with the
    interval that 95 % of resamples of the rounds have.
    """
    from framework_redact.blur import Blur
    from framework_redact.config import BlurOptions

    named = Registry.load(only=()).create(Kind.ANONYMIZER, "blur", {}, BuildContext(threads=1))
    direct = Blur(BlurOptions())
    image = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    frame = Frame(image, 0, 0.0)
    tracks = Tracks(xyxy=np.array([[540, 260, 700, 460]]), score=np.ones(1), track_id=np.ones(1))
    by_hand, by_name, ratios = [], [], []
    for _ in range(rounds):
        times: dict[bool, list[float]] = {False: [], True: []}
        for turn in range(2 * calls):
            is_named = bool((turn + turn // 2) % 2)
            component = named if is_named else direct
            start = time.thread_time()
            component.anonymize(frame, tracks)
            times[is_named].append(time.thread_time() - start)
        by_hand.append(statistics.median(times[False]))
        by_name.append(statistics.median(times[True]))
        ratios.append(100 * (by_name[-1] / by_hand[-1] - 1))
    report("blur at 1280 x 720, built by hand", by_hand)
    report("blur at 1280 x 720, built by name", by_name)
    draws = np.random.default_rng(1).choice(ratios, (4000, len(ratios)))
    low, high = np.percentile(np.median(draws, axis=1), [2.5, 97.5])
    middle = statistics.median(ratios)
    print(f"{'overhead of the call':<44} {middle:8.2f} %    (95 %: {low:.2f} to {high:.2f})")
    same = type(named).anonymize is type(direct).anonymize
    print(f"the very same function is called, nothing is wrapped around it: {same}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of plugins.")
    parser.add_argument("--packages", type=int, default=50)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--calls", type=int, default=60, help="of each way in each round")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    discovery(options.packages, options.runs)
    overhead(options.calls, options.rounds)


if __name__ == "__main__":
    main()
