"""Fits what an expression does to a face, in closed form, and writes the basis of ``fomm``.

    python examples/fit_expression_basis.py PACK.npz [PACK.npz ...] --output basis.safetensors

A pack holds pictures that were read by the teacher and by the measurer, n of them:

    x        (n, s, s) uint8   aligned grey crops
    points   (n, 478, 3)       the teacher's points in the crop, pixels
    frontal  (n, 478, 3)       the same turned to the front, eye units
    turn     (n, 2)            yaw and pitch, degrees
    measured (n, 51)           coefficients by the measurer
    votes    (n, 8)            its named expressions, sum 1
    label    (n,) str          expression, or empty
    person   (n,) str          who it is; pictures of one person count by their differences
    names    (51,) str         of the coefficients
    reference (478, 3)         the mean neutral face, eye units

Three ridge regressions on the expression: of the points, of the logarithm of the grey value warped
onto the reference face, and of the brightness between the lips of open mouths. The two sides of a
face are made the same by averaging with the mirrored solution. Nobody's picture is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from framework_fomm.absolute.basis import Basis, mouth_features, save
from framework_fomm.absolute.pose import NAMED
from framework_fomm.donors.store import EMBEDDED_FOLDER, load
from framework_measures import mesh
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import Delaunay

Floats = NDArray[np.float64]
VOTES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "contempt")
SIDE, UNIT, ORIGIN = 144, 58.0, (71.5, 52.0)  # the canvas on which light is regressed
MOUTH_ROWS, MOUTH_COLUMNS = 16, 24
PENALTY_POINTS, PENALTY_LIGHT, PENALTY_MOUTH = 8.0, 15.0, 6.0
MAX_YAW, MAX_PITCH = 22.0, 20.0
COARSE, COARSE_SHARE = 14.0, 0.7  # light coarser than so many pixels is no fold: most is left out
OPEN_MOUTH = 0.035  # eye units


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", type=Path, nargs="+")
    parser.add_argument("--meshes", type=Path, help="npz with points of the donors, by name")
    parser.add_argument("--strength", type=float, nargs=3, default=(2.0, 1.35, 3.5))
    parser.add_argument("--named", type=float, default=1.8, help="factor of named expressions")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    data = read(args.packs)
    basis = fit(data, tuple(args.strength), args.named)
    save(args.output, basis, donor_meshes(args.meshes))


def read(paths: list[Path]) -> dict[str, Any]:
    """Packs as one, without heads that are turned too far."""
    packs = [dict(np.load(path)) for path in paths]
    result: dict[str, Any] = {"names": packs[0]["names"], "reference": packs[0]["reference"]}
    for key in ("x", "points", "frontal", "turn", "measured", "votes", "label", "person"):
        result[key] = np.concatenate([pack[key] for pack in packs])
    turn = np.abs(result["turn"])
    keep = (turn[:, 0] < MAX_YAW) & (turn[:, 1] < MAX_PITCH)
    return {k: v if k in ("names", "reference") else v[keep] for k, v in result.items()}


def fit(data: dict[str, Any], strength: tuple[float, float, float], named: float) -> Basis:
    """All three regressions."""
    columns = [VOTES.index(name) for name in NAMED]
    entries = np.concatenate([data["measured"], data["votes"][:, columns]], 1).astype(np.float64)
    names = [str(name) for name in data["names"]] + list(NAMED)
    other = np.array([names.index(swapped(name)) for name in names])
    mirror = mirrored_points(data["reference"])
    weight = class_weights(data["label"])
    groups = groups_of(data["person"])
    pose = np.concatenate([data["turn"] / 15, (data["turn"] / 15) ** 2], 1)
    root = np.sqrt(weight)[:, None]
    inputs = without_means(np.concatenate([entries, pose], 1), groups, weight) * root
    k = len(names)
    moved = without_means(data["frontal"].reshape(len(entries), -1), groups, weight) * root
    displacement = ridge(inputs, moved, PENALTY_POINTS)[:k].reshape(k, mesh.POINTS, 3)
    displacement = (displacement + displacement[other][:, mirror] * [-1, 1, 1]) / 2
    rows, inside = light_rows(data)
    lit = ridge(inputs, without_means(rows, groups, weight) * root, PENALTY_LIGHT)[:k]
    light = np.zeros((k, SIDE * SIDE))
    light[:, inside] = lit
    light = without_coarse(light.reshape(k, SIDE, SIDE), inside.reshape(SIDE, SIDE))
    light = (light + light[other][:, :, ::-1]) / 2
    neutral = np.median(entries[entries[:, -len(NAMED) :].sum(1) < 0.25], axis=0)
    mouth = fit_mouth(data, entries, other)
    # what the named expressions do is drawn stronger; at the neutral face nothing changes
    displacement[-len(NAMED) :] *= named
    part = slice(k - len(NAMED), k)
    mouth[-1] += (1 - named) * np.tensordot(neutral[part], mouth[part], 1)
    mouth[part] *= named
    return Basis(
        tuple(names), data["reference"].astype(np.float64), displacement, light.astype(np.float32),
        UNIT, ORIGIN, neutral, strength, mouth.astype(np.float32),
    )  # fmt: skip


def swapped(name: str) -> str:
    """The same coefficient of the other side."""
    return name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")


def mirrored_points(reference: Floats) -> NDArray[np.int64]:
    """(478,) the point on the other side of each."""
    cost = ((reference[:, None] * [-1, 1, 1] - reference[None]) ** 2).sum(-1)
    return np.asarray(linear_sum_assignment((cost + cost.T) / 2)[1])


def class_weights(label: NDArray[np.str_]) -> Floats:
    """(n,) one over the root of how often a label occurs, mean 1."""
    _, inverse, count = np.unique(label, return_inverse=True, return_counts=True)
    weight = 1 / np.sqrt(count[inverse])
    return np.asarray(weight / weight.mean())


def groups_of(person: NDArray[np.str_]) -> NDArray[np.int64]:
    """(n,) a number for each person who is seen more than once; one for all others."""
    _, inverse, count = np.unique(person, return_inverse=True, return_counts=True)
    single = np.where(count[inverse] >= 2, inverse, len(count))
    return np.asarray(np.unique(single, return_inverse=True)[1])


def without_means(
    values: NDArray[np.floating], groups: NDArray[np.int64], weight: Floats
) -> NDArray[np.float32]:
    """(n, m) less the weighted mean of each group."""
    means = np.zeros((groups.max() + 1, values.shape[1]))
    np.add.at(means, groups, values * weight[:, None])
    means /= np.bincount(groups, weights=weight)[:, None]
    return np.asarray(values - means[groups], np.float32)


def ridge(inputs: NDArray[np.floating], outputs: NDArray[np.floating], penalty: float) -> Floats:
    """(k, m) least squares with an L2 penalty."""
    square = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
    return np.asarray(np.linalg.solve(square, inputs.T @ outputs), np.float64)


def light_rows(data: dict[str, Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Logarithm of grey values of each face warped onto the reference, and where on the canvas."""
    goal = data["reference"][:, :2] * UNIT + ORIGIN
    triangles = Delaunay(goal)
    y, x = np.mgrid[:SIDE, :SIDE]
    pixels = np.stack([x.ravel(), y.ravel()], 1).astype(np.float64)
    found = triangles.find_simplex(pixels)
    inside = found >= 0
    affine = triangles.transform[found[inside]]
    part = np.einsum("nij,nj->ni", affine[:, :2], pixels[inside] - affine[:, 2])
    shares = np.concatenate([part, 1 - part.sum(1, keepdims=True)], 1)
    corners = triangles.simplices[found[inside]]
    mask = inside.reshape(SIDE, SIDE).astype(np.float32)
    soft = np.maximum(cv2.GaussianBlur(mask, (0, 0), 1.3), 1e-3)
    maps = np.zeros((2, SIDE * SIDE), np.float32)
    rows = np.zeros((len(data["x"]), int(inside.sum())), np.float32)
    for i, (crop, points) in enumerate(zip(data["x"], data["points"], strict=True)):
        maps[:, inside] = np.einsum("nk,nkd->dn", shares, points[corners][..., :2])
        there = cv2.remap(crop, *maps.reshape(2, SIDE, SIDE), cv2.INTER_LINEAR)
        smooth = cv2.GaussianBlur(there.astype(np.float32) * mask, (0, 0), 1.3) / soft
        value = np.log(smooth[mask > 0] + 10)
        value -= value.mean()
        rows[i] = value * (0.33 / max(float(value.std()), 0.2))  # pictures of like contrast
    return rows, inside


def without_coarse(light: Floats, inside: NDArray[np.bool_]) -> Floats:
    """The same without most of what is coarser than a fold."""
    mask = inside.astype(np.float64)
    soft = np.maximum(cv2.GaussianBlur(mask, (0, 0), COARSE), 1e-3)
    coarse = [mask * cv2.GaussianBlur(one * mask, (0, 0), COARSE) / soft for one in light]
    return np.asarray(light - COARSE_SHARE * np.stack(coarse), np.float64)


def fit_mouth(data: dict[str, Any], entries: Floats, other: NDArray[np.int64]) -> Floats:
    """(k + 5, rows, columns) logarithm of the brightness between the lips."""
    upper = list(mesh.INNER_LIPS[:11])
    lower = [mesh.INNER_LIPS[0], *mesh.INNER_LIPS[:10:-1], mesh.INNER_LIPS[10]]
    at = np.linspace(0.06, 0.94, MOUTH_COLUMNS) * 10
    down = np.linspace(0.06, 0.94, MOUTH_ROWS)[:, None, None]
    inputs, outputs = [], []
    for i, front in enumerate(data["frontal"]):
        gap = float(front[14, 1] - front[13, 1])
        if gap <= OPEN_MOUTH:
            continue
        width = abs(float(front[308, 0] - front[78, 0]))
        points = data["points"][i, :, :2]
        edges = [
            np.stack([np.interp(at, range(11), points[edge, axis]) for axis in (0, 1)], 1)
            for edge in (upper, lower)
        ]
        places = (edges[0] + (edges[1] - edges[0]) * down).astype(np.float32)
        crop = data["x"][i]
        seen = cv2.remap(crop, places[..., 0], places[..., 1], cv2.INTER_LINEAR).astype(np.float64)
        side = len(crop)
        face = crop[side // 3 : 2 * side // 3, side // 3 : 2 * side // 3].mean()
        inputs.append(np.concatenate([entries[i], mouth_features(gap, width)]))
        outputs.append(np.log((seen + 12) / (face + 12)).ravel())
    a, b = np.array(inputs), np.array(outputs)
    penalty = np.full(a.shape[1], PENALTY_MOUTH)
    penalty[entries.shape[1] :] = 0.3
    penalty[-1] = 1e-6
    solved = np.linalg.solve(a.T @ a + np.diag(penalty), a.T @ b)
    result = solved.reshape(-1, MOUTH_ROWS, MOUTH_COLUMNS)
    both = np.concatenate([other, np.arange(len(other), len(result))])
    return np.asarray((result + result[both][:, :, ::-1]) / 2)


def donor_meshes(path: Path | None) -> dict[str, Floats]:
    """Points of the donors that ship, by the hash of their file."""
    if path is None:
        return {}
    points = np.load(path)
    return {
        str(donor.record["sha256"]): points[donor.name].astype(np.float64)
        for donor in load(EMBEDDED_FOLDER)
        if donor.name in points
    }


if __name__ == "__main__":
    main()
