"""Does memory stay flat over a long encounter? Runs two cameras of growing length and compares.

    python examples/bench_encounter.py --minutes 1 4 12

Every length runs in a process of its own, whose peak resident memory is what counts. The recordings
are made here: a composite donor face (of consenting people) that moves over a picture, and made-up
speech that both cameras hear; the doctor's camera starts 1.7 s late and its clock runs 80 ppm off.
Size, frame rate and methods are small so that a long encounter takes minutes. Compare --minutes 1
--fps 1 with --fps 4 for what pictures cost, and --minutes 1 with 12 for what sound costs; --fps 25
--size 1280x720 is a real encounter.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from framework_encounter import make_encounter, run_encounter
from numpy.typing import NDArray

from framework.media import MediaKind, SourceInfo, open_writer
from framework.testing.scenes import picture

RATE = 16000
OFFSET_S, DRIFT = 1.7, 80e-6
STEPS = 24
"""Different pictures of a recording; it goes to and fro over them."""


def speech(
    seed: int, start_s: float, seconds: float, drift: float
) -> Iterator[NDArray[np.float32]]:
    """Sound with the rhythm of speech, second by second, as heard from ``start_s`` on.

    A function of the shared time alone, so that two microphones hear the same.
    """
    for second in range(int(np.ceil(seconds))):
        count = min(RATE, round((seconds - second) * RATE))
        time_s = start_s + (1 + drift) * (second + np.arange(count) / RATE)
        block = np.floor(time_s / 0.25).astype(np.int64)
        sound = np.zeros(count)
        for one in range(int(block[0]), int(block[-1]) + 1):  # a syllable: a chirp of its own
            inside = block == one
            generator = np.random.default_rng((seed, max(one, 0)))
            low, high, loud = generator.uniform([150, 400, 0], [600, 3000, 0.6])
            local = time_s[inside] - 0.25 * one
            phase = 2 * np.pi * (low * local + (high - low) * local**2 * 2)
            sound[inside] = loud * np.sin(phase) * np.sin(4 * np.pi * local) ** 2
        noise = np.random.default_rng((seed + 1, int(start_s > 0), second)).normal(0, 0.02, count)
        yield (sound + noise).astype(np.float32)


def record(
    path: Path, seconds: float, fps: float, size: tuple[int, int], start_s: float, drift: float
) -> None:
    """Write one camera's recording."""
    width, height = size
    face = height * 0.55
    shift = np.linspace(0, 0.2 * width, STEPS)
    boxes = [
        (0.3 * width + x, 0.2 * height, 0.3 * width + x + 0.8 * face, 0.2 * height + face)
        for x in shift
    ]
    stills = [picture(width, height, [box], seed=int(start_s)) for box in boxes]
    info = SourceInfo(MediaKind.VIDEO, width, height, fps, None, None, "mp4", "h264")
    with open_writer(path, info, codec="h264", quality="small") as writer:
        writer.add_audio(speech(3, start_s, seconds, drift), RATE)
        for index in range(int(seconds * fps)):
            step = index % (2 * STEPS - 2)
            writer.write(stills[min(step, 2 * STEPS - 2 - step)], index / fps)


def run_one(minutes: float, options: argparse.Namespace) -> None:
    """One encounter; prints its peak memory and time as JSON."""
    width, height = (int(side) for side in options.size.split("x"))
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        seconds = 60 * minutes
        record(root / "a.mp4", seconds, options.fps, (width, height), 0.0, 0.0)
        record(root / "b.mp4", seconds - 2, options.fps, (width, height), OFFSET_S, DRIFT)
        made = resource.getrusage(resource.RUSAGE_SELF)
        cameras = [
            {"file": str(root / "a.mp4"), "shows": "patient"},
            {"file": str(root / "b.mp4"), "shows": "doctor"},
        ]
        result = run_encounter(
            make_encounter({"recordings": cameras}),
            out=root / "out",
            anonymizer=options.anonymizer,
            fer=options.fer,
            fer_rate=options.fer_rate,
            recheck=options.recheck,
            threads=1,
        )
        used = resource.getrusage(resource.RUSAGE_SELF)
    sync = result.clocks[1].sync
    end_s = 60 * minutes - 2
    error_s = sync.to_reference(end_s) - (OFFSET_S + (1 + DRIFT) * end_s)
    print(
        json.dumps(
            {
                "minutes": minutes,
                "frames": sum(audit.frames_out for audit in result.audits),
                "passed": result.passed,
                "made_mb": made.ru_maxrss / 1024,
                "peak_mb": used.ru_maxrss / 1024,
                "cpu_s": used.ru_utime + used.ru_stime - made.ru_utime - made.ru_stime,
                "confidence": sync.confidence,
                "sync_error_ms": 1000 * error_s,
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 4, 12])
    parser.add_argument("--fps", type=float, default=2.0)
    parser.add_argument("--size", default="320x180")
    parser.add_argument("--anonymizer", default="mask")
    parser.add_argument("--fer", default="resnet")
    parser.add_argument("--fer-rate", type=float, default=1.0)
    parser.add_argument("--recheck", action="store_true")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        run_one(options.one, options)
        return
    passed_on = ("fps", "size", "anonymizer", "fer", "fer_rate")
    arguments = [f"--{k.replace('_', '-')}={getattr(options, k)}" for k in passed_on]
    arguments += ["--recheck"] if options.recheck else []
    first = None
    for minutes in options.minutes:
        command = [sys.executable, __file__, *arguments, "--one", str(minutes)]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        first = first or found["peak_mb"]
        print(
            f"{minutes:5g} min, {found['frames']:6d} frames: peak {found['peak_mb']:.0f} MB "
            f"({found['peak_mb'] / first:.2f} of the first), {found['cpu_s']:.0f} s CPU, clocks "
            f"{found['sync_error_ms']:+.1f} ms off at the end, audit "
            f"{'passed' if found['passed'] else 'not passed'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
