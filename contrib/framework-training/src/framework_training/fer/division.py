"""Which faces a network learns from and which it is tuned on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from framework_fer.framing import normalised
from numpy.typing import NDArray

from framework.errors import UserError
from framework.types import EMOTIONS
from framework_training.fer import datasets, duplicates
from framework_training.fer.augment import plain_view
from framework_training.fer.datasets import LabelledFaces
from framework_training.fer.recipe import Recipe


@dataclass(frozen=True)
class Split:
    """Faces to learn from and faces to tune on; no photograph and no person is in both."""

    learn: LabelledFaces
    held_out: LabelledFaces
    dropped: int


def joined(sets: Sequence[LabelledFaces]) -> LabelledFaces:
    """Several sets as one; persons keep their names, apart for each set."""
    named = any(faces.person for faces in sets)
    return LabelledFaces(
        name=" + ".join(faces.name for faces in sets),
        greys=tuple(grey for faces in sets for grey in faces.greys),
        placement=np.concatenate([faces.placement for faces in sets]),
        labels=np.concatenate([faces.labels for faces in sets]),
        person=tuple(
            f"{faces.name}/{name}" if name else ""
            for faces in sets
            for name in (faces.person or ("",) * len(faces))
        )
        if named
        else (),
        votes=_stacked([faces.votes for faces in sets], [len(faces) for faces in sets]),
        scores=_stacked([faces.scores for faces in sets], [len(faces) for faces in sets]),
        original=None
        if all(faces.original is None for faces in sets)
        else np.concatenate(
            [
                np.full(len(faces), -1, np.int64) if faces.original is None else faces.original
                for faces in sets
            ]
        ),
    )


def _stacked(
    values: Sequence[NDArray[np.float32] | None], sizes: Sequence[int]
) -> NDArray[np.float32] | None:
    """Votes or scores of several sets, NaN for a set without."""
    widths = {rows.shape[1] for rows in values if rows is not None}
    if not widths:
        return None
    if len(widths) > 1:
        raise UserError(f"data: expected as many scores in every set, got {sorted(widths)}")
    (width,) = widths
    return np.concatenate(
        [
            np.full((size, width), np.nan, np.float32) if rows is None else rows
            for rows, size in zip(values, sizes, strict=True)
        ]
    )


def limited(faces: LabelledFaces, per_class: int, seed: int) -> LabelledFaces:
    """At most ``per_class`` faces of each class, drawn at random; 0 keeps all."""
    if per_class <= 0:
        return faces
    rng = np.random.default_rng(seed)
    rows = [
        rng.permutation(np.flatnonzero(faces.labels == label))[:per_class]
        for label in range(len(EMOTIONS) + 1)
    ]
    return faces.take(np.sort(np.concatenate(rows)))


def split(
    faces: LabelledFaces,
    only_learn: LabelledFaces | None,
    unseen: Sequence[LabelledFaces],
    recipe: Recipe,
) -> Split:
    """Hold out whole groups of look-alikes; drop blanks, copies and what ``unseen`` holds.

    Args:
        faces: divided.
        only_learn: further faces, never held out: sets whose labels are too noisy to tune on.
        unseen: test sets; training faces that look like one of theirs are dropped.
    """
    everything = faces if only_learn is None else joined([faces, only_learn])
    small = duplicates.miniatures(everything)
    group = duplicates.groups(small, everything.person)
    keep = ~duplicates.blank(everything)
    for test in unseen:
        keep &= ~duplicates.seen_in(small, duplicates.miniatures(test))
    divided = np.arange(len(everything)) < len(faces)
    own = np.unique(group[divided & keep])
    rng = np.random.default_rng([recipe.division, 1])
    chosen = rng.permutation(own)[: max(1, round(recipe.held_out * len(own)))]
    held = np.isin(group, chosen)
    # Of several copies of one photograph the first stays, unless persons are named: then a group
    # is a person, and all their pictures count.
    first = np.ones(len(everything), bool)
    if not everything.person:
        first = group == np.arange(len(everything))
    learn = np.flatnonzero(keep & ~held & first)
    tune = np.flatnonzero(keep & held & divided & first)
    return Split(
        everything.take(learn), everything.take(tune), len(everything) - len(learn) - len(tune)
    )


def plain_inputs(faces: LabelledFaces, side: int) -> NDArray[np.float32]:
    """Network input of faces as they are, (n, 1, side, side)."""
    views = [plain_view(g, p, side) for g, p in zip(faces.greys, faces.placement, strict=True)]
    return normalised(np.stack(views))


def divided(
    data: Sequence[Path],
    also: Sequence[Path],
    test: Sequence[Path],
    also_per_class: int,
    recipe: Recipe,
) -> tuple[Split, tuple[LabelledFaces, ...]]:
    """The files of a command line, loaded and divided; labels that are left out are said.

    Args:
        data: divided into faces to learn from and held-out faces.
        also: never held out, at most ``also_per_class`` faces of each class; 0 takes all.
        test: loaded as they are.
        recipe: share and seed of the division.

    Returns:
        The division, and the test sets.

    Raises:
        UserError: a file that does not read as labelled faces.
    """
    sets = [datasets.load(path, keep_other=True) for path in data]
    extra = [limited(datasets.load(path), also_per_class, recipe.division) for path in also]
    tests = tuple(datasets.load(path, keep_other=True) for path in test)
    for faces in (*sets, *extra, *tests):
        if faces.excluded:
            typer.echo(
                f"{faces.name}: left out, unknown labels: {datasets.describe(faces.excluded)}",
                err=True,
            )
    return split(joined(sets), joined(extra) if extra else None, tests, recipe), tests
