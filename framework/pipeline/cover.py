"""An anonymizer, guarded: what it returns is copied, and the copy is checked.

The covering of one recording, of a live stream and of the benchmark goes through
:class:`Coverer`. A plugin gets frames it cannot write to. What it returns is copied into memory
that it does not hold, so that what is checked is what is encoded, even if it goes on painting into
a buffer of its own. The check compares the copy with points of the original that were noted before
the plugin was called.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from framework.errors import ContractError
from framework.pipeline.cover_check import Evidence, check_picture
from framework.protocols import (
    Anonymizer,
    BatchAnonymizer,
    ClipView,
    PreparedAnonymizer,
    ReportingAnonymizer,
)
from framework.types import ComponentEvent, Frame, Image, Tracks

BATCH = 8
"""Frames a call for anonymizers that take batches."""


class UncoveredFace(Exception):  # noqa: N818 - its name is what the audit shows
    """An anonymizer gave a face back as it was."""


@dataclass(frozen=True, eq=False)
class Cover:
    """What an anonymizer made of one frame.

    Attributes:
        frame: what it was given.
        image: what came back, in memory of its own; None after an exception.
        left_open: ids of the tracks whose face came back as it was.
        error: why the image must not be used, None if it may be: an exception of the component, or
            :class:`UncoveredFace`.
    """

    frame: Frame
    image: Image | None
    left_open: tuple[int, ...] = ()
    error: BaseException | None = None


class Coverer:
    """Covers one frame after the other, in order, and checks each.

    Attributes:
        anonymizer: the component. It is reset when the coverer is made.
        batch_size: how many frames :meth:`cover` should be given at once.
        took_s: how long the component itself worked in the latest call, seconds.
    """

    def __init__(self, anonymizer: Anonymizer) -> None:
        self.anonymizer = anonymizer
        self.batch_size = BATCH if isinstance(anonymizer, BatchAnonymizer) else 1
        self.took_s = 0.0
        anonymizer.reset()

    @property
    def looks_ahead(self) -> bool:
        """Whether it wants to see the recording before its first frame is covered."""
        return isinstance(self.anonymizer, PreparedAnonymizer)

    def prepare(self, clip: ClipView) -> None:
        """Let it see the recording, if it wants to."""
        if isinstance(self.anonymizer, PreparedAnonymizer):
            self.anonymizer.prepare(clip)

    def cover(self, frames: Sequence[Frame], tracks: Sequence[Tracks]) -> list[Cover]:
        """Cover the tracks of consecutive frames.

        Exceptions of the component are returned, not raised.
        """
        shown = [read_only(frame) for frame in frames]
        evidence = [Evidence.of(f, t) for f, t in zip(shown, tracks, strict=True)]
        started = time.perf_counter()
        made = self._anonymize(shown, tracks)
        self.took_s = time.perf_counter() - started
        return [
            _checked(frame, back, noted)
            for frame, back, noted in zip(shown, made, evidence, strict=True)
        ]

    def _anonymize(self, frames: Sequence[Frame], tracks: Sequence[Tracks]) -> list[_Returned]:
        if isinstance(self.anonymizer, BatchAnonymizer) and len(frames) > 1:
            try:
                images = self.anonymizer.anonymize_batch(frames, tracks)
                if len(images) != len(frames):
                    raise ContractError(
                        f"anonymize_batch: expected {len(frames)} images, got {len(images)}"
                    )
            except BaseException as error:
                return [_Returned(None, error) for _ in frames]
            return [_own(*pair) for pair in zip(frames, images, strict=True)]
        return [self._single(*pair) for pair in zip(frames, tracks, strict=True)]

    def _single(self, frame: Frame, tracks: Tracks) -> _Returned:
        try:
            image = self.anonymizer.anonymize(frame, tracks)
        except BaseException as error:
            return _Returned(None, error)
        return _own(frame, image)

    def drain_events(self) -> list[ComponentEvent]:
        """What the component reported since the last call; empty if it reports nothing."""
        if isinstance(self.anonymizer, ReportingAnonymizer):
            return list(self.anonymizer.drain_events())
        return []


def read_only(frame: Frame) -> Frame:
    """The frame with a picture that cannot be written to."""
    if not frame.bgr.flags.writeable:
        return frame
    shown = frame.bgr.view()
    shown.flags.writeable = False
    return Frame(shown, frame.index, frame.time_s)


class _Returned(NamedTuple):
    """What came back for one frame: a copy of the image, or what went wrong.

    ``same``: it was the very image that went in.
    """

    image: Image | None
    error: BaseException | None = None
    same: bool = False


def _own(frame: Frame, image: Image) -> _Returned:
    """A copy of what an anonymizer returned, made before it is called again."""
    try:
        check_picture(frame, image)
        same = bool(np.shares_memory(frame.bgr, image))
        return _Returned(np.array(image, np.uint8, order="C"), same=same)
    except BaseException as error:
        return _Returned(None, error)


def _checked(frame: Frame, made: _Returned, evidence: Evidence) -> Cover:
    if made.image is None:
        return Cover(frame, None, error=made.error)
    left_open = evidence.track_ids if made.same else evidence.left_open(made.image)
    return Cover(frame, made.image, left_open, UncoveredFace() if left_open else None)
