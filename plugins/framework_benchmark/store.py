"""Raw results in one SQLite file: resumable after a kill, extended by what is new, mergeable.

Every row has a key: the hash of everything the result depends on (content of the item, component,
version, options, weights, seed, format of the measurement). A row whose key is there is never
computed again. Two machines that measured different parts of the same plan give two files that
merge row by row.

Embeddings and landmark trajectories identify people. While a run is unfinished they are kept in a
table of their own (``template``), so that it can resume; when it is finished they are erased
(SQLite's ``secure_delete``) unless the user keeps them. The comparison scores that remain tell
which pictures resemble each other, not what anybody looks like. The file can be read by its owner
only.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from framework.errors import UserError

SCHEMA = 1
FILE = "results.sqlite"
FORMAT = "framework-benchmark"

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE result (
    key TEXT PRIMARY KEY, method TEXT NOT NULL, role TEXT NOT NULL, item TEXT NOT NULL,
    measure TEXT NOT NULL, status TEXT NOT NULL, error TEXT NOT NULL, payload BLOB
);
CREATE INDEX by_method ON result (method, measure);
CREATE TABLE template (key TEXT PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE plan (key TEXT PRIMARY KEY, content TEXT NOT NULL);
"""

Payload = dict[str, NDArray[Any]]


class StoreError(UserError):
    """A results store that is missing, of another version, damaged or not writable."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One stored result.

    Attributes:
        key: see :func:`key_of`.
        method: the anonymizer with its options, as in the tables.
        role: ``clear``, ``probe``, ``gallery``, ``fit`` or ``set``.
        item: its content hash; of a whole set for scores.
        measure: what was measured, for instance ``faces`` or ``scores:T0:dlib``.
        status: ``ok`` or ``failed``.
        error: one line; empty if ok.
        payload: arrays; empty if failed.
    """

    key: str
    method: str
    role: str
    item: str
    measure: str
    status: str
    error: str
    payload: Payload


def key_of(**parts: Any) -> str:
    """Hash of everything a result depends on. Parts must be JSON values."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Store:
    """A results store. Use it as a context manager.

    One that was made and into which nothing was put when an exception ends the block is removed.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self._fresh = fresh = not path.exists()
        self._made = [p for p in path.parents if not p.exists()]  # the innermost first
        if fresh and not create:
            raise StoreError(f"results {path}: no such file; run 'framework benchmark' first")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if fresh:
                path.touch(mode=0o600)
            self._db = sqlite3.connect(path, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"results {path}: cannot be opened ({_plain(error)})") from None
        with self._guard():
            self._db.execute("PRAGMA secure_delete = ON")
            if fresh or not path.stat().st_size:
                self._db.executescript(_TABLES)
                self._set("format", FORMAT)
                self._set("schema", str(SCHEMA))
        self._check_version()

    def _check_version(self) -> None:
        try:
            meta = dict(self._db.execute("SELECT name, value FROM meta").fetchall())
        except sqlite3.Error:
            meta = {}
        if meta.get("format") != FORMAT:
            self._db.close()
            raise StoreError(
                f"results {self.path}: not a results store of 'framework benchmark'; choose "
                f"another output folder"
            )
        if meta.get("schema") != str(SCHEMA):
            self._db.close()
            raise StoreError(
                f"results {self.path}: written in format {meta.get('schema')}, this version reads "
                f"{SCHEMA}; choose another output folder, or the version that wrote it"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        unused = error is not None and self._fresh and not self._holds_anything()
        self._db.close()
        if unused:
            with contextlib.suppress(OSError):
                self.path.unlink()
                for folder in self._made:
                    folder.rmdir()

    def _holds_anything(self) -> bool:
        try:
            return self._db.execute("SELECT 1 FROM result LIMIT 1").fetchone() is not None
        except sqlite3.Error:
            return True

    @contextlib.contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise StoreError(
                    f"results {self.path}: the disk is full; what was measured so far is kept, "
                    f"free some space and start the same command again"
                ) from None
            raise StoreError(f"results {self.path}: {_plain(error)}") from None
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"results {self.path}: damaged or not a results store ({_plain(error)}); choose "
                f"another output folder"
            ) from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Put several rows on disk at once. After an exception what was put is kept; after an
        interrupt it is not, because the work was not finished."""
        with self._guard():
            self._db.execute("BEGIN")
        try:
            yield
        except Exception:
            self._end("COMMIT")
            raise
        except BaseException:
            self._end("ROLLBACK")
            raise
        self._end("COMMIT")

    def _end(self, how: str) -> None:
        if self._db.in_transaction:  # a full disk may have ended it already
            with self._guard():
                self._db.execute(how)

    def _set(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def has(self, key: str) -> bool:
        """Whether this was measured, and worked. What failed is tried again by the next run."""
        with self._guard():
            found = self._db.execute("SELECT status FROM result WHERE key = ?", (key,)).fetchone()
        return found is not None and found[0] == "ok"

    def put(self, row: Row) -> None:
        """Add or replace a result; it is on disk when this returns."""
        with self._guard():
            self._db.execute(
                "INSERT OR REPLACE INTO result VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    row.key,
                    row.method,
                    row.role,
                    row.item,
                    row.measure,
                    row.status,
                    row.error,
                    pack(row.payload) if row.payload else None,
                ),
            )

    def get(self, key: str) -> Row | None:
        """One result."""
        with self._guard():
            found = self._db.execute("SELECT * FROM result WHERE key = ?", (key,)).fetchone()
        return None if found is None else _row(found)

    def rows(self) -> Iterator[Row]:
        """Every result, ordered by key."""
        with self._guard():
            for found in self._db.execute("SELECT * FROM result ORDER BY key"):
                yield _row(found)

    def has_template(self, key: str) -> bool:
        with self._guard():
            query = "SELECT 1 FROM template WHERE key = ?"
            return self._db.execute(query, (key,)).fetchone() is not None

    def put_template(self, key: str, payload: Payload) -> None:
        """Keep an embedding or a trajectory until the run is finished."""
        with self._guard():
            self._db.execute("INSERT OR REPLACE INTO template VALUES (?, ?)", (key, pack(payload)))

    def get_template(self, key: str) -> Payload | None:
        with self._guard():
            query = "SELECT payload FROM template WHERE key = ?"
            found = self._db.execute(query, (key,)).fetchone()
        return None if found is None else unpack(found[0])

    def count_templates(self) -> int:
        """How many are kept now."""
        with self._guard():
            return int(self._db.execute("SELECT count(*) FROM template").fetchone()[0])

    def forget_templates(self) -> None:
        """Erase every embedding and trajectory."""
        with self._guard():
            self._db.execute("DELETE FROM template")
            self._db.execute("VACUUM")

    def put_plan(self, key: str, content: Mapping[str, Any]) -> None:
        """Remember what a run consisted of."""
        with self._guard():
            text = json.dumps(content, sort_keys=True)
            # The newest plan last: tables are written for it.
            self._db.execute("DELETE FROM plan WHERE key = ?", (key,))
            self._db.execute("INSERT INTO plan VALUES (?, ?)", (key, text))

    def plans(self) -> list[dict[str, Any]]:
        """Every plan, the latest last."""
        with self._guard():
            found = self._db.execute("SELECT content FROM plan ORDER BY rowid").fetchall()
        return [json.loads(text) for (text,) in found]

    def merge(self, other: Store) -> int:
        """Take over what the other store has and this one has not. Returns the number of rows.

        A result that worked replaces one that failed, never the other way round.
        """
        added = 0
        for row in other.rows():
            mine = self.get(row.key)
            if mine is None or (mine.status == "failed" and row.status == "ok"):
                self.put(row)
                added += 1
        with self._guard(), other._guard():
            for key, payload in other._db.execute("SELECT key, payload FROM template"):
                self._db.execute("INSERT OR IGNORE INTO template VALUES (?, ?)", (key, payload))
        for plan in other.plans():
            self.put_plan(str(plan["key"]), plan)
        return added


def pack(payload: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as the bytes of an .npz, without pickling."""
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in payload.items()}
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def unpack(data: bytes) -> Payload:
    with np.load(io.BytesIO(data), allow_pickle=False) as content:
        return {name: content[name] for name in content.files}


def _row(found: tuple[Any, ...]) -> Row:
    key, method, role, item, measure, status, error, payload = found
    content = unpack(payload) if payload is not None else {}
    return Row(key, method, role, item, measure, status, error, content)


def _plain(error: BaseException) -> str:
    strerror = getattr(error, "strerror", None)
    return str(strerror) if strerror else " ".join(str(error).split())
