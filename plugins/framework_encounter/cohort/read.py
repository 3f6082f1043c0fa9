"""Reads the outputs of many encounters, and says what it could not use and why.

A folder with ``encounter.json`` is an encounter, one with ``emotions.csv`` a single run. What is
broken, written by another version, or analysed in another way than the others is left out, listed
and counted; it is never mixed in.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import MediaError
from framework.types import EMOTIONS, UNKNOWN, Role

ENCOUNTER, MANIFEST, AUDIT = "encounter.json", "manifest.json", "audit.json"
EMOTIONS_FILE, TIMELINE, DOCTOR_VIEW = "emotions.csv", "timeline.csv", "doctor-view"
SCHEMAS = {"framework-encounter": 1, "framework-manifest": 1, "framework-audit": 1}
ROLES = (Role.DOCTOR, Role.PATIENT)
LABELS = (*EMOTIONS, UNKNOWN)
_CODE = {label: k for k, label in enumerate(LABELS)}


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One encounter's seconds by role and label.

    Attributes:
        name: pseudonym from its files, or ``encounter-N`` by its place in the folder.
        duration_s: of the recording whose clock counts.
        counts: (8,) seconds of each role by label: ``EMOTIONS``, then ``unknown``.
        in_view_s: seconds of each role with the face in view at least once.
        passed: the audit of the covered recordings.
        folder: where its files are; never written anywhere.
    """

    name: str
    duration_s: float
    counts: Mapping[Role, NDArray[np.int64]]
    in_view_s: Mapping[Role, int]
    passed: bool
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """An output that was left out.

    Attributes:
        folder: its path relative to the cohort's folder; for the screen, it may name somebody.
        name: ``encounter-N``, for files.
        reason: why.
    """

    folder: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class CohortRow:
    """One encounter and role."""

    encounter: str
    role: str
    duration_s: float
    recorded_s: int
    in_view_s: int
    labelled_s: int
    anger: int
    disgust: int
    fear: int
    happiness: int
    neutral: int
    sadness: int
    surprise: int


@dataclass(frozen=True)
class Cohort:
    """Everything that was read.

    Attributes:
        encounters: what can be counted, in the order of their folders.
        excluded: what was left out.
        analysis: how the emotions of ``encounters`` were read, in words.
        mixed: how many ways of analysis are among them (1 unless mixing was allowed).
    """

    encounters: tuple[Stored, ...]
    excluded: tuple[Excluded, ...]
    analysis: str
    mixed: int = 1

    def rows(self) -> list[CohortRow]:
        """One row for each encounter and role, for models of your own.

        Not for handing on: no cell has more than one encounter behind it. What may be handed on is
        :meth:`framework_encounter.cohort.Summary.data_frame`.
        """
        return [
            CohortRow(
                e.name,
                str(role),
                e.duration_s,
                int(counts.sum()),
                e.in_view_s[role],
                int(counts[:-1].sum()),
                *(int(c) for c in counts[:-1]),
            )
            for e in self.encounters
            for role, counts in e.counts.items()
        ]


class _BrokenError(Exception):
    """Why an output cannot be counted."""


@dataclass
class _Candidate:
    folder: Path
    number: int
    stored: Stored | None = None
    signature: str = ""
    described: str = ""
    digest: str = ""
    problem: str = ""
    roles: list[Role] = field(default_factory=list)


def read_cohort(folder: str | Path, *, allow_mixed: bool = False) -> Cohort:
    """Read every output below a folder; of a study, its results.

    Args:
        allow_mixed: also count outputs that were analysed in another way than most.

    Raises:
        MediaError: there is no such folder, or no output in it.
    """
    root = Path(folder)
    if not root.is_dir():
        raise MediaError(f"{root}: no such folder; give the one that holds the encounters' outputs")
    if (root / "study.yaml").is_file():  # what else lies in a study are intermediate results
        root = root / "results"
    found = [_Candidate(place, n) for n, place in enumerate(find_outputs(root), start=1)]
    if not found:
        raise MediaError(
            f"{root}: no output of 'framework encounter run' or 'framework run' in it or below"
        )
    for candidate in found:
        try:
            _read(candidate)
        except _BrokenError as error:
            candidate.problem = str(error)
    _refuse_doubles(found)
    usable = Counter(c.signature for c in found if not c.problem)
    main = min(usable, key=lambda s: (-usable[s], s)) if usable else ""
    if not allow_mixed:
        for candidate in found:
            if not candidate.problem and candidate.signature != main:
                candidate.problem = (
                    f"analysed in another way than most ({candidate.described}); analyse it again, "
                    "or allow mixing"
                )
    kept = [c for c in found if not c.problem]
    return Cohort(
        encounters=tuple(c.stored for c in kept if c.stored is not None),
        excluded=tuple(
            Excluded(str(c.folder.relative_to(root)), f"encounter-{c.number}", c.problem)
            for c in found
            if c.problem
        ),
        analysis="; ".join(sorted({c.described for c in kept})),
        mixed=len({c.signature for c in kept}),
    )


def find_outputs(root: Path) -> Iterator[Path]:
    """Folders that hold an output, in order of their names; what lies inside one is part of it."""
    for place, folders, files in os.walk(root):
        folders.sort()
        marks = {ENCOUNTER, EMOTIONS_FILE, MANIFEST, AUDIT, TIMELINE}
        if marks & set(files):
            folders.clear()
            yield Path(place)
        folders[:] = [name for name in folders if not name.startswith(".")]


def _read(candidate: _Candidate) -> None:
    folder = candidate.folder
    manifest = _json(folder / MANIFEST, "framework-manifest")
    candidate.signature, candidate.described = analysis_of(manifest)
    name = f"encounter-{candidate.number}"
    if (folder / ENCOUNTER).is_file():
        about = _json(folder / ENCOUNTER, "framework-encounter")
        if isinstance(about.get("id"), str) and about["id"] != "encounter":
            name = about["id"]
        duration, passed = about.get("duration_s", about.get("seconds")), about.get("passed")
        private = folder / DOCTOR_VIEW / TIMELINE
        file = private if private.is_file() else folder / TIMELINE
        joint = True
    else:
        about = _json(folder / AUDIT, "framework-audit")
        duration, passed = about.get("duration_in_s"), about.get("passed")
        file, joint = folder / EMOTIONS_FILE, False
    if not isinstance(duration, int | float) or not duration > 0:
        raise _BrokenError("it does not say how long the recording is")
    try:
        raw = file.read_bytes()
    except OSError:
        raise _BrokenError(f"{file.name} is missing or cannot be read") from None
    candidate.digest = hashlib.sha256(raw).hexdigest()
    counts, in_view = _count(raw, joint, file.name)
    if not counts:
        raise _BrokenError("nobody in it has the role patient or doctor")
    candidate.stored = Stored(name, float(duration), counts, in_view, bool(passed), folder)


def _json(path: Path, schema: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise _BrokenError(f"{path.name} is missing: the run did not finish") from None
    except (OSError, ValueError):
        raise _BrokenError(f"{path.name} cannot be read") from None
    if not isinstance(content, dict) or content.get("schema") != schema:
        raise _BrokenError(f"{path.name} is not what this program writes")
    if content.get("schema_version") != SCHEMAS[schema]:
        raise _BrokenError(
            f"{path.name} has version {content.get('schema_version')} of its format, version "
            f"{SCHEMAS[schema]} is read; analyse the recording again"
        )
    return content


def analysis_of(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """What must be equal for emotions to be comparable: as a fingerprint, and in words."""
    relevant: dict[str, Any] = {"framework": manifest.get("framework")}
    words = []
    try:
        for component in manifest["components"]:
            if component["kind"] in ("detector", "tracker", "emotion-classifier"):
                hashes = [weight["sha256"] for weight in component["weights"]]
                relevant[component["kind"]] = [
                    component["name"],
                    component["version"],
                    component["options"],
                    hashes,
                ]
                if component["kind"] == "emotion-classifier":
                    words.append(f"{component['name']} {component['version']}")
        settings = manifest["settings"]
        options = settings.get("options")
        if isinstance(options, Mapping):  # the codec of the covered recording has no part in it
            options = {stage: options.get(stage) for stage in ("resolve", "timeline")}
        relevant["settings"] = [settings.get("fer_rate"), options]
    except (KeyError, TypeError):
        raise _BrokenError("manifest.json does not say how it was made") from None
    if not words:
        raise _BrokenError("emotions were not analysed")
    text = json.dumps(relevant, sort_keys=True)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()[:12]
    return fingerprint, f"{words[0]}, framework {relevant['framework']}, {fingerprint}"


def _count(
    raw: bytes, joint: bool, name: str
) -> tuple[dict[Role, NDArray[np.int64]], dict[Role, int]]:
    try:
        rows = csv.reader(raw.decode("utf-8-sig").splitlines())
        head = next(rows, [])
        return _joint(head, rows) if joint else _long(head, rows)
    except _BrokenError as error:
        raise _BrokenError(f"{name}: {error}") from None
    except (UnicodeDecodeError, csv.Error, ValueError, IndexError, KeyError):
        raise _BrokenError(f"{name} does not validate") from None


def _joint(
    head: list[str], rows: Iterator[list[str]]
) -> tuple[dict[Role, NDArray[np.int64]], dict[Role, int]]:
    """``timeline.csv``: a group of columns for each role, empty where it was not recorded."""
    place = {
        role: (head.index(f"{role}_label"), head.index(f"{role}_coverage"))
        for role in ROLES
        if f"{role}_label" in head
    }
    labels: dict[Role, list[int]] = {role: [0] * len(LABELS) for role in place}
    seen = dict.fromkeys(place, 0)
    width = len(head)
    for expected, row in enumerate(rows):
        if len(row) != width or int(row[0]) != expected:
            raise _BrokenError(f"row {expected + 2} is damaged")
        for role, (label, coverage) in place.items():
            if row[label]:
                labels[role][_CODE[row[label]]] += 1
                seen[role] += float(row[coverage] or 0) > 0
    counts = {role: np.array(values, np.int64) for role, values in labels.items() if any(values)}
    return counts, {role: seen[role] for role in counts}


def _long(
    head: list[str], rows: Iterator[list[str]]
) -> tuple[dict[Role, NDArray[np.int64]], dict[Role, int]]:
    """``emotions.csv``: one row for each second and person."""
    role_at, label_at, coverage_at = (head.index(c) for c in ("role", "label", "coverage"))
    labels: dict[Role, list[int]] = {}
    seen: dict[Role, int] = {}
    width = len(head)
    for line, row in enumerate(rows, start=2):
        if len(row) != width:
            raise _BrokenError(f"row {line} is damaged")
        role = Role(row[role_at])
        if role not in ROLES:
            continue
        labels.setdefault(role, [0] * len(LABELS))[_CODE[row[label_at]]] += 1
        seen[role] = seen.get(role, 0) + (float(row[coverage_at] or 0) > 0)
    return {role: np.array(values, np.int64) for role, values in labels.items()}, seen


def _refuse_doubles(found: list[_Candidate]) -> None:
    """The same encounter twice would count twice."""
    digests: dict[str, int] = {}
    names: dict[str, int] = {}
    for candidate in found:
        if candidate.problem or candidate.stored is None:
            continue
        first = digests.setdefault(candidate.digest, candidate.number)
        if first != candidate.number:
            candidate.problem = f"the same timeline as encounter-{first}"
            continue
        first = names.setdefault(candidate.stored.name, candidate.number)
        if first != candidate.number:
            candidate.problem = f"the same id as encounter-{first}"
