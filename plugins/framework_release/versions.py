"""Which version a build is: the same for the same content, the next one for another.

``STUDY/release/history.json`` remembers each version with a hash of everything it was made from.
The same hash gives the same version and date again, so that a build can be repeated; a change of
people raises the second number, any other change the third.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import ConfigError
from framework.reading import why_unreadable

HISTORY = "history.json"


@dataclass(frozen=True)
class Version:
    """One version.

    Attributes:
        version: ``MAJOR.MINOR.PATCH``.
        date: of its first build, ``YYYY-MM-DD``.
        content: hash of what it was made from.
        subjects: labels of the people in it; kept in the study alone.
        notes: what changed, a line each.
    """

    version: str
    date: str
    content: str
    subjects: tuple[str, ...]
    notes: tuple[str, ...]


def read_history(folder: Path) -> list[Version]:
    """Every version so far, oldest first.

    Raises:
        ConfigError: the file cannot be read.
    """
    path = folder / HISTORY
    if not path.exists():
        return []
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return [
            Version(e["version"], e["date"], e["content"], tuple(e["subjects"]), tuple(e["notes"]))
            for e in entries
        ]
    except OSError as error:
        raise ConfigError(f"{path}: {why_unreadable(error)}") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path}: not as it was written; restore it from a backup") from None


def write_history(folder: Path, history: Sequence[Version]) -> None:
    """Keep the versions.

    Raises:
        MediaError: it cannot be written.
    """
    body = [asdict(v) for v in history]
    write_text(folder / HISTORY, json.dumps(body, indent=1) + "\n")


def next_version(
    history: Sequence[Version],
    content: str,
    subjects: Sequence[str],
    wanted: str,
    withdrawn: Sequence[str] = (),
    today: str | None = None,
) -> list[Version]:
    """The history up to and with the version of this content.

    Args:
        wanted: version of the first release, or a higher one than the last.
        withdrawn: labels of people who withdrew.
        today: ``YYYY-MM-DD``; None takes the present day.
    """
    if history and history[-1].content == content:
        return list(history)
    day = today or datetime.now(UTC).strftime("%Y-%m-%d")
    people = tuple(sorted(subjects))
    if not history:
        first = Version(wanted, day, content, people, ("First release.",))
        return [first]
    last = history[-1]
    gone, new = set(last.subjects) - set(people), set(people) - set(last.subjects)
    major, minor, patch = _numbers(last.version)
    number = (major, minor + 1, 0) if gone or new else (major, minor, patch + 1)
    number = max(number, _numbers(wanted))
    notes = []
    left = len(gone & set(withdrawn))
    if left:
        notes.append(
            f"{_people(left)} withdrew. Whoever holds an earlier version must replace it by this "
            f"one and destroy the earlier one."
        )
    if len(gone) > left:
        notes.append(f"{_people(len(gone) - left)} no longer part of the set.")
    if new:
        notes.append(f"{_people(len(new))} added.")
    if not notes:
        notes.append("The same people; files or descriptions changed.")
    text = ".".join(str(n) for n in number)
    return [*history, Version(text, day, content, people, tuple(notes))]


def _numbers(version: str) -> tuple[int, int, int]:
    major, minor, patch = (int(n) for n in version.split("."))
    return major, minor, patch


def _people(count: int) -> str:
    return "1 participant" if count == 1 else f"{count} participants"
