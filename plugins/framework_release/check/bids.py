"""The schema: BIDS by its own validator where it is installed, and BEP047 by rules of our own.

Rules carry the place in the specification: BIDS 1.11 for what is published, pull request 2231 (in
community review) for recordings of behaviour.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from framework_release.check.finding import Finding, judged
from framework_release.checksums import release_files

VALIDATOR = "bids-validator-deno"
MEDIA_SUFFIXES = {
    "video": {".mp4", ".avi", ".mkv", ".webm"},
    "audiovideo": {".mp4", ".avi", ".mkv", ".webm"},
    "image": {".jpg", ".png", ".svg", ".webp", ".tiff"},
}
"""Appendix "Media files", supported formats."""
RECOMMENDED = {
    "video": (
        "RecordingDuration",
        "VideoCodec",
        "VideoFrameRate",
        "VideoFrameCount",
        "ImageWidth",
        "ImageHeight",
    ),
    "image": ("ImageWidth", "ImageHeight"),
}
"""Sidecar fields of media (schema: rules/sidecars/media.yaml)."""
_RECORDING = re.compile(
    r"(sub-[0-9a-z]+)/(ses-[0-9]+)/beh/\1_\2_task-([a-z0-9]+)_recording-[a-z0-9]+"
    r"_(video|audiovideo|image)(\.[a-z0-9]+)"
)
Problems = list[tuple[str, str]]


def own_rules(root: Path) -> Finding:
    """BIDS and BEP047 by our own rules."""
    problems: Problems = []
    names = release_files(root)
    problems += _json_files(root, names)
    problems += _description(root)
    problems += _participants(root, names)
    recordings = [n for n in names if _is_recording(n)]
    for name in recordings:
        problems += _recording(root, name)
    for folder in sorted({"/".join(n.split("/")[:2]) for n in names if n.startswith("sub-")}):
        problems += _session(root, folder, [n for n in recordings if n.startswith(folder + "/")])
    return judged(
        "It is a BIDS data set with BEP047 recordings", problems, f"{len(recordings)} recordings"
    )


def _is_recording(name: str) -> bool:
    match = _RECORDING.fullmatch(name)
    return match is not None and match[5] != ".json"


def _json_files(root: Path, names: list[str]) -> Problems:
    """Common principles: JSON files are UTF-8 objects."""
    problems = []
    for name in names:
        if name.endswith(".json"):
            body = _load(root / name)
            if body is None:
                problems.append((name, "no JSON object"))
    return problems


def _load(path: Path) -> dict[str, Any] | None:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return body if isinstance(body, dict) else None


def _description(root: Path) -> Problems:
    """Dataset description: Name and BIDSVersion are REQUIRED, License RECOMMENDED."""
    body = _load(root / "dataset_description.json") or {}
    return [
        ("dataset_description.json", f"no {key}")
        for key in ("Name", "BIDSVersion", "License", "DatasetType")
        if not body.get(key)
    ]


def read_tsv(path: Path) -> tuple[list[str], list[list[str]], list[str]]:
    """Header, rows and problems of a tabular file (common principles: tabular files)."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return [], [], ["cannot be read as UTF-8"]
    if lines and lines[-1] == "":
        lines.pop()
    if not lines:
        return [], [], ["empty"]
    head = lines[0].split("\t")
    rows = [line.split("\t") for line in lines[1:]]
    problems = []
    if len(set(head)) != len(head):
        problems.append("a column is there twice")
    for number, row in enumerate(rows, start=2):
        if len(row) != len(head):
            problems.append(f"line {number} has {len(row)} cells, the header {len(head)}")
        elif "" in row:
            problems.append(f"line {number} has an empty cell; n/a is expected")
    return head, rows, problems[:3]


def _participants(root: Path, names: list[str]) -> Problems:
    """participants.tsv: participant_id first, one row for each subject folder."""
    file = "participants.tsv"
    head, rows, wrong = read_tsv(root / file)
    problems = [(file, w) for w in wrong]
    if not head or head[0] != "participant_id":
        return [*problems, (file, "participant_id must be the first column")]
    listed = [row[0] for row in rows]
    folders = {n.split("/")[0] for n in names if n.startswith("sub-")}
    problems += [
        (file, f"{s} is there twice") for s in sorted({x for x in listed if listed.count(x) > 1})
    ]
    problems += [(file, f"{s} has no folder") for s in sorted(set(listed) - folders)]
    problems += [(file, f"no row for {s}") for s in sorted(folders - set(listed))]
    described = set(_load(root / "participants.json") or {})
    problems += [
        ("participants.json", f"column {c} is not described")
        for c in head[1:]
        if c not in described
    ]
    return problems


def _recording(root: Path, name: str) -> Problems:
    """BEP047: names and formats; sidecars and their fields."""
    match = _RECORDING.fullmatch(name)
    assert match is not None
    suffix, extension = match[4], match[5]
    problems = []
    if extension not in MEDIA_SUFFIXES[suffix]:
        problems.append((name, f"{extension} is no format of _{suffix}"))
    sidecar = str(Path(name).with_suffix(".json"))
    body = _load(root / sidecar)
    if body is None:
        return [*problems, (name, "no sidecar")]
    fields = RECOMMENDED["image" if suffix == "image" else "video"]
    problems += [(sidecar, f"no {field}") for field in ("TaskName", *fields) if field not in body]
    synthetic = body.get("SyntheticMedia")
    if not isinstance(synthetic, dict) or not synthetic.get("Statement"):
        problems.append((sidecar, "no statement on synthetic media"))
    return problems


def _session(root: Path, folder: str, recordings: list[str]) -> Problems:
    """scans.tsv and events.tsv: what they list, and one timeline."""
    subject, _, session = folder.partition("/")
    scans = f"{folder}/{subject}_{session}_scans.tsv"
    head, rows, wrong = read_tsv(root / scans)
    problems = [(scans, w) for w in wrong]
    if head[:2] != ["filename", "acq_time"]:
        return [*problems, (scans, "expected the columns filename and acq_time")]
    listed = {f"{folder}/{row[0]}": row[1] for row in rows if len(row) > 1}
    problems += [
        (scans, f"lists {n}, which is not there") for n in sorted(set(listed) - set(recordings))
    ]
    problems += [(scans, f"does not list {n}") for n in sorted(set(recordings) - set(listed))]
    starts = []
    for text in listed.values():
        try:
            starts.append(datetime.fromisoformat(text))
        except ValueError:
            problems.append((scans, f"'{text}' is no time"))
    if starts and any(s.year > 1925 for s in starts):
        problems.append((scans, "a date after 1925 may be the real one"))
    if starts and min(starts) != datetime(1900, 1, 1):
        problems.append((scans, "the first recording does not start the timeline"))
    for name in sorted(
        p.relative_to(root).as_posix() for p in (root / folder).rglob("*_events.tsv")
    ):
        problems += _events(root, name)
    return problems


def _events(root: Path, name: str) -> Problems:
    """Events: onset and duration first, numbers, in order of time, columns described."""
    head, rows, wrong = read_tsv(root / name)
    problems = [(name, w) for w in wrong]
    if head[:2] != ["onset", "duration"]:
        return [*problems, (name, "onset and duration must be the first columns")]
    last = float("-inf")
    for number, row in enumerate(rows, start=2):
        try:
            onset, duration = float(row[0]), float(row[1])
        except ValueError:
            problems.append((name, f"line {number}: onset or duration is no number"))
            break
        if duration < 0 or onset < last:
            problems.append((name, f"line {number}: out of order, or a negative duration"))
            break
        last = onset
    task = re.search(r"_task-([a-z0-9]+)_", name)
    described = set(_load(root / f"task-{task[1]}_events.json") or {}) if task else set()
    problems += [(name, f"column {c} is not described") for c in head if c not in described]
    return problems


def validator(root: Path) -> Finding:
    """The official validator, where it is installed; it does not know BEP047 yet."""
    name = "The BIDS validator accepts it"
    command = _command()
    if command is None:
        return Finding(name, None, f"not installed; pip install {VALIDATOR}")
    with tempfile.TemporaryDirectory() as cache:
        environment = {
            **os.environ,
            "DENO_DIR": cache,
            "DENO_NO_UPDATE_CHECK": "1",
            "NO_COLOR": "1",
        }
        try:
            run = subprocess.run(
                [command, "--format", "json", "--ignoreWarnings", str(root)],
                capture_output=True,
                text=True,
                timeout=600,
                env=environment,
                check=False,
            )
            issues = json.loads(run.stdout)["issues"]["issues"]
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
            return Finding(name, None, "it could not be run here")
    errors: Iterator[tuple[str, str]] = (
        (i.get("location", "").lstrip("/"), f"{i['code']} {i.get('subCode', '')}".strip())
        for i in issues
        if i.get("severity") == "error"
    )
    return judged(name, list(errors), "no error; recordings are left to the rules above")


def _command() -> str | None:
    beside = Path(sys.executable).with_name(VALIDATOR)
    return str(beside) if beside.is_file() else shutil.which(VALIDATOR)
