"""Anonymizers: what goes in stays as it is, and what comes out has the right form."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from framework.testing import scenes
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import ComponentEvent, Frame, Image, Tracks

WIDTH, HEIGHT = 160, 128
FACE: scenes.Box = (50.0, 30.0, 100.0, 95.0)


def ready(subject: Subject, clip: scenes.Clip | None = None) -> Any:
    """A fresh instance, prepared for the clip if it wants that."""
    component = subject.create()
    if "prepare" in subject.capabilities:
        component.prepare(clip or scenes.Clip.of_length(2))
    return component


def apply(subject: Subject, image: Image, tracks: Tracks, component: Any | None = None) -> Image:
    """Anonymize one picture; checks the form of the result on the way."""
    component = component if component is not None else ready(subject)
    return formed(component.anonymize(scenes.frame(image), tracks), image)


def formed(out: Any, image: Image) -> Image:
    """``out`` if it has the form of an anonymized ``image``."""
    require(isinstance(out, np.ndarray), f"expected an array, got {type(out).__name__}")
    require(
        out.shape == image.shape and out.dtype == np.uint8,
        f"expected {image.shape} uint8, got {out.shape} {out.dtype}",
    )
    return np.asarray(out, np.uint8)


@check()
def keeps_shape_and_type(subject: Subject) -> None:
    """The result has the shape of the frame, uint8, also for odd sizes."""
    for width, height in ((WIDTH, HEIGHT), (161, 127), (97, 203)):
        apply(subject, scenes.picture(width, height, [FACE]), scenes.tracks(FACE))


@check()
def leaves_the_input_alone(subject: Subject) -> None:
    """The frame is not written to, whether it is read-only or not."""
    for writeable in (False, True):
        image = scenes.picture(WIDTH, HEIGHT, [FACE]).copy()
        before = image.copy()
        image.flags.writeable = writeable
        apply(subject, image, scenes.tracks(FACE))
        require(np.array_equal(image, before), "the input picture was changed")


@check()
def returns_a_new_array(subject: Subject) -> None:
    """The result shares no memory with the frame, with and without tracks."""
    image = scenes.picture(WIDTH, HEIGHT, [FACE])
    for tracks in (scenes.tracks(FACE), Tracks.empty()):
        out = apply(subject, image, tracks)
        require(not np.shares_memory(out, image), f"with {len(tracks)} tracks: memory is shared")
        require(out.flags.writeable, f"with {len(tracks)} tracks: the result is read-only")


@check()
def keeps_no_buffer_of_its_results(subject: Subject) -> None:
    """A result stays as it was returned, whatever the component is called for next."""
    component = ready(subject)
    before = formed(
        component.anonymize(
            scenes.frame(scenes.picture(WIDTH, HEIGHT, [FACE])), scenes.tracks(FACE)
        ),
        scenes.picture(WIDTH, HEIGHT),
    )
    kept = before.copy()
    elsewhere: scenes.Box = (10.0, 20.0, 60.0, 84.0)
    after = component.anonymize(
        scenes.frame(scenes.picture(WIDTH, HEIGHT, [elsewhere]), 1), scenes.tracks(elsewhere)
    )
    require(
        np.array_equal(before, kept) and not np.shares_memory(before, np.asarray(after)),
        "the next call paints into the picture that was returned; return a new array each time",
    )


@check(unless=("whole-frame",))
def no_tracks_nothing_changed(subject: Subject) -> None:
    """Without tracks the picture stays as it is."""
    image = scenes.picture(WIDTH, HEIGHT)
    out = apply(subject, image, Tracks.empty())
    changed = int((out != image).any(axis=2).sum())
    require(changed == 0, f"{changed} pixels changed in a frame without tracks")


@check()
def accepts_non_contiguous_and_greyscale(subject: Subject) -> None:
    """Views with strides, and pictures whose channels are equal, are treated like any other."""
    image = scenes.picture(WIDTH, HEIGHT, [FACE])
    wide = np.repeat(image, 2, axis=1)[:, ::2]
    require(not wide.flags.c_contiguous, "the check itself is broken")
    plain = apply(subject, image, scenes.tracks(FACE))
    strided = apply(subject, wide, scenes.tracks(FACE))
    require(np.array_equal(plain, strided), "a non-contiguous copy gives another result")
    mirrored = np.flip(image, axis=1)
    apply(subject, mirrored, scenes.tracks(FACE))
    grey = np.repeat(image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    apply(subject, grey, scenes.tracks(FACE))


@check()
def accepts_tiny_frame(subject: Subject) -> None:
    """A frame of 16 x 16 pixels, and one of a single pixel."""
    for size in (16, 1):
        image = scenes.noise(size, size)
        box = (0.2 * size, 0.1 * size, 0.8 * size, 0.9 * size)
        apply(subject, image, scenes.tracks(box))


@check()
def accepts_4k_frame(subject: Subject) -> str:
    """A frame of 3840 x 2160 with a large and a small face."""
    boxes: Sequence[scenes.Box] = ((1500, 500, 2300, 1500), (300, 300, 340, 350))
    image = scenes.picture(3840, 2160, boxes)
    component = ready(subject)
    start = time.perf_counter()
    out = apply(subject, image, scenes.tracks(*boxes), component)
    took = time.perf_counter() - start
    if "unprotected" not in subject.capabilities:
        changed = (out[500:1500, 1500:2300] != image[500:1500, 1500:2300]).any(axis=2).mean()
        require(changed > 0.9, f"only {changed:.0%} of the large face changed")
    return f"{took * 1000:.0f} ms"


@check()
def time_per_frame(subject: Subject) -> str:
    """Reported, not judged: 1280 x 720 with one face of 200 pixels."""
    box: scenes.Box = (540.0, 260.0, 700.0, 460.0)
    component = ready(subject)
    image = scenes.picture(1280, 720, [box])
    times = []
    deadline = time.perf_counter() + 3.0
    for index in range(30):
        start = time.perf_counter()
        component.anonymize(Frame(image, index, index * 0.04), scenes.tracks(box))
        times.append(time.perf_counter() - start)
        if index >= 3 and time.perf_counter() > deadline:
            break
    return f"median {statistics.median(times[1:]) * 1000:.2f} ms a frame, n = {len(times) - 1}"


@check(needs=("batch",))
def batch_equals_single(subject: Subject) -> None:
    """``anonymize_batch`` gives what one call a frame gives."""
    clip = scenes.Clip.of_length(5)
    one, many = ready(subject, clip), ready(subject, clip)
    frames, tracks = zip(*clip, strict=True)
    single = [one.anonymize(f, t) for f, t in clip]
    batch = many.anonymize_batch(list(frames), list(tracks))
    require(len(batch) == len(clip), f"expected {len(clip)} pictures, got {len(batch)}")
    for index, (a, b) in enumerate(zip(single, batch, strict=True)):
        formed(b, clip.pictures[index])
        # A network may add in another order in a batch; a grey level is what rounding can make.
        worst = int(np.abs(a.astype(int) - b.astype(int)).max())
        require(worst <= 2, f"frame {index} differs by up to {worst} grey levels")
    require(many.anonymize_batch([], []) == [], "an empty batch: expected []")


@check(needs=("events",))
def events_are_handed_over_once(subject: Subject) -> None:
    """``drain_events`` gives events of frames that were seen, and forgets them."""
    clip = scenes.Clip.of_length(3)
    component = ready(subject, clip)
    for frame, tracks in clip:
        component.anonymize(frame, tracks)
    events = component.drain_events()
    require(isinstance(events, list), f"expected a list, got {type(events).__name__}")
    for event in events:
        require(isinstance(event, ComponentEvent), f"expected ComponentEvent, got {event!r}")
        require(event.kind, "an event without kind")
        require(0 <= event.index < len(clip), f"an event of frame {event.index}, never seen")
    require(component.drain_events() == [], "a second call: expected []")


CHECKS = (
    keeps_shape_and_type,
    leaves_the_input_alone,
    returns_a_new_array,
    keeps_no_buffer_of_its_results,
    no_tracks_nothing_changed,
    accepts_non_contiguous_and_greyscale,
    accepts_tiny_frame,
    accepts_4k_frame,
    batch_equals_single,
    events_are_handed_over_once,
    time_per_frame,
)
