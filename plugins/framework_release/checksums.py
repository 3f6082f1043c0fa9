"""``SHA256SUMS``: every file of the release, and ``SHA256SUMS.sha256`` for that list itself.

``sha256sum -c SHA256SUMS`` checks it without this product. The second file tells a changed list
from a changed file.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from framework.approvals import file_sha256
from framework.atomic import write_text
from framework.errors import MediaError
from framework.reading import why_unreadable

SUMS = "SHA256SUMS"
SUMS_OF_SUMS = "SHA256SUMS.sha256"
_LINE = re.compile(r"([0-9a-f]{64})  ([^\n]+)")


@dataclass(frozen=True)
class Difference:
    """One file that is not as it was released.

    Attributes:
        path: relative to the release.
        what: ``changed``, ``missing``, ``not listed`` or ``malformed``.
    """

    path: str
    what: str


def release_files(root: Path) -> list[str]:
    """Relative paths of every file but the two lists, sorted; links count as files."""
    found = (p for p in root.rglob("*") if p.is_symlink() or not p.is_dir())
    names = (p.relative_to(root).as_posix() for p in found)
    return sorted(n for n in names if n not in (SUMS, SUMS_OF_SUMS))


def write_sums(root: Path) -> None:
    """Write both lists.

    Raises:
        MediaError: a file cannot be read or written.
    """
    text = "".join(f"{file_sha256(root / name)}  {name}\n" for name in release_files(root))
    write_text(root / SUMS, text)
    write_text(root / SUMS_OF_SUMS, f"{hashlib.sha256(text.encode()).hexdigest()}  {SUMS}\n")


def read_sums(root: Path) -> tuple[dict[str, str], list[Difference]]:
    """The listed hashes by path, and the lines that are none.

    Raises:
        MediaError: there is no list, or it cannot be read.
    """
    try:
        data = (root / SUMS).read_bytes()
    except OSError as error:
        raise MediaError(
            f"{root}: {SUMS}: {why_unreadable(error)}; give the folder of a release"
        ) from None
    sums: dict[str, str] = {}
    wrong: list[Difference] = []
    lines = data.decode("utf-8", "replace").split("\n")
    if lines[-1] != "":
        wrong.append(Difference(SUMS, "malformed"))
    for line in lines[:-1] if lines[-1] == "" else lines:
        match = _LINE.fullmatch(line)
        if match is None or match[2] in sums:
            wrong.append(Difference(SUMS, "malformed"))
        else:
            sums[match[2]] = match[1]
    return sums, wrong[:1]


def differences(root: Path) -> list[Difference]:
    """Every file that is not as it was released; the list itself by its own name.

    A listed path that leads out of the release is never opened.

    Raises:
        MediaError: there is no list.
    """
    sums, wrong = read_sums(root)
    there = set(release_files(root))
    found: list[Difference] = []
    for name in sorted(sums.keys() | there):
        if name not in there:
            found.append(Difference(name, "missing"))
        elif name not in sums:
            found.append(Difference(name, "not listed"))
        elif (root / name).is_symlink():
            found.append(Difference(name, "replaced by a link"))
        elif file_sha256(root / name) != sums[name]:
            found.append(Difference(name, "changed"))
    if not _list_is_whole(root):
        # A list that fits every file was not changed: then it is the list's own hash that was.
        culprit = SUMS if found or wrong else SUMS_OF_SUMS
        return [Difference(culprit, "changed"), *(d for d in found if d.path != culprit)]
    return [*wrong, *found]


def _list_is_whole(root: Path) -> bool:
    digest = file_sha256(root / SUMS)
    try:
        return (root / SUMS_OF_SUMS).read_bytes() == f"{digest}  {SUMS}\n".encode()
    except OSError:
        return False
