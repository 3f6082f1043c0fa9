"""Anonymizers over time: repeatable, resettable, and independent of each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from framework.testing import scenes
from framework.testing.checks.anonymizer_contract import ready
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Image

LENGTH = 5


def render(component: Any, clip: scenes.Clip) -> list[Image]:
    """All frames of a clip, in order."""
    return [component.anonymize(frame, tracks) for frame, tracks in clip]


def require_same(a: list[Image], b: list[Image], what: str) -> None:
    """Fail unless two renderings are equal, naming the first frame that is not."""
    for index, (one, two) in enumerate(zip(a, b, strict=True)):
        if not np.array_equal(one, two):
            worst = int(np.abs(one.astype(int) - two.astype(int)).max())
            require(False, f"{what}: frame {index} differs by up to {worst} grey levels")


@check()
def same_seed_same_result(subject: Subject) -> None:
    """Two instances with the same options, seed and key give the same pictures."""
    clip = scenes.Clip.of_length(LENGTH)
    require_same(
        render(ready(subject, clip), clip), render(ready(subject, clip), clip), "second instance"
    )


@check()
def reset_restores(subject: Subject) -> None:
    """After ``reset()`` the same stream gives the same pictures as at first."""
    clip, other = scenes.Clip.of_length(LENGTH), scenes.Clip.of_length(LENGTH, seed=50)
    component = ready(subject, clip)
    first = render(component, clip)
    render(component, other)
    component.reset()
    if "prepare" in subject.capabilities:
        component.prepare(clip)
    require_same(first, render(component, clip), "after reset()")


@check()
def instances_share_nothing(subject: Subject) -> None:
    """Two instances that take turns on two streams do as if each were alone."""
    clips = scenes.Clip.of_length(LENGTH), scenes.Clip.of_length(LENGTH, seed=50)
    alone = [render(ready(subject, clip), clip) for clip in clips]
    pair = [ready(subject, clip) for clip in clips]
    turns: tuple[list[Image], list[Image]] = ([], [])
    for steps in zip(*clips, strict=True):
        for out, component, (frame, tracks) in zip(turns, pair, steps, strict=True):
            out.append(component.anonymize(frame, tracks))
    for number in (0, 1):
        require_same(alone[number], turns[number], f"instance {number + 1}")


@check()
def works_from_two_threads(subject: Subject) -> None:
    """Two instances in two threads at once do as if each were alone."""
    clips = scenes.Clip.of_length(LENGTH), scenes.Clip.of_length(LENGTH, seed=50)
    alone = [render(ready(subject, clip), clip) for clip in clips]
    pair = [ready(subject, clip) for clip in clips]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(render, pair, clips))
    for number in (0, 1):
        require_same(alone[number], together[number], f"thread {number + 1}")


CHECKS = (same_seed_same_result, reset_restores, instances_share_nothing, works_from_two_threads)
