"""Pairs of pictures to learn from: two frames of a clip, or a still and its warped self.

Every step has its own random generator, seeded by (seed, step): a resumed training sees the pairs
it would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework_training.fomm.expression import SIGNALS, head_scale, signals, transfer
from framework_training.fomm.landmarks import MIRROR, jacobian_target, keypoint_targets
from framework_training.fomm.pack import MARGIN, Pack
from framework_training.fomm.warps import ThinPlate, border_points, fit_thin_plate, sample

Floats = NDArray[np.float64]

OPENER = 0.06
"""By how much of a head's size lips part further before the source lacks what is between."""


@dataclass(frozen=True)
class Batch:
    """``n`` pairs at ``s`` pixels; points are (x, y) in [-1, 1], -1 and 1 on the border pixels."""

    source: NDArray[np.uint8]  # (n, s, s, 3) BGR
    driving: NDArray[np.uint8]
    weight: NDArray[np.uint8]  # (n, s, s) how much each pixel of ``driving`` counts, 255 = 10
    hidden: NDArray[np.uint8]  # (n, s, s) 255 where the source can't show what ``driving`` shows
    source_points: NDArray[np.float32]  # (n, K', 2) what the keypoints are taught; NaN: unknown
    driving_points: NDArray[np.float32]
    source_turn: NDArray[np.float32]  # (n, 2, 2) what the jacobians are taught
    driving_turn: NDArray[np.float32]
    warped: NDArray[np.bool_]  # (n,) a warped still: the map between the two is known
    # for warped stills, at the driving keypoints: T' in p_S = T(p_D), J_S = T'(p_D) J_D
    jacobian: NDArray[np.float32]  # (n, K', 2, 2), identity elsewhere


@dataclass(frozen=True)
class Portraits:
    """``n`` single pictures and what their keypoints are taught."""

    picture: NDArray[np.uint8]  # (n, s, s, 3) BGR
    points: NDArray[np.float32]  # (n, K', 2)
    turn: NDArray[np.float32]  # (n, 2, 2)


@dataclass(frozen=True)
class Mix:
    """How pairs are drawn."""

    still_share: float = 0.25  # of the pairs, warped stills
    lively_share: float = 0.6  # of the clip pairs, the most different of a few candidates
    true_pair_share: float = 0.3  # of the still pairs, two stills of one person where there are
    background: float = 0.3  # weight of a pixel outside the face; the face counts 1
    detail: float = 10.0  # weight of a pixel around eyes, brows and mouth


class PairSampler:
    """Draws batches from a pack."""

    def __init__(self, pack: Pack, size: int, mix: Mix, seed: int) -> None:
        self.pack, self.size, self.mix, self.seed = pack, size, mix, seed
        clip_rows: dict[int, list[int]] = {}
        for row in np.flatnonzero(~pack.still):
            clip_rows.setdefault(int(pack.group[row]), []).append(int(row))
        self._clips = [np.array(rows) for rows in clip_rows.values()]
        people: dict[int, list[int]] = {}
        for clip, rows in enumerate(self._clips):
            person = int(pack.person[rows[0]])
            # a clip of nobody known is a person of its own
            people.setdefault(person if person >= 0 else -2 - clip, []).append(clip)
        self._people = list(people.values())
        self._stills = np.flatnonzero(pack.still)
        same: dict[int, list[int]] = {}
        for row in self._stills:
            if pack.person[row] >= 0:
                same.setdefault(int(pack.person[row]), []).append(int(row))
        self._true_pairs = [rows for rows in same.values() if len(rows) > 1]
        if self._clips:
            values = signals(pack.landmarks)
            self._signals = values / values[~pack.still].std(0).clip(1e-6)

    def batch(self, step: int, n: int) -> Batch:
        """The ``n`` pairs of a step."""
        rng = np.random.default_rng([self.seed, step])
        pairs = [self._pair(rng) for _ in range(n)]
        return Batch(*(np.stack(column) for column in zip(*pairs, strict=True)))

    def portraits(self, step: int, n: int) -> Portraits:
        """The ``n`` single pictures of a step, half of them stills."""
        rng = np.random.default_rng([self.seed, step, 1])
        pictures, points, turns = [], [], []
        for _ in range(n):
            if len(self._stills) and (not self._clips or rng.random() < 0.5):
                row = int(rng.choice(self._stills))
            else:
                row = self._clip_rows(rng)[0]
            picture, marks = self._load(row)
            if rng.random() < 0.3:
                marks, bent = self._bend(rng, marks)
                picture = sample(picture, bent)
            if rng.random() < 0.5:
                picture, marks = _mirror(picture), _mirror_points(marks, self.pack.size)
            matrix = self._view(rng, 0.15, 0.08, 15.0)
            picture = _degrade(rng, _Colour(rng)(self._cut(picture, matrix)))
            pictures.append(picture)
            marks = _move(marks, matrix)
            points.append(self._normalise(keypoint_targets(marks)))
            turns.append(jacobian_target(marks, self.size))
        return Portraits(np.stack(pictures), np.stack(points), np.stack(turns))

    # --- what a pair shows ---

    def _pair(self, rng: np.random.Generator) -> tuple[NDArray[np.generic], ...]:
        still = not self._clips or (len(self._stills) > 0 and rng.random() < self.mix.still_share)
        bent: ThinPlate | None = None
        if not still:
            a, b = self._clip_rows(rng)
            (first, first_marks), (second, second_marks) = self._load(a), self._load(b)
        elif self._true_pairs and rng.random() < self.mix.true_pair_share:
            rows = self._true_pairs[rng.integers(len(self._true_pairs))]
            a, b = rng.choice(rows, 2, replace=False)
            (first, first_marks), (second, second_marks) = self._load(a), self._load(b)
        else:
            # a clip's frame serves as well as a portrait, and is as sharp as the product's input
            anywhere = len(self._stills) == 0 or (self._clips and rng.random() < 0.4)
            row = self._clip_rows(rng)[0] if anywhere else int(rng.choice(self._stills))
            first, first_marks = self._load(row)
            second_marks, bent = self._bend(rng, first_marks)
            second = sample(first, bent)
        if rng.random() < 0.5 and bent is None:
            first, second = _mirror(first), _mirror(second)
            first_marks = _mirror_points(first_marks, self.pack.size)
            second_marks = _mirror_points(second_marks, self.pack.size)
        shared = self._view(rng, 0.12, 0.05, 8.0)
        views = [_compose(self._view(rng, 0.03, 0.02, 4.0, nominal=False), shared) for _ in "ab"]
        colour = _Colour(rng)
        pictures = [colour(self._cut(p, v)) for p, v in zip((first, second), views, strict=True)]
        marks = [_move(m, v) for m, v in zip((first_marks, second_marks), views, strict=True)]
        points = [keypoint_targets(m) for m in marks]
        jacobian = np.tile(np.eye(2), (points[1].shape[0], 1, 1))
        if bent is not None:
            inside = _move(points[1], _invert(views[1]))
            known = bent.jacobian(np.nan_to_num(inside).astype(np.float64))
            jacobian = views[0][:, :2] @ known @ np.linalg.inv(views[1][:, :2])
        return (
            pictures[0],
            pictures[1],
            self._weight(marks[1]),
            self._hidden(marks[0], marks[1]),
            self._normalise(points[0]),
            self._normalise(points[1]),
            jacobian_target(marks[0], self.size),
            jacobian_target(marks[1], self.size),
            np.array(bent is not None),
            jacobian.astype(np.float32),
        )

    def _clip_rows(self, rng: np.random.Generator) -> tuple[int, int]:
        """Two frames of one clip; every person is drawn alike, however many clips show them."""
        person = self._people[rng.integers(len(self._people))]
        rows = self._clips[person[rng.integers(len(person))]]
        a = int(rng.choice(rows))
        if rng.random() >= self.mix.lively_share:
            return a, int(rng.choice(rows))
        candidates = rng.choice(rows, 4)
        change = np.abs(self._signals[candidates] - self._signals[a])
        # one signal alone decides each time: otherwise speech would always outweigh a blink
        return a, int(candidates[change[:, rng.integers(change.shape[1])].argmax()])

    def _bend(
        self, rng: np.random.Generator, marks: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], ThinPlate]:
        """Moved landmarks, and the map from moved to original picture coordinates."""
        face = marks.astype(np.float64)
        known = ~np.isnan(face[:, 0])
        scale = float(head_scale(face))
        moved = face.copy()
        if self._clips and rng.random() < 0.85:
            a, b = self._clip_rows(rng)
            before, after = (self.pack.landmarks[i].astype(np.float64) for i in (a, b))
            if not np.isnan(before[known]).any():
                moved = transfer(face, before, after) if known.all() else moved
                if not known.all():
                    moved[known] = transfer(face[:68], before[:68], after[:68])[known[:68]]
        # brows, lids, and each mouth half on their own now and then, by a little
        for part, reach in ((range(17, 22), 0.03), (range(22, 27), 0.03), (range(48, 68), 0.02)):
            moved[list(part)] += rng.normal(0, reach * scale, 2) * (rng.random() < 0.5)
        if rng.random() < 0.15:
            moved = _close_lids(moved, rng.uniform(0.3, 1.0))
        moved = _keep_mouth_shut(face, moved)
        moved = face + np.clip(moved - face, -0.3 * scale, 0.3 * scale)
        border = border_points(self.pack.size)
        swing = border + rng.normal(0, 0.01 * self.pack.size, border.shape)
        bent = fit_thin_plate(
            np.concatenate([moved[known], swing]), np.concatenate([face[known], border])
        )
        return moved.astype(np.float32), bent

    # --- geometry ---

    def _view(
        self,
        rng: np.random.Generator,
        scale: float,
        shift: float,
        degrees: float,
        nominal: bool = True,
    ) -> Floats:
        """(2, 3) from packed to training pixels, or (not nominal) within training pixels."""
        base = self.size * MARGIN / self.pack.size if nominal else 1.0
        centre = (self.pack.size - 1) / 2 if nominal else (self.size - 1) / 2
        zoom = base * np.exp(rng.uniform(-scale, scale))
        angle = np.deg2rad(rng.normal(0, degrees / 2))
        matrix = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        goal = (self.size - 1) / 2 + rng.uniform(-shift, shift, 2) * self.size
        return np.concatenate([matrix, (goal - matrix @ [centre, centre])[:, None]], axis=1)

    def _cut(self, picture: NDArray[np.uint8], matrix: Floats) -> NDArray[np.uint8]:
        import cv2

        cut = cv2.warpAffine(
            picture,
            matrix,
            (self.size, self.size),
            flags=cv2.INTER_AREA if matrix[0, 0] < 0.7 else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(cut, np.uint8)

    def _load(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        return self.pack.picture(row), self.pack.landmarks[row]

    def _normalise(self, points: NDArray[np.floating]) -> NDArray[np.float32]:
        return (points * (2 / (self.size - 1)) - 1).astype(np.float32)

    def _hidden(
        self, source: NDArray[np.float32], driving: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        """(s, s): the inside of a mouth that is opener than the source's by a visible bit."""
        import cv2

        canvas = np.zeros((self.size, self.size), np.uint8)
        opening = SIGNALS.index("mouth_opening")
        if signals(driving)[opening] > signals(source)[opening] + OPENER:
            cv2.fillConvexPoly(
                canvas, cv2.convexHull(np.round(driving[60:68]).astype(np.int32)), 255
            )
        return canvas

    def _weight(self, marks: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(s, s) weights, 255 for 10: the face counts, and eyes, brows and mouth count most."""
        import cv2

        unit = 255 / 10
        canvas = np.full((self.size, self.size), round(self.mix.background * unit), np.uint8)
        hull = cv2.convexHull(np.round(marks[:27]).astype(np.int32))
        cv2.fillConvexPoly(canvas, hull, round(unit))
        pad = max(1, round(0.05 * float(head_scale(marks)) * 2))
        for part in (range(17, 22), range(22, 27), range(36, 42), range(42, 48), range(48, 60)):
            hull = cv2.convexHull(np.round(marks[list(part)]).astype(np.int32))
            strength = min(255, round(self.mix.detail * unit))
            if part.start < 27:  # brows count half
                strength //= 2
            cv2.fillConvexPoly(canvas, hull, strength)
            cv2.polylines(canvas, [hull], True, strength, pad)
        return np.asarray(cv2.blur(canvas, (5, 5)), np.uint8)


def _close_lids(points: Floats, share: float) -> Floats:
    """Bring the upper lids ``share`` of the way to the lower ones, which rise a little."""
    out = points.copy()
    for upper, lower in (((37, 38), (41, 40)), ((43, 44), (47, 46))):
        for up, low in zip(upper, lower, strict=True):
            gap = points[low] - points[up]
            out[up] = points[up] + 0.85 * share * gap
            out[low] = points[low] - 0.1 * share * gap
    return out


def _keep_mouth_shut(before: Floats, after: Floats) -> Floats:
    """A warp can't show teeth that the picture hides: no wider gap between the lips than before."""
    out = after.copy()
    for up, low in ((61, 67), (62, 66), (63, 65)):
        old = before[low, 1] - before[up, 1]
        new = after[low, 1] - after[up, 1]
        allowed = max(old, 0.0) * 1.3 + 1.0
        if new > allowed:
            down = new - allowed
            lower_lip = {67: (67, 58, 59), 66: (66, 57), 65: (65, 56, 55)}[low]
            out[list(lower_lip), 1] -= down
            if low == 66:
                out[5:12, 1] -= down * 0.7
    return out


def _mirror(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(picture[:, ::-1])


def _mirror_points(points: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    turned = points[MIRROR].copy()
    turned[:, 0] = size - 1 - turned[:, 0]
    return np.asarray(turned, np.float32)


def _move(points: NDArray[np.floating], matrix: Floats) -> NDArray[np.float32]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def _compose(last: Floats, first: Floats) -> Floats:
    return np.concatenate(
        [last[:, :2] @ first[:, :2], (last[:, :2] @ first[:, 2] + last[:, 2])[:, None]], axis=1
    )


def _invert(matrix: Floats) -> Floats:
    inverse = np.linalg.inv(matrix[:, :2])
    return np.concatenate([inverse, (-inverse @ matrix[:, 2])[:, None]], axis=1)


class _Colour:
    """One random change of light and colour, to be given to both pictures of a pair."""

    def __init__(self, rng: np.random.Generator) -> None:
        gain = np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.06, 3))
        gamma = np.exp(rng.normal(0, 0.15))
        ramp = np.linspace(0, 1, 256)[:, None] ** gamma * gain + rng.normal(0, 0.02)
        self.table = np.round(np.clip(ramp, 0, 1) * 255).astype(np.uint8)[None]

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        import cv2

        return np.asarray(cv2.LUT(picture, self.table), np.uint8)


def _degrade(rng: np.random.Generator, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blur or compress now and then: the product meets webcams."""
    import cv2

    if rng.random() < 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.5)), np.uint8)
    if rng.random() < 0.3:
        quality = int(rng.integers(30, 90))
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return picture
