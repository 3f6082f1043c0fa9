"""Components that exist for these tests, offered by a plugin object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from framework import BuildContext, ComponentSpec, hookimpl
from framework.registry import Registry
from framework.types import EMOTIONS, Frame, Image, Tracks

CALLS: list[str] = []
"""Names of anonymizers, once for each item they were called on."""


class NoOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CrashOptions(NoOptions):
    item: int = Field(default=2, ge=1, description="The item, counted from 1, it fails on.")
    interrupt: bool = Field(default=False, description="Fail as Ctrl-C does.")


class Grey:
    """A grey frame."""

    name = "grey"

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        return np.full_like(frame.bgr, 90)

    def reset(self) -> None:
        CALLS.append(self.name)


class Crash(Grey):
    """Fails on one item."""

    name = "crash"

    def __init__(self, options: CrashOptions) -> None:
        self._options = options
        self._items = 0

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        if self._items == self._options.item:
            raise KeyboardInterrupt if self._options.interrupt else RuntimeError("/secret/path")
        return super().anonymize(frame, tracks)

    def reset(self) -> None:
        super().reset()
        self._items += 1


class Classifier:
    """Reads an expression from the light of the mouth's surroundings: deterministic, varied."""

    labels = EMOTIONS
    input_size = 48
    crop_scale = 1.0
    unknown_below = 0.0

    def classify(self, faces: Sequence[Image]) -> np.ndarray:
        rows = np.full((len(faces), 7), 0.05, np.float32)
        for row, face in zip(rows, faces, strict=True):
            row[int(face[34:44].mean() / 6) % 7] += 0.65
        return rows / rows.sum(axis=1, keepdims=True)


def grey(options: NoOptions, context: BuildContext) -> Grey:
    return Grey()


def crash(options: CrashOptions, context: BuildContext) -> Crash:
    return Crash(options)


def classifier(options: NoOptions, context: BuildContext) -> Classifier:
    return Classifier()


class Plugin:
    @hookimpl
    def framework_anonymizers(self) -> Iterable[ComponentSpec]:
        for name, options in (("grey", "NoOptions"), ("crash", "CrashOptions")):
            yield ComponentSpec(name, "test", f"{__name__}:{name}", f"{__name__}:{options}")

    @hookimpl
    def framework_emotion_classifiers(self) -> Iterable[ComponentSpec]:
        yield ComponentSpec("light", "test", f"{__name__}:classifier", f"{__name__}:NoOptions")


def registry() -> Registry:
    """Reference plugins and these."""
    found = Registry.load(only=())
    found.register(Plugin(), "test-parts", "test-parts", "1")
    return found
