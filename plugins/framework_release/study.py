"""A study's folder as the release reads it: the table of encounters, and what is kept apart."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from framework.approvals import APPROVALS
from framework.errors import ConfigError
from framework.reading import why_unreadable
from framework_release.consent import Consent, parse_consent

CAMERAS = ("patient", "doctor", "both")
PERSON = "person"
"""Optional column: the same pseudonym in several rows means one person, seen several times."""


@dataclass(frozen=True)
class Encounter:
    """One row of ``encounters.csv``.

    Attributes:
        id: pseudonym within the study.
        originals: the recordings, in the order of the cameras of the results.
        cameras: for each of them ``patient``, ``doctor`` or ``both``.
        consent: of both people.
        cells: every cell by its column.
    """

    id: str
    originals: tuple[Path, ...]
    cameras: tuple[str, ...]
    consent: Consent
    cells: Mapping[str, str]

    @property
    def person(self) -> str:
        """Who the patient is; the encounter itself where nobody said."""
        return self.cells.get(PERSON, "") or f"encounter {self.id}"


@dataclass(frozen=True)
class Study:
    """The places in a study's folder.

    Attributes:
        root: the folder.
        encounters: of ``encounters.csv``, in its order.
        reviewers: how many people must approve.
    """

    root: Path
    encounters: tuple[Encounter, ...]
    reviewers: int

    def results(self, id: str) -> Path:
        return self.root / "results" / id

    def tracks(self, encounter: Encounter, camera: int) -> Path | None:
        """The private track table of a camera, if there is one."""
        place = self.root / "private" / encounter.id
        names = (
            f"tracks-{encounter.cameras[camera]}.csv",
            f"camera-{camera + 1}/tracks.csv",
            "tracks.csv" if len(encounter.cameras) == 1 else "",
        )
        return next((place / n for n in names if n and (place / n).is_file()), None)

    @property
    def approvals(self) -> Path:
        return self.root / "review" / APPROVALS

    def verification(self, id: str) -> Path:
        return self.root / "verify" / f"{id}.json"

    @property
    def private(self) -> Path:
        """What the release itself has to remember; never handed out."""
        return self.root / "release"


def read_study(root: Path) -> Study:
    """Read a study's folder.

    Raises:
        ConfigError: it is none, or ``encounters.csv`` does not validate; with its line.
    """
    table, config = root / "encounters.csv", root / "study.yaml"
    if not table.is_file():
        raise ConfigError(
            f"{root}: no study (there is no encounters.csv in it); make one with: "
            f"framework study init {root} --videos DIR"
        )
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{table}: {why_unreadable(error)}") from None
    head = text.partition("\n")[0]
    separator = ";" if head.count(";") > head.count(",") else ","
    reader = csv.DictReader(text.splitlines(), delimiter=separator, restval="")
    reader.fieldnames = [(name or "").strip() for name in reader.fieldnames or ()]
    for needed in ("id", "consent"):
        if needed not in reader.fieldnames:
            raise ConfigError(
                f"{table}, line 1: no column {needed}"
                + ("; nothing can be released without it" if needed == "consent" else "")
            )
    found: dict[str, Encounter] = {}
    for row in reader:
        cells = {k: (v or "").strip() for k, v in row.items() if isinstance(k, str) and k}
        if not any(cells.values()):
            continue
        id = cells["id"]
        if not id or Path(id).name != id or id in found:
            raise ConfigError(
                f"{table}, line {reader.line_num}, column id: '{id}' is empty, there twice, or no "
                f"name of a folder"
            )
        cameras = tuple(c for c in CAMERAS if cells.get(c))
        originals = tuple(table.parent / cells[c] for c in cameras)
        found[id] = Encounter(id, originals, cameras, parse_consent(cells["consent"]), cells)
    return Study(root, tuple(found.values()), _reviewers(config))


def _reviewers(path: Path) -> int:
    if not path.is_file():
        return 1
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise ConfigError(f"{path}: cannot be read as YAML; check it") from None
    number = values.get("reviewers", 1) if isinstance(values, dict) else 1
    # A study can do without review while it works; what is published, a person has seen.
    return max(1, int(number)) if isinstance(number, int) else 1
