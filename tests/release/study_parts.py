"""Components for the study of the tests: a recogniser by colour, and a 'generated' cover."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from framework import ComponentSpec, hookimpl


class NoOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Colour:
    """Knows people by the colour of their squares; what is not bright is nobody."""

    input_size = 16
    crop_scale = 1.0
    suspect_threshold = 0.999
    match_threshold = 0.999

    def __init__(self, options: NoOptions, context: Any) -> None:
        pass

    def embed(self, faces: Any) -> Any:
        means = np.array([face[4:12, 4:12].reshape(-1, 3).mean(axis=0) for face in faces])
        rows = np.where(means.min(axis=1, keepdims=True) > 100, means - 90, [[0.0, 0.0, 0.0]])
        rows = np.concatenate([rows, (rows.sum(axis=1, keepdims=True) == 0) * 1.0], axis=1)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Generated:
    """Covers every face, and says that what it shows was generated."""

    def __init__(self, options: NoOptions, context: Any) -> None:
        pass

    def reset(self) -> None:
        pass

    def anonymize(self, frame: Any, tracks: Any) -> Any:
        image = frame.bgr.copy()
        for x1, y1, x2, y2 in np.round(tracks.xyxy).astype(int):
            image[max(y1 - 4, 0) : y2 + 4, max(x1 - 4, 0) : x2 + 4] = (30, 30, 190)
        return image


@hookimpl
def framework_recognizers() -> list[ComponentSpec]:
    return [
        ComponentSpec("colour", "for tests", f"{__name__}:Colour", f"{__name__}:NoOptions"),
    ]


@hookimpl
def framework_anonymizers() -> list[ComponentSpec]:
    return [
        ComponentSpec(
            "generated",
            "for tests",
            f"{__name__}:Generated",
            f"{__name__}:NoOptions",
            capabilities=frozenset({"synthetic"}),
        )
    ]
