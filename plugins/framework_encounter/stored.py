"""What an encounter's stages leave for one another, as files without a pixel."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from framework.atomic import write_text
from framework.errors import ContractError, MediaError
from framework.plain_data import from_plain, to_plain
from framework.table import TrackTable
from framework_encounter.clock import Clock
from framework_encounter.roles import Casting
from framework_encounter.spec import Encounter
from framework_encounter.stages import CoveredCamera

T = TypeVar("T")


def table_names(encounter: Encounter) -> list[str]:
    """File names of the track tables, one a camera: ``tracks-patient.csv``, ``tracks-both.csv``."""
    names: list[str] = []
    for recording in encounter.recordings:
        shows = "both" if len(recording.shows) > 1 else recording.shows[0]
        name = f"tracks-{shows}.csv"
        more = 1
        while name in names:
            more += 1
            name = f"tracks-{shows}-{more}.csv"
        names.append(name)
    return names


def save_clocks(clocks: list[Clock], path: Path) -> None:
    """Write how the clocks of all cameras belong together."""
    _save(to_plain(clocks), path)


def load_clocks(path: Path) -> list[Clock]:
    """Read back what :func:`save_clocks` wrote.

    Raises:
        MediaError: missing or damaged.
    """
    return _load(list[Clock], path)


def save_casting(casting: Casting, path: Path) -> None:
    """Write who is who in one camera, without the table, which is a file of its own."""
    _save(plain_casting(casting), path)


def load_casting(path: Path, table: TrackTable) -> Casting:
    """Read back what :func:`save_casting` wrote.

    Raises:
        MediaError: missing or damaged.
    """
    return casting_of(_read(path), table, path.name)


def plain_casting(casting: Casting) -> dict[str, Any]:
    """Who is who in one camera in terms of JSON, without the table."""
    return {f.name: to_plain(getattr(casting, f.name)) for f in _but_table()}


def casting_of(values: Any, table: TrackTable, name: str) -> Casting:
    """What :func:`plain_casting` gave, with its table.

    Args:
        name: of the file it was in, for the message.

    Raises:
        MediaError: damaged.
    """
    hints = get_type_hints(Casting)
    try:
        known = {f.name: from_plain(hints[f.name], values[f.name]) for f in _but_table()}
    except (KeyError, TypeError, ContractError):
        raise _damaged(name) from None
    return Casting(table=table, **known)


def save_covered(camera: CoveredCamera, path: Path) -> None:
    """Write what covering a camera left, without the recording."""
    _save(to_plain(camera), path)


def load_covered(path: Path) -> CoveredCamera:
    """Read back what :func:`save_covered` wrote.

    Raises:
        MediaError: missing or damaged.
    """
    return _load(CoveredCamera, path)


def _but_table() -> list[Any]:
    return [f for f in fields(Casting) if f.name != "table"]


def _save(body: Any, path: Path) -> None:
    write_text(path, json.dumps(body) + "\n")


def _load(hint: type[T], path: Path) -> T:
    try:
        return from_plain(hint, _read(path))
    except ContractError:
        raise _damaged(path.name) from None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        raise _damaged(path.name) from None


def _damaged(name: str) -> MediaError:
    return MediaError(
        f"{name} is missing, damaged or of another version; analyse the encounter again"
    )
