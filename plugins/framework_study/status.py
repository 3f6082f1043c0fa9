"""How a study stands: as a table, as JSON, and as a page. Looks at small files alone."""

from __future__ import annotations

import html
import importlib.resources
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from framework_study import record
from framework_study.items import read_items
from framework_study.layout import Layout
from framework_study.lock import is_locked
from framework_study.pace import in_words


@dataclass(frozen=True)
class Row:
    """One encounter as it stands.

    Attributes:
        id: of the encounter.
        state: ``waiting``, ``running``, ``passed``, ``does not pass``, ``failed`` or ``set aside``.
        stage: what is being done, or where it failed.
        percent: of that stage, where that is known.
        length_s: seconds of video of all cameras; 0 while that is not known.
        tries: how often something of it failed.
        why: why it failed or does not pass, or what a person should know.
        log: file with more about it; empty if there is none.
    """

    id: str
    state: str
    stage: str = ""
    percent: int | None = None
    length_s: float = 0.0
    tries: int = 0
    why: str = ""
    log: str = ""


@dataclass(frozen=True)
class StudyStatus:
    """A study at one moment.

    Attributes:
        running: whether a run is at work.
        left_s: seconds until it is done; None if that is not known.
        workers: of the run.
        counts: encounters by state.
        rows: every encounter, in the order of encounters.csv.
    """

    running: bool
    left_s: float | None
    workers: int
    counts: dict[str, int]
    rows: list[Row]

    @property
    def bad(self) -> int:
        """How many encounters failed, were set aside or do not pass."""
        return sum(row.state in ("failed", "set aside", "does not pass") for row in self.rows)

    def to_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        return {"schema": "framework-study-status", "schema_version": 1, **asdict(self)}


def study_status(folder: str | Path) -> StudyStatus:
    """How a study stands.

    Raises:
        ConfigError: it is no study, or encounters.csv does not validate.
    """
    layout = Layout(Path(folder))
    layout.require()
    items = read_items(layout.table)
    running = is_locked(layout)
    progress = _progress(layout) if running else {}
    at_work: dict[str, dict[str, Any]] = {}
    for entry in progress.get("at_work", []):
        at_work.setdefault(str(entry["id"]), entry)
    rows = [_row(layout, item.id, at_work.get(item.id)) for item in items]
    counts = Counter(row.state for row in rows)
    return StudyStatus(
        running,
        progress.get("left_s"),
        int(progress.get("workers", 0)),
        dict(sorted(counts.items())),
        rows,
    )


def _progress(layout: Layout) -> dict[str, Any]:
    try:
        return dict(json.loads(layout.progress.read_bytes()))
    except (OSError, ValueError):
        return {}


def _row(layout: Layout, item: str, at_work: dict[str, Any] | None) -> Row:
    known = record.load(layout, item)
    log = layout.logs / f"{item}.log"
    tries = known.attempts
    if at_work is not None:
        total = at_work.get("total")
        percent = min(100, int(100 * at_work["done"] / total)) if total else None
        return Row(item, "running", at_work["stage"], percent, known.length_s, tries)
    state: str = known.state
    if known.state == "done":
        state = "passed" if known.passed else "does not pass"
    notes = [*known.reasons]
    if known.corrected:
        notes.append(f"corrected by hand: {', '.join(known.corrected)}")
    if known.outdated:
        notes.append(f"corrected before its analysis changed: {', '.join(known.outdated)}")
    place = str(log.relative_to(layout.root)) if state in ("failed", "set aside") else ""
    return Row(
        item,
        state,
        known.stage,
        None,
        known.length_s,
        tries,
        "; ".join(notes),
        place if place and log.is_file() else "",
    )


def headline(status: StudyStatus) -> str:
    """One line: how many are where, and how long it will take."""
    counts = ", ".join(f"{n} {state}" for state, n in status.counts.items())
    if not status.running:
        return f"{len(status.rows)} encounters: {counts}; no run is at work"
    left = "" if status.left_s is None else f"; about {in_words(status.left_s)} left"
    return f"{len(status.rows)} encounters: {counts}; a run is at work{left}"


def table(status: StudyStatus) -> list[str]:
    """The table for the screen."""
    rows = [["id", "state", "stage", "length", "tries", "why"]]
    for row in status.rows:
        stage = row.stage if row.percent is None else f"{row.stage} {row.percent} %"
        length = f"{row.length_s:.0f} s" if row.length_s else ""
        why = f"{row.why} ({row.log})" if row.log else row.why
        rows.append([row.id, row.state, stage, length, str(row.tries or ""), why])
    widths = [max(len(line[k]) for line in rows) for k in range(5)]
    lines = [
        "  ".join([*(f"{c:<{w}}" for c, w in zip(line[:5], widths, strict=True)), line[5]]).rstrip()
        for line in rows
    ]
    return [headline(status), "", *lines]


def page(status: StudyStatus) -> str:
    """One page without script or external resource."""
    template = importlib.resources.files(__package__).joinpath("page.html").read_text("utf-8")
    cells = []
    for row in status.rows:
        stage = row.stage if row.percent is None else f"{row.stage}, {row.percent} %"
        values = [row.id, row.state, stage, f"{row.length_s:.0f}" if row.length_s else ""]
        values += [str(row.tries or ""), row.why]
        tag = row.state.replace(" ", "-")
        inner = "".join(f"<td>{html.escape(value)}</td>" for value in values)
        cells.append(f'<tr class="{tag}">{inner}</tr>')
    return template.replace("{{headline}}", html.escape(headline(status))).replace(
        "{{rows}}", "\n".join(cells)
    )
