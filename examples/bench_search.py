"""What does searching the covered recording again cost? Runs the main job with and without it.

    python examples/bench_search.py --seconds 40 --pairs 3

The clip is the one of ``compare_peers.py`` (1280x720, 30 frames a second). Both runs of a pair are
made one after the other in this process, and the order changes from pair to pair; the first pair
warms up and is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from compare_peers import make_clip

from framework import run


def seconds(clip: Path, out: Path, anonymizer: str, again: bool) -> tuple[float, float]:
    """Wall and processor time of one run."""
    wall, cpu = time.perf_counter(), time.process_time()
    run(clip, out=out, anonymizer=anonymizer, fer="none", search_again=again)
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=40.0, help="length of the clip")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--anonymizer", default="blur")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        clip = Path(place) / "clip.mp4"
        make_clip(clip, round(30 * given.seconds))
        ratios = []
        for pair in range(given.pairs + 1):
            taken = {}
            for again in (False, True) if pair % 2 else (True, False):
                out = Path(place) / f"out-{again}"
                taken[again] = seconds(clip, out, given.anonymizer, again)
            if pair:
                ratios.append([taken[True][k] / taken[False][k] - 1 for k in range(2)])
                print(
                    f"pair {pair}: without {taken[False][0]:.1f} s ({taken[False][1]:.1f} s CPU), "
                    f"with {taken[True][0]:.1f} s ({taken[True][1]:.1f} s CPU)",
                    flush=True,
                )
        wall, cpu = (statistics.median(r[k] for r in ratios) for k in range(2))
        print(f"the search adds {100 * wall:.0f} % of the time, {100 * cpu:.0f} % of the CPU time")


if __name__ == "__main__":
    main()
