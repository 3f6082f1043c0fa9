"""Who looked at which files and said that they may leave: a log that only grows.

One JSON object a line. Each line names the hash of the line before, so that a line that was
changed, removed or put in between is noticed; what nobody can notice from the file alone is that
its last lines are missing. An approval is about exactly these bytes: it holds only as long as the
folder has the same files with the same SHA-256, and no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from framework.atomic import explain
from framework.errors import ConfigError, MediaError
from framework.reading import why_unreadable

APPROVALS = "approvals.jsonl"
"""Name of the log, in the folder ``review`` of a study."""

Decision = Literal["approve", "withdraw"]


@dataclass(frozen=True, slots=True)
class Approval:
    """One line of the log.

    Attributes:
        id: the encounter or recording.
        files: SHA-256 in hexadecimal by path, relative to the folder of results, with ``/``.
        reviewer: name or pseudonym of whoever looked.
        statement: what they say, in a sentence.
        time: when, ISO 8601 with its time zone.
        decision: ``withdraw`` takes this reviewer's approval back.
        previous: SHA-256 of the line before, without its line feed; empty for the first.
    """

    id: str
    files: Mapping[str, str]
    reviewer: str
    statement: str
    time: str
    decision: Decision
    previous: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a folder of results is approved as it lies there.

    Attributes:
        approved: at least ``needed`` reviewers approve exactly these files, and none withdrew.
        reviewers: whose approvals hold.
        reason: why it is not approved, in a sentence; empty if it is.
        changed: paths changed, added or removed since the latest approval that lapsed.
    """

    approved: bool
    reviewers: tuple[str, ...]
    reason: str = ""
    changed: tuple[str, ...] = field(default=())


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    files: dict[str, str]
    reviewer: str = Field(min_length=1)
    statement: str
    time: str
    decision: Decision
    previous: str


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal; memory does not grow with the file.

    Raises:
        MediaError: the file cannot be read.
    """
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(f"{path.name}: {why_unreadable(error)}") from None


def hash_files(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a folder and its subfolders, by relative path, sorted.

    Raises:
        MediaError: the folder or a file cannot be read, or a link lies in it, whose content is
            elsewhere and can change unnoticed.
    """
    if not folder.is_dir():
        raise MediaError("there is no folder of results to hash; check the path")
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise MediaError(f"{name} is a link; replace it by the file that it points to")
        if path.is_file():
            found[name] = file_sha256(path)
    return found


def read_approvals(log: Path) -> list[Approval]:
    """Every line of the log, in order; nothing if there is no log yet.

    Raises:
        MediaError: it cannot be read.
        ConfigError: a line is no approval, or does not continue the line before; the message says
            which.
    """
    try:
        data = log.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise MediaError(f"approvals: {why_unreadable(error)}") from None
    return _parse(data)


def append_approval(
    log: Path,
    *,
    id: str,
    files: Mapping[str, str],
    reviewer: str,
    statement: str,
    decision: Decision = "approve",
    time: str | None = None,
) -> Approval:
    """Add one line to the log, after checking all lines before it.

    Args:
        log: the file; it and its folder are created if they are missing.
        files: what is approved, as :func:`hash_files` gives it.
        time: ISO 8601; None takes the present, in UTC.

    Raises:
        ConfigError: a value is empty, or the log is damaged; nothing was written.
        MediaError: the log cannot be read or written.
    """
    if not reviewer.strip() or not id.strip():
        raise ConfigError("an approval needs the id and the reviewer's name or pseudonym")
    if decision == "approve" and not files:
        raise ConfigError(f"{id}: there are no files to approve")
    moment = time or datetime.now(UTC).isoformat(timespec="seconds")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a+b") as handle, _locked(handle):
            handle.seek(0)
            data = handle.read()
            _parse(data)
            made = Approval(
                id=id,
                files=dict(sorted(files.items())),
                reviewer=reviewer.strip(),
                statement=statement.strip(),
                time=moment,
                decision=decision,
                previous=_last_hash(data),
            )
            handle.write(_text(asdict(made)))
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        raise MediaError(f"cannot write {log.name}: {explain(error)}") from None
    return made


def standing(
    approvals: Sequence[Approval], id: str, files: Mapping[str, str], needed: int = 1
) -> Standing:
    """Whether these files of ``id`` are approved.

    Of each reviewer the latest line counts. One reviewer who withdrew is enough to stop it.

    Args:
        files: what lies there now, see :func:`hash_files`.
        needed: how many different reviewers must approve.
    """
    latest = {a.reviewer: a for a in approvals if a.id == id}
    if not latest:
        return Standing(False, (), "nobody has approved it; run `framework review`")
    objecting = sorted(r for r, a in latest.items() if a.decision == "withdraw")
    holding = tuple(
        sorted(r for r, a in latest.items() if a.decision == "approve" and dict(a.files) == files)
    )
    if objecting:
        return Standing(False, holding, f"the approval was withdrawn by {', '.join(objecting)}")
    if len(holding) >= needed:
        return Standing(True, holding)
    lapsed = [a for a in approvals if a.id == id and latest.get(a.reviewer) is a]
    lapsed = [a for a in lapsed if a.reviewer not in holding]
    if lapsed:
        changed = differing(lapsed[-1].files, files)
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        reason = f"changed since it was approved: {', '.join(changed[:3])}{more}; approve it again"
        return Standing(False, holding, reason, changed)
    reason = f"approved by {len(holding)} of {needed} reviewers"
    return Standing(False, holding, reason)


def differing(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Paths that were changed, added or removed between two :func:`hash_files`, sorted."""
    return tuple(sorted(p for p in before.keys() | now.keys() if before.get(p) != now.get(p)))


def _parse(data: bytes) -> list[Approval]:
    if not data:
        return []
    if not data.endswith(b"\n"):
        raise ConfigError(
            "approvals: the last line is incomplete, its writing was interrupted; remove that line"
        )
    found, previous = [], ""
    for number, line in enumerate(data[:-1].split(b"\n"), start=1):
        try:
            one = _Line.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise ConfigError(
                f"approvals, line {number}: {where}: {first['msg'].lower()}; restore the log from "
                f"a backup"
            ) from None
        if one.previous != previous:
            raise ConfigError(
                f"approvals, line {number}: it does not continue the line before, so a line was "
                f"changed, added or removed; restore the log from a backup"
            )
        previous = hashlib.sha256(line).hexdigest()
        found.append(Approval(**one.model_dump()))
    return found


def _last_hash(data: bytes) -> str:
    lines = data.splitlines()
    return hashlib.sha256(lines[-1]).hexdigest() if lines else ""


def _text(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


@contextlib.contextmanager
def _locked(handle: IO[bytes]) -> Iterator[None]:
    """Two reviewers at once wait for each other, where the system has advisory locks."""
    try:
        import fcntl
    except ImportError:  # Windows: a second writer is noticed by the chain of hashes
        yield
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(handle, fcntl.LOCK_UN)
