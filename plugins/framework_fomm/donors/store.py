"""Donor portraits: those that ship, and those a user adds with a licence and consent statement.

A store is a folder with PNG files (BGRA, the matte in alpha, framed as every crop) and
``donors.json``, which says of each file where it comes from and under which terms. A file whose
hash isn't the recorded one is refused: a portrait without a known licence must not slip in.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import ComponentError, UserError

EMBEDDED_FOLDER = Path(__file__).parent / "embedded"
INDEX = "donors.json"
FORMAT = "framework-fomm-donors"
ENVIRONMENT = "FRAMEWORK_DONORS"
BACKGROUND = (215, 215, 215)
"""BGR of the even background on which a donor is shown to the network."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Donor:
    """One portrait.

    Attributes:
        name: unique within what is loaded.
        bgra: (s, s, 4) uint8; colours reach beyond the matte.
        licence: SPDX identifier or the terms in words.
        record: everything ``donors.json`` says.
    """

    name: str
    bgra: NDArray[np.uint8]
    licence: str
    record: Mapping[str, Any]

    def at_size(self, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Opaque BGR (size, size, 3) on :data:`BACKGROUND`, and the matte (size, size)."""
        import cv2

        # premultiplied, so that colours outside the matte don't bleed in when it is resized
        alpha = self.bgra[..., 3:].astype(np.float32) / 255
        layers = np.dstack([self.bgra[..., :3] * alpha, alpha]).astype(np.float32)
        shrinking = size < len(self.bgra)
        small = cv2.resize(
            layers, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
        )
        matte = np.clip(small[..., 3:], 0, 1)
        bgr = np.clip(small[..., :3] + np.array(BACKGROUND, np.float32) * (1 - matte), 0, 255)
        return np.round(bgr).astype(np.uint8), np.round(matte[..., 0] * 255).astype(np.uint8)


def user_folder(given: str = "") -> Path:
    """Where added donors live: ``given``, ``FRAMEWORK_DONORS``, or the user's data folder."""
    if given:
        return Path(given).expanduser()
    if os.environ.get(ENVIRONMENT):
        return Path(os.environ[ENVIRONMENT]).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "clinical-empathy-framework" / "donors"


def read_index(folder: Path) -> list[dict[str, Any]]:
    """The records of a store; none if the folder has no index yet.

    Raises:
        UserError: the index can't be read or isn't one.
    """
    path = folder / INDEX
    if not path.exists():
        return []
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"donors: {INDEX} can't be read ({error}); expected JSON") from None
    entries = document.get("donors") if isinstance(document, dict) else None
    if not isinstance(entries, list) or document.get("format") != FORMAT:
        raise UserError(f"donors: {INDEX} isn't an index of donors; remove it and add them again")
    for entry in entries:
        valid = isinstance(entry, dict) and all(
            isinstance(entry.get(k), str) and entry[k] for k in ("name", "file", "sha256")
        )
        if not valid:
            raise UserError(f"donors: an entry of {INDEX} has no name, file and sha256")
    return entries


def load(folder: Path) -> list[Donor]:
    """Every donor of a store, in the order of its index.

    Raises:
        UserError: a file is missing, was changed, or has no licence.
    """
    import cv2

    donors = []
    for entry in read_index(folder):
        name = entry["name"]
        if not str(entry.get("licence", "")).strip():
            raise UserError(f"donor {name}: no licence is recorded; remove it and add it again")
        try:
            data = (folder / Path(entry["file"]).name).read_bytes()
        except OSError as error:
            raise UserError(f"donor {name}: its picture can't be read ({error.strerror})") from None
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise UserError(f"donor {name}: its picture was changed; remove it and add it again")
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
            raise UserError(f"donor {name}: expected a PNG with an alpha channel")
        donors.append(Donor(name, np.asarray(picture, np.uint8), entry["licence"], entry))
    return donors


def load_selection(which: str, folder: str = "") -> list[Donor]:
    """Donors of a run: ``embedded``, ``user`` or ``all``.

    Raises:
        ComponentError: there is none.
        UserError: see :func:`load`.
    """
    donors: list[Donor] = []
    if which in ("embedded", "all"):
        donors += load(EMBEDDED_FOLDER)
    if which in ("user", "all"):
        donors += load(user_folder(folder))
    if not donors:
        raise ComponentError(
            "no donor to swap with: expected at least one added donor; "
            "run 'framework donors add', or set anonymizer.donors to embedded"
        )
    return donors


def write(folder: Path, name: str, bgra: NDArray[np.uint8], record: Mapping[str, Any]) -> None:
    """Put a portrait into a store. The index is replaced as a whole, at the end.

    Raises:
        UserError: the name isn't one, is taken, or the folder can't be written.
    """
    import cv2

    if not _NAME.fullmatch(name):
        raise UserError(
            f"donor name {name!r}: expected lower-case letters, digits and hyphens, 64 at most"
        )
    entries = read_index(folder)
    taken = {e["name"] for e in entries} | {e["name"] for e in read_index(EMBEDDED_FOLDER)}
    if name in taken:
        raise UserError(f"donor {name}: this name is taken; choose another with --name")
    data = cv2.imencode(".png", bgra)[1].tobytes()
    entry = {
        **record,
        "name": name,
        "file": f"{name}.png",
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _replace(folder / f"{name}.png", data)
        _write_index(folder, [*entries, entry])
    except OSError as error:
        raise UserError(f"donors: can't write to the donor folder ({error.strerror})") from None


def remove(folder: Path, name: str) -> None:
    """Delete an added donor. ``UserError`` if there is none of this name."""
    entries = read_index(folder)
    kept = [e for e in entries if e["name"] != name]
    if len(kept) == len(entries):
        raise UserError(f"donor {name}: no added donor has this name; see 'framework donors list'")
    try:
        _write_index(folder, kept)
        (folder / f"{name}.png").unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"donors: can't write to the donor folder ({error.strerror})") from None


def _write_index(folder: Path, entries: list[dict[str, Any]]) -> None:
    document = {"format": FORMAT, "version": 1, "donors": entries}
    _replace(folder / INDEX, (json.dumps(document, indent=2) + "\n").encode())


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    temporary.replace(path)
