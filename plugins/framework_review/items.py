"""What is there to review: the results of one run, or every encounter of a study."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.errors import ConfigError, MediaError
from framework.reading import why_unreadable

CAMERAS = ("patient", "doctor", "both")
"""Columns of ``encounters.csv`` that name recordings, in the order of an encounter's cameras."""
COVERED = "anonymized"
STUDY_FILE, STUDY_TABLE = "study.yaml", "encounters.csv"


@dataclass(frozen=True, slots=True)
class Camera:
    """One recording and what was made of it.

    Attributes:
        name: ``recording``, or whom it shows: ``patient``, ``doctor``, ``both``.
        source: the original.
        table: its track table, which corrections are written to.
        covered: the covered recording; None if it was not made yet.
        audit: its audit.json; None likewise.
    """

    name: str
    source: Path
    table: Path
    covered: Path | None
    audit: Path | None


@dataclass(frozen=True, slots=True)
class Item:
    """What is approved as one: a recording, or all cameras of an encounter.

    Attributes:
        id: pseudonym.
        results: folder that leaves.
        cameras: in order.
        verification: verify's findings in a study; None if there are none.
    """

    id: str
    results: Path
    cameras: tuple[Camera, ...]
    verification: Path | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """Everything that is reviewed together.

    Attributes:
        items: in the order of the study's table.
        approvals: the log.
        study: the study's folder; None for one run.
        reviewers: how many must approve.
    """

    items: tuple[Item, ...]
    approvals: Path
    study: Path | None
    reviewers: int = 1


def find_review(folder: Path, sources: Sequence[Path], tables: Sequence[Path]) -> Review:
    """Look at what the user named.

    Args:
        folder: a study, or the results of one run or encounter.
        sources, tables: originals and track tables, one a camera; for results alone.

    Raises:
        UserError: something is missing; the message says what to give.
    """
    if not folder.is_dir():
        raise MediaError(f"{folder}: no such folder; give the results of a run, or a study")
    if (folder / STUDY_FILE).is_file() and (folder / STUDY_TABLE).is_file():
        if sources or tables:
            raise ConfigError(
                "a study names its recordings itself; leave out --source and --tracks"
            )
        return _of_study(folder)
    return _of_results(folder, sources, tables)


def _of_results(folder: Path, sources: Sequence[Path], tables: Sequence[Path]) -> Review:
    cameras = sorted(p for p in folder.glob("camera-*") if p.is_dir()) or [folder]
    if not any(_covered(place) for place in cameras):
        raise MediaError(
            f"{folder}: no covered recording in it; give a folder that `framework run` or "
            f"`framework encounter run` wrote, or a study"
        )
    if len(sources) != len(cameras) or len(tables) != len(cameras):
        raise ConfigError(
            f"give --source and --tracks once for each of the {len(cameras)} recordings, in "
            f"order; `framework analyze` writes a track table (tracks.csv)"
        )
    for path in (*sources, *tables):
        if not path.is_file():
            raise MediaError(f"{path}: no such file")
    names = ["recording"] if cameras == [folder] else [place.name for place in cameras]
    found = tuple(
        Camera(name, source, table, _covered(place), _file(place / "audit.json"))
        for name, place, source, table in zip(names, cameras, sources, tables, strict=True)
    )
    beside = folder.parent / f"{folder.name}-review" / "approvals.jsonl"
    return Review((Item(folder.name, folder, found),), beside, None)


def _of_study(folder: Path) -> Review:
    items = []
    for row in _rows(folder / STUDY_TABLE):
        name = (row.get("id") or "").strip()
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise ConfigError(f"{STUDY_TABLE}: '{name}' is no id")
        given = [(c, (row.get(c) or "").strip()) for c in CAMERAS if (row.get(c) or "").strip()]
        results = folder / "results" / name
        cameras = []
        for number, (camera, text) in enumerate(given, start=1):
            place = results / f"camera-{number}"
            place = place if place.is_dir() else results
            table = folder / "private" / name / f"tracks-{camera}.csv"
            if not table.is_file():
                continue  # not analysed yet: there is nothing to look at
            source = (folder / text).resolve()
            cameras.append(
                Camera(camera, source, table, _covered(place), _file(place / "audit.json"))
            )
        if cameras:
            verification = _file(folder / "verify" / f"{name}.json")
            items.append(Item(name, results, tuple(cameras), verification))
    if not items:
        raise MediaError(
            f"{folder}: nothing of this study was analysed yet; run `framework study run` first"
        )
    return Review(tuple(items), folder / "review" / "approvals.jsonl", folder, _reviewers(folder))


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path.name}: {why_unreadable(error)}") from None
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))


def _reviewers(folder: Path) -> int:
    """How many reviewers ``study.yaml`` asks for."""
    import yaml

    try:
        content = yaml.safe_load((folder / STUDY_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise ConfigError(f"{STUDY_FILE} cannot be read; mend it or write it anew") from None
    wanted = content.get("reviewers", 1) if isinstance(content, dict) else 1
    if not isinstance(wanted, int) or not 1 <= wanted <= 10:
        raise ConfigError(f"{STUDY_FILE}: reviewers: expected a number from 1 to 10")
    return wanted


def _covered(place: Path) -> Path | None:
    """The covered recording in a folder, whatever its suffix."""
    found = sorted(p for p in place.glob(f"{COVERED}.*") if p.is_file())
    return found[0] if found else None


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None


def read_json(path: Path | None) -> dict[str, Any]:
    """The content of one of our JSON files; empty if there is none or it is damaged."""
    if path is None:
        return {}
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
