"""A whole study under load: as many encounters as the paper's, stopped and killed at random.

    python examples/bench_study.py --encounters 327 --workers 2
    python examples/bench_study.py --encounters 24 --engine ray --workers 2
    python examples/bench_study.py --plan --hours 1000 --machines 50 --cores 16

The recordings are made here, two cameras an encounter, with the paper's spread of lengths (4.6
minutes, standard deviation 2.1) scaled to seconds by ``--seconds``: a composite donor face that
moves over a picture, and made-up speech that both cameras hear. A share of them (``--bad``) is
damaged, has no sound, or shows nobody.

The study is run once without a disturbance on one worker, and once on ``--workers`` of them while
workers are killed at random times and the run itself once. What is compared and measured:

* results of both runs, byte by byte;
* the share of the workers' time that was spent in stages, of all time that they were there;
* peak memory of every worker, for its first and its last tasks;
* processor time for each hour of video, from which ``--plan`` computes what a cluster needs.

Small pictures and few frames a second keep it short; ``--size 1280x720 --fps 25`` is a real visit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from bench_encounter import speech

from framework.media import MediaKind, SourceInfo, open_writer
from framework.testing.scenes import picture

RATE = 16000
STEPS = 12
BADNESS = ("damaged", "silent", "empty")
FRAMEWORK = [sys.executable, "-m", "framework", "study"]


def lengths(count: int, mean_s: float, generator: np.random.Generator) -> list[float]:
    """Lengths with the paper's coefficient of variation (2.1 of 4.6 minutes), gamma-distributed."""
    shape = (4.6 / 2.1) ** 2
    return np.maximum(1.0, generator.gamma(shape, mean_s / shape, count)).tolist()


def record(
    path: Path, seconds: float, fps: float, size: tuple[int, int], seed: int, bad: str, late: float
) -> None:
    """Write one camera of an encounter."""
    width, height = size
    face = height * 0.55
    steps = 1 if bad == "empty" else STEPS
    stills = []
    for shift in np.linspace(0, 0.2 * width, steps):
        box = (0.3 * width + shift, 0.2 * height, 0.3 * width + shift + 0.8 * face, 0.75 * height)
        stills.append(picture(width, height, [] if bad == "empty" else [box], seed=seed % 7))
    info = SourceInfo(MediaKind.VIDEO, width, height, fps, None, None, "mp4", "h264")
    with open_writer(path, info, codec="h264", quality="small", threads=1) as writer:
        if bad != "silent":
            writer.add_audio(speech(seed, late, seconds, 0.0), RATE)
        for index in range(max(2, int(seconds * fps))):
            step = index % max(1, 2 * steps - 2)
            writer.write(stills[min(step, max(0, 2 * steps - 2 - step))], index / fps)
    if bad == "damaged":  # from the middle on
        content = bytearray(path.read_bytes())
        content[len(content) // 2 :] = os.urandom(len(content) - len(content) // 2)
        path.write_bytes(content)


def make_recordings(folder: Path, options: argparse.Namespace) -> dict[str, int]:
    """The recordings of a study; how many encounters are bad in which way."""
    generator = np.random.default_rng(options.seed)
    width, height = (int(side) for side in options.size.split("x"))
    folder.mkdir(parents=True)
    counts = dict.fromkeys(BADNESS, 0)
    for k, seconds in enumerate(lengths(options.encounters, options.seconds, generator)):
        bad = BADNESS[k % 3] if generator.random() < options.bad else ""
        if bad:
            counts[bad] += 1
        for camera, late in (("patient", 0.0), ("doctor", 0.6)):
            place = folder / f"v{k:03d}_{camera}.mp4"
            broken = bad if camera == "doctor" else ""
            record(place, seconds, options.fps, (width, height), 3 * k, broken, late)
    return counts


@dataclass
class Watch:
    """Looks at a run's workers from outside, and kills some.

    Attributes:
        kills: how many workers are still to be killed.
        peaks: for each worker, resident memory in MB over time.
        worked_s: processor seconds of all workers.
        there_s: seconds that workers were there, together.
    """

    kills: int
    generator: random.Random
    peaks: dict[int, list[float]] = field(default_factory=dict)
    spent: dict[int, float] = field(default_factory=dict)
    there_s: float = 0.0
    killed: int = 0

    def look(self, process: subprocess.Popen[str], stop: threading.Event) -> None:
        before = time.monotonic()
        due = before + self.generator.uniform(2, 6)
        while not stop.wait(0.25):
            now = time.monotonic()
            workers = _workers(process.pid)
            self.there_s += len(workers) * (now - before)
            before = now
            for worker in workers:
                try:
                    memory = worker.memory_info().rss / 1e6
                    spent = sum(worker.cpu_times()[:2])
                except psutil.Error:
                    continue
                self.peaks.setdefault(worker.pid, []).append(memory)
                self.spent[worker.pid] = spent
            if workers and self.kills and now >= due:
                self.generator.choice(workers).kill()
                self.kills -= 1
                self.killed += 1
                due = now + self.generator.uniform(2, 6)


def _workers(pid: int) -> list[psutil.Process]:
    try:
        children = psutil.Process(pid).children(recursive=True)
        named = [(c, " ".join(c.cmdline())) for c in children]
    except psutil.Error:
        return []
    return [c for c, name in named if "framework_study.worker" in name or name.startswith("ray::")]


def run(study: Path, options: argparse.Namespace, workers: int, watch: Watch, once: bool) -> float:
    """Run a study to its end; seconds of wall time. ``once``: kill the run itself, too."""
    began = time.monotonic()
    engine = options.engine if workers > 1 else "local"
    words = [*FRAMEWORK, "run", str(study), "--workers", str(workers), "--engine", engine, "-q"]
    while True:
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL, text=True)
        stop = threading.Event()
        looker = threading.Thread(target=watch.look, args=(process, stop))
        looker.start()
        if once:
            time.sleep(watch.generator.uniform(5, 10))
            process.kill()
        status = process.wait()
        stop.set()
        looker.join()
        if status not in (0, 1) or once:
            once = False
            continue
        return time.monotonic() - began


def contents(folder: Path) -> dict[str, str]:
    """Hash of every file by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def status(study: Path) -> dict[str, object]:
    words = [*FRAMEWORK, "status", str(study), "--json"]
    found = json.loads(subprocess.run(words, capture_output=True, text=True).stdout)
    rows = found["rows"]
    return {
        "counts": found["counts"],
        "hours": sum(row["length_s"] for row in rows) / 3600,
    }


def work_s(study: Path) -> float:
    """Seconds that workers spent in stages that ended well."""
    files = (study / "state" / "items").glob("*.json")
    return sum(json.loads(file.read_text())["work_s"] for file in files)


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Make the recordings, run both studies, compare."""
    with tempfile.TemporaryDirectory(dir=options.folder) as place:
        root = Path(place)
        bad = make_recordings(root / "videos", options)
        first = root / "study"
        words = [*FRAMEWORK, "init", str(first), "--videos", str(root / "videos"), "-q"]
        subprocess.run([*words, "-a", options.anonymizer, "--fer", options.fer], check=True)
        serial = Watch(0, random.Random(options.seed))
        serial_s = run(first, options, 1, serial, once=False)
        alone = contents(first / "results")
        told = status(first)
        serial_work_s = work_s(first)
        for name in ("results", "state/store", "state/items"):
            shutil.rmtree(first / name)
        watch = Watch(options.kills, random.Random(options.seed + 1))
        wall_s = run(first, options, options.workers, watch, once=True)
        subprocess.run([*FRAMEWORK, "retry", str(first), "-q"], stderr=subprocess.DEVNULL)
        together = contents(first / "results")
        grown = [
            np.mean(memory[-5:]) / np.mean(memory[len(memory) // 3 : len(memory) // 3 + 5])
            for memory in watch.peaks.values()
            if len(memory) > 40
        ]
        hours = float(str(told["hours"]))
        return {
            "encounters": options.encounters,
            "bad": bad,
            "hours of video": round(hours, 3),
            "counts": told["counts"],
            "byte-equal": alone == together,
            "files": len(alone),
            "serial wall s": round(serial_s, 1),
            "wall s": round(wall_s, 1),
            "workers killed": watch.killed,
            "share of a worker's time in stages, serial": round(
                serial_work_s / max(serial.there_s, 1e-9), 3
            ),
            "peak MB of a worker": round(max(max(m) for m in watch.peaks.values())),
            "memory at the end over that after a third": [round(float(g), 3) for g in grown],
            "cpu s of workers, serial": round(sum(serial.spent.values()), 1),
            "cpu hours per hour of video": round(
                sum(serial.spent.values()) / 3600 / max(hours, 1e-9), 2
            ),
            "size": options.size,
            "fps": options.fps,
            "anonymizer": options.anonymizer,
            "fer": options.fer,
        }


def plan(options: argparse.Namespace) -> list[str]:
    """What a cluster needs for so many hours, computed from a measured cost."""
    cpu_h = options.hours * options.cost
    cores = options.machines * options.cores
    ideal_h = cpu_h / cores
    visit_h = 25 / 60 * options.cost
    return [
        f"{options.hours:g} hours of video at {options.cost:g} processor hours an hour: "
        f"{cpu_h:,.0f} processor hours",
        f"{options.machines} machines with {options.cores} cores: {ideal_h:.1f} hours if all are "
        f"busy, {ideal_h / 0.9:.1f} at 90 %",
        f"the last visit: a camera of 25 minutes is one worker's for {visit_h:.1f} hours, so that "
        f"the end may come {visit_h:.1f} hours later; start with the longest",
        f"disk: about {options.hours * options.mb_per_min * 60 / 1000:,.0f} GB of results at "
        f"{options.mb_per_min:g} MB a minute of video, once (the store shares them), and the "
        "recordings themselves",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--encounters", type=int, default=327)
    parser.add_argument("--seconds", type=float, default=4.6, help="mean length of a recording")
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--size", default="320x180")
    parser.add_argument("--bad", type=float, default=0.1, help="share of bad encounters")
    parser.add_argument("--anonymizer", default="mask")
    parser.add_argument("--fer", default="none")
    parser.add_argument("--engine", default="local", choices=["local", "ray"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the recordings are made")
    parser.add_argument("--plan", action="store_true", help="arithmetic alone")
    parser.add_argument("--hours", type=float, default=1000)
    parser.add_argument("--machines", type=int, default=50)
    parser.add_argument("--cores", type=int, default=16)
    parser.add_argument("--cost", type=float, default=6.0, help="processor hours an hour of video")
    parser.add_argument("--mb-per-min", type=float, default=10.0)
    options = parser.parse_args(arguments)
    if options.plan:
        print("\n".join(plan(options)))
        return
    for name, value in measure(options).items():
        print(f"{name:<44} {value}")


if __name__ == "__main__":
    main()
