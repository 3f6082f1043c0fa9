"""What is fitted in closed form: places that follow the keypoints, and ratio images.

Both are linear functions of where the 22 keypoints of a face are, in head coordinates, and both are
found by ridge regression from the pack's pictures and landmarks:

* frames of a clip against the clip's mean, so that who somebody is and how they are lit cancels;
* two stills of one person, one against the other;
* all other stills against their mean, with little weight: who smiles broadly may also have a broad
  mouth, but thousands of people show expressions that few clips do.

Everything counts a second time mirrored. A training fits at its start; ``python -m
framework_training.fomm.fit WEIGHTS --pack PACK --out NEW`` adds both to finished weights.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from framework_fomm.creases import FLOOR, from_canvas, on_canvas
from framework_fomm.exact import FACE_POINTS
from framework_fomm.followers import LANDMARKS
from framework_fomm.model import Fomm
from framework_fomm.outline import head_coordinates
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, UserError, WeightsError
from framework_training.fomm.landmarks import MIRROR, keypoint_targets
from framework_training.fomm.pack import Pack, load_pack

Floats = NDArray[np.float32]

CREASE_SIZE = 96
CREASE_STRENGTH = 2.25
"""Of what is drawn, against what is fitted, which errors in the keypoints shrink. At twice its size
classifiers read warped neutral portraits as happy as often as their owners' smiles."""
TRUE_PAIR_WEIGHT = 20.0  # of two stills of one person, against a frame of a clip
STILL_WEIGHT = 0.1
RIDGE = 1500.0  # in frames: keypoints' movements are divided by their standard deviation
FOLLOWER_RIDGE = 20.0
_MOST_STILLS = 6_000
_FRAMES_OF_A_CLIP = 150
_BLUR = 0.8  # pixels of the pack
_CHUNK = 16
_EDGE = 3.0  # canvas pixels over which the ratio fades at the rim of the face
_FOREHEAD = ((-0.75, -1.0), (0.75, -1.0))  # where its skin ends, in head coordinates
_INWARDS = 0.9  # so far from the nose's tip to the outline skin counts
_LIPS = 0.5  # so much of what changes between the lips is left out: the mouth is drawn
_CHROMA = 0.6  # of a change of colour is kept: it depends on lights and make-up
_LIDS = (7, 9, 11, 13)
_LID_SHARE = 0.5  # of their light is kept: a closed lid is lit by being stretched already
_NOSE = 20  # its tip moves when a head turns; light that changes then belongs to the room

# keypoint -> the one it becomes when the picture is mirrored
_MIRRORED = (5, 4, 3, 2, 1, 0, 12, 11, 10, 13, 8, 7, 6, 9, 15, 14, 16, 17, 18, 19, 20, 21)
_MIRRORED_FOLLOWERS = tuple(LANDMARKS.index(int(MIRROR[i])) for i in LANDMARKS)


@dataclass(frozen=True)
class Block:
    """Pictures whose keypoints and contents are compared with their own mean."""

    rows: NDArray[np.int64]
    weight: float  # of each picture


class Normal:
    """Sums of a weighted least-squares problem, its mirror image included."""

    def __init__(self, deviation: Floats) -> None:
        self.deviation = deviation
        self._gram = np.zeros((len(deviation), len(deviation)))
        self._products: NDArray[np.float64] | float = 0.0

    def add(self, x: Floats, y: Floats, mirrored_y: Floats, weight: float) -> None:
        """``x`` (n, 44) movements; ``y``, ``mirrored_y`` (n, m) what they go with."""
        for a, b in ((x, y), (mirror_points(x, _MIRRORED), mirrored_y)):
            scaled = a / self.deviation
            self._gram += weight * (scaled.T @ scaled)
            self._products = self._products + weight * (scaled.T @ b)

    def solve(self, ridge: float) -> Floats:
        """(44, m) such that y is about x times it."""
        regular = self._gram + ridge * np.eye(len(self._gram))
        solved = np.linalg.solve(regular, self._products) / self.deviation[:, None]
        return np.asarray(solved, np.float32)


def mirror_points(points: Floats, order: Sequence[int]) -> Floats:
    """(n, 2k) points in head coordinates, mirrored."""
    turned = points.reshape(len(points), -1, 2)[:, list(order)].copy()
    turned[..., 0] *= -1
    return turned.reshape(len(points), -1)


def blocks(pack: Pack, seed: int) -> Iterator[Block]:
    """The pack in parts that share a mean; persons count with the root of their frames."""
    rng = np.random.default_rng(seed)
    clips = [np.flatnonzero((pack.group == g) & ~pack.still) for g in np.unique(pack.group)]
    clips = [_thinned(rows, _FRAMES_OF_A_CLIP) for rows in clips if len(rows) > 1]
    person = [
        int(pack.person[r[0]]) if pack.person[r[0]] >= 0 else -1 - i for i, r in enumerate(clips)
    ]
    frames = {p: sum(len(r) for r, q in zip(clips, person, strict=True) if q == p) for p in person}
    usual = float(np.sqrt(np.mean(list(frames.values())))) if frames else 1.0
    for rows, p in zip(clips, person, strict=True):
        yield Block(rows, usual / float(np.sqrt(frames[p])))
    known = np.flatnonzero(pack.still & (pack.person >= 0))
    for p in np.unique(pack.person[known]):
        rows = known[pack.person[known] == p]
        if len(rows) > 1:
            yield Block(rows, TRUE_PAIR_WEIGHT)
    others = np.flatnonzero(pack.still & (pack.person < 0))
    if len(others) > 1:
        rows = np.sort(rng.permutation(others)[:_MOST_STILLS])
        yield Block(rows, STILL_WEIGHT)


def _thinned(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, most).round().astype(int)], np.int64)


class Fit:
    """Keypoints of a pack in head coordinates, and the two regressions."""

    def __init__(self, pack: Pack, seed: int = 0) -> None:
        self.pack = pack
        last = pack.size - 1
        points = np.nan_to_num(keypoint_targets(pack.landmarks) * (2 / last) - 1)
        self.value = torch.from_numpy(points.astype(np.float32))
        face, turn, middle = head_coordinates(self.value)
        self.face = face[:, :FACE_POINTS].flatten(1).numpy()
        marks = torch.from_numpy(pack.landmarks[:, list(LANDMARKS)] * np.float32(2 / last) - 1)
        size = turn[:, 0].square().sum(-1)
        places = (marks - middle[:, None]) @ turn / size[:, None, None]
        self.places = places.flatten(1).numpy()
        self.usual = face.median(0).values  # (33, 2)
        self.blocks = list(blocks(pack, seed))
        spread = [
            b.weight * ((self.face[b.rows] - self.face[b.rows].mean(0)) ** 2).sum(0)
            for b in self.blocks
            if not pack.still[b.rows[0]]
        ]
        frames = sum(b.weight * len(b.rows) for b in self.blocks if not pack.still[b.rows[0]])
        if spread:
            self.deviation = np.sqrt(np.sum(spread, 0) / frames).astype(np.float32)
        else:
            self.deviation = self.face.std(0)
        # a place and its mirror image must weigh alike
        both = np.stack([self.deviation, mirror_points(self.deviation[None] ** 2, _MIRRORED)[0]])
        self.deviation = np.sqrt((both[0] ** 2 + np.abs(both[1])) / 2).clip(1e-4)

    def followers(self) -> Floats:
        """(2F, 45) for :class:`~framework_fomm.followers.Followers`."""
        problem = Normal(self.deviation)
        for block in self.blocks:
            x = self.face[block.rows] - self.face[block.rows].mean(0)
            y = self.places[block.rows] - self.places[block.rows].mean(0)
            problem.add(x, y, mirror_points(y, _MIRRORED_FOLLOWERS), block.weight)
        slope = problem.solve(FOLLOWER_RIDGE).T
        rest = self.places.mean(0) - slope @ self.face.mean(0)
        rest = (rest + mirror_points(rest[None], _MIRRORED_FOLLOWERS)[0]) / 2
        return np.concatenate([slope, rest[:, None]], 1).astype(np.float32)

    def creases(self, size: int) -> tuple[Floats, Floats]:
        """``basis`` (44, 3, size, size) and ``places`` of
        :class:`~framework_fomm.creases.Creases`."""
        usual = (self.usual + torch.from_numpy(_mirrored_usual(self.usual.numpy()))) / 2
        places = on_canvas(usual[:FACE_POINTS])
        problem = Normal(self.deviation)
        for block in self.blocks:
            light = self._light(block.rows, places, size)  # (n, size, size, 3)
            if self.pack.still[block.rows[0]] and self.pack.person[block.rows[0]] < 0:
                light -= light.mean((1, 2), keepdims=True)  # how each picture is exposed
            light -= light.mean(0)
            x = self.face[block.rows] - self.face[block.rows].mean(0)
            n = len(light)
            problem.add(x, light.reshape(n, -1), light[:, :, ::-1].reshape(n, -1), block.weight)
        found = problem.solve(RIDGE).reshape(-1, size, size, 3)
        found[2 * _NOSE : 2 * _NOSE + 2] = 0  # known while the others were fitted, then left out
        for lid in _LIDS:
            found[2 * lid : 2 * lid + 2] *= _LID_SHARE
        found = found * self._skin(usual.numpy(), size)[..., None]
        grey = found.mean(-1, keepdims=True)
        found = grey + _CHROMA * (found - grey)
        # the network's pictures are RGB
        basis = found[..., ::-1].transpose(0, 3, 1, 2)
        return np.ascontiguousarray(basis), places.numpy()

    def _light(self, rows: NDArray[np.int64], places: torch.Tensor, size: int) -> Floats:
        """(n, size, size, 3) logarithm of the intensities on the canvas."""
        import cv2

        out = np.empty((len(rows), size, size, 3), np.float32)
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            grid = from_canvas(places, self.value[part], size).numpy()
            grid = (grid + 1) / 2 * (self.pack.size - 1)
            for k, row in enumerate(part):
                picture = cv2.GaussianBlur(self.pack.picture(int(row)), (0, 0), _BLUR)
                seen = cv2.remap(
                    picture,
                    grid[k, ..., 0],
                    grid[k, ..., 1],
                    cv2.INTER_LINEAR,
                    borderMode=cv2.BORDER_REPLICATE,
                )
                out[start + k] = np.log(seen.astype(np.float32) / 255 + FLOOR)
        return out

    @staticmethod
    def _skin(usual: Floats, size: int) -> Floats:
        """(size, size) 1 on the face, less between the lips, 0 in the eyes and where hair and
        background begin: a lid or a chin that moves changes what is seen there, not how it is lit.
        """
        import cv2

        def area(places: NDArray[np.floating]) -> NDArray[np.int32]:
            found = on_canvas(torch.from_numpy(np.asarray(places, np.float32))).numpy()
            pixels = np.round((found + 1) / 2 * (size - 1)).astype(np.int32)
            return np.asarray(cv2.convexHull(pixels), np.int32)

        def soft(canvas: NDArray[np.uint8], pixels: float) -> Floats:
            blurred = cv2.GaussianBlur(canvas.astype(np.float32) / 255, (0, 0), pixels)
            return np.asarray(blurred, np.float32)

        face, lips, eyes = np.zeros((3, size, size), np.uint8)
        outline = usual[[24, 25, 22, 23, 21]]  # temples, jaw, chin
        outline = _INWARDS * outline + (1 - _INWARDS) * usual[_NOSE]
        cv2.fillConvexPoly(face, area(np.concatenate([outline, _FOREHEAD])), 255)
        cv2.fillConvexPoly(lips, area(usual[[14, 15, 18, 19]]), 255)
        for eye in (range(6, 10), range(10, 14)):
            cv2.fillConvexPoly(eyes, area(usual[list(eye)]), 255)
        eyes = np.asarray(cv2.dilate(eyes, np.ones((5, 5), np.uint8)), np.uint8)
        skin = soft(face, _EDGE) * (1 - soft(eyes, 1.0)) * (1 - _LIPS * soft(lips, 1.0))
        skin = (skin + skin[:, ::-1]) / 2  # pixels are rounded to one side
        skin[[0, -1]], skin[:, [0, -1]] = 0, 0
        return np.asarray(skin, np.float32)


def _mirrored_usual(usual: Floats) -> Floats:
    turned = usual.copy()
    turned[:FACE_POINTS] = mirror_points(
        usual[None, :FACE_POINTS].reshape(1, -1), _MIRRORED
    ).reshape(-1, 2)
    pairs = [(22, 23), (24, 25), (29, 30), (31, 32)]
    for a, b in pairs:
        turned[[a, b]] = usual[[b, a]] * np.array([-1, 1], np.float32)
    return turned


def fit_into(model: Fomm, pack: Pack, seed: int = 0) -> None:
    """Fill what is fitted in a network that has it, in place."""
    followers = model.generator.dense_motion_network.followers
    creases = model.generator.creases
    if followers is None and creases is None:
        return
    fit = Fit(pack, seed)
    if followers is not None:
        followers.weight.copy_(torch.from_numpy(fit.followers()))
    if creases is not None:
        basis, places = fit.creases(model.config.crease_size)
        creases.basis.copy_(torch.from_numpy(basis))
        creases.places.copy_(torch.from_numpy(places))


def grown(model: Fomm) -> Fomm:
    """The same network with room for what is fitted.

    Raises:
        WeightsError: its keypoints are not the taught ones.
    """
    room = {"followers": True, "crease_size": CREASE_SIZE, "crease_strength": CREASE_STRENGTH}
    try:
        config = dataclasses.replace(model.config, **room)  # type: ignore[arg-type]
    except ValueError as error:
        raise WeightsError(f"these weights can't have followers and creases: {error}") from None
    larger = Fomm(config)
    own = larger.state_dict()
    state = {k: v for k, v in model.state_dict().items() if v.shape == own[k].shape}
    larger.load_state_dict({**own, **state})
    return larger.eval()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    from framework_fomm.weights import load_model, save_model

    parser = argparse.ArgumentParser(prog="python -m framework_training.fomm.fit")
    parser.add_argument("weights", type=Path, help="finished weights (.safetensors)")
    parser.add_argument("--pack", type=Path, required=True, help="of framework_training.fomm.pack")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--licence", default="not stated: as the material allows")
    parser.add_argument("--trained-on", action="append", default=[], help="a source")
    given = parser.parse_args(arguments)
    try:
        model = grown(load_model(given.weights))
        fit_into(model, load_pack(given.pack))
        save_model(model, given.out, licence=given.licence, trained_on=given.trained_on)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    except OSError as error:
        print(f"error: can't write {given.out}: {error.strerror or error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    print(f"fitted into {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
