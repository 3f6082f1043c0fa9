"""Track tables in ``private/ID``: written once, and never over what a person corrected.

What the study wrote last is remembered by its hash. A file that is still that file may be replaced;
any other was changed by somebody, and is from then on the table that is rendered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from framework.atomic import write_text
from framework_study.layout import Layout
from framework_study.store import digest_of_file


@dataclass(frozen=True, slots=True)
class Table:
    """The table of one camera that is in force.

    Attributes:
        path: where it lies.
        sha256: of its content.
        corrected: whether a person changed it.
        outdated: a person changed it, and the analysis it was made from is another one now.
    """

    path: Path
    sha256: str
    corrected: bool
    outdated: bool = False


def deliver(layout: Layout, item: str, stored: Mapping[str, tuple[Path, str]]) -> dict[str, Table]:
    """Bring the tables of an encounter up to date, and say which are in force.

    Args:
        item: id of the encounter.
        stored: for each name (``tracks-patient.csv``) the file in the store and its SHA-256.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = layout.private(item)
    folder.mkdir(parents=True, exist_ok=True)
    folder.parent.chmod(0o700)
    written = _written(layout, item)
    found: dict[str, Table] = {}
    notes: dict[str, str] = {}
    for name, (source, sha256) in stored.items():
        place = folder / name
        there = digest_of_file(place) if place.is_file() else ""
        before = written.get(name, "")
        if there and there != before and there != sha256:
            found[name] = Table(place, there, True, outdated=bool(before) and before != sha256)
            notes[name] = before or sha256
            continue
        if there != sha256:
            _place(source, place)
        found[name] = Table(source, sha256, False)
        notes[name] = sha256
    if notes != written:
        write_text(_note(layout, item), json.dumps(notes, indent=1, sort_keys=True) + "\n")
    return found


def _place(source: Path, place: Path) -> None:
    """A copy of its own: a person will write into it."""
    temporary = place.with_name(f".{place.name}.partial")
    temporary.write_bytes(source.read_bytes())
    temporary.chmod(0o600)
    temporary.replace(place)


def _written(layout: Layout, item: str) -> dict[str, str]:
    try:
        return dict(json.loads(_note(layout, item).read_bytes()))
    except (OSError, ValueError):
        return {}


def _note(layout: Layout, item: str) -> Path:
    return layout.state / "tables" / f"{item}.json"
