"""Where one shot ends and the next begins: cuts, dissolves, fades, cuts in a part of the screen.

Each picture is reduced to a thumbnail of grey values. A **cut** is a frame most of whose blocks are
found nowhere near in the frame before (block matching, normalised correlation: neither a brighter
light nor a moving camera changes a block), unless the frames after it are again like those before
it (a flash). A **dissolve** is a stretch whose frames are, as whole pictures, mixtures of its first
and its last one in rising shares: nothing that moves looks like that.

A change holds for a place of the picture only if the blocks there changed. So one half of a split
screen may be cut while the face in the other goes on, and a face that goes on through something
that was taken for a cut keeps its track.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Thumbnail = NDArray[np.float32]

WIDTH, HEIGHT = 64, 36
"""Of a thumbnail, pixels, whatever the shape of the picture."""

COLUMNS, ROWS = 8, 6
BLOCK_W, BLOCK_H = WIDTH // COLUMNS, HEIGHT // ROWS
SEARCH_X, SEARCH_Y = 4, 3
"""How far a block may have moved from one frame to the next, pixels of the thumbnail: a sixteenth
and a twelfth of the picture."""

ALIKE = 0.7
"""Correlation from which a block is the same one."""

FLAT = 3.0
"""Standard deviation, grey values, below which a block has no structure to be known by."""

FLAT_STEP = 0.5
"""By how much the mean of such a block must differ, in standard deviations of the thumbnail."""

CUT_SHARE = 0.6
"""Share of changed blocks from which the whole picture was cut."""

RELATED = 0.45
"""Mean difference of two normalised thumbnails below which they show the same place."""

CALM_SHARE = 0.12
"""Before and after a cut in a part of the screen, less than this share changes."""

STRANGE, STRANGE_SHARE = 0.8, 0.35
"""Mean difference of two normalised thumbnails (two pictures of different places: about 1.1) from
which this share of changed blocks is enough: single blocks are alike by chance."""

PART_SHARE = 0.25
"""Share from which a part of it may have been, for faces whose surroundings all changed."""

GLANCE = 0.2
"""Mean difference of two normalised thumbnails below which no block needs to be looked at."""

FLASH_FRAMES = 3
"""As many frames may differ from both sides before they are a shot of their own."""

DISSOLVE_S = (0.24, 0.48, 0.96, 1.6)
"""Lengths of the stretches that are tried, seconds."""

MIXTURE = 0.3
"""What of a frame may be left unexplained as a mixture of two, relative to their difference."""


@dataclass(frozen=True, eq=False)
class Change:
    """One shot becomes another.

    Attributes:
        start: the first frame that shows the new shot.
        end: the last frame that shows the old one; ``start - 1`` for a cut.
        blocks: (rows, columns) bool, where the picture changed.
        before, after: thumbnails of both sides.
    """

    start: int
    end: int
    blocks: NDArray[np.bool_]
    before: Thumbnail
    after: Thumbnail

    @property
    def middle(self) -> int:
        """The first frame that counts as the new shot."""
        return (self.start + self.end + 1) // 2

    def side_of(self, first: int, last: int) -> int:
        """-1 for somebody of the old shot, seen from ``first`` to ``last``, 1 for one of the new.

        0 for somebody who is seen only while one shot becomes the other.
        """
        if first < self.start:
            return -1
        return 1 if last > self.end else 0

    def holds_at(self, xyxy: NDArray[np.floating], width: int, height: int) -> bool:
        """Whether the surroundings of this box changed.

        Args:
            xyxy: (4,) pixels.
            width, height: of the picture, pixels.
        """
        if self.blocks.all():
            return True
        half = 0.75 * (xyxy[2:] - xyxy[:2])
        middle = (xyxy[:2] + xyxy[2:]) / 2
        unit = np.array([width / COLUMNS, height / ROWS])
        low = np.clip(np.floor((middle - half) / unit), 0, [COLUMNS - 1, ROWS - 1]).astype(int)
        high = np.clip(np.floor((middle + half) / unit), 0, [COLUMNS - 1, ROWS - 1]).astype(int)
        there = self.blocks[low[1] : high[1] + 1, low[0] : high[0] + 1]
        return bool(there.mean() >= CUT_SHARE)


def thumbnail(grey: NDArray[np.uint8]) -> Thumbnail:
    """(36, 64) float32 of a grey picture of any size, averaged over areas."""
    import cv2

    small = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def changed_blocks(before: Thumbnail, after: Thumbnail) -> tuple[NDArray[np.bool_], float]:
    """Blocks of one thumbnail that are not near their place in the other.

    Returns:
        (rows, columns) bool, and the share of changed ones among those that have structure; 1 if
        none has and the brightness differs.
    """
    import cv2

    spread = float(max(before.std(), after.std(), FLAT))
    wide = cv2.copyMakeBorder(after, SEARCH_Y, SEARCH_Y, SEARCH_X, SEARCH_X, cv2.BORDER_REPLICATE)
    changed = np.zeros((ROWS, COLUMNS), bool)
    known = np.zeros((ROWS, COLUMNS), bool)
    for row in range(ROWS):
        for column in range(COLUMNS):
            y, x = row * BLOCK_H, column * BLOCK_W
            block = before[y : y + BLOCK_H, x : x + BLOCK_W]
            there = after[y : y + BLOCK_H, x : x + BLOCK_W]
            if block.std() < FLAT:
                known[row, column] = there.std() >= 3 * FLAT
                step = abs(float(block.mean() - before.mean()) - float(there.mean() - after.mean()))
                changed[row, column] = known[row, column] or step > FLAT_STEP * spread
                continue
            known[row, column] = True
            area = wide[y : y + BLOCK_H + 2 * SEARCH_Y, x : x + BLOCK_W + 2 * SEARCH_X]
            match = cv2.matchTemplate(area, block, cv2.TM_CCOEFF_NORMED)
            changed[row, column] = not float(match.max()) >= ALIKE
    if known.sum() < ROWS * COLUMNS // 8:
        return changed, float(changed.mean())
    return changed, float(changed[known].mean())


class ChangeFinder:
    """Finds the changes of shot while the pictures go by, in memory that does not grow.

    A change is known ``FLASH_FRAMES`` frames after a cut, and at the end of a dissolve.
    """

    def __init__(self) -> None:
        self._thumbnails: deque[Thumbnail] = deque(maxlen=2)
        self._times: deque[float] = deque(maxlen=2)
        self._count = 0
        self._open: tuple[int, NDArray[np.bool_], Thumbnail, list[Thumbnail]] | None = None
        self._cuts: list[Change] = []
        self._dissolves: list[Change] = []
        self._share = 0.0  # of blocks that changed in the last frame
        self._since = 0  # frames of the present shot that are still held

    def add(self, picture: Thumbnail, time_s: float) -> None:
        """The next frame of the recording."""
        if self._times:
            step = max(time_s - self._times[-1], 1e-3)
            most = int(min(DISSOLVE_S[-1] / step + FLASH_FRAMES + 2, 240))
            if most > (self._thumbnails.maxlen or 0):
                self._thumbnails = deque(self._thumbnails, maxlen=most)
                self._times = deque(self._times, maxlen=most)
        before = self._thumbnails[-1] if self._thumbnails else None
        self._thumbnails.append(picture)
        self._times.append(time_s)
        index, self._count = self._count, self._count + 1
        self._since = min(self._since + 1, len(self._thumbnails))
        if self._open is not None:
            self._open[3].append(picture)
            self._decide(last=False)
        elif before is not None and (differ := _differ(before, picture)) > GLANCE:
            blocks, share = changed_blocks(before, picture)
            if _another(differ, share):
                self._open = (index, _sure(before, picture, blocks), before, [picture])
            elif share >= PART_SHARE and self._share < CALM_SHARE:
                self._open = (index, _solid(blocks), before, [picture])
            self._share = share
        else:
            self._share = 0.0
        if self._open is None:
            self._find_dissolve(index)

    @property
    def frame_count(self) -> int:
        """How many frames were added."""
        return self._count

    def suspects(self, picture: Thumbnail) -> bool:
        """Whether the next frame, if it is this one, may be the first of a shot."""
        if not self._thumbnails:
            return True
        before = self._thumbnails[-1]
        if self._open is not None or _differ(before, picture) <= GLANCE:
            return False
        return changed_blocks(before, picture)[1] >= PART_SHARE

    def decided(self) -> list[Change]:
        """The cuts that became certain since the last call, for a stream without an end.

        Dissolves are known too late for it and are forgotten.
        """
        cuts, self._cuts, self._dissolves = self._cuts, [], []
        return cuts

    def finish(self) -> list[Change]:
        """All changes, in order. The last frames are judged as they are."""
        if self._open is not None:
            self._decide(last=True)
        inside = [
            d
            for d in self._dissolves
            if not any(d.start <= c.start <= d.end + 1 and c.blocks.all() for c in self._cuts)
        ]
        return sorted([*self._cuts, *inside], key=lambda c: (c.start, c.end))

    def _decide(self, last: bool) -> None:
        """Whether what began as a cut was one, once enough frames after it are known."""
        assert self._open is not None
        index, blocks, before, after = self._open
        if len(after) > 1 and changed_blocks(before, after[-1])[1] < PART_SHARE:
            self._open = None  # as it was before: a flash
        elif len(after) > FLASH_FRAMES or last:
            self._open = None
            self._since = min(self._since, len(after))
            # A picture that is another one in every frame (noise, a strobe) has no shots, and what
            # goes on changing in a part of it is something that moves.
            part = not _strangers(before, after[0])
            if len(after) > 1 and not any(
                changed_blocks(one, other)[1] >= CALM_SHARE if part else _strangers(one, other)
                for one, other in pairwise(after)
            ):
                self._cuts.append(Change(index, index - 1, blocks, before, after[-1]))

    def _find_dissolve(self, index: int) -> None:
        """Whether one of the stretches that end here is a mixture of its two ends."""
        now = self._times[-1]
        held = list(self._times)
        for length in DISSOLVE_S:
            count = sum(t > now - length for t in held)
            if count < 5 or count >= self._since or index % max(1, count // 5):
                continue
            stretch = [self._thumbnails[-1 - k] for k in range(count, -1, -1)]
            shares = _mixture(stretch)
            if shares is None:
                continue
            if not _strangers(stretch[0], stretch[-1]):
                continue
            begin = index - count + int(np.flatnonzero(shares < 0.08)[-1]) + 1
            end = index - count + int(np.flatnonzero(shares > 0.92)[0]) - 1
            everywhere = np.ones((ROWS, COLUMNS), bool)
            found = Change(begin, max(begin, end), everywhere, stretch[0], stretch[-1])
            last = self._dissolves[-1] if self._dissolves else None
            if last is not None and found.start <= last.end + 2:
                self._dissolves[-1] = Change(
                    min(last.start, found.start),
                    max(last.end, found.end),
                    everywhere,
                    last.before,
                    found.after,
                )
            else:
                self._dissolves.append(found)


def _differ(one: Thumbnail, other: Thumbnail) -> float:
    """Mean difference of two thumbnails after mean and spread were made equal."""
    a, b = ((t - t.mean()) / max(float(t.std()), FLAT) for t in (one, other))
    return float(np.abs(a - b).mean())


def _another(differ: float, share: float) -> bool:
    """Whether two thumbnails that differ so much, in such a share of blocks, are two places."""
    if differ < RELATED:
        return False
    return share >= CUT_SHARE or (differ >= STRANGE and share >= STRANGE_SHARE)


def _strangers(one: Thumbnail, other: Thumbnail) -> bool:
    """Whether two thumbnails show two places."""
    return _another(_differ(one, other), changed_blocks(one, other)[1])


def _solid(blocks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Changed blocks, and those among them that are alike by chance."""
    import cv2

    around = cv2.blur(blocks.astype(np.float32), (3, 3), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blocks | (around >= 0.4))


def _sure(before: Thumbnail, after: Thumbnail, blocks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of a cut picture, the blocks that changed: all but those that are clearly the same ones."""
    import cv2

    same = np.zeros((ROWS, COLUMNS), bool)
    for row, column in np.argwhere(~blocks).tolist():
        y, x = row * BLOCK_H, column * BLOCK_W
        a = before[y : y + BLOCK_H, x : x + BLOCK_W]
        b = after[y : y + BLOCK_H, x : x + BLOCK_W]
        if min(a.std(), b.std()) >= 2 * FLAT:
            alike = float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) > 0.9
            same[row, column] = alike and abs(float(a.mean() - b.mean())) < 4 * FLAT
    # Single blocks are alike by chance; what goes on is a whole neighbourhood.
    solid = cv2.erode(same.astype(np.uint8), np.ones((2, 2), np.uint8)) > 0
    return np.asarray(
        ~(cv2.dilate(solid.astype(np.uint8), np.ones((2, 2), np.uint8), anchor=(0, 0)) > 0)
    )


def _mixture(stretch: list[Thumbnail]) -> NDArray[np.float64] | None:
    """The share of the last picture in each one, if each is a mixture of the first and the last."""
    first, last = stretch[0], stretch[-1]
    way = last - first
    length = float((way**2).sum())
    if length < (2 * FLAT) ** 2 * way.size:
        return None
    checked = sorted({len(stretch) * k // 4 for k in (1, 2, 3)})
    shares = {}
    for k in checked:
        part = stretch[k] - first
        share = float((part * way).sum()) / length
        rest = float(np.sqrt(((part - share * way) ** 2).sum() / length))
        if rest > MIXTURE or not 0.05 < share < 0.95:
            return None
        shares[k] = share
    if any(shares[b] - shares[a] < 0.1 for a, b in pairwise(checked)):
        return None
    return np.array([float(((t - first) * way).sum()) / length for t in stretch])
