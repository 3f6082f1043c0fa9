"""Reference pictures: how much each face of a recording resembles somebody.

Embeddings live in memory while roles are assigned and are then forgotten; nothing derived from them
but the decision is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.alignment import align, landmarks_from_box
from framework.errors import ConfigError, ContractError
from framework.media import open_reader
from framework.pipeline.components import Components, Selection, check_licences
from framework.protocols import Detector, Recognizer
from framework.spec import Kind
from framework.table import TrackTable
from framework.types import Detections, Image, Role
from framework_encounter.spec import Encounter

FACES = 8
"""Faces of each track that are compared."""
MIN_SCORE = 0.5


def select_recognizer(encounter: Encounter, components: Components) -> Selection | None:
    """The recogniser the encounter names; None if it has no reference pictures.

    Raises:
        ConfigError: none is named, or an option of it does not validate.
        ComponentError: unknown, not installed, or its licence is not allowed.
    """
    if not encounter.references:
        return None
    registry = components.registry
    name = encounter.matching.recognizer
    if name is None:
        known = sorted(n for kind, n in registry.components if kind is Kind.RECOGNIZER)
        raise ConfigError(
            "a reference picture needs a recogniser: --recognizer NAME, or matching.recognizer in "
            f"the encounter file; installed: {', '.join(known) or 'none'}"
        )
    component = registry.get(Kind.RECOGNIZER, name)
    check_licences(component, components.config.licence_policy)
    options = registry.validate(
        Kind.RECOGNIZER, name, components.config.options_of("recognizer"), "recognizer"
    )
    return Selection("recognizer", component, options)


def build_recognizer(selection: Selection, components: Components) -> Recognizer:
    """The selected recogniser.

    Raises:
        ComponentError: it cannot be made.
        ContractError: it is none.
    """
    made = components.registry.create(
        Kind.RECOGNIZER, selection.name, selection.options, components.context()
    )
    if not isinstance(made, Recognizer):
        raise ContractError(f"component '{selection.name}': expected a Recognizer")
    return made


def reference_embeddings(
    references: Mapping[Role, Path], detector: Detector, recognizer: Recognizer
) -> dict[Role, NDArray[np.float64]]:
    """One unit vector for each person with a reference picture.

    Raises:
        MediaError: a picture cannot be read.
        ConfigError: no face, or more than one, in a picture.
    """
    found = {}
    for role, path in references.items():
        with open_reader(path) as reader:
            frame = next(iter(reader))
        faces = detector.detect([frame])[0]
        faces = faces[faces.score >= MIN_SCORE]
        if len(faces) != 1:
            count = "no face" if not len(faces) else f"{len(faces)} faces"
            raise ConfigError(
                f"reference picture of the {role}: {count} in it, expected one; choose a clear "
                f"picture that shows this person alone"
            )
        crop = _crop(frame.bgr, faces, 0, recognizer)
        if crop is None:
            raise ConfigError(f"reference picture of the {role}: its face cannot be aligned")
        found[role] = np.asarray(recognizer.embed([crop])[0], np.float64)
    return found


def likeness(
    source: Path,
    table: TrackTable,
    references: Mapping[Role, NDArray[np.float64]],
    recognizer: Recognizer,
) -> dict[int, dict[Role, float]]:
    """Cosine similarity of every track with every reference: the median over its best faces."""
    rows_of_frame: dict[int, list[int]] = {}
    for track in table.track_ids():
        for row in best_rows(table, track):
            rows_of_frame.setdefault(int(table.frame[row]), []).append(row)
    vectors: dict[int, list[NDArray[np.float64]]] = {}
    with open_reader(source) as reader:
        for frame in reader.frames(rows_of_frame, table.time_s):
            rows = rows_of_frame[frame.index]
            faces = Detections(table.xyxy[rows], table.score[rows], table.landmarks[rows])
            crops = [(r, _crop(frame.bgr, faces, k, recognizer)) for k, r in enumerate(rows)]
            usable = [(r, crop) for r, crop in crops if crop is not None]
            if usable:
                made = recognizer.embed([crop for _, crop in usable])
                for (row, _), vector in zip(usable, made, strict=True):
                    owner = int(table.track_id[row])
                    vectors.setdefault(owner, []).append(np.asarray(vector, np.float64))
    return {
        track: {
            role: float(np.median(np.stack(mine) @ reference))
            for role, reference in references.items()
        }
        for track, mine in vectors.items()
    }


def best_rows(table: TrackTable, track: int) -> list[int]:
    """Rows of a track that show the face largest and surest, spread over its time."""
    rows = table.rows_of_track(track)
    rows = rows[table.observed[rows]]
    chosen: list[int] = []
    for part in np.array_split(rows, min(FACES, max(len(rows), 1))):
        if len(part):
            size = (table.xyxy[part, 2:] - table.xyxy[part, :2]).prod(axis=1)
            chosen.append(int(part[int((size * (table.score[part] + 1e-3)).argmax())]))
    return chosen


def _crop(picture: Image, faces: Detections, k: int, recognizer: Recognizer) -> Image | None:
    points = None if faces.landmarks is None else faces.landmarks[k]
    if points is None or not np.isfinite(points).all():
        points = landmarks_from_box(faces.xyxy[k : k + 1])[0]
    try:
        return align(
            picture, np.asarray(points, np.float32), recognizer.input_size, recognizer.crop_scale
        )
    except ValueError:
        return None


def wanted(encounter: Encounter, roles: Iterable[Role] | Sequence[Role]) -> bool:
    """Whether a recording of these roles is decided by reference pictures."""
    return any(str(role) in encounter.references for role in roles)
