"""``encounters.csv``: one row an encounter or recording, made for a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from framework.atomic import atomic_text
from framework.errors import ConfigError, UserError
from framework.pipeline.parts import Span
from framework.reading import why_unreadable

CAMERAS = ("patient", "doctor", "both")
COLUMNS = ("id", *CAMERAS, "offset", "references", "regions", "span", "consent")
"""Further columns are groups, for instance ``group_sex``: the release generalises them."""


@dataclass(frozen=True)
class Item:
    """One encounter, or one recording alone.

    Attributes:
        id: its pseudonym.
        cameras: for each of ``patient``, ``doctor`` and ``both`` that is given, the recording.
        offsets: seconds at which a camera starts on the clock of the patient's, where given.
        references: for each role a picture of its face, where given.
        regions: for each role where it is in the camera that shows both, where given.
        span: the part of the recording that counts, as typed; "" for all of it.
        consent: what the row says of consent, as typed.
        groups: every further column.
        line: of the file.
    """

    id: str
    cameras: Mapping[str, Path]
    offsets: Mapping[str, float] = field(default_factory=dict)
    references: Mapping[str, Path] = field(default_factory=dict)
    regions: Mapping[str, Any] = field(default_factory=dict)
    span: str = ""
    consent: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)
    line: int = 0

    @property
    def alone(self) -> bool:
        """Whether this is one recording of one person, which runs as ``framework run`` does."""
        return len(self.cameras) == 1 and "both" not in self.cameras

    def encounter(self, keys: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """This row as the content of an encounter file.

        Args:
            keys: further keys, the same for every encounter.
        """
        recordings = []
        for camera, path in self.cameras.items():
            shows = ["patient", "doctor"] if camera == "both" else [camera]
            entry: dict[str, Any] = {"file": str(path), "shows": shows}
            if camera in self.offsets:
                entry["offset_s"] = self.offsets[camera]
            if camera == "both" and self.regions:
                entry["regions"] = dict(self.regions)
            recordings.append(entry)
        return {
            "id": self.id,
            "recordings": recordings,
            "references": {role: str(path) for role, path in self.references.items()},
            **(keys or {}),
        }


def read_items(path: Path) -> list[Item]:
    """Read the table of encounters; files it names are relative to its folder.

    Semicolons between columns, Windows line ends and a byte order mark are fine.

    Raises:
        ConfigError: missing, not CSV, or not valid: with line and column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {why_unreadable(error)}") from None
    head = text.partition("\n")[0]
    separator = ";" if head.count(";") > head.count(",") else ","
    reader = csv.DictReader(text.splitlines(), delimiter=separator, restval="")
    names = [(name or "").strip() for name in reader.fieldnames or ()]
    reader.fieldnames = names
    if "id" not in names:
        raise ConfigError(f"{path}, line 1: no column id; expected {', '.join(COLUMNS)}")
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConfigError(f"{path}, line 1: column {double[0]} is there twice")
    if not set(CAMERAS) & set(names):
        raise ConfigError(f"{path}, line 1: no recordings; expected a column patient, doctor, both")
    items: list[Item] = []
    seen: dict[str, int] = {}
    try:
        for row in reader:
            if not any((value or "").strip() for value in row.values() if isinstance(value, str)):
                continue
            if None in row:
                raise ConfigError(
                    f"{path}, line {reader.line_num}: more cells than columns; put cells with a "
                    "comma in quotes"
                )
            item = _item(row, path, reader.line_num)
            if item.id.lower() in seen:
                raise ConfigError(
                    f"{path}, line {item.line}, column id: {item.id} is in line "
                    f"{seen[item.id.lower()]} already"
                )
            seen[item.id.lower()] = item.line
            items.append(item)
    except csv.Error as error:
        raise ConfigError(f"{path}, line {reader.line_num}: {error}") from None
    if not items:
        raise ConfigError(f"{path}: no encounter in it")
    return items


def _item(row: Mapping[str, str | None], path: Path, line: int) -> Item:
    cells = {name: (value or "").strip() for name, value in row.items()}

    def bad(column: str, why: str) -> ConfigError:
        return ConfigError(f"{path}, line {line}, column {column}: {why}")

    def pairs(column: str, alone: str | None = None) -> dict[str, str]:
        """``role=value; role=value``; a value without a role belongs to ``alone``."""
        found: dict[str, str] = {}
        for part in filter(None, (p.strip() for p in cells.get(column, "").split(";"))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals:
                if alone is None:
                    raise bad(column, f"expected ROLE=VALUE, got {part}")
                name, value = alone, part
            if name in found:
                raise bad(column, f"{name} is there twice")
            found[name] = value
        return found

    cameras = {name: path.parent / cells[name] for name in CAMERAS if cells.get(name)}
    if not cameras:
        raise bad("patient", "no recording; give at least one of patient, doctor and both")
    first = next((name for name in ("patient", "both") if name in cameras), "doctor")
    others = [name for name in cameras if name != first]
    offsets: dict[str, float] = {}
    for name, value in pairs("offset", others[0] if len(others) == 1 else None).items():
        if name not in others:
            raise bad("offset", f"'{name}' is not the other camera of this row")
        try:
            offsets[name] = float(value.removesuffix("s"))
        except ValueError:
            raise bad("offset", f"expected seconds, got {value}") from None
    references = {role: path.parent / v for role, v in pairs("references").items()}
    regions: dict[str, Any] = {}
    for role, value in pairs("regions").items():
        numbers = re.split(r"[\s/]+", value)
        try:
            regions[role] = value if value in ("left", "right") else [float(n) for n in numbers]
        except ValueError:
            raise bad("regions", f"expected left, right or four shares, got {value}") from None
    if regions and "both" not in cameras:
        raise bad("regions", "only a camera that shows both people needs regions")
    item = Item(
        id=cells.get("id", ""),
        cameras=cameras,
        offsets=offsets,
        references=references,
        regions=regions,
        span=cells.get("span", ""),
        consent=cells.get("consent", ""),
        groups={name: cells[name] for name in cells if name and name not in COLUMNS},
        line=line,
    )
    _validate(item, bad)
    return item


def _validate(item: Item, bad: Any) -> None:
    from framework_encounter import make_encounter

    if item.span and not item.alone:
        raise bad("span", "only a recording alone can have one; cut the cameras of an encounter")
    try:
        if item.span:
            Span.model_validate(item.span)
    except ValidationError as error:
        raise bad("span", str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
    try:
        make_encounter(item.encounter())
    except UserError as error:
        text = str(error).removeprefix("encounter: ")
        column = next((c for c in ("id", "regions", "references") if text.startswith(c)), "patient")
        raise bad(column, text.removeprefix(f"{column}: ")) from None


def write_rows(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write a table of encounters for a person to edit.

    Args:
        rows: cells by column; columns beyond :data:`COLUMNS` are groups.

    Raises:
        MediaError: the file cannot be written.
    """
    groups = list(dict.fromkeys(name for row in rows for name in row if name not in COLUMNS))
    with atomic_text(path) as handle:
        writer = csv.DictWriter(handle, [*COLUMNS, *groups], restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
