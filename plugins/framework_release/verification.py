"""``framework verify`` for every recording of a study that may be released, where it is missing.

``STUDY/verify/ID.json`` holds the verdict of each camera beside the hashes of the two files it is
about, so that a changed file, another original or another recogniser is noticed, and judged again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framework.approvals import file_sha256, hash_files
from framework.atomic import write_text
from framework.errors import FrameworkError, MediaError, UserError
from framework.progress import Progress, silent
from framework_release.kept import read_again
from framework_release.results import Camera, Results
from framework_release.study import Encounter, Study

FORMAT = "framework-study-verification"
VERSION = 1
STRONGEST = "strongest installed"
"""Stands for a recogniser that nobody named."""
Say = Callable[[str], None]
Verdict = Mapping[str, Any]


def verified(
    study: Study,
    encounter: Encounter,
    results: Results,
    recognizers: Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    warn: Say = lambda message: None,
    progress: Progress = silent,
) -> dict[str, Verdict]:
    """The verdict on every camera, by its name; judged now where it is missing or stale.

    Args:
        recognizers: who must recognise nobody; empty takes the strongest that is installed.
        settings: ``detector``, ``threads``, ``device`` and ``tracker`` for both checks.

    Raises:
        UserError: a camera cannot be judged, for instance because its original is missing.
    """
    path = study.verification(encounter.id)
    stored = _stored(path)
    wanted = tuple(recognizers) or (STRONGEST,)
    found: dict[str, Verdict] = {}
    changed = False
    for camera in results.cameras:
        if camera.file is None:
            raise MediaError(f"{camera.name}: no covered recording in the results; run it again")
        k = _number(camera)
        if k >= len(encounter.originals):
            raise MediaError(
                f"encounters.csv names {len(encounter.originals)} recordings of {encounter.id}, "
                f"the results have a {camera.name}; they do not belong together"
            )
        original = encounter.originals[k]
        hashes = {"covered": file_sha256(camera.file), "original": _hash(original)}
        old = stored.get(camera.name, {})
        if old.get("sha256") == hashes and set(wanted) <= set(old.get("recognizers", {})):
            found[camera.name] = old
            continue
        found[camera.name] = _judge(
            study, encounter, results, camera, k, hashes, wanted, settings or {}, warn, progress
        )
        changed = True
    if changed or set(stored) - set(found):
        body = {"format": FORMAT, "version": VERSION, "id": encounter.id, "cameras": found}
        write_text(path, json.dumps(body, indent=1) + "\n")
    return found


def _judge(
    study: Study,
    encounter: Encounter,
    results: Results,
    camera: Camera,
    k: int,
    hashes: Mapping[str, str],
    wanted: Sequence[str],
    settings: Mapping[str, Any],
    warn: Say,
    progress: Progress,
) -> Verdict:
    from framework_verify import verify

    assert camera.file is not None

    def bar(stage: str, done: int, total: int | None) -> None:
        progress(f"{stage} {encounter.id} {camera.name}", done, total)

    judged: dict[str, Any] = {}
    for name in wanted:
        try:
            verdict = verify(
                camera.file,
                encounter.originals[k],
                tracks=study.tracks(encounter, k),
                recognizer=None if name == STRONGEST else name,
                allow_audio=True,  # whether sound leaves is decided when the release is written
                warn=warn,
                progress=bar,
                **dict(settings),
            )
        except UserError:
            raise
        except FrameworkError as error:
            raise MediaError(f"{camera.name}: {error}") from None
        judged[name] = {"passed": verdict.passed, **asdict(verdict)}
    return {
        "sha256": dict(hashes),
        "passed": all(v["passed"] for v in judged.values()),
        "recognizers": judged,
        "expression": read_again(camera, results, settings, study.private),
    }


def failures(verdicts: Mapping[str, Verdict]) -> list[str]:
    """What did not pass, a short sentence each; empty if all did."""
    found = []
    for camera, verdict in verdicts.items():
        for judged in verdict["recognizers"].values():
            found += [
                f"{camera}, {judged['recognizer']}: {f['name']}: {f['detail']}"
                for f in judged["findings"]
                if not f["passed"]
            ]
    return found


def _number(camera: Camera) -> int:
    """``camera-2`` shows the second recording of the row; a single run has one."""
    digits = camera.name.rpartition("-")[2]
    return int(digits) - 1 if digits.isdigit() else 0


def _hash(original: Path) -> str:
    if original.is_dir():
        return ",".join(f"{n}={h}" for n, h in hash_files(original).items())
    if not original.is_file():
        raise MediaError(
            "an original is missing, so nobody can verify against it; check the paths in "
            "encounters.csv"
        )
    return file_sha256(original)


def _stored(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    fits = (
        isinstance(body, dict) and body.get("format") == FORMAT and body.get("version") == VERSION
    )
    cameras = body.get("cameras") if fits else None
    return cameras if isinstance(cameras, dict) else {}
