"""Tables: every row refers to a file, no small cells, and Croissant loads."""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framework.approvals import file_sha256
from framework_release.anonymity import class_sizes
from framework_release.check.bids import read_tsv
from framework_release.check.finding import Finding, judged
from framework_release.tables import TABLES

Problems = list[tuple[str, str]]


def rows_refer(root: Path, recordings: Mapping[str, Any]) -> Finding:
    """Each row names a recording and a participant that are there, and each recording a row."""
    _, people, _ = read_tsv(root / "participants.tsv")
    known = {row[0] for row in people}
    problems: Problems = []
    total = 0
    seen: set[str] = set()
    for name, columns in TABLES.items():
        file = f"tables/{name}.csv"
        try:
            with (root / file).open(encoding="utf-8", newline="") as handle:
                reader = csv.DictReader(handle)
                if reader.fieldnames != [c.name for c in columns]:
                    problems.append((file, "its columns are not those of the codebook"))
                    continue
                for row in reader:
                    total += 1
                    if row["file"] not in recordings or not (root / row["file"]).is_file():
                        problems.append((file, f"line {reader.line_num}: no file {row['file']}"))
                    if row["participant_id"] not in known:
                        problems.append(
                            (
                                file,
                                f"line {reader.line_num}: no participant {row['participant_id']}",
                            )
                        )
                    if name == "recordings":
                        seen.add(row["file"])
        except (OSError, UnicodeDecodeError, csv.Error):
            problems.append((file, "cannot be read"))
    problems += [
        ("tables/recordings.csv", f"no row for {n}") for n in sorted(set(recordings) - seen)
    ]
    return judged("Every row refers to a file", problems, f"{total:,} rows")


def small_cells(root: Path, about: Mapping[str, Any]) -> Finding:
    """k people share each combination of groups."""
    file = "participants.tsv"
    k, columns = int(about.get("k", 0)), [str(c) for c in about.get("groups", ())]
    name = "No small groups"
    if k < 2:
        return Finding(name, False, "release.json names no k of at least 2", ("release.json",))
    head, rows, _ = read_tsv(root / file)
    problems: Problems = []
    problems += [(file, f"no column {c}") for c in columns if c not in head]
    extra = set(head) - {"participant_id", "sessions", *columns}
    problems += [(file, f"column {c} was not declared") for c in sorted(extra)]
    if problems or not columns:
        return judged(name, problems, "no groups are shown")
    cells = [dict(zip(head, row, strict=False)) for row in rows]
    hidden = all(row.get(c) in ("n/a", "*") for row in cells for c in columns)
    for combination, size in class_sizes(cells, columns).items():
        if size < k and not hidden:
            shown = ", ".join(f"{c}={v}" for c, v in zip(columns, combination, strict=True))
            problems.append((file, f"{size} people share {shown}; at least {k} must"))
    smallest = min(class_sizes(cells, columns).values(), default=0)
    return judged(name, problems, f"the smallest group has {smallest} people, k is {k}")


def croissant(root: Path) -> Finding:
    """Its hashes agree with the files, and mlcroissant loads it where it is installed."""
    file = "croissant.json"
    name = "Croissant loads"
    try:
        body = json.loads((root / file).read_text(encoding="utf-8"))
        entries = body["distribution"]
    except (OSError, ValueError, KeyError, TypeError):
        return Finding(name, False, f"{file}: no JSON with a distribution", (file,))
    problems: Problems = []
    for entry in entries:
        place = root / entry.get("contentUrl", "")
        inside = place.resolve().is_relative_to(root.resolve())
        if not inside or not place.is_file():
            problems.append((file, f"{entry.get('@id')} is not there"))
        elif file_sha256(place) != entry.get("sha256"):
            problems.append((file, f"{entry['@id']} has another hash"))
    needed = ("dataCollection", "dataLimitations", "personalSensitiveInformation")
    problems += [(file, f"no rai:{key}") for key in needed if not body.get(f"rai:{key}")]
    if problems:
        return judged(name, problems, "")
    return _load(root / file, name, len(entries))


def _load(path: Path, name: str, files: int) -> Finding:
    try:
        import mlcroissant
    except ImportError:
        return Finding(name, True, f"{files} files agree (mlcroissant is not installed)")
    logging.getLogger("absl").setLevel(logging.ERROR)
    try:
        data = mlcroissant.Dataset(jsonld=str(path))
        sets = [r.id for r in data.metadata.record_sets]
        for one in sets:
            next(iter(data.records(one)), None)
    except Exception as error:  # the library raises its own kinds and many others
        return Finding(
            name, False, f"mlcroissant: {' '.join(str(error).split())[:300]}", (path.name,)
        )
    return Finding(name, True, f"{files} files agree; mlcroissant reads {len(sets)} record sets")
