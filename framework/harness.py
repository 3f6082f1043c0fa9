"""What attacks, metrics and data sources of the benchmark exchange.

A data source gives a :class:`DataSet` of items, each read only when its turn comes. A metric sees a
recording before and after (:class:`Seen`). An attack gets what an attacker has in hand
(:class:`Material`) and answers with similarities (:data:`Scores`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from framework.types import Frame, Image


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


@dataclass(frozen=True, eq=False)
class Seen:
    """A recording as a detector sees its main person, before or after it was covered.

    Attributes:
        images: n BGR frames (h, w, 3) uint8.
        time_s: (n,) seconds from the start.
        duration_s: (n,) seconds for which each frame is shown.
        place: (n, 4) box of the person in the original, NaN where absent; the same before and
            after.
        found: (n,) bool: a face was found there.
        boxes: (n, 4) of that face, NaN where none was found.
        landmarks: (n, 5, 2) of that face, NaN where none was found.
    """

    images: Sequence[Image]
    time_s: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    place: NDArray[np.float32]
    found: NDArray[np.bool_]
    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True)
class Figure:
    """One number of a metric: a sum over persons divided by another.

    Attributes:
        name: as in tables.
        axis: ``utility`` (what is left), ``time`` (steadiness) or ``privacy``.
        proportion: it is a share between 0 and 1.
        note: unit and meaning, in a few words.
    """

    name: str
    axis: str = "utility"
    proportion: bool = False
    note: str = ""


Measured = Mapping[str, NDArray[np.generic]]
"""What a metric keeps of one item: arrays by name. No pixels: it is stored."""


Scores = NDArray[np.float64]
"""(p, g) similarities of probes and gallery; a row of NaN: no face; a column of -inf: nobody."""


@dataclass(frozen=True, eq=False)
class Template:
    """Embeddings of one item.

    Attributes:
        vectors: (n, d) float32, unit length, one a frame; zeros in frames without a face, except in
            ``best``.
        found: (n,) bool: the detector found a face in that frame.
        best: the frame of the surest face; without any, the middle one, whose crop was cut where
            the cover lies.
    """

    vectors: NDArray[np.float32]
    found: NDArray[np.bool_]
    best: int

    @property
    def vector(self) -> NDArray[np.float32]:
        """(d,) of the best frame."""
        return np.asarray(self.vectors[self.best], np.float32)

    @property
    def seen(self) -> bool:
        """Whether a face was found in the best frame."""
        return bool(self.found[self.best])


@dataclass(frozen=True, eq=False)
class CropPair:
    """The same face before and after.

    Attributes:
        clear, covered: small crops (s, s, 3) uint8.
        vector: (d,) embedding of the clear face at full size.
        person: whose it is.
    """

    clear: Image
    covered: Image
    vector: NDArray[np.float32]
    person: str = ""


@dataclass(frozen=True, eq=False)
class Motion:
    """How a face moves through a clip.

    Attributes:
        boxes: (n, 4) float32 of the face, or of what covers it; pixels, NaN where there is none.
        landmarks: (n, 5, 2) float32; NaN where no face was found.
    """

    boxes: NDArray[np.float32]
    landmarks: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Material:
    """Everything an attack may use. Missing templates (failures, no face at all) are None.

    Attributes:
        clear: g templates of the enrolled pictures as they are.
        covered: g templates of the same pictures, anonymized with another donor and seed.
        probes: p templates of what was released.
        mate: (p,) index of each probe's person in the gallery.
        fit: (clear, covered) templates of other people, by person.
        fit_persons: whose they are.
        fit_crops: crops of other people, for attacks that learn from pixels.
        covered_crops: g crops of ``covered``, None where there is none.
        probe_crops: p crops of what was released, None where there is none.
        embed: the recogniser on crops of its own size.
        size: side of those crops.
        clear_motion, probe_motion, fit_motion: how the faces of the enrolled clips, of what was
            released and of other people's clear clips move; None for still images.
    """

    clear: Sequence[Template | None]
    covered: Sequence[Template | None]
    probes: Sequence[Template | None]
    mate: NDArray[np.int64]
    fit: Sequence[tuple[Template, Template]] = ()
    fit_persons: Sequence[str] = ()
    fit_crops: Sequence[CropPair] = ()
    covered_crops: Sequence[Image | None] = ()
    probe_crops: Sequence[Image | None] = ()
    embed: Callable[[Sequence[Image]], NDArray[np.float32]] | None = field(default=None, repr=False)
    size: int = 112
    clear_motion: Sequence[Motion | None] = ()
    probe_motion: Sequence[Motion | None] = ()
    fit_motion: Sequence[Motion] = ()
