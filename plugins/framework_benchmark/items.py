"""What is measured: pictures and clips of people, each read only when its turn comes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol

from framework.types import Frame


class ItemKind(StrEnum):
    """One picture, or a clip."""

    STILL = "still"
    CLIP = "clip"


@dataclass(frozen=True, eq=False)
class Recording:
    """Decoded frames of one item.

    Attributes:
        frames: in order; indices from 0, times from 0.
        duration_s: seconds to the end of the last frame; 0 for a still picture.
    """

    frames: Sequence[Frame]
    duration_s: float


class Source(Protocol):
    """Where an item's frames come from."""

    def digest(self) -> str:
        """Hash of the content in hexadecimal: equal for equal pictures, whatever their names."""
        ...

    def read(self) -> Recording:
        """Decode. Raises MediaError."""
        ...


@dataclass(frozen=True, eq=False)
class Item:
    """One picture or clip of one person.

    Attributes:
        person: pseudonym, see :func:`pseudonym`.
        kind: still or clip.
        source: where its frames come from.
        truth: the expression that is shown, one of EMOTIONS, where a label exists; else "".
        groups: attributes of the person, for instance ``{"sex": "female"}``.
    """

    person: str
    kind: ItemKind
    source: Source
    truth: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def id(self) -> str:
        """Content hash, 16 hexadecimal digits. Two copies of a picture are one item."""
        return self.source.digest()[:16]


@dataclass(frozen=True, eq=False)
class DataSet:
    """Items and what they are called.

    Attributes:
        name: as the user wrote it, without paths: ``lfw``, ``clips``, ``synthetic``...
        known_as: names under which components declare to have been trained on it (lower case).
            Empty: not known, and every trained component counts as contaminated.
        items: everything.
        notes: what a reader of the results should know, one sentence each.
    """

    name: str
    known_as: tuple[str, ...]
    items: Sequence[Item]
    notes: tuple[str, ...] = ()

    def persons(self) -> dict[str, list[Item]]:
        """Items by person, both in a fixed order."""
        found: dict[str, list[Item]] = {}
        for item in self.items:
            found.setdefault(item.person, []).append(item)
        return {person: found[person] for person in sorted(found)}


def pseudonym(name: str) -> str:
    """What a person is called in stores and outputs: a hash, because folder names are names.

    It keeps names out of tables; it is no protection against somebody who has the list of names.
    """
    return "p-" + hashlib.sha256(name.encode()).hexdigest()[:10]


def file_digest(path: Path, *more: object) -> str:
    """Hash of a file's content and of whatever else decides what is read from it."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while piece := handle.read(1 << 20):
            digest.update(piece)
    if more:
        digest.update(repr(more).encode())
    return digest.hexdigest()
