"""Metrics: finite numbers of the right form, which do not depend on anything but the frames."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from framework.alignment import landmarks_from_box
from framework.harness import Figure, Measured, Seen
from framework.testing import scenes
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Image

FRAMES = 6
AXES = frozenset({"utility", "time", "privacy"})


def seen(*, covered: bool = False, lost: int = 0) -> Seen:
    """A short clip of one face, as it is or with a grey box over it.

    Args:
        lost: in so many frames from the start no face was found.
    """
    clip = scenes.Clip.of_length(FRAMES)
    images: list[Image] = [np.array(image) for image in clip.pictures]
    if covered:
        for image, box in zip(images, clip.boxes, strict=True):
            x0, y0, x1, y1 = (round(v) for v in box)
            image[y0:y1, x0:x1] = 128
    boxes = np.array(clip.boxes, np.float32)
    found = np.arange(FRAMES) >= lost
    points = landmarks_from_box(boxes)
    return Seen(
        images=images,
        time_s=np.asarray(np.arange(FRAMES) * scenes.FRAME_INTERVAL_S, np.float64),
        duration_s=np.full(FRAMES, scenes.FRAME_INTERVAL_S),
        place=boxes,
        found=found,
        boxes=np.where(found[:, None], boxes, np.nan).astype(np.float32),
        landmarks=np.where(found[:, None, None], points, np.nan).astype(np.float32),
    )


def measured(component: Any, before: Seen, after: Seen) -> Measured:
    """Measure, and check the form of what is kept."""
    kept = component.measure(before, after)
    require(
        all(isinstance(k, str) and isinstance(v, np.ndarray) for k, v in kept.items()),
        "measure: expected arrays by name",
    )
    pixels = sum(image.size for image in before.images)
    size = sum(v.size for v in kept.values())
    require(size < pixels / 100, f"measure: {size} numbers are kept; expected no pixels")
    return dict(kept)


def summands(component: Any, kept: Measured | None, reference: Measured) -> dict[str, float]:
    """Every figure of one item; numerator and denominator are checked."""
    values = {}
    for figure in component.figures:
        above, below = component.summands(figure.name, kept, reference)
        require(
            np.isfinite(above) and np.isfinite(below) and below >= 0,
            f"{figure.name}: expected finite numbers with a denominator of at least 0, got "
            f"{above} / {below}",
        )
        require(
            not figure.proportion or 0 <= above <= below,
            f"{figure.name}: a share above 1 or below 0: {above} / {below}",
        )
        values[figure.name] = above / below if below else float("nan")
    return values


@check()
def announces_its_figures(subject: Subject) -> str:
    """Every figure has a name of its own and an axis that exists."""
    figures = subject.create().figures
    require(isinstance(figures, tuple) and figures, f"figures: expected a tuple, got {figures!r}")
    for figure in figures:
        require(isinstance(figure, Figure), f"figures: expected Figure, got {figure!r}")
        require(figure.name.strip(), "figures: one has no name")
        require(figure.axis in AXES, f"{figure.name}: axis {figure.axis!r}, not of {sorted(AXES)}")
    names = [figure.name for figure in figures]
    require(len(set(names)) == len(names), f"figures: a name twice in {names}")
    return ", ".join(names)


@check()
def figures_are_finite(subject: Subject) -> str:
    """An unchanged clip, a covered one and one whose face was lost give finite figures."""
    component, clear = subject.create(), seen()
    reference = measured(component, clear, clear)
    values = summands(component, reference, reference)
    for after in (seen(covered=True), seen(covered=True, lost=FRAMES), seen(covered=True, lost=2)):
        summands(component, measured(component, clear, after), reference)
    return ", ".join(f"{name} {value:.3g} unchanged" for name, value in values.items())


@check()
def a_failed_item_counts(subject: Subject) -> None:
    """What could not be covered has summands as well."""
    component, clear = subject.create(), seen()
    summands(component, None, measured(component, clear, clear))


@check()
def is_repeatable(subject: Subject) -> None:
    """Two instances keep the same of the same clip, and leave the frames alone."""
    before, after = seen(), seen(covered=True)
    untouched = [image.copy() for image in after.images]
    first, second = (measured(subject.create(), before, after) for _ in range(2))
    require(first.keys() == second.keys(), f"{sorted(first)} became {sorted(second)}")
    for name, value in first.items():
        same = np.array_equal(value, second[name], equal_nan=value.dtype.kind == "f")
        require(same, f"{name}: another value the second time")
    same = all(np.array_equal(a, b) for a, b in zip(after.images, untouched, strict=True))
    require(same, "a frame was changed")


@check()
def items_do_not_influence_each_other(subject: Subject) -> None:
    """An item measured after another one has the figures that it has alone."""
    component, before, after = subject.create(), seen(), seen(covered=True)
    measured(component, seen(covered=True, lost=3), before)
    second, alone = (measured(c, before, after) for c in (component, subject.create()))
    for name, value in alone.items():
        same = np.array_equal(value, second[name], equal_nan=value.dtype.kind == "f")
        require(same, f"{name}: another value after another item")


@check()
def an_absent_person_is_no_error(subject: Subject) -> None:
    """Frames in which the person is not there have finite figures too."""
    component = subject.create()
    empty = seen(lost=FRAMES)
    absent = replace(empty, place=np.full((FRAMES, 4), np.nan, np.float32))
    reference = measured(component, absent, absent)
    summands(component, reference, reference)


CHECKS = (
    announces_its_figures,
    figures_are_finite,
    a_failed_item_counts,
    is_repeatable,
    items_do_not_influence_each_other,
    an_absent_person_is_no_error,
)
