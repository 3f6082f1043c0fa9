"""Components that exist for these tests, offered by a plugin object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from framework import BuildContext, ComponentSpec, hookimpl
from framework.protocols import ClipView
from framework.registry import Registry
from framework.types import EMOTIONS, ComponentEvent, Frame, Image, Tracks

CALLS: list[str] = []
"""Names of anonymizers, once for each item they were called on."""
BROKEN: list[str] = []
"""Names of anonymizers that fail for now."""


class NoOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CrashOptions(NoOptions):
    item: int = Field(default=2, ge=1, description="The item, counted from 1, it fails on.")
    interrupt: bool = Field(default=False, description="Fail as Ctrl-C does.")


class AheadOptions(NoOptions):
    never: bool = Field(default=False, description="Fall back on every face.")


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


class Flaky(Grey):
    """Fails while it is on the list."""

    name = "flaky"

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        if self.name in BROKEN:
            raise RuntimeError("not today")
        return super().anonymize(frame, tracks)


class Ahead(Grey):
    """Paints what it saw beforehand; falls back where it saw fewer than five frames, or always."""

    name = "ahead"

    def __init__(self, options: AheadOptions) -> None:
        self._options = options
        self._seen = self._read = 0
        self._events: list[ComponentEvent] = []

    def prepare(self, clip: ClipView) -> None:
        self._seen = clip.table.frame_count
        self._read = len(clip.table.samples)

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        if self._seen < 5 or self._options.never:
            for track_id in tracks.track_id.tolist():
                self._events.append(ComponentEvent(frame.index, frame.time_s, track_id, "fallback"))
            return super().anonymize(frame, tracks)
        return np.full_like(frame.bgr, 40 + self._read)

    def drain_events(self) -> list[ComponentEvent]:
        found, self._events = self._events, []
        return found


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


def flaky(options: NoOptions, context: BuildContext) -> Flaky:
    return Flaky()


def ahead(options: AheadOptions, context: BuildContext) -> Ahead:
    return Ahead(options)


def classifier(options: NoOptions, context: BuildContext) -> Classifier:
    return Classifier()


class Plugin:
    @hookimpl
    def framework_anonymizers(self) -> Iterable[ComponentSpec]:
        known = {"grey": "NoOptions", "flaky": "NoOptions", "crash": "CrashOptions"}
        for name, options in known.items():
            yield ComponentSpec(name, "test", f"{__name__}:{name}", f"{__name__}:{options}")
        yield ComponentSpec(
            "ahead",
            "test",
            f"{__name__}:ahead",
            f"{__name__}:AheadOptions",
            capabilities=frozenset({"prepare", "events"}),
        )

    @hookimpl
    def framework_emotion_classifiers(self) -> Iterable[ComponentSpec]:
        yield ComponentSpec("light", "test", f"{__name__}:classifier", f"{__name__}:NoOptions")


def registry() -> Registry:
    """Reference plugins and these."""
    found = Registry.load(only=())
    found.register(Plugin(), "test-parts", "test-parts", "1")
    return found
