"""A sound anonymizer, and copies of it that break one promise each."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import numpy as np

from framework.regions import regions_of
from framework.types import ComponentEvent, Frame, Image, Tracks


class Sound:
    """Paints each region with a colour that depends on how many frames it has seen."""

    shape = "box"

    def __init__(self) -> None:
        self.seen = 0

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        self.seen += 1
        out = frame.bgr.copy()
        for region in regions_of(tracks, (frame.width, frame.height)):
            region.fill(out, (self.seen % 250, 10, 200))
        return out

    def reset(self) -> None:
        self.seen = 0


class OtherType(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Any:
        return super().anonymize(frame, tracks).astype(np.float32)


class CropsOddSizes(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        out = super().anonymize(frame, tracks)
        return out[: out.shape[0] // 2 * 2, : out.shape[1] // 2 * 2]


class WritesInput(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        if frame.bgr.flags.writeable:
            frame.bgr[0, 0] = 0
        return super().anonymize(frame, tracks)


class ReusesItsBuffer(Sound):
    """Returns the same array each time."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer: Image | None = None

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        made = super().anonymize(frame, tracks)
        if self.buffer is None or self.buffer.shape != made.shape:
            self.buffer = made
        np.copyto(self.buffer, made)
        return self.buffer


class ReturnsInputWithoutTracks(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        return super().anonymize(frame, tracks) if len(tracks) else frame.bgr


class Watermark(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        out = super().anonymize(frame, tracks)
        out[0, 0] ^= 255
        return out


class NeedsContiguous(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        frame.bgr.view().shape = (-1,)  # raises for anything with strides
        return super().anonymize(frame, tracks)


class FirstTrackOnly(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        return super().anonymize(frame, tracks[:1])


class SkipsBorders(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        inside = (tracks.xyxy[:, 0] >= 0) & (tracks.xyxy[:, 1] >= 0)
        return super().anonymize(frame, tracks[inside])


class NeedsLandmarks(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        known = tracks.landmarks is not None and np.isfinite(tracks.landmarks).all()
        return super().anonymize(frame, tracks if known else Tracks.empty())


class SkipsCarried(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        return super().anonymize(frame, tracks[tracks.observed])


class FaintNoise(Sound):
    """Changes every pixel a little: nothing is covered."""

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        out = super().anonymize(frame, tracks)
        mixed = 0.9 * frame.bgr + 0.1 * out
        return np.rint(mixed).astype(np.uint8)


class FailsOnEmptyRegion(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        if any(region.bounds.empty for region in regions_of(tracks, (frame.width, frame.height))):
            raise IndexError("empty region")
        return super().anonymize(frame, tracks)


class Unrepeatable(Sound):
    def __init__(self) -> None:
        self.seen = random.SystemRandom().randrange(1 << 30)


class ResetDoesNothing(Sound):
    def reset(self) -> None:
        pass


class SharedCount(Sound):
    counts: ClassVar[list[int]] = [0]

    def __init__(self) -> None:
        pass

    @property
    def seen(self) -> int:
        return self.counts[0]

    @seen.setter
    def seen(self, value: int) -> None:
        self.counts[0] = value


class CallsExit(Sound):
    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        raise SystemExit(3)


class OtherBatch(Sound):
    def anonymize_batch(self, frames: list[Frame], tracks: list[Tracks]) -> list[Image]:
        return [frame.bgr.copy() for frame in frames]


class RepeatsEvents(Sound):
    def drain_events(self) -> list[ComponentEvent]:
        return [ComponentEvent(0, 0.0, 1, "fallback")]


BROKEN: list[tuple[type[Sound], frozenset[str], str]] = [
    (OtherType, frozenset(), "keeps-shape-and-type"),
    (CropsOddSizes, frozenset(), "keeps-shape-and-type"),
    (WritesInput, frozenset(), "leaves-the-input-alone"),
    (ReusesItsBuffer, frozenset(), "keeps-no-buffer-of-its-results"),
    (ReturnsInputWithoutTracks, frozenset(), "returns-a-new-array"),
    (Watermark, frozenset(), "no-tracks-nothing-changed"),
    (Watermark, frozenset(), "leaves-the-outside-alone"),
    (FirstTrackOnly, frozenset(), "covers-each-track"),
    (FirstTrackOnly, frozenset(), "covers-overlapping-faces"),
    (FaintNoise, frozenset(), "covers-each-track"),
    (SkipsBorders, frozenset(), "covers-at-the-borders"),
    (NeedsLandmarks, frozenset(), "covers-without-landmarks"),
    (SkipsCarried, frozenset(), "covers-carried-tracks"),
    (FailsOnEmptyRegion, frozenset(), "survives-degenerate-boxes"),
    (NeedsContiguous, frozenset(), "accepts-non-contiguous-and-greyscale"),
    (Unrepeatable, frozenset(), "same-seed-same-result"),
    (ResetDoesNothing, frozenset(), "reset-restores"),
    (SharedCount, frozenset(), "instances-share-nothing"),
    (CallsExit, frozenset(), "keeps-shape-and-type"),
    (OtherBatch, frozenset({"batch"}), "batch-equals-single"),
    (RepeatsEvents, frozenset({"events"}), "events-are-handed-over-once"),
]
