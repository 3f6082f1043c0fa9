"""People who took their consent back after a release."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from framework.atomic import write_text
from framework.errors import ConfigError
from framework_release.identity import label, study_secret
from framework_release.study import Encounter, Study

WITHDRAWN = "withdrawn.jsonl"


def withdraw(study: Study, ids: Sequence[str], reason: str = "") -> tuple[str, ...]:
    """Remember that these people withdrew; every encounter of each is out from now on.

    Args:
        ids: of encounters, of people (column ``person``), or of participants (``sub-...``).

    Returns:
        The encounters that are out because of it.

    Raises:
        ConfigError: an id is not known; nothing was written.
    """
    secret = study_secret(study.private)
    found: list[Encounter] = []
    for id in ids:
        mine = [
            e
            for e in study.encounters
            if id in (e.id, e.cells.get("person") or None)
            or id.removeprefix("sub-") == label(f"person:{e.person}", secret)
        ]
        if not mine:
            raise ConfigError(
                f"{id}: no encounter, person or participant of this study has this id; see "
                f"encounters.csv and release/subjects.csv"
            )
        people = {e.person for e in mine}
        found += [e for e in study.encounters if e.person in people]
    entries = _read(study.private / WITHDRAWN)
    known = {e["id"] for e in entries}
    day = datetime.now(UTC).isoformat(timespec="seconds")
    for encounter in found:
        if encounter.id not in known:
            entries.append({"id": encounter.id, "time": day, "reason": reason})
            known.add(encounter.id)
    text = "".join(json.dumps(e, ensure_ascii=False) + "\n" for e in entries)
    write_text(study.private / WITHDRAWN, text)
    return tuple(dict.fromkeys(e.id for e in found))


def withdrawn_people(study: Study) -> tuple[str, ...]:
    """Ids of every encounter of everybody who withdrew, later encounters included.

    Raises:
        ConfigError: the list cannot be read.
    """
    ids = {e["id"] for e in _read(study.private / WITHDRAWN)}
    people = {e.person for e in study.encounters if e.id in ids}
    return tuple(e.id for e in study.encounters if e.person in people)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        raise ConfigError(
            f"{path}: cannot be read, and nobody who withdrew may be forgotten; restore it"
        ) from None
