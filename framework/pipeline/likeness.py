"""Is a covered face still the face it was?

An anonymizer may change every pixel and leave the person plain to see, as a pencil sketch does.
While a recording is rendered, faces of it are compared with the original at their place, whatever
the anonymizer was: their fine structure (:mod:`framework.detail`), and, for up to
:data:`COMPARED` faces of each track, their embeddings under the recogniser that ships. What is
compared is the picture that is about to be encoded. Sums and vectors are kept, no pixels.

The thresholds are higher than those of ``framework verify``, which judges a release and may be
wrong once in a hundred without harm: here a false alarm would fail every other run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.detail import detail_correlation
from framework.errors import FrameworkError
from framework.protocols import Recognizer
from framework.recognition import crop_of_row, embed
from framework.table import TrackTable
from framework.types import Frame, Image

COMPARED = 24
"""Faces of each track that the recogniser compares, spread over its presence."""
FEWEST = 3
"""Comparisons from which a mean is taken; with fewer each of them must reach it."""
DETAIL = 0.6
"""Mean correlation of the fine structure from which a track counts as recognisable."""
SHARE = 0.5
"""So does a track of whose faces the recogniser takes this share for the original's."""


@dataclass
class _Track:
    """What was compared of one track."""

    detail: list[float] = field(default_factory=list)
    before: list[NDArray[np.float32]] = field(default_factory=list)
    after: list[NDArray[np.float32]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Resemblance:
    """How much of the original is in the covered faces of one track.

    Attributes:
        track_id: whose.
        faces: how many of its faces were compared by their detail.
        detail: mean correlation of their fine structure, -1 to 1; None if there was none.
        recognised: share of the faces that the recogniser takes for the original's, 0 to 1; None if
            none was compared.
        similarity: mean cosine of each covered face with the most similar of the original's.
    """

    track_id: int
    faces: int
    detail: float | None
    recognised: float | None
    similarity: float | None

    @property
    def recognisable(self) -> bool:
        """Whether the person can still be recognised."""
        # A negative correlates by -1, and whoever inverts it has the face.
        seen = self.detail is not None and abs(self.detail) >= DETAIL
        known = self.recognised is not None and self.recognised >= SHARE
        return seen or known


class Likeness:
    """Compares covered faces with the original's while they pass.

    Attributes:
        recognizer: what compares; None: fine structure alone.
        name: of the recogniser, empty without one.
        failure: why the recogniser gave up, the name of an exception's class; empty if it did not.

    Args:
        table: the tracks.
        frames: indices of the frames that :meth:`note` will be given.
        name, recognizer, threshold: what compares, and the cosine from which two faces are one
            person's.
    """

    def __init__(
        self,
        table: TrackTable,
        frames: NDArray[np.int64],
        name: str,
        recognizer: Recognizer | None,
        threshold: float | None,
    ) -> None:
        self.recognizer = recognizer if threshold is not None else None
        self.name = name if self.recognizer is not None else ""
        self.failure = ""
        self._threshold = threshold
        self._table = table
        self._tracks: dict[int, _Track] = {}
        self._chosen = _spread(table, frames) if self.recognizer is not None else set()

    def note(self, frame: Frame, image: Image) -> None:
        """Compare the faces of one frame.

        Args:
            frame: the original.
            image: what leaves.
        """
        table = self._table
        rows = table.rows_of_frame(frame.index)
        for row in range(rows.start, rows.stop):
            track = self._tracks.setdefault(int(table.track_id[row]), _Track())
            value = detail_correlation(frame.bgr, image, table.xyxy[row])
            if value is not None:
                track.detail.append(value)
            if row in self._chosen and self.recognizer is not None:
                self._embed(track, frame.bgr, image, row, self.recognizer)

    def _embed(
        self, track: _Track, before: Image, after: Image, row: int, recognizer: Recognizer
    ) -> None:
        crops = [crop_of_row(image, self._table, row, recognizer) for image in (before, after)]
        if crops[0] is None or crops[1] is None:
            return
        try:
            vectors = embed(recognizer, [crops[0], crops[1]])
        except (Exception, SystemExit) as error:
            self.failure = str(error) if isinstance(error, FrameworkError) else type(error).__name__
            self.recognizer = None
            return
        track.before.append(vectors[0])
        track.after.append(vectors[1])

    def found(self) -> list[Resemblance]:
        """The comparison of every track, by track id."""
        return [self._resemblance(t, self._tracks[t]) for t in sorted(self._tracks)]

    def _resemblance(self, track_id: int, track: _Track) -> Resemblance:
        detail = recognised = similarity = None
        if track.detail:
            few = len(track.detail) < FEWEST
            detail = float(min(track.detail) if few else np.mean(track.detail))
        if track.after and self._threshold is not None:
            scores = (np.stack(track.after) @ np.stack(track.before).T).max(axis=1)
            recognised = float((scores >= self._threshold).mean())
            similarity = float(scores.mean())
        return Resemblance(track_id, len(track.detail), detail, recognised, similarity)


def _spread(table: TrackTable, frames: NDArray[np.int64]) -> set[int]:
    """Rows to embed: of each track up to :data:`COMPARED` that were observed, evenly spread."""
    chosen: set[int] = set()
    shown = np.isin(table.frame, frames)
    for track_id in table.track_ids():
        rows = table.rows_of_track(track_id)
        rows = rows[shown[rows]]
        seen = rows[table.observed[rows]]
        rows = seen if len(seen) else rows
        for part in np.array_split(rows, min(COMPARED, len(rows))) if len(rows) else []:
            chosen.add(int(part[len(part) // 2]))
    return chosen
