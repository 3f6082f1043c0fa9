"""Components for tests, installed as a stranger's package: a face is a bright square.

The detector can be told to fail or to miss in given frames; the anonymizers fail in every way
there is.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from framework import ComponentEvent, ComponentSpec, Detections, hookimpl


class NoOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SquareOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    fail_at: tuple[int, ...] = Field((), description="frames in which it raises")
    miss_at: tuple[int, ...] = Field((), description="frames in which it sees nothing")


class SquareDetector:
    """Finds bright squares, one on each side of the picture's middle."""

    def __init__(self, options: SquareOptions, context: Any) -> None:
        self.options = options

    def detect(self, frames: Any) -> list[Detections]:
        return [self._one(frame) for frame in frames]

    def _one(self, frame: Any) -> Detections:
        if frame.index in self.options.fail_at:
            raise RuntimeError("a secret path: /home/somebody/visit.mp4")
        boxes = []
        if frame.index not in self.options.miss_at:
            half = frame.width // 2
            for left in (0, half):
                part = frame.bgr[:, left : left + half].min(axis=2) > 120
                rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
                if len(rows):
                    x1, x2 = columns[0] + left, columns[-1] + left + 1
                    boxes.append([x1, rows[0], x2, rows[-1] + 1])
        return Detections(xyxy=np.array(boxes), score=np.full(len(boxes), 0.99))


class ShyOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    weak_at: tuple[int, ...] = Field((), description="frames in which it half sees the right one")


class ShyDetector:
    """Sees the left square alone, and the right one too at a second look or in an enlarged part."""

    def __init__(self, options: ShyOptions, context: Any) -> None:
        self.options = options

    def detect(self, frames: Any) -> list[Detections]:
        return [self._one(frame, frame.width >= 160) for frame in frames]

    def second_look(self, frames: Any) -> list[Detections]:
        return [self._one(frame, False) for frame in frames]

    def _one(self, frame: Any, shy: bool) -> Detections:
        boxes, scores = [], []
        whole = frame.width >= 160
        for left in (0, frame.width // 2) if whole else (0,):
            part = frame.bgr[:, left : left + (frame.width // 2 if whole else frame.width)]
            part = part.min(axis=2) > 120
            rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
            hidden = shy and left and frame.index not in self.options.weak_at
            if len(rows) > 8 and not hidden:
                boxes.append([columns[0] + left, rows[0], columns[-1] + left + 1, rows[-1] + 1])
                scores.append(0.25 if shy and left else 0.99)
        return Detections(xyxy=np.array(boxes), score=np.array(scores))


class QuitsDetector(SquareDetector):
    """Calls sys.exit() in the middle of a recording."""

    def __init__(self, options: NoOptions, context: Any) -> None:
        super().__init__(SquareOptions(), context)

    def _one(self, frame: Any) -> Detections:
        if frame.index == 5:
            raise SystemExit(0)
        return super()._one(frame)


class Fill:
    """Covers every face properly."""

    def __init__(self, options: NoOptions, context: Any) -> None:
        self.calls = 0

    def reset(self) -> None:
        self.calls = 0

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        image = frame.bgr.copy()
        for x1, y1, x2, y2 in np.round(tracks.xyxy).astype(int):
            image[max(y1 - 4, 0) : y2 + 4, max(x1 - 4, 0) : x2 + 4] = (200, 30, 30)
        return image


class Lazy(Fill):
    """Returns a copy of what it was given."""

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        return frame.bgr.copy()


class Same(Fill):
    """Returns what it was given."""

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        return frame.bgr


class Half(Fill):
    """Covers the first face and forgets the second."""

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        return super().anonymize(frame, tracks[:1])


class Dim(Fill):
    """Changes every pixel of a face and leaves the face plain to see."""

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        image = frame.bgr.copy()
        for x1, y1, x2, y2 in np.round(tracks.xyxy).astype(int):
            part = image[max(y1 - 4, 0) : y2 + 4, max(x1 - 4, 0) : x2 + 4]
            part[:] = part // 2 + 20
        return image


class Reuse(Fill):
    """Paints the next frame into the buffer it returned for the one before, then covers it."""

    def __init__(self, options: NoOptions, context: Any) -> None:
        super().__init__(options, context)
        self.buffer: Any = None

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        if self.buffer is None:
            self.buffer = np.empty_like(frame.bgr)
        np.copyto(self.buffer, frame.bgr)
        time.sleep(0.01)  # the encoder may read the buffer now
        for x1, y1, x2, y2 in np.round(tracks.xyxy).astype(int):
            self.buffer[max(y1 - 4, 0) : y2 + 4, max(x1 - 4, 0) : x2 + 4] = (200, 30, 30)
        return self.buffer


class PaintsInput(Fill):
    """Paints on what it was given and returns an untouched copy."""

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        copy = frame.bgr.copy()
        base = frame.bgr if frame.bgr.base is None else frame.bgr.base
        base.flags.writeable = True
        base[:] = 7
        return copy


class Reports(Fill):
    """Covers, and says afterwards that its method failed."""

    def drain_events(self) -> list[ComponentEvent]:
        return [ComponentEvent(2, 0.1, 1, "fallback", "failed: ZeroDivisionError")]


class Exits(Fill):
    """Ends the program, as far as it is concerned."""

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        raise SystemExit(0)


class Generates(Fill):
    def anonymize(self, frame: Any, tracks: Any) -> Any:
        raise GeneratorExit


class Crash(Fill):
    """Dies in the middle of the recording."""

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        if 10 <= frame.index < 13:
            raise OSError("a secret path: /home/somebody/visit.mp4")
        return super().anonymize(frame, tracks)


class Wrong(Fill):
    """Returns pictures of another size."""

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        return super().anonymize(frame, tracks)[:-2]


class BadBatch(Fill):
    """Loses a frame of each batch."""

    def anonymize_batch(self, frames: Any, tracks: Any) -> Any:
        return [self.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)][1:]


class Happy:
    """Sees happiness in bright crops and sadness in dark ones; can be told to fail."""

    labels = ("sadness", "happiness")
    input_size = 32
    crop_scale = 1.0
    unknown_below = 0.3

    def __init__(self, options: NoOptions, context: Any) -> None:
        pass

    def classify(self, faces: Any) -> Any:
        bright = np.array([face.mean() > 90 for face in faces])
        return np.stack([np.where(bright, 0.1, 0.9), np.where(bright, 0.9, 0.1)], 1).astype("f4")


class Unwell(Happy):
    def classify(self, faces: Any) -> Any:
        raise ValueError("no")


class NotOne(Happy):
    def classify(self, faces: Any) -> Any:
        return super().classify(faces) * 2


def _spec(name: str, factory: str, config: str = "NoOptions", **more: Any) -> ComponentSpec:
    return ComponentSpec(name, "for tests", f"{__name__}:{factory}", f"{__name__}:{config}", **more)


@hookimpl
def framework_detectors() -> list[ComponentSpec]:
    return [
        _spec("square", "SquareDetector", "SquareOptions"),
        _spec("shy", "ShyDetector", "ShyOptions"),
        _spec("quits", "QuitsDetector"),
    ]


@hookimpl
def framework_anonymizers() -> list[ComponentSpec]:
    makers = ("Fill", "Lazy", "Same", "Half", "Crash", "Wrong", "BadBatch", "Dim", "Reuse")
    makers += ("PaintsInput", "Exits", "Generates", "Reports")
    return [_spec(maker.lower(), maker) for maker in makers]


@hookimpl
def framework_emotion_classifiers() -> list[ComponentSpec]:
    return [_spec("happy", "Happy"), _spec("unwell", "Unwell"), _spec("not-one", "NotOne")]
