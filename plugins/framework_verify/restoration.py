"""Is a face recognised at its place once a blur is undone?

A blurred face that no detector finds, or that a recogniser does not know, may need no more than
sharpening. In a few frames of each person the picture is cut where the original has the face,
whether or not a detector finds one there, deconvolved with several widths, and recognised.
"""

from __future__ import annotations

import numpy as np
from framework_faceset.deconvolution import WIDTHS, deconvolved

from framework.alignment import align, landmarks_from_box
from framework.protocols import Recognizer
from framework.recognition import embed
from framework.table import TrackTable
from framework.types import Frame, Image
from framework_verify.recognition import Enrolment

TRIED = 8
"""Frames of each person that are tried, spread over their presence."""
SIDE = 72
"""Side of the crops that are deconvolved: a blur leaves no more than that."""


def rows_to_try(table: TrackTable) -> dict[int, list[int]]:
    """Rows of the table by frame: of each part of a track the surest detection."""
    chosen: dict[int, list[int]] = {}
    for track_id in table.track_ids():
        rows = table.rows_of_track(track_id)
        seen = rows[table.observed[rows]]
        rows = seen if len(seen) else rows
        for part in np.array_split(rows, min(TRIED, len(rows))):
            row = int(part[int(np.argmax(table.score[part]))])
            chosen.setdefault(int(table.frame[row]), []).append(row)
    return chosen


def best_restored(
    frame: Frame, table: TrackTable, row: int, recognizer: Recognizer, enrolment: Enrolment
) -> tuple[float, int] | None:
    """The highest similarity of one face after any of the widths, and whom it resembles.

    Args:
        frame: of the covered file, at the time of the row.

    Returns:
        (score, track id); None where the face is not in the picture.
    """
    points = table.landmarks[row]
    if not np.isfinite(points).all():
        points = landmarks_from_box(table.xyxy[row])[0]
    scale = np.array([frame.width / table.width, frame.height / table.height], np.float32)
    try:
        crop = align(frame.bgr, points * scale, recognizer.input_size, recognizer.crop_scale)
    except ValueError:
        return None
    scores, who = enrolment.best(embed(recognizer, [_restored(crop, width) for width in WIDTHS]))
    best = int(scores.argmax())
    return float(scores[best]), enrolment.track_id[int(who[best])]


def _restored(crop: Image, width: float) -> Image:
    import cv2

    if width == 0:
        return crop
    side = crop.shape[0]
    small = np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    sharp = deconvolved(small, width)
    return np.asarray(cv2.resize(sharp, (side, side), interpolation=cv2.INTER_CUBIC), np.uint8)
