"""Landmarks of turned heads.

The network finds the face of somebody who lies down, but it was trained on upright heads and puts
the landmarks where an upright face would have them: off by a third to a whole distance between the
eyes at 90 degrees and more. Such faces are cut out and looked at again in all four orientations;
the answer with the best score wins. An upright face costs nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.types import Image
from framework_faces.candidates import Candidates
from framework_faces.letterbox import fit
from framework_faces.network import MEAN_BGR, MULTIPLE, Network

TURNED_DEGREES = 35.0
"""Up to this angle the landmarks are good (error up to 0.15 of the distance between the eyes)."""

SURE = 0.985
"""Upright frontal faces score more than this, turned ones hardly ever."""

SMALLEST = 40.0
"""Side, in pixels of the image, below which landmarks have no use: nobody reads such a face."""

CONTEXT = 2.0
"""Side of the cut, in sides of the face."""

SIZE = 160
"""Side of the network's input for it, pixels: the face is then as large as the anchors like."""

SAME_FACE_IOU = 0.3

MOST_FACES = 8
"""Faces that are looked at again in one image, best scores first; bounds the time in a crowd."""


def roll_degrees(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each face is turned in the plane of the image, 0 to 180 degrees.

    The larger of what the eyes and what the line from the eyes to the mouth say: on turned faces
    the network's landmarks are inconsistent, and either may look upright.

    Args:
        landmarks: (n, 5, 2) pixels.
    """
    eyes = landmarks[:, 1] - landmarks[:, 0]
    down = landmarks[:, 3:].mean(axis=1) - landmarks[:, :2].mean(axis=1)
    of_eyes = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))
    of_axis = np.degrees(np.arctan2(-down[:, 0], down[:, 1]))
    return np.asarray(np.maximum(np.abs(of_eyes), np.abs(of_axis)), np.float32)


def refine_turned(network: Network, image: Image, faces: Candidates) -> Candidates:
    """The same faces; those that are turned with the landmarks of their own orientation.

    Args:
        network: as for the passes over the whole image.
        image: (h, w, 3) BGR.
        faces: one row for each face.
    """
    doubtful = (roll_degrees(faces.landmarks) > TURNED_DEGREES) | (faces.score < SURE)
    large = (faces.xyxy[:, 2:] - faces.xyxy[:, :2]).max(axis=1, initial=0) >= SMALLEST
    rows = np.flatnonzero(doubtful & large)[:MOST_FACES]
    if not len(rows):
        return faces
    xyxy, score = faces.xyxy.copy(), faces.score.copy()
    landmarks = faces.landmarks.copy()
    for row in rows.tolist():
        others = np.delete(xyxy, row, axis=0)
        better = _look_again(network, image, faces.xyxy[row], others)
        if better is not None and better.score[0] > score[row]:
            # Both looks see the face; each box alone cuts off a little of the head.
            xyxy[row, :2] = np.minimum(xyxy[row, :2], better.xyxy[0, :2])
            xyxy[row, 2:] = np.maximum(xyxy[row, 2:], better.xyxy[0, 2:])
            score[row], landmarks[row] = better.score[0], better.landmarks[0]
    order = np.argsort(-score, kind="stable")
    return Candidates(xyxy, score, landmarks).take(order)


def _look_again(
    network: Network, image: Image, box: NDArray[np.float32], others: NDArray[np.float32]
) -> Candidates | None:
    """The best answer for this face over the four orientations, or None if upright is best.

    A weak box on the edge of a face would find that face once more: answers that fit another box
    better than this one are not meant.
    """
    cut, origin = _cut_out(image, box)
    inputs = [fit(cut, SIZE, turns, MULTIPLE, MEAN_BGR) for turns in range(4)]
    answers = network.candidates([i[0] for i in inputs], [i[1] for i in inputs])
    found = Candidates.join(answers)
    turned = np.repeat([False, True, True, True], [len(a) for a in answers])
    moved = Candidates(
        found.xyxy + np.tile(origin, 2), found.score, found.landmarks + origin[None, None]
    )
    own = iou(moved.xyxy, box[None])[:, 0]
    foreign = iou(moved.xyxy, others).max(axis=1, initial=0.0)
    fits = (own >= SAME_FACE_IOU) & (own > foreign)
    same = moved.take(fits)
    if not len(same):
        return None
    best = int(same.score.argmax())
    # Upright is what the first look was; to look closer would make strong what is rightly weak.
    return same.take(np.array([best])) if turned[fits][best] else None


def _cut_out(image: Image, box: NDArray[np.float32]) -> tuple[Image, NDArray[np.float32]]:
    """A square around the box, filled with the mean beyond the image, and its corner."""
    import cv2

    longest = 1.25 * max(image.shape[:2])  # a box may reach far past the image
    side = max(2, int(np.ceil(min(CONTEXT * float((box[2:] - box[:2]).max()), longest))))
    left, top = np.floor((box[:2] + box[2:]) / 2 - side / 2).astype(int).tolist()
    height, width = image.shape[:2]
    x0, y0 = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    x1, y1 = max(min(left + side, width), x0 + 1), max(min(top + side, height), y0 + 1)
    cut = cv2.copyMakeBorder(
        image[y0:y1, x0:x1],
        max(y0 - top, 0),
        max(top + side - y1, 0),
        max(x0 - left, 0),
        max(left + side - x1, 0),
        cv2.BORDER_CONSTANT,
        value=MEAN_BGR,
    )
    origin = np.array([min(left, x0), min(top, y0)], np.float32)
    return np.asarray(cut, np.uint8), origin
