"""What an attacker has in hand, for one anonymizer and one recogniser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.types import Image

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


Attack = Callable[[Material], dict[str, Scores]]
"""Score matrices by variant; empty if the material does not suffice."""


def compare(
    probes: Sequence[NDArray[np.float32] | None], gallery: Sequence[NDArray[np.float32] | None]
) -> Scores:
    """Cosine similarity of every pair; None becomes a row of NaN or a column of -inf."""
    scores = np.full((len(probes), len(gallery)), np.nan)
    columns = [g for g, vector in enumerate(gallery) if vector is not None]
    rows = [p for p, vector in enumerate(probes) if vector is not None]
    if rows and columns:
        a = np.stack([probes[p] for p in rows]).astype(np.float64)  # type: ignore[misc]
        b = np.stack([gallery[g] for g in columns]).astype(np.float64)  # type: ignore[misc]
        scores[np.ix_(rows, columns)] = unit(a) @ unit(b).T
    empty = np.setdiff1d(np.arange(len(gallery)), columns)
    scores[np.ix_(rows, empty.tolist())] = -np.inf
    return scores


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows at length 1; a row of zeros stays."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0))


def vectors(templates: Sequence[Template | None]) -> list[NDArray[np.float32] | None]:
    """The best frame's embedding of each."""
    return [None if t is None else t.vector for t in templates]
