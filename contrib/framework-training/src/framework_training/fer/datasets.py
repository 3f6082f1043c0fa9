"""Labelled faces from arrays, folders and tables, in one form.

* ``.npz``: ``x`` uint8 (n, h, w) or (n, h, w, 3) BGR, and ``y`` (n,), integers in the order of the
  seven classes or strings; faces framed like FER2013's. With ``votes`` (n, 10), what ten people
  chose (:mod:`framework_fer.votes`), the label is that of the majority, and ``y`` is kept beside
  it. ``scores`` (n, k), from 0 to 1 and NaN where unknown, are facial movements as another network
  sees them, the same for a face and its mirror image; a training may learn them too.
* A folder with one folder for each class, named like it, that contain pictures of faces.
* ``.csv`` with the columns ``file`` (relative to the table) and ``label`` (or ``expression``, or
  ``emotion``); optional ``person`` (or ``identity``), ``score_...`` (as ``scores`` above, empty
  where unknown); the face's place as a box ``left``, ``top``,
  ``right``, ``bottom`` in pixels, or as five landmarks ``right_eye_x`` ... ``mouth_left_y`` (the
  person's own right and left).

A face keeps the picture around it: ``placement`` says where in the picture the tight framing lies,
so that training can move and turn the frame without inventing pixels.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from framework_fer.framing import WINDOW, Framing, as_grey
from framework_fer.votes import CHOICES, OTHER, Labelling, majority
from numpy.typing import NDArray

from framework.alignment import similarity, template
from framework.errors import MediaError, UserError
from framework.types import EMOTIONS
from framework_training.fer.labels import known

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".pgm"}
_POINTS = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
_BOX = ("left", "top", "right", "bottom")
_LABEL = ("label", "expression", "emotion")
_PERSON = ("person", "identity")
_SCORE = "score_"


@dataclass(frozen=True, slots=True)
class LabelledFaces:
    """Faces with labels.

    Attributes:
        name: of the data set, for reports.
        greys: n pictures (h, w) uint8.
        placement: (n, 2, 3) float64, from picture pixels to the unit square of the tight framing.
        labels: (n,) int64, indices into :data:`framework.types.EMOTIONS`.
        person: n names, or empty where the set does not say who is who.
        excluded: label -> count of the rows that were left out because of an unknown label.
        votes: (n, 10) float32, counts of :data:`framework_fer.votes.CHOICES`; NaN where nobody was
            asked. None: no face has any.
        scores: (n, k) float32, 0 to 1, facial movements to learn besides; NaN where unknown. None:
            no face has any.
        group: n names of groups to report on apart, or empty.
        original: (n,) int64, FER2013's own labels, -1 where there is none. None: no face has one.
    """

    name: str
    greys: tuple[NDArray[np.uint8], ...]
    placement: NDArray[np.float64]
    labels: NDArray[np.int64]
    person: tuple[str, ...] = ()
    excluded: dict[str, int] | None = None
    votes: NDArray[np.float32] | None = None
    original: NDArray[np.int64] | None = None
    scores: NDArray[np.float32] | None = None
    group: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.greys)

    def take(self, rows: NDArray[np.intp]) -> LabelledFaces:
        """The same set with these rows only."""
        return LabelledFaces(
            name=self.name,
            greys=tuple(self.greys[i] for i in rows),
            placement=self.placement[rows],
            labels=self.labels[rows],
            person=tuple(self.person[i] for i in rows) if self.person else (),
            excluded=self.excluded,
            votes=None if self.votes is None else self.votes[rows],
            original=None if self.original is None else self.original[rows],
            scores=None if self.scores is None else self.scores[rows],
            group=tuple(self.group[i] for i in rows) if self.group else (),
        )


def whole_picture(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Placement of a face that fills its picture: pixel centres to the unit square."""
    height, width = shape[:2]
    return np.array([[1 / width, 0, 0.5 / width], [0, 1 / height, 0.5 / height]])


def from_landmarks(points: NDArray[np.float32]) -> NDArray[np.float64]:
    """Placement from five landmarks (image-left eye first): the window of the aligned square."""
    left, top, right, _ = WINDOW
    target = (template(1) - np.array([left, top], np.float32)) / np.float32(right - left)
    return similarity(points, target).astype(np.float64)


def from_box(box: Sequence[float]) -> NDArray[np.float64]:
    """Placement of a detector's box, made square around its centre."""
    left, top, right, bottom = box
    side = max(right - left, bottom - top)
    if not np.isfinite(list(box)).all() or right <= left or bottom <= top:
        raise ValueError(f"box {tuple(box)}: expected left < right and top < bottom, in pixels")
    x, y = (left + right) / 2 - side / 2, (top + bottom) / 2 - side / 2
    return np.array([[1 / side, 0, (0.5 - x) / side], [0, 1 / side, (0.5 - y) / side]])


def load(
    path: Path,
    framing: Framing = Framing.TIGHT,
    labelling: Labelling = "votes",
    keep_other: bool = False,
    by: str = "",
) -> LabelledFaces:
    """Read a labelled set of any form, see the module's description.

    Args:
        path: ``.npz``, folder or ``.csv``.
        framing: how the pictures of an array or a folder were cut; tables with boxes or landmarks
            say so themselves.
        labelling: of two labels of an array with votes, the one that counts.
        keep_other: faces whose majority chose none of the seven expressions stay in, with the label
            :data:`framework_fer.votes.OTHER`; they have something to teach, but are no test.
        by: column of a table, or array (n,) of an ``.npz``, that names each face's group.

    Raises:
        UserError: another form, a missing column, no row with a known label.
        MediaError: a file that is missing or does not decode.
    """
    if path.is_dir():
        faces = _folder(path, framing)
    elif path.suffix == ".npz" and path.is_file():
        faces = _arrays(path, framing, labelling, keep_other, by)
    elif path.suffix == ".csv" and path.is_file():
        faces = _table(path, framing, by)
    elif not path.exists():
        raise UserError(f"data {path.name}: no such file or folder; check the path")
    else:
        raise UserError(
            f"data {path.name}: expected an .npz with x and y, a folder for each class, or a .csv"
        )
    if len(faces) == 0:
        raise UserError(
            f"data {path.name}: expected faces labelled {', '.join(EMOTIONS)}, found none"
            + (f"; unknown labels: {describe(faces.excluded)}" if faces.excluded else "")
        )
    return faces


def describe(excluded: dict[str, int] | None) -> str:
    """``contempt (18), other (3)``."""
    return ", ".join(f"{label} ({count})" for label, count in (excluded or {}).items())


def _placed(shape: tuple[int, ...], framing: Framing) -> NDArray[np.float64]:
    placement = whole_picture(shape)
    if framing is Framing.TIGHT:
        return placement
    left, top, right, bottom = WINDOW
    move = np.array(
        [
            [1 / (right - left), 0, -left / (right - left)],
            [0, 1 / (bottom - top), -top / (bottom - top)],
        ]
    )
    return np.asarray(move @ np.vstack([placement, [0, 0, 1]]), np.float64)


def _gather(
    name: str,
    labels: Sequence[str],
    pictures: Sequence[NDArray[np.uint8]],
    placement: Sequence[NDArray[np.float64]],
    person: Sequence[str],
    excluded: dict[str, int],
) -> LabelledFaces:
    indices, _ = known(labels)
    return LabelledFaces(
        name=name,
        greys=tuple(pictures),
        placement=np.array(placement, np.float64).reshape(-1, 2, 3),
        labels=np.array([i for i in indices if i is not None], np.int64),
        person=tuple(person),
        excluded=excluded,
    )


def _arrays(
    path: Path, framing: Framing, labelling: Labelling, keep_other: bool, by: str = ""
) -> LabelledFaces:
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = {"x", "y"} - set(file.files)
            if missing:
                raise UserError(
                    f"data {path.name}: expected the arrays x and y, found {sorted(file.files)}"
                )
            x, y = file["x"], file["y"]
            votes = file["votes"] if "votes" in file.files else None
            scores = file["scores"] if "scores" in file.files else None
            if by and by not in file.files:
                raise UserError(
                    f"data {path.name}: no array {by!r} to group by, found {sorted(file.files)}"
                )
            group = tuple(str(name) for name in file[by].tolist()) if by else ()
    except (OSError, ValueError) as error:
        raise UserError(f"data {path.name}: expected an .npz file without objects") from error
    if by and len(group) != len(x):
        raise UserError(f"data {path.name}: expected a group for each face in {by!r}")
    if x.ndim not in (3, 4) or len(x) != len(y) or y.ndim != 1:
        raise UserError(
            f"data {path.name}: expected x (n, h, w) or (n, h, w, 3) and y (n,), "
            f"got {x.shape} and {y.shape}"
        )
    labels = [str(label) for label in y.tolist()]
    indices, excluded = known(labels)
    rows = [i for i, index in enumerate(indices) if index is not None]
    greys = [as_grey(x[i], i) for i in rows]
    placement = [_placed(grey.shape, framing) for grey in greys]
    faces = _gather(path.stem, [labels[i] for i in rows], greys, placement, (), excluded)
    if group:
        faces = replace(faces, group=tuple(group[i] for i in rows))
    if scores is not None:
        faces = replace(faces, scores=_checked_scores(path, scores, len(x))[rows])
    if votes is None:
        return faces
    if votes.shape != (len(x), len(CHOICES)) or not (votes.sum(axis=1) > 0).all():
        raise UserError(
            f"data {path.name}: expected votes (n, {len(CHOICES)}) with at least one vote for each "
            f"face, got {votes.shape}"
        )
    return _with_votes(faces, votes[rows], labelling, keep_other)


def _checked_scores(path: Path, scores: NDArray[Any], n: int) -> NDArray[np.float32]:
    if scores.ndim != 2 or len(scores) != n or not np.issubdtype(scores.dtype, np.floating):
        raise UserError(
            f"data {path.name}: expected scores (n, k) of floating point, got {scores.dtype} "
            f"{scores.shape}"
        )
    known_ones = scores[np.isfinite(scores)]
    if known_ones.size and (known_ones.min() < 0 or known_ones.max() > 1):
        raise UserError(f"data {path.name}: expected scores from 0 to 1, or NaN where unknown")
    return np.asarray(scores, np.float32)


def _with_votes(
    faces: LabelledFaces, votes: NDArray[Any], labelling: Labelling, keep_other: bool
) -> LabelledFaces:
    """The same faces with what people chose, under one of the two labellings."""
    own = faces.labels
    chosen = majority(votes)
    faces = replace(
        faces,
        labels=chosen if labelling == "votes" else own,
        votes=np.asarray(votes, np.float32),
        original=own,
    )
    other = chosen == OTHER
    if labelling == "fer2013" or keep_other or not other.any():
        return faces
    left_out = {
        CHOICES[index]: int((np.asarray(votes).argmax(axis=1) == index).sum())
        for index in range(OTHER, len(CHOICES))
    }
    excluded = {**(faces.excluded or {}), **{name: n for name, n in left_out.items() if n}}
    return replace(faces.take(np.flatnonzero(~other)), excluded=excluded)


def _picture(path: Path) -> NDArray[np.uint8]:
    import cv2

    if not path.is_file():
        raise MediaError(f"picture {path.name}: no such file; check the table or the folder")
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise MediaError(f"picture {path.name}: does not decode; expected JPEG, PNG or similar")
    return np.asarray(picture, np.uint8)


def _folder(path: Path, framing: Framing) -> LabelledFaces:
    found: list[tuple[str, Path]] = []
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES)
        found += [(folder.name, file) for file in files]
    indices, excluded = known([label for label, _ in found])
    kept = [pair for pair, index in zip(found, indices, strict=True) if index is not None]
    greys = [_picture(file) for _, file in kept]
    placement = [_placed(grey.shape, framing) for grey in greys]
    return _gather(path.name, [label for label, _ in kept], greys, placement, (), excluded)


def _table(path: Path, framing: Framing, by: str = "") -> LabelledFaces:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = set(reader.fieldnames or ())
        label = next((name for name in _LABEL if name in columns), "")
        named = next((name for name in _PERSON if name in columns), "")
        if "file" not in columns or not label:
            raise UserError(
                f"data {path.name}: expected the columns file and label, found {sorted(columns)}"
            )
        rows = list(reader)
    landmarks = {f"{point}_{axis}" for point in _POINTS for axis in "xy"} <= columns
    boxes = set(_BOX) <= columns
    indices, excluded = known([row[label] or "" for row in rows])
    kept = [row for row, index in zip(rows, indices, strict=True) if index is not None]
    greys, placement = [], []
    for number, row in enumerate(kept, start=2):
        grey = _picture(path.parent / row["file"])
        try:
            if landmarks:
                points = [[float(row[f"{point}_{axis}"]) for axis in "xy"] for point in _POINTS]
                placement.append(from_landmarks(np.array(points, np.float32)))
            elif boxes:
                placement.append(from_box([float(row[side]) for side in _BOX]))
            else:
                placement.append(_placed(grey.shape, framing))
        except (TypeError, ValueError) as error:
            raise UserError(
                f"data {path.name}, row {number}: expected numbers for the face's place, and a box "
                f"or landmarks with an extent ({error})"
            ) from error
        greys.append(grey)
    person = [row[named] or "" for row in kept] if named else []
    labels = [row[label] for row in kept]
    faces = _gather(path.stem, labels, greys, placement, person, excluded)
    if by:
        if by not in columns:
            raise UserError(f"data {path.name}: no column {by!r} to group by")
        faces = replace(faces, group=tuple(row[by] or "" for row in kept))
    scored = [name for name in reader.fieldnames or () if name.startswith(_SCORE)]
    if not scored:
        return faces
    try:
        values = [[float(row[name] or "nan") for name in scored] for row in kept]
    except (TypeError, ValueError) as error:
        raise UserError(f"data {path.name}: expected numbers in {_SCORE}... ({error})") from error
    scores = _checked_scores(path, np.array(values, np.float64).reshape(len(kept), -1), len(kept))
    return replace(faces, scores=scores)
