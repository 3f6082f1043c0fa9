"""How long does a cohort take? Writes synthetic encounters and measures ``framework cohort``.

    python examples/bench_cohort.py --encounters 327 --minutes 4.6

The encounters are made up: no recording stands behind them. Each has its own mix of expressions
around that of its role, and expressions last for a while, as in a conversation.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from framework_encounter.cohort import read_cohort, summarise, write_cohort
from framework_encounter.joint import Joint
from framework_encounter.joint_file import write_joint

from framework.types import EMOTIONS, UNKNOWN, PersonTimeline, Role

MIX = {
    Role.DOCTOR: (0.036, 0.012, 0.0003, 0.433, 0.0007, 0.493, 0.025),
    Role.PATIENT: (0.010, 0.0005, 0.0015, 0.457, 0.002, 0.458, 0.071),
}
"""Shares that the paper reports, with its rest divided over the other expressions."""


def manifest(version: str = "1.0") -> dict[str, Any]:
    """A manifest as small as the cohort needs it."""
    classifier = {
        "kind": "emotion-classifier",
        "name": "synthetic",
        "version": version,
        "options": {},
        "weights": [],
    }
    return {
        "schema": "framework-manifest",
        "schema_version": 1,
        "framework": "0.1.0",
        "components": [classifier],
        "settings": {"fer_rate": 5.0, "options": {}},
    }


def timeline(
    role: Role, seconds: int, generator: np.random.Generator, spread: float = 20.0
) -> PersonTimeline:
    """Made-up seconds of one person: a mix of its own, in stretches of six seconds on average."""
    mix = generator.dirichlet(np.array(MIX[role]) * spread + 1e-3)
    label = np.zeros(seconds, np.int64)
    for k in range(seconds):
        new = k == 0 or generator.random() < 1 / 6
        label[k] = generator.choice(len(EMOTIONS), p=mix) if new else label[k - 1]
    known = generator.random(seconds) < 0.9
    rows = np.full((seconds, len(EMOTIONS)), 0.05, np.float32)
    rows[np.arange(seconds), label] = 0.7
    rows[~known] = np.nan
    return PersonTimeline(
        person="person-1" if role is Role.PATIENT else "person-2",
        role=role,
        second=np.arange(seconds),
        probabilities=rows,
        label=tuple(
            EMOTIONS[k] if there else UNKNOWN for k, there in zip(label, known, strict=True)
        ),
        samples=np.where(known, 5, 0),
        coverage=known.astype(np.float32),
        quality=np.where(known, 0.8, np.nan).astype(np.float32),
    )


def write_encounter(
    folder: Path,
    name: str,
    seconds: int,
    generator: np.random.Generator,
    *,
    version: str = "1.0",
    spread: float = 20.0,
) -> None:
    """One synthetic output, as ``framework encounter run`` leaves it."""
    private = folder / "doctor-view"
    private.mkdir(parents=True)
    people = tuple(timeline(role, seconds, generator, spread) for role in MIX)
    cameras = tuple(np.zeros(seconds, np.int64) for _ in people)
    joint = Joint(people, cameras, seconds)
    write_joint(private / "timeline.csv", joint)
    write_joint(folder / "timeline.csv", joint.only([Role.PATIENT]))
    about = {
        "schema": "framework-encounter",
        "schema_version": 1,
        "id": name,
        "duration_s": float(seconds),
        "passed": True,
    }
    (folder / "encounter.json").write_text(json.dumps(about))
    (folder / "manifest.json").write_text(json.dumps(manifest(version)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--encounters", type=int, default=327)
    parser.add_argument("--minutes", type=float, default=4.6, help="mean length")
    options = parser.parse_args()
    generator = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for k in range(options.encounters):
            seconds = max(30, int(60 * generator.gamma(4, options.minutes / 4)))
            write_encounter(root / "in" / f"{k:03d}", f"enc-{k:03d}", seconds, generator)
        before = resource.getrusage(resource.RUSAGE_SELF)
        start = time.perf_counter()
        cohort = read_cohort(root / "in")
        read_s = time.perf_counter() - start
        summary = summarise(cohort)
        write_cohort(root / "out", cohort, summary)
        whole_s = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{summary.encounters} encounters, {sum(r.recorded_s for r in summary.roles):,} seconds: "
        f"read {read_s:.2f} s, read and written {whole_s:.2f} s ({cpu_s:.2f} s CPU), "
        f"peak memory {after.ru_maxrss / 1024:.0f} MB"
    )


if __name__ == "__main__":
    main()
