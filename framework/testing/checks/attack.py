"""Attacks: score matrices of the right form, from whatever there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.harness import CropPair, Material, Motion, Scores, Template
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Image

PEOPLE, OTHERS, SIDE = 6, 12, 72
NEEDS = frozenset({"crops", "gallery-crops", "fit-crops", "motion"})


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


def _embed(faces: Sequence[Image]) -> NDArray[np.float32]:
    """Columns of grey levels: two crops of one picture are alike."""
    rows = [np.asarray(f, np.float64)[::6, ::6].mean(axis=2).ravel() - 127.4 for f in faces]
    return _unit(np.stack(rows)) if rows else np.zeros((0, 1), np.float32)


def material(seed: int = 0, frames: int = 12) -> Material:
    """Six people with a clip each, covered by a veil, and twelve others to learn from."""
    rng = np.random.default_rng(seed)

    def crop() -> Image:
        small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        return np.ascontiguousarray(np.kron(small, np.ones((12, 12, 1), np.uint8)))

    def veil(image: Image) -> Image:
        return np.asarray(image // 2 + 60, np.uint8)

    def template(image: Image) -> Template:
        row = _embed([image])
        noise = rng.normal(0, 0.02, (frames, row.shape[1]))
        return Template(_unit(row + noise), np.ones(frames, bool), 0)

    def motion(speed: float) -> Motion:
        x = 50 + 8 * np.sin(speed * np.arange(frames) + rng.uniform(0, 6))
        boxes = np.stack([x, x, x + 40, x + 50], axis=1).astype(np.float32)
        points = np.array([[12, 18], [28, 18], [20, 28], [14, 38], [26, 38]], np.float32)
        return Motion(boxes, np.asarray(boxes[:, None, :2] + points, np.float32))

    faces = [crop() for _ in range(PEOPLE)]
    others = [crop() for _ in range(OTHERS)]
    return Material(
        clear=[template(f) for f in faces],
        covered=[template(veil(f)) for f in faces],
        probes=[template(veil(f)) for f in faces],
        mate=np.arange(PEOPLE, dtype=np.int64),
        fit=[(template(f), template(veil(f))) for f in others for _ in (0, 1)],
        fit_persons=[f"other-{k}" for k in range(OTHERS) for _ in (0, 1)],
        fit_crops=[
            CropPair(f, veil(f), _embed([f])[0], f"other-{k}") for k, f in enumerate(others)
        ],
        covered_crops=[veil(f) for f in faces],
        probe_crops=[veil(f) for f in faces],
        embed=_embed,
        size=SIDE,
        clear_motion=[motion(0.3 + 0.1 * k) for k in range(PEOPLE)],
        probe_motion=[motion(0.3 + 0.1 * k) for k in range(PEOPLE)],
        fit_motion=[motion(0.2 + 0.05 * k) for k in range(OTHERS)],
    )


def attacked(component: Any, given: Material) -> dict[str, Scores]:
    """Attack, and check the form of the answer."""
    found = component.attack(given)
    require(isinstance(found, dict), f"expected a dictionary, got {type(found).__name__}")
    probes = max(len(given.probes), len(given.probe_motion))
    gallery = max(len(given.clear), len(given.clear_motion))
    for name, scores in found.items():
        require(isinstance(name, str) and name, f"a variant without a name: {name!r}")
        require(
            isinstance(scores, np.ndarray) and scores.shape == (probes, gallery),
            f"{name}: expected scores ({probes}, {gallery}), got {np.shape(scores)}",
        )
        require(np.issubdtype(scores.dtype, np.floating), f"{name}: expected numbers with a point")
        require(not np.isposinf(scores).any(), f"{name}: an infinite similarity")
    return dict(found)


@check()
def announces_what_it_needs(subject: Subject) -> None:
    """``needs`` names what exists, and the two switches are true or false."""
    component = subject.create()
    unknown = sorted(set(component.needs) - NEEDS)
    require(not unknown, f"needs: expected some of {', '.join(sorted(NEEDS))}; got {unknown}")
    for name in ("uses_recognizer", "own_threshold"):
        require(isinstance(getattr(component, name), bool), f"{name}: expected True or False")


@check()
def gives_a_score_for_every_pair(subject: Subject) -> str:
    """With everything at hand each variant has one similarity for each probe and person."""
    found = attacked(subject.create(), material())
    require(found, "no variant, although all material is there")
    return ", ".join(sorted(found))


@check()
def missing_templates_become_guesses(subject: Subject) -> None:
    """A probe without a face, a person without a picture and no other people do not stop it."""
    component, whole = subject.create(), material()
    gaps = replace(
        whole,
        clear=[None, *whole.clear[1:]],
        covered=[None, *whole.covered[1:]],
        probes=[*whole.probes[:-1], None],
        covered_crops=[None, *whole.covered_crops[1:]],
        probe_crops=[*whole.probe_crops[:-1], None],
        clear_motion=[None, *whole.clear_motion[1:]],
        probe_motion=[*whole.probe_motion[:-1], None],
    )
    attacked(component, gaps)
    alone = replace(gaps, fit=(), fit_persons=(), fit_crops=(), fit_motion=())
    attacked(component, alone)


@check()
def uses_only_what_it_announces(subject: Subject) -> None:
    """Without the crops and motion that it does not ask for it gives the same scores."""
    component, whole = subject.create(), material()
    less = whole
    if "crops" not in component.needs:
        less = replace(less, probe_crops=())
    if "gallery-crops" not in component.needs:
        less = replace(less, covered_crops=())
    if "fit-crops" not in component.needs:
        less = replace(less, fit_crops=())
    if "motion" not in component.needs:
        less = replace(less, clear_motion=(), probe_motion=(), fit_motion=())
    if not component.uses_recognizer:
        less = replace(less, clear=(), covered=(), probes=(), embed=None)
    first, second = attacked(component, whole), attacked(component, less)
    require(first.keys() == second.keys(), f"variants {sorted(first)} became {sorted(second)}")
    for name, scores in first.items():
        require(np.array_equal(scores, second[name], equal_nan=True), f"{name}: other scores")


@check()
def is_repeatable(subject: Subject) -> None:
    """Two instances give the same scores for the same material, which they leave as it was."""
    given, untouched = material(), material()
    first, second = (attacked(subject.create(), given) for _ in range(2))
    for name, scores in first.items():
        require(np.array_equal(scores, second[name], equal_nan=True), f"{name}: other scores")
    for field in fields(Material):
        a, b = getattr(given, field.name), getattr(untouched, field.name)
        if field.name in ("clear", "covered", "probes"):
            same = all(np.array_equal(x.vectors, y.vectors) for x, y in zip(a, b, strict=True))
            require(same, f"material.{field.name} was changed")


@check()
def the_order_of_people_does_not_matter(subject: Subject) -> None:
    """A gallery in another order gives the same scores in that order."""
    component, given = subject.create(), material()
    turned = replace(
        given,
        clear=given.clear[::-1],
        covered=given.covered[::-1],
        covered_crops=given.covered_crops[::-1],
        clear_motion=given.clear_motion[::-1],
        mate=given.mate[::-1].copy(),
    )
    first, second = attacked(component, given), attacked(component, turned)
    require(first.keys() == second.keys(), f"variants {sorted(first)} became {sorted(second)}")
    for name, scores in first.items():
        same = np.allclose(scores, second[name][:, ::-1], atol=1e-5, equal_nan=True)
        require(same, f"{name}: other scores")


CHECKS = (
    announces_what_it_needs,
    gives_a_score_for_every_pair,
    missing_templates_become_guesses,
    uses_only_what_it_announces,
    is_repeatable,
    the_order_of_people_does_not_matter,
)
