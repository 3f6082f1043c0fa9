"""What somebody could undo: changes of colour and place that hide a face from programs alone.

A negative, a mirrored or turned picture, exchanged channels or exchanged tiles show the face to
whoever undoes them, which any picture editor does. So in a few frames of each person the face's
fine structure is looked for everywhere in the covered picture: upright, mirrored, turned by right
angles, in its brightness and in each channel, and upside down in value, which a negative is. A face
that was cut into tiles is looked for tile by tile. Correlation does not depend on brightness and
contrast, and little on gamma.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from framework.detail import CORE, FLAT, LOW_PASS, SIDE, fine_structure
from framework.types import Image

FOUND = 0.75
"""Correlation in one frame from which a face counts as found. It is higher than where one place is
compared, because the best of many places and changes is taken."""
MEAN_FOUND = 0.7
"""The same for the mean of all frames that were tried, for one and the same change."""
MOVED = "moved"
"""The change that is none: the face upright somewhere. Its mean says nothing, because upright faces
of strangers are alike to some degree."""
PIECES = (2, 3, 4)
"""Into so many rows and columns a face is cut, to be found where its pieces were exchanged."""
PIECE_FOUND = 0.85
PIECE_SHARE = 0.4
"""Share of the pieces that must be found; others lie across the edges of what was exchanged."""
LEAST_PIECE = 16
"""Pixels; smaller pieces are like many places."""
TILES = ((1, 2), (2, 1), (2, 2), (3, 3), (4, 4))
"""Rows and columns of pictures cut into tiles."""
TILE_SHARE = 0.5
"""Share of the face's tiles that must be found in other places."""
MORE_THAN_OWN = 0.15
"""By how much a tile must be more like a place of the covered picture than like any other place of
the original: curtains and tiled walls are alike everywhere."""
LARGEST_SIDE = 1200
"""Of a picture in which a face is looked for, pixels; a smaller face is then compared coarser."""


def undone(original: Image, covered: Image, box: NDArray[np.float32]) -> dict[str, float]:
    """How much of one face each change, once undone, shows.

    Args:
        original, covered: pictures of the same moment, of one size.
        box: (4,) pixels, of the face in the original.

    Returns:
        By change, in words, the correlation of the fine structure, 0 to 1. Nothing where the
        original has no fine structure at the face.
    """
    want = fine_structure(original, box)
    if want is None or want.std() < FLAT:
        return {}
    found: dict[str, float] = {}
    for turn, picture in _orientations(covered):
        for channel, grey in _greys(picture):
            best, worst = _find(want, grey, box)
            words = [w for w in (turn, channel) if w]
            found[", ".join(words) or MOVED] = best
            found[", ".join([*words, "as a negative"])] = -worst
    for region, place in _regions(original, covered, box):
        for rows, columns in TILES:
            name = f"in {rows} x {columns} exchanged tiles"
            value = _tiles(*region, place, rows, columns)
            found[name] = max(value, found.get(name, 0.0))
    found["in exchanged pieces"] = max(_pieces(original, covered, box, n) for n in PIECES)
    return found


def _orientations(image: Image) -> Iterator[tuple[str, Image]]:
    """The picture as it is, mirrored, and each of them turned by right angles."""
    for mirrored in (False, True):
        whole = image[:, ::-1] if mirrored else image
        for quarter in range(4):
            words = ["mirrored"] if mirrored else []
            words += [f"turned by {90 * quarter} degrees"] if quarter else []
            yield " and ".join(words), np.ascontiguousarray(np.rot90(whole, quarter))


def _greys(image: Image) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Brightness, and each channel, which may have been exchanged or changed by itself."""
    import cv2

    yield "", np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    for index in range(3):
        yield "in one channel", np.ascontiguousarray(image[:, :, index])


def _find(
    want: NDArray[np.float32], grey: NDArray[np.uint8], box: NDArray[np.float32]
) -> tuple[float, float]:
    """Highest and lowest correlation of a face's fine structure with any place of a picture."""
    import cv2

    x, y = SIDE / np.maximum((box[2:] - box[:2]) * CORE, 1)
    # A face turned by a right angle has its sides exchanged; a mean scale fits all turns.
    scale = float(np.sqrt(x * y))
    scale = min(scale, LARGEST_SIDE / max(grey.shape))
    height, width = (max(SIDE, round(s * scale)) for s in grey.shape)
    small = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = small - cv2.GaussianBlur(small, (0, 0), LOW_PASS)
    # What is flat correlates with anything: a little noise makes it correlate with nothing.
    noise = np.random.default_rng(0).normal(0, 0.5, fine.shape).astype(np.float32)
    wide, high = (max(8, round(SIDE * scale / s)) for s in (float(x), float(y)))
    template = cv2.resize(want, (wide, high), interpolation=cv2.INTER_AREA)
    if wide > width or high > height:
        return 0.0, 0.0
    match = cv2.matchTemplate(fine + noise, template, cv2.TM_CCOEFF_NORMED)
    return float(match.max()), float(match.min())


def _regions(
    original: Image, covered: Image, box: NDArray[np.float32]
) -> Iterator[tuple[tuple[Image, Image], NDArray[np.float32]]]:
    """The whole pictures, and the face alone, with where the face is in each."""
    yield (original, covered), box
    height, width = original.shape[:2]
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:]), [width, height]).astype(int)
    if right - left >= 32 and bottom - top >= 32:
        pair = original[top:bottom, left:right], covered[top:bottom, left:right]
        yield pair, np.array([0, 0, right - left, bottom - top], np.float32)


def _tiles(
    original: Image, covered: Image, box: NDArray[np.float32], rows: int, columns: int
) -> float:
    """Mean correlation of the face's tiles with their likeliest other places.

    0 where fewer than :data:`TILE_SHARE` of them are found.
    """
    height, width = original.shape[:2]
    edges = [
        np.array([c / columns * width, r / rows * height], np.float32)
        for r in range(rows)
        for c in range(columns)
    ]
    size = np.array([width / columns, height / rows], np.float32)
    places = [np.concatenate([edge, edge + size]) for edge in edges]
    theirs = [fine_structure(covered, place, core=1.0) for place in places]
    ours = [fine_structure(original, place, core=1.0) for place in places]
    scores = []
    for index, place in enumerate(places):
        want = ours[index]
        if want is None or want.std() < FLAT or not _shows(place, box):
            continue
        others = [k for k in range(len(places)) if k != index]
        best = max((_alike(want, theirs[k]) for k in others), default=0.0)
        own = max((_alike(want, ours[k]) for k in others), default=0.0)
        scores.append(best if best >= FOUND and best >= own + MORE_THAN_OWN else 0.0)
    moved = [score for score in scores if score]
    enough = len(moved) >= max(1, TILE_SHARE * len(scores))
    return float(np.mean(moved)) if enough and len(scores) > 1 else 0.0


def _pieces(original: Image, covered: Image, box: NDArray[np.float32], count: int) -> float:
    """Mean correlation of a face's pieces with their likeliest places in the covered picture.

    0 where fewer than :data:`PIECE_SHARE` of them are found.
    """
    import cv2

    height, width = original.shape[:2]
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * CORE
    left, top = np.maximum(centre - half, 0).astype(int)
    right, bottom = np.minimum(centre + half, [width, height]).astype(int)
    wide, high = (right - left) // count, (bottom - top) // count
    if min(wide, high) < LEAST_PIECE:
        return 0.0
    # Large faces are compared coarser, at a cost that does not grow with the picture.
    scale = min(1.0, 2 * LEAST_PIECE / min(wide, high))
    coarse = max(1.0, LOW_PASS / 48 * min(wide, high) * scale)
    ours, theirs = (_fine_grey(image, scale, coarse) for image in (original, covered))
    theirs = theirs + np.random.default_rng(0).normal(0, 0.5, theirs.shape).astype(np.float32)
    scores = []
    for row in range(count):
        for column in range(count):
            x, y = (left + column * wide) * scale, (top + row * high) * scale
            piece = ours[int(y) : int(y + high * scale), int(x) : int(x + wide * scale)]
            if piece.std() < FLAT:
                continue
            match = cv2.matchTemplate(theirs, np.ascontiguousarray(piece), cv2.TM_CCOEFF_NORMED)
            scores.append(float(np.abs(match).max()))
    hits = [score for score in scores if score >= PIECE_FOUND]
    return float(np.mean(hits)) if len(hits) >= max(2, PIECE_SHARE * len(scores)) else 0.0


def _fine_grey(image: Image, scale: float, coarse: float) -> NDArray[np.float32]:
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    if scale < 1:
        size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), coarse), np.float32)


def _alike(want: NDArray[np.float32], have: NDArray[np.float32] | None) -> float:
    """Correlation of two tiles, a negative one's as well."""
    if have is None or have.std() < FLAT / 2:
        return 0.0
    return abs(float((want * have).mean() / (want.std() * have.std())))


def _shows(tile: NDArray[np.float32], box: NDArray[np.float32]) -> bool:
    """Whether a tile shows a part of the face worth looking for."""
    overlap = np.minimum(tile[2:], box[2:]) - np.maximum(tile[:2], box[:2])
    least = min(float((tile[2:] - tile[:2]).prod()), float((box[2:] - box[:2]).prod()))
    return bool((overlap > 0).all()) and float(overlap.prod()) >= 0.25 * least
