"""Pictures, faces and recordings that the checks make for themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from framework.alignment import landmarks_from_box
from framework.table import RowState, TrackTable
from framework.types import EMOTIONS, UNKNOWN, Frame, Image, PersonTimeline, Role, Tracks

Box = tuple[float, float, float, float]

FRAME_INTERVAL_S = 0.04
PORTRAIT_BOX = (101.0, 81.0, 279.0, 331.0)
"""Where the face is in the portraits, which all have the same framing, pixels of 384."""


def noise(width: int, height: int, seed: int = 0) -> Image:
    """A read-only picture in which every pixel differs from its neighbours."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image.flags.writeable = False
    return image


@cache
def portrait() -> NDArray[np.uint8]:
    """A composite face, (384, 384, 4) BGRA.

    An average of eight consenting people (Face Research Lab London Set, CC BY 4.0).
    """
    import cv2

    data = (resources.files("framework.testing") / "portrait.png").read_bytes()
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)


def picture(width: int, height: int, boxes: Sequence[Box] = (), seed: int = 0) -> Image:
    """Noise, with a face drawn into each box; read-only."""
    image = noise(width, height, seed).copy()
    for box in boxes:
        _draw(image, portrait(), box)
    image.flags.writeable = False
    return image


def _draw(image: Image, face: NDArray[np.uint8], box: Box) -> None:
    import cv2

    x0, y0, x1, y1 = PORTRAIT_BOX
    scale_x, scale_y = (box[2] - box[0]) / (x1 - x0), (box[3] - box[1]) / (y1 - y0)
    if scale_x <= 0 or scale_y <= 0:
        return
    matrix = np.array(
        [[scale_x, 0, box[0] - scale_x * x0], [0, scale_y, box[1] - scale_y * y0]], np.float64
    )
    # Shrinking by much would alias: halved by area first until less than a half is left to do.
    small = face
    while min(scale_x, scale_y) < 0.5 and min(small.shape[:2]) > 16:
        half = cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        small = np.asarray(half, np.uint8)
        matrix[:, :2] *= 2
        scale_x, scale_y = 2 * scale_x, 2 * scale_y
    # Only where the portrait is: a 4K picture would take a second otherwise.
    side = np.array([small.shape[1], small.shape[0]])
    low, high = matrix[:, 2], matrix[:, 2] + matrix[:, :2].sum(axis=1) * side
    limit = (image.shape[1], image.shape[0])
    left, top = (int(v) for v in np.clip(np.floor(low), 0, limit))
    right, bottom = (int(v) for v in np.clip(np.ceil(high), 0, limit))
    if right <= left or bottom <= top:
        return
    matrix[:, 2] -= (left, top)
    layer = cv2.warpAffine(small, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
    alpha = layer[..., 3:].astype(np.float32) / 255
    part = image[top:bottom, left:right]
    part[...] = np.rint(layer[..., :3] * alpha + part * (1 - alpha)).astype(np.uint8)


def frame(image: Image, index: int = 0) -> Frame:
    """A frame of a recording with 25 pictures a second."""
    return Frame(image, index, index * FRAME_INTERVAL_S)


def tracks(*boxes: Box, landmarks: bool = True, observed: bool = True, first_id: int = 1) -> Tracks:
    """Tracks with these boxes, and the landmarks of upright faces in them."""
    n = len(boxes)
    xyxy = np.array(boxes, np.float32).reshape(n, 4)
    return Tracks(
        xyxy=xyxy,
        score=np.full(n, 0.9 if observed else 0.0, np.float32),
        landmarks=landmarks_from_box(xyxy) if landmarks else None,
        track_id=np.arange(first_id, first_id + n),
        role=(Role.PATIENT,) * n,
        observed=np.full(n, observed),
    )


@dataclass(frozen=True)
class Clip:
    """A short recording of one moving face; satisfies :class:`framework.protocols.ClipView`."""

    pictures: tuple[Image, ...]
    boxes: tuple[Box, ...]

    @classmethod
    def of_length(cls, length: int, width: int = 160, height: int = 128, seed: int = 0) -> Clip:
        """A face that goes to the right and gets larger."""
        boxes = tuple((30.0 + 3 * k, 25.0 + k, 80.0 + 4 * k, 90.0 + 2.4 * k) for k in range(length))
        pictures = tuple(picture(width, height, [box], seed + k) for k, box in enumerate(boxes))
        return cls(pictures, boxes)

    @property
    def table(self) -> TrackTable:
        n = len(self.boxes)
        xyxy = np.array(self.boxes, np.float32).reshape(n, 4)
        height, width = self.pictures[0].shape[:2]
        return TrackTable(
            width=width,
            height=height,
            time_s=np.asarray(np.arange(n) * FRAME_INTERVAL_S, np.float64),
            duration_s=n * FRAME_INTERVAL_S,
            frame=np.arange(n),
            track_id=np.ones(n, np.int64),
            xyxy=xyxy,
            score=np.full(n, 0.9, np.float32),
            landmarks=landmarks_from_box(xyxy),
            state=np.full(n, RowState.DETECTED, np.int8),
            roles={1: Role.PATIENT},
        )

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]:
        return (frame(self.pictures[i], i) for i in sorted(set(indices)))

    def __len__(self) -> int:
        return len(self.pictures)

    def __iter__(self) -> Iterator[tuple[Frame, Tracks]]:
        return ((frame(p, i), tracks(self.boxes[i])) for i, p in enumerate(self.pictures))


def timeline(
    labels: Sequence[str], role: Role, start: int = 0, person: str = "", strength: float = 0.8
) -> PersonTimeline:
    """A timeline with these labels a second; ``unknown`` where there was no readable face."""
    n = len(labels)
    rows = np.full((n, len(EMOTIONS)), np.nan, np.float32)
    for k, label in enumerate(labels):
        if label != UNKNOWN:
            rows[k] = (1 - strength) / (len(EMOTIONS) - 1)
            rows[k, EMOTIONS.index(label)] = strength
    known = np.array([label != UNKNOWN for label in labels], bool)
    return PersonTimeline(
        person=person or f"{role}-1",
        role=role,
        second=np.arange(start, start + n),
        probabilities=rows,
        label=tuple(labels),
        samples=np.where(known, 5, 0),
        coverage=known.astype(np.float32),
        quality=np.where(known, 0.9, np.nan).astype(np.float32),
    )
