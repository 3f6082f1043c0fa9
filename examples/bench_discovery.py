"""What plugins cost: discovery of many installed packages, and a component called by name.

    python examples/bench_discovery.py                    50 packages, 15 runs
    python examples/bench_discovery.py --packages 200

Makes packages in a temporary folder, measures ``framework --help`` and ``framework plugins`` in
fresh processes with and without them, and the difference between an anonymizer built through the
registry and one built by hand, at 1280 x 720. Times are processor time, which other work on the
machine changes little.
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
            report(
                "  difference of each pair",
                [b - a for a, b in zip(without, with_them, strict=True)],
            )


def overhead(calls: int) -> None:
    """One frame of 1280 x 720 with one face, built by name and built by hand, in turns."""
    from framework_redact.blur import Blur
    from framework_redact.config import BlurOptions

    named = Registry.load(only=()).create(Kind.ANONYMIZER, "blur", {}, BuildContext(threads=1))
    direct = Blur(BlurOptions())
    image = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    frame = Frame(image, 0, 0.0)
    tracks = Tracks(xyxy=np.array([[540, 260, 700, 460]]), score=np.ones(1), track_id=np.ones(1))
    times: dict[str, list[float]] = {"built by hand": [], "built by name": []}
    for turn in range(2 * calls):
        name, component = (
            ("built by hand", direct) if (turn + turn // 2) % 2 else ("built by name", named)
        )
        start = time.thread_time()
        component.anonymize(frame, tracks)
        times[name].append(time.thread_time() - start)
    by_hand = report("blur at 1280 x 720, built by hand", times["built by hand"])
    by_name = report("blur at 1280 x 720, built by name", times["built by name"])
    same = type(named).anonymize is type(direct).anonymize
    print(f"{'overhead of the median':<44} {100 * (by_name / by_hand - 1):8.2f} %")
    print(f"the very same function is called, nothing is wrapped around it: {same}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of plugins.")
    parser.add_argument("--packages", type=int, default=50)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--calls", type=int, default=600)
    options = parser.parse_args()
    print(f"{os.cpu_count()} CPUs, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    discovery(options.packages, options.runs)
    overhead(options.calls)


if __name__ == "__main__":
    main()
