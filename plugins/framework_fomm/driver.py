"""From a person's keypoints to a donor's: rest, filter over time, transfer.

Two kinds. :class:`TaughtDriver` for networks whose keypoints have a meaning (eye corners, lips):
head and face apart, see :mod:`framework_fomm.expression`. :class:`PlainDriver` for all others:
relative motion against a neutral frame, as published.

A recording that is known as a whole is filtered without any lag; a live stream by a One Euro
filter.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from framework_fomm.config import FommOptions
from framework_fomm.expression import HeadMotion, Retarget, find_rest, gaussian, smooth, take_apart
from framework_fomm.model import FommConfig, Keypoints, relative_motion
from framework_fomm.smoothing import OneEuro

Floats = NDArray[np.float64]

FACE_QUICKER = 2.5
"""A face moves this much faster than the head it is in: its filter is so much shorter."""


class Driver(Protocol):
    """What one person does, put on one donor. Keypoints are batches, one entry for each frame."""

    def know(self, frames: Keypoints, neutral: Keypoints, weight: Floats | None = None) -> None:
        """Learn how the person looks at rest.

        Args:
            frames: of the person, as many as there are.
            neutral: one of them, the best.
            weight: (n,) how frontal and calm each is.
        """
        ...

    def whole(self, frames: Keypoints, time_s: Floats) -> Keypoints:
        """The donor's keypoints for a whole recording, times ascending."""
        ...

    def live(self, frame: Keypoints, time_s: float) -> Keypoints:
        """The donor's keypoints for the next frame of a stream."""
        ...

    def restart(self) -> None:
        """Forget the filters' past; the rest stays known."""
        ...


class PlainDriver:
    """Relative motion: what moved since the neutral frame."""

    def __init__(self, donor: Keypoints, options: FommOptions) -> None:
        self._donor, self._options = donor, options
        self._neutral: Keypoints | None = None
        self._filters = [OneEuro(options.smoothing, options.responsiveness) for _ in range(2)]

    def know(self, frames: Keypoints, neutral: Keypoints, weight: Floats | None = None) -> None:
        """See :class:`Driver`."""
        self._neutral = neutral

    def whole(self, frames: Keypoints, time_s: Floats) -> Keypoints:
        """See :class:`Driver`."""
        steady = [
            gaussian(part.double().numpy(), time_s, self._options.steadiness_s)
            for part in (frames.value, frames.jacobian)
        ]
        return self._transfer(*steady)

    def live(self, frame: Keypoints, time_s: float) -> Keypoints:
        """See :class:`Driver`."""
        value = self._filters[0](frame.value[0].numpy(), time_s)
        jacobian = self._filters[1](frame.jacobian[0].flatten(1).numpy(), time_s)
        return self._transfer(value[None], jacobian.reshape(1, -1, 2, 2))

    def restart(self) -> None:
        """See :class:`Driver`."""
        for one in self._filters:
            one.reset()

    def _transfer(self, value: Floats, jacobian: Floats) -> Keypoints:
        assert self._neutral is not None
        moved = Keypoints(torch.from_numpy(value).float(), torch.from_numpy(jacobian).float())
        return relative_motion(self._donor, moved, self._neutral)


class TaughtDriver:
    """The head's motion and the face's, apart."""

    def __init__(self, donor: Keypoints, options: FommOptions) -> None:
        self._donor, self._options = donor, options
        self._retarget: Retarget | None = None
        quick = options.smoothing * FACE_QUICKER
        self._head = OneEuro(options.smoothing, options.responsiveness)
        self._face = OneEuro(quick, options.responsiveness)

    def know(self, frames: Keypoints, neutral: Keypoints, weight: Floats | None = None) -> None:
        """See :class:`Driver`."""
        rest = find_rest(take_apart(frames.value.numpy()), weight)
        self._retarget = Retarget(self._donor, rest, self._options.expression)

    def whole(self, frames: Keypoints, time_s: Floats) -> Keypoints:
        """See :class:`Driver`."""
        assert self._retarget is not None
        seconds = self._options.steadiness_s
        motion = take_apart(frames.value.numpy())
        return self._retarget(smooth(motion, time_s, seconds, seconds / FACE_QUICKER))

    def live(self, frame: Keypoints, time_s: float) -> Keypoints:
        """See :class:`Driver`."""
        assert self._retarget is not None
        now = take_apart(frame.value.numpy())
        # corners of the head's frame in the crop, so that one filter steadies place, turn and size
        corners = np.concatenate([now.middle[0][None], now.middle[0] + now.turn[0].T])
        middle, right, down = self._head(corners, time_s)
        face = self._face(now.face[0], time_s)
        turn = np.stack([right - middle, down - middle], 1)
        return self._retarget(HeadMotion(turn[None], middle[None], face[None]))

    def restart(self) -> None:
        """See :class:`Driver`."""
        self._head.reset()
        self._face.reset()


def build_driver(config: FommConfig, donor: Keypoints, options: FommOptions) -> Driver:
    """The kind that fits the network."""
    return TaughtDriver(donor, options) if config.rigid_outline else PlainDriver(donor, options)
