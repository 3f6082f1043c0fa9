"""A face that anybody could bring back with a picture editor does not pass."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from framework_verify.gate import _detail, _undone
from framework_verify.scan import Scan
from framework_verify.transforms import FOUND, MEAN_FOUND, undone

from framework.detail import FEWEST
from framework.types import Image
from tests.verify import recordings

BOX = np.array([50, 30, 140, 160], np.float32)
HEAD = (slice(8, 176), slice(12, 180))
Change = Callable[[Image], Image]


@pytest.fixture(scope="module")
def frames() -> list[Image]:
    return recordings.original_frames(1.0)[:12:2]


def in_place(change: Change) -> Change:
    """The change within the head's rectangle alone, as a cover would make it."""

    def changed(image: Image) -> Image:
        copy = image.copy()
        part = change(image[HEAD])
        size = (HEAD[1].stop - HEAD[1].start, HEAD[0].stop - HEAD[0].start)
        copy[HEAD] = cv2.resize(np.ascontiguousarray(part), size)
        return copy

    return changed


def tiles(rows: int, columns: int, seed: int = 3) -> Change:
    def changed(image: Image) -> Image:
        height, width = image.shape[0] // rows * rows, image.shape[1] // columns * columns
        copy = image.copy()
        parts = [
            image[r * height // rows : (r + 1) * height // rows,
                  c * width // columns : (c + 1) * width // columns].copy()
            for r in range(rows)
            for c in range(columns)
        ]  # fmt: skip
        order = np.roll(np.arange(len(parts)), 1 + seed % max(1, len(parts) - 1))
        for k, source in enumerate(order):
            r, c = divmod(k, columns)
            copy[
                r * height // rows : (r + 1) * height // rows,
                c * width // columns : (c + 1) * width // columns,
            ] = parts[source]
        return copy

    return changed


def gamma(power: float) -> Change:
    levels = np.asarray((np.arange(256) / 255) ** power * 255, np.uint8)
    return lambda image: np.asarray(cv2.LUT(image, levels), np.uint8)


CHANGES: dict[str, Change] = {
    "negative": lambda image: 255 - image,
    "negative upside down": lambda image: 255 - image[::-1],
    "channels exchanged": lambda image: image[:, :, [2, 0, 1]],
    "one channel negative": lambda image: image ^ np.array([255, 0, 255], np.uint8),
    "mirrored": lambda image: image[:, ::-1],
    "upside down": lambda image: image[::-1],
    "turned by 90": lambda image: np.rot90(image, 1),
    "turned by 180": lambda image: np.rot90(image, 2),
    "turned by 270": lambda image: np.rot90(image, 3),
    "mirrored and turned by 90": lambda image: np.rot90(image[:, ::-1], 1),
    "dark": gamma(3.0),
    "pale": gamma(0.3),
    "halves exchanged": tiles(1, 2),
    "upper and lower half exchanged": tiles(2, 1),
    "quarters exchanged": tiles(2, 2),
    "nine tiles exchanged": tiles(3, 3),
    "sixteen tiles exchanged": tiles(4, 4),
    "negative with halves exchanged": lambda image: 255 - tiles(1, 2)(image),
}


def verdicts(originals: list[Image], covered: list[Image]) -> tuple[bool, str]:
    """What the checks of detail say about these pictures, without a detector."""
    from framework.detail import PASSES, detail_correlation

    seen = Scan(frames=len(originals))
    for k, (original, image) in enumerate(zip(originals, covered, strict=True)):
        image = np.ascontiguousarray(image)
        if image.shape != original.shape:
            return False, "another shape, which the gate refuses"
        value = detail_correlation(original, image, BOX)
        if value is not None:
            total, count = seen.detail.get(1, (0.0, 0))
            seen.detail[1] = (total + value, count + 1)
            if abs(value) >= PASSES:
                seen.open.append((k / 10, 1, value))
        for how, found in undone(original, image, BOX).items():
            seen.undone.setdefault((1, how), []).append((k / 10, found))
    findings = [_detail(seen), _undone(seen)]
    return all(f.passed for f in findings), "; ".join(f.detail for f in findings)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("where", ["whole picture", "head alone"])
def test_a_change_that_can_be_undone_fails(frames: list[Image], name: str, where: str) -> None:
    change = CHANGES[name] if where == "whole picture" else in_place(CHANGES[name])
    passed, why = verdicts(frames, [np.ascontiguousarray(change(f)) for f in frames])
    assert not passed, why


def mosaic(image: Image, cells: int = 6) -> Image:
    small = cv2.resize(image, (cells, cells), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[1::-1], interpolation=0), np.uint8)


@pytest.mark.parametrize(
    "cover",
    [
        in_place(lambda image: np.full_like(image, 90)),
        in_place(lambda image: cv2.blur(image, (45, 45))),
        in_place(lambda image: np.asarray(cv2.GaussianBlur(image, (0, 0), 14), np.uint8)),
        in_place(mosaic),
        in_place(lambda image: np.random.default_rng(1).integers(0, 256, image.shape, np.uint8)),
    ],
    ids=["mask", "box blur", "blur", "squares", "noise"],
)
def test_an_honest_cover_passes(frames: list[Image], cover: Change) -> None:
    passed, why = verdicts(frames, [cover(f) for f in frames])
    assert passed, why


@pytest.mark.parametrize("person", [1, 6, 8, 10])
def test_another_persons_face_passes(frames: list[Image], person: int) -> None:
    others = recordings.original_frames(1.0, person=person)[:12:2]
    swapped = []
    for own, other in zip(frames, others, strict=True):
        copy = own.copy()
        copy[HEAD] = other[HEAD]
        swapped.append(copy)
    passed, why = verdicts(frames, swapped)
    assert passed, why


def test_thresholds_are_ordered() -> None:
    assert 0 < MEAN_FOUND < FOUND < 1
    assert FEWEST <= 8
