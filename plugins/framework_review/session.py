"""One recording under review: the table in force, corrections that can be undone, and saving.

Corrections are journalled beside the table after each one, so that a stopped server loses nothing.
The journal holds track numbers, frames and boxes; no picture. Saving writes the table in one step
and keeps the one before it under a number.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import ConfigError
from framework.table import TrackTable
from framework.table_file import load_table, save_table
from framework_review.doubts import Doubt, find_doubts
from framework_review.edits import apply, parse_edit
from framework_review.items import Camera, Item, read_json


class Session:
    """The corrections of one camera. Every method may be called from several threads."""

    def __init__(self, item: Item, camera: Camera) -> None:
        self.item, self.camera = item, camera
        self._lock = threading.RLock()
        self._base = load_table(camera.table)
        self._edits: list[dict[str, Any]] = []
        self._undone: list[dict[str, Any]] = []
        self._settled: set[str] = set()
        self._table = self._base
        self._revision = 0
        self._resume()

    @property
    def table(self) -> TrackTable:
        """With every correction."""
        return self._table

    @property
    def revision(self) -> int:
        """Grows with each change, so that a page knows whether it is behind."""
        return self._revision

    @property
    def unsaved(self) -> int:
        """How many corrections are not in the table on disk."""
        return len(self._edits)

    @property
    def can_redo(self) -> bool:
        return bool(self._undone)

    def edit(self, value: Any) -> None:
        """Apply one correction.

        Raises:
            ConfigError: it does not fit the table; nothing was changed.
        """
        with self._lock:
            one = parse_edit(value)
            self._table = apply(self._table, one)
            self._edits.append(one.model_dump(mode="json"))
            self._undone.clear()
            self._changed()

    def undo(self) -> bool:
        """Take the last correction back; False if there is none."""
        with self._lock:
            if not self._edits:
                return False
            self._undone.append(self._edits.pop())
            self._replay()
            self._changed()
            return True

    def redo(self) -> bool:
        """Do the correction again that was taken back last; False if there is none."""
        with self._lock:
            if not self._undone:
                return False
            value = self._undone.pop()
            self._table = apply(self._table, parse_edit(value))
            self._edits.append(value)
            self._changed()
            return True

    def settle(self, key: str, settled: bool = True) -> None:
        """Remember that a person has looked at a doubt."""
        with self._lock:
            (self._settled.add if settled else self._settled.discard)(key)
            self._changed()

    def doubts(self) -> list[tuple[Doubt, bool]]:
        """Every doubt and whether a person has settled it; open ones first, worst first."""
        with self._lock:
            found = find_doubts(
                self._table,
                read_json(self.camera.audit),
                _for_camera(read_json(self.item.verification), self.camera.name),
            )
            marked = [(d, d.key in self._settled) for d in found]
            return sorted(marked, key=lambda pair: pair[1])

    def save(self) -> None:
        """Write the table; the one before stays beside it as ``NAME.1.csv``, ``NAME.2.csv``, ...

        Raises:
            MediaError: it cannot be written; the old table is still there.
        """
        with self._lock:
            if not self._edits:
                return
            path = self.camera.table
            shutil.copy2(path, self._free_name(path))
            save_table(self._table, path)
            self._base = self._table
            self._edits.clear()
            self._undone.clear()
            self._changed()

    @staticmethod
    def _free_name(path: Path) -> Path:
        number = 1
        while (kept := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
            number += 1
        return kept

    def _replay(self) -> None:
        table = self._base
        for value in self._edits:
            table = apply(table, parse_edit(value))
        self._table = table

    def _changed(self) -> None:
        self._revision += 1
        body = {
            "table_sha256": self._digest(),
            "edits": self._edits,
            "settled": sorted(self._settled),
        }
        write_text(self._journal, json.dumps(body, indent=1) + "\n")

    @property
    def _journal(self) -> Path:
        return self.camera.table.with_name(f"{self.camera.table.stem}.review.json")

    def _digest(self) -> str:
        return hashlib.sha256(self.camera.table.read_bytes()).hexdigest()

    def _resume(self) -> None:
        """Go on where an earlier review stopped, if the table is still the same."""
        before = read_json(self._journal)
        settled, edits = before.get("settled"), before.get("edits")
        if isinstance(settled, list):
            self._settled = {str(key) for key in settled}
        if before.get("table_sha256") != self._digest() or not isinstance(edits, list):
            return
        try:
            for value in edits:
                one = parse_edit(value)
                self._table = apply(self._table, one)
                self._edits.append(one.model_dump(mode="json"))
        except ConfigError:  # written by another version: the table on disk counts
            self._table, self._edits = self._base, []


def _for_camera(verification: dict[str, Any], name: str) -> dict[str, Any]:
    """Findings of one camera, from a file that holds one camera or several."""
    cameras = verification.get("cameras")
    if isinstance(cameras, dict):
        one = cameras.get(name)
        return one if isinstance(one, dict) else {}
    return verification
