"""Two leaderboards side by side, person by person where the persons are the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from framework.errors import UserError
from framework_benchmark.outputs.files import FORMAT, VERSION
from framework_benchmark.outputs.tables import Table
from framework_benchmark.outputs.text import number
from framework_benchmark.statistics.paired import holm, sign_flip_p

KEY = ("method", "metric", "attack", "component", "gallery")
COMPARED = ("rank-1", "emotion kappa", "emotion agreement", "detection kept", "frames per second")


@dataclass(frozen=True)
class Change:
    """One figure in both. ``p`` is None where it cannot be compared person by person."""

    key: tuple[Any, ...]
    before: float | None
    after: float | None
    p: float | None = None


def read_leaderboard(path: Path) -> dict[str, Any]:
    """A leaderboard.json, or the one in a folder.

    Raises:
        UserError: missing, or not one of this version.
    """
    file = path / "leaderboard.json" if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{file}: no such file; expected the output folder of 'framework benchmark'"
        ) from None
    except (OSError, ValueError):
        raise UserError(f"{file}: not a leaderboard.json of 'framework benchmark'") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{file}: not a leaderboard.json of 'framework benchmark'")
    if content.get("version") != VERSION:
        raise UserError(
            f"{file}: written in format {content.get('version')}, this version reads {VERSION}; "
            f"run 'framework benchmark' again into that folder"
        )
    return content


def changes(first: dict[str, Any], second: dict[str, Any]) -> list[Change]:
    """Every headline figure that both have; p from a sign-flip test, Holm-adjusted."""
    later = {_key(c): c for c in second["cells"]}
    found: list[Change] = []
    for cell in first["cells"]:
        other = later.get(_key(cell))
        if cell["metric"] not in COMPARED or other is None:
            continue
        mine, theirs = cell.get("by_person", {}), other.get("by_person", {})
        shared = sorted(set(mine) & set(theirs))
        p = None
        if len(shared) > 1 and len(shared) == len(mine) == len(theirs):
            p = sign_flip_p(np.array([theirs[n] - mine[n] for n in shared]))
        found.append(Change(_key(cell), cell["value"], other["value"], p))
    tested = [c for c in found if c.p is not None]
    adjusted = dict(
        zip((c.key for c in tested), holm([c.p for c in tested if c.p is not None]), strict=True)
    )
    return [Change(c.key, c.before, c.after, adjusted.get(c.key)) for c in found]


def change_table(found: list[Change]) -> Table:
    """As text."""
    rows = []
    for c in found:
        method, metric, attack, component, gallery = c.key
        both = c.before is not None and c.after is not None
        difference = (c.after or 0) - (c.before or 0) if both else None
        rows.append(
            (
                str(method),
                str(metric),
                " ".join(str(x) for x in (attack, component) if x),
                str(gallery or ""),
                number(c.before),
                number(c.after),
                number(difference),
                "" if c.p is None else f"{c.p:.3f}",
            )
        )
    header = ("method", "figure", "by", "gallery", "A", "B", "B minus A", "p (Holm)")
    return Table("A and B", header, rows)


def _key(cell: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(cell.get(name) for name in KEY)
