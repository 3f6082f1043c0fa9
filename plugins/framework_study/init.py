"""``framework study init``: a new study from a folder of recordings or from a table."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import ConfigError
from framework.progress import Progress, silent
from framework_study.discover import Proposal, find_recordings, pair_by_name
from framework_study.items import read_items, write_rows
from framework_study.layout import Layout
from framework_study.spec import load_config, starting_text


@dataclass(frozen=True)
class NewStudy:
    """What :func:`init_study` made.

    Attributes:
        layout: of the study.
        proposals: the rows, with what is doubtful; empty if they came from a table.
        rows: how many rows there are.
    """

    layout: Layout
    proposals: list[Proposal]
    rows: int


def init_study(
    folder: str | Path,
    *,
    videos: str | Path | None = None,
    table: str | Path | None = None,
    pair_by: str = "name",
    pattern: str | None = None,
    progress: Progress = silent,
    **keys: Any,
) -> NewStudy:
    """Make a study: ``study.yaml`` and ``encounters.csv``, for a person to look at and correct.

    Args:
        folder: of the study; made if missing.
        videos: folder with the recordings.
        table: instead: a CSV with the columns of encounters.csv; its paths are relative to it.
        pair_by: ``name`` or ``sound``.
        pattern: how names are made, for instance ``{id}_{role}.mp4``.
        keys: values for study.yaml; None means "not given".

    Raises:
        UserError: there is a study in the folder already, or nothing to make one of.
    """
    layout = Layout(Path(folder))
    if layout.config.exists() or layout.table.exists():
        raise ConfigError(f"{layout.root}: there is a study in it already; choose another folder")
    if (videos is None) == (table is None):
        raise ConfigError("give a folder of recordings (--videos), or a table (--table)")
    if pair_by not in ("name", "sound"):
        raise ConfigError(f"--pair-by {pair_by}: expected name or sound")
    if pattern is not None and (pair_by != "name" or videos is None):
        raise ConfigError("--pattern says how names of --videos are made; pair them by name")
    proposals: list[Proposal] = []
    if table is not None:
        rows = _rows_of_table(Path(table))
    else:
        place = Path(str(videos))
        found = find_recordings(place)
        if pair_by == "sound":
            from framework_study.pair_sound import pair_by_sound

            proposals = pair_by_sound(place, found, progress)
        else:
            proposals = pair_by_name(place, found, pattern)
        rows = [_row(proposal) for proposal in proposals]
    layout.state.mkdir(parents=True, exist_ok=True)
    layout.state.chmod(0o700)
    if not layout.key.exists():
        layout.key.touch(mode=0o600)
        layout.key.write_bytes(base64.b64encode(secrets.token_bytes(32)) + b"\n")
    write_rows(layout.table, rows)
    given = {key: value for key, value in keys.items() if value is not None}
    try:
        write_text(layout.config, starting_text(given))
        load_config(layout.config)
        items = read_items(layout.table)
    except ConfigError:
        layout.config.unlink(missing_ok=True)
        layout.table.unlink(missing_ok=True)
        raise
    return NewStudy(layout, proposals, len(items))


def _row(proposal: Proposal) -> dict[str, str]:
    return {
        "id": proposal.id,
        **{role: str(found.path.resolve()) for role, found in proposal.cameras.items()},
    }


def _rows_of_table(path: Path) -> list[Mapping[str, str]]:
    """The rows of somebody's table, with whole paths."""
    import csv

    items = {item.line: item for item in read_items(path)}
    text = path.read_text(encoding="utf-8-sig")
    head = text.partition("\n")[0]
    separator = ";" if head.count(";") > head.count(",") else ","
    reader = csv.DictReader(text.splitlines(), delimiter=separator, restval="")
    reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
    rows: list[Mapping[str, str]] = []
    for cells in reader:
        if (item := items.get(reader.line_num)) is None:
            continue
        row = {name: (cells[name] or "").strip() for name in reader.fieldnames}
        row |= {camera: str(p.resolve()) for camera, p in item.cameras.items()}
        if item.references:
            pictures = [f"{role}={p.resolve()}" for role, p in item.references.items()]
            row["references"] = "; ".join(pictures)
        rows.append(row)
    return rows


def table_of(proposals: Sequence[Proposal], root: Path) -> list[str]:
    """The proposal as lines for the screen, the doubtful rows with their doubts."""

    def name(proposal: Proposal, camera: str) -> str:
        if camera not in proposal.cameras:
            return "-"
        path = proposal.cameras[camera].path
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name

    columns = ["patient", "doctor", "both"]
    used = [c for c in columns if any(c in p.cameras for p in proposals)]
    rows = [["id", *used], *([p.id, *(name(p, c) for c in used)] for p in proposals)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(used) + 1)]
    lines = []
    for row, proposal in zip(rows, [None, *proposals], strict=True):
        lines.append(
            "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        )
        lines += [f"  ? {doubt}" for doubt in (proposal.doubts if proposal else ())]
    return lines
