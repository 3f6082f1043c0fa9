"""Watching a recording before it is rendered: the keypoints of every head that may be swapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from framework.protocols import ClipView
from framework.types import Frame
from framework_fomm.background import Background
from framework_fomm.crop import Square, extract
from framework_fomm.inference import Animator
from framework_fomm.model import Keypoints


@dataclass
class Seen:
    """One track: its ``n`` frames in ascending order, and what was found in them."""

    frames: list[int] = field(default_factory=list)
    time_s: list[float] = field(default_factory=list)
    _value: list[NDArray[np.float32]] = field(default_factory=list)
    _jacobian: list[NDArray[np.float32]] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)

    def add(self, index: int, time_s: float, found: Keypoints, spread: float) -> None:
        """Note one frame; ``found`` is a batch of one."""
        self.frames.append(index)
        self.time_s.append(time_s)
        self._value.append(found.value[0].numpy())
        self._jacobian.append(found.jacobian[0].numpy())
        self.spread.append(spread)

    @property
    def keypoints(self) -> Keypoints:
        """A batch of ``n``."""
        return Keypoints(
            torch.from_numpy(np.stack(self._value)), torch.from_numpy(np.stack(self._jacobian))
        )


def rehearse(
    clip: ClipView,
    wanted: Mapping[int, Sequence[tuple[int, Square]]],
    animator: Animator,
    batch: int,
    watch: Callable[[Frame, int], None] | None = None,
    background: Background | None = None,
) -> dict[int, Seen]:
    """Decode once and find keypoints.

    Args:
        wanted: frame -> (track, square) of each head in it.
        batch: heads that go through the network together.
        watch: called with each frame and track in it.
        background: sees the frames it wants, too.

    Returns:
        Track -> what was seen; frames that can't be decoded are missing.
    """
    seen: dict[int, Seen] = {}
    pending: list[tuple[int, int, float, NDArray[np.uint8]]] = []

    def measure() -> None:
        if not pending:
            return
        keypoints, spread = animator.keypoints(np.stack([crop for *_, crop in pending]))
        for i, (track_id, index, time_s, _) in enumerate(pending):
            seen.setdefault(track_id, Seen()).add(
                index, time_s, keypoints[i : i + 1], float(spread[i])
            )
        pending.clear()

    asked = background.frames if background is not None else frozenset[int]()
    for frame in clip.frames(sorted(asked.union(wanted))):
        if background is not None and frame.index in asked:
            background.see(frame)
        for track_id, square in wanted.get(frame.index, ()):
            crop = extract(frame.bgr, square, animator.size)
            pending.append((track_id, frame.index, frame.time_s, crop))
            if watch is not None:
                watch(frame, track_id)
            if len(pending) == batch:
                measure()
    measure()
    return seen
