"""Enrolling the people of the original, and the score from which a face counts as recognised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from framework_faceset.subject import find_subject
from numpy.typing import NDArray

from framework.alignment import align
from framework.errors import FrameworkError
from framework.protocols import Detector, Recognizer, Tracker
from framework.recognition import embed
from framework.registry import Registry
from framework.spec import Kind
from framework.table import TrackTable
from framework.types import Frame, Image

ENROLLED = 24
"""Frames from which each person is enrolled, spread over their presence."""
FALSE_ACCEPTS = 1e-2
"""Share of comparisons of strangers that may reach the threshold. A release is compared with few
people, and one refused without need costs less than one let through."""
SPREADS = 2.33
"""Standard deviations above its mean at which a normal distribution leaves that share."""
DOUBLE = 3.5
"""Standard deviations of the strangers' highest scores at which one of them is a double."""
GENUINE_SHARE = 0.25
"""The threshold is never above this quantile of the person's own scores, or the gate would be
blind."""


@dataclass(frozen=True, eq=False)
class Enrolment:
    """The people of the original.

    Attributes:
        track_id: (p,) whose row it is.
        vectors: p arrays (k, d) of unit length.
        threshold: score from which a face is recognised.
        basis: where the threshold comes from, for the report.
        power: share of the originals' own frames (held out) that reach the threshold, 0 to 1.
    """

    track_id: list[int]
    vectors: list[NDArray[np.float32]]
    threshold: float
    power: float
    basis: str = ""

    def best(self, rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Highest similarity of each row to anybody, and to whom (index into ``track_id``)."""
        scores = np.stack([(rows @ own.T).max(axis=1) for own in self.vectors], axis=1)
        return scores.max(axis=1).astype(np.float64), scores.argmax(axis=1)


def frames_to_enrol(table: TrackTable) -> dict[int, list[int]]:
    """Row numbers to enrol from, by track: evenly spread, the surest of each part."""
    chosen: dict[int, list[int]] = {}
    for track_id in table.track_ids():
        rows = table.rows_of_track(track_id)
        seen = rows[table.observed[rows]]
        rows = seen if len(seen) else rows
        parts = np.array_split(rows, min(2 * ENROLLED, len(rows)))
        chosen[track_id] = [int(p[int(np.argmax(table.score[p]))]) for p in parts]
    return chosen


def enrol(
    crops: dict[int, list[Image]],
    recognizer: Recognizer,
    strangers: Callable[[], Sequence[NDArray[np.float32]]],
) -> Enrolment | None:
    """Enrol every person from every other crop, and test the threshold on the rest.

    The threshold is the recogniser's own, measured on people whom it never meets here (see
    :class:`framework.protocols.Recognizer`). One that does not know its threshold is compared with
    the portraits that ship: mean and spread of their scores, as if these were normal.

    Args:
        crops: by track, in order of time.
        strangers: gives embeddings (k, d) of each of several people who are not in the recording.
            One of them may be a double, see :func:`_impostor_scores`. Called if it is needed.

    Returns:
        None if there is nobody to enrol.
    """
    ids = [track for track, own in crops.items() if own]
    if not ids:
        return None
    every = [embed(recognizer, crops[track]) for track in ids]
    enrolled, held = [v[0::2] for v in every], [v[1::2] for v in every]
    genuine = [(h @ own.T).max(axis=1) for own, h in zip(enrolled, held, strict=True) if len(h)]
    known = getattr(recognizer, "suspect_threshold", None)
    if known is not None:
        threshold, basis = float(known), "one in 100 comparisons of strangers reaches it"
    else:
        impostor = _impostor_scores(enrolled, strangers())
        threshold = float(impostor.mean() + SPREADS * impostor.std())
        basis = (
            "the recognizer has no threshold of its own; extrapolated from a few portraits to one "
            "in 100 comparisons of strangers"
        )
    power = 1.0
    if genuine:
        own = np.concatenate(genuine).astype(np.float64)
        power = float((own >= threshold).mean())
        least = float(np.quantile(own, GENUINE_SHARE))
        if least < threshold:
            threshold = least
            basis = (
                f"three quarters of the original's own frames reach it, fewer than those {basis}"
            )
    return Enrolment(ids, every, threshold, power, basis)


def _impostor_scores(
    enrolled: Sequence[NDArray[np.float32]], strangers: Sequence[NDArray[np.float32]]
) -> NDArray[np.float64]:
    """Scores of the enrolled with everybody else, without one double: a stranger far more similar
    than all others. Leaving one out can only lower the threshold, to the safe side."""
    by_stranger = [np.concatenate([(own @ s.T).ravel() for own in enrolled]) for s in strangers]
    closest = np.array([float(scores.max()) for scores in by_stranger])
    if len(closest) > 3:
        double = int(closest.argmax())
        rest = np.delete(closest, double)
        if closest[double] > rest.mean() + DOUBLE * rest.std():
            del by_stranger[double]
    return np.concatenate(by_stranger).astype(np.float64)


def strangers(
    detector: Detector, tracker: Tracker, recognizer: Recognizer
) -> list[NDArray[np.float32]]:
    """Embeddings of the synthetic portraits in two poses each: a cohort that every installation
    has and that nobody meets.

    Raises:
        FrameworkError: the portraits are not installed, or not found by the detector.
    """
    found: list[NDArray[np.float32]] = []
    portraits = Registry.load(only=()).create(Kind.DATA_SOURCE, "synthetic")
    for item in portraits.open("persons=12,clips=1,seconds=0.5", 150).items:
        recording = item.source.read()
        try:
            subject = find_subject(recording, detector, tracker)
        except FrameworkError:
            continue
        crops = [
            align(
                recording.frames[i].bgr,
                subject.landmarks[i],
                recognizer.input_size,
                recognizer.crop_scale,
            )
            for i in (0, len(recording.frames) - 1)
            if subject.present[i]
        ]
        if crops:
            found.append(embed(recognizer, crops))
    if not found:
        raise FrameworkError("the detector finds no face in the portraits that ship")
    return found


def crops_of_detections(
    frame: Frame, landmarks: Sequence[NDArray[np.float32]], recognizer: Recognizer
) -> list[Image | None]:
    """Aligned crops of faces found in a covered frame."""
    found: list[Image | None] = []
    for points in landmarks:
        try:
            found.append(align(frame.bgr, points, recognizer.input_size, recognizer.crop_scale))
        except ValueError:
            found.append(None)
    return found
