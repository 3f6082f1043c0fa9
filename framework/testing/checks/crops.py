"""Aligned crops for classifiers and recognizers, and what is true of both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.alignment import align, landmarks_from_box
from framework.testing import scenes
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Image

Call = Callable[[Any, list[Image]], NDArray[np.float32]]
"""Calls the component with crops, and checks the form of what it returns."""

TOLERANCE = 2e-3
"""Between a batch and single crops: libraries add in another order."""


def crops(component: Any) -> list[Image]:
    """A face as this component wants it, a brighter and a mirrored one, and noise."""
    size = require_form(component)
    box: scenes.Box = (170.0, 110.0, 312.0, 310.0)
    image = scenes.picture(480, 420, [box])
    points = landmarks_from_box(np.array([box], np.float32))[0]
    face = align(image, points, size, component.crop_scale)
    brighter = np.minimum(face.astype(int) + 40, 255).astype(np.uint8)
    return [face, brighter, np.ascontiguousarray(face[:, ::-1]), scenes.noise(size, size, 3)]


def require_form(component: Any) -> int:
    """Check ``input_size`` and ``crop_scale``; returns the size."""
    size, scale = component.input_size, component.crop_scale
    require(isinstance(size, int) and 16 <= size <= 1024, f"input_size: 16 to 1024, got {size!r}")
    require(0.5 <= float(scale) <= 4.0, f"crop_scale: expected 0.5 to 4, got {scale!r}")
    return int(size)


def batch_equals_single(subject: Subject, call: Call) -> None:
    """Several crops at once give what one by one gives, in order."""
    component = subject.create()
    faces = crops(component)
    singles = np.concatenate([call(component, [face]) for face in faces])
    worst = float(np.abs(singles - call(component, faces)).max())
    require(worst <= TOLERANCE, f"a batch differs from single crops by up to {worst:.4f}")
    worst = float(np.abs(singles[::-1] - call(component, faces[::-1])).max())
    require(worst <= TOLERANCE, f"reversed, the batch differs by up to {worst:.4f}")


def repeatable(subject: Subject, call: Call) -> None:
    """A second call and a second instance give the same."""
    component = subject.create()
    faces = crops(component)
    first = call(component, faces)
    for what, again in (
        ("second call", call(component, faces)),
        ("second instance", call(subject.create(), faces)),
    ):
        worst = float(np.abs(first - again).max())
        require(worst <= 1e-5, f"{what}: differs by up to {worst:.6f}")


def leaves_the_input_alone(subject: Subject, call: Call) -> None:
    """Crops are not written to, and read-only ones are accepted."""
    component = subject.create()
    face = crops(component)[0].copy()
    before = face.copy()
    call(component, [face])
    require(np.array_equal(face, before), "the crop was changed")
    face.flags.writeable = False
    call(component, [face])


def accepts_any_content(subject: Subject, call: Call) -> None:
    """Black, white, greyscale and non-contiguous crops, and a large batch."""
    component = subject.create()
    face = crops(component)[0]
    grey = np.repeat(face.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    call(component, [np.zeros_like(face), np.full_like(face, 255), grey])
    strided = np.repeat(face, 2, axis=1)[:, ::2]
    worst = float(np.abs(call(component, [face]) - call(component, [strided])).max())
    require(worst <= 1e-5, f"a non-contiguous crop gives another answer, by {worst:.6f}")
    call(component, [face] * 33)


def works_from_two_threads(subject: Subject, call: Call) -> None:
    """Two instances in two threads do as if each were alone."""
    pair = [subject.create(), subject.create()]
    faces = crops(pair[0])
    alone = [call(component, faces) for component in pair]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(call, pair, [faces, faces]))
    for one, other in zip(alone, together, strict=True):
        worst = float(np.abs(one - other).max())
        require(worst <= TOLERANCE, f"in a thread: differs by up to {worst:.4f}")


def time_per_face(subject: Subject, call: Call) -> str:
    """Reported, not judged."""
    component = subject.create()
    face = crops(component)[0]
    times = []
    for _ in range(8):
        start = time.perf_counter()
        call(component, [face] * 8)
        times.append((time.perf_counter() - start) / 8)
    return f"median {statistics.median(times[1:]) * 1000:.2f} ms a face in batches of 8, n = 7"


def shared_checks(call: Call) -> tuple[Any, ...]:
    """The checks of this module as checks of a kind whose method is called by ``call``."""
    made = []
    for function in (
        batch_equals_single,
        repeatable,
        leaves_the_input_alone,
        accepts_any_content,
        works_from_two_threads,
        time_per_face,
    ):

        def run(subject: Subject, function: Any = function) -> str | None:
            result: str | None = function(subject, call)
            return result

        run.__name__, run.__doc__ = function.__name__, function.__doc__
        made.append(check()(run))
    return tuple(made)
