"""Compose the donor faces that ship, from portraits whose sitters consented.

``python -m framework_fomm.donors.compose london_consented.tar --output DIRECTORY``

The source is the Face Research Lab London Set (DeBruine and Jones, CC BY 4.0): frontal portraits in
even light before an even background. Each donor is made of eight adults:

1. 68 landmarks of each portrait (dlib; needed for this program only) and their mean shape after a
   Procrustes alignment.
2. A thin-plate spline moves each portrait onto the mean shape, so that features coincide.
3. Laplacian pyramids: the coarse bands, which carry complexion, shading and proportion, are the
   mean of all eight. A mean of fine bands would be a blur, so there each region (eyes, nose,
   mouth, cheeks, forehead, hair and neck) is taken from one member, each from a different one:
   the one whose region lies nearest to the mean.
4. The alpha matte comes from the difference to the background, and fades out below the chin.

Nobody in the set looks like the result; ``donors.json`` records how near the nearest sitter is to
a face recogniser, next to the source ids, licence and attribution.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework_fomm.crop import square_of_box
from framework_fomm.donors.shape import (
    box_of_shape,
    mean_shape,
    move_onto,
    region_masks,
)
from framework_fomm.donors.store import BACKGROUND, FORMAT, INDEX, read_index

SIZE = 384
LICENCE = "CC-BY-4.0"
ATTRIBUTION = (
    "Composite of portraits from the Face Research Lab London Set, Lisa DeBruine and "
    "Benedict Jones, doi 10.6084/m9.figshare.5047666, CC BY 4.0"
)

BANDS = 6
MEAN_FROM_BAND = 3  # bands from here on are the mean of all members; band k has 2^k pixel detail

# Members are grouped by eye so that complexion and hair go together; ids are those of the set,
# every sitter is used at most once. The first one gives hair, ears and neck.
RECIPES: dict[str, tuple[str, ...]] = {
    "donor-01": ("043", "042", "044", "061", "082", "096", "114", "137"),
    "donor-02": ("126", "006", "025", "038", "062", "064", "099", "129"),
    "donor-03": ("032", "007", "014", "020", "066", "094", "134", "135"),
    "donor-04": ("034", "013", "016", "030", "086", "087", "113", "127"),
    "donor-05": ("142", "005", "024", "036", "045", "067", "115", "119"),
    "donor-06": ("122", "009", "010", "027", "083", "100", "118", "139"),
    "donor-07": ("011", "002", "019", "090", "091", "097", "102", "124"),
    "donor-08": ("107", "003", "039", "081", "112", "120", "136", "144"),
    "donor-09": ("063", "018", "130", "104", "128", "132", "138", "141"),
    "donor-10": ("172", "021", "031", "105", "125", "131", "140", "173"),
    "donor-11": ("108", "017", "037", "070", "101", "103", "117", "121"),
    "donor-12": ("026", "012", "022", "029", "033", "041", "068", "143"),
}


@dataclass(frozen=True)
class Portrait:
    """One sitter: BGR (h, w, 3), its matte (h, w) in [0, 1], landmarks (68, 2) in pixels."""

    identity: str
    bgr: NDArray[np.uint8]
    matte: NDArray[np.float32]
    points: NDArray[np.float64]


def read_portraits(archive: Path, wanted: set[str]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """(identity, BGR) of the neutral portraits with these ids."""
    import cv2

    with tarfile.open(archive) as tar:
        for member in tar:
            identity = Path(member.name).name[:3]
            if member.name.startswith("neutral/") and identity in wanted:
                stream = tar.extractfile(member)
                assert stream is not None
                picture = cv2.imdecode(np.frombuffer(stream.read(), np.uint8), cv2.IMREAD_COLOR)
                yield identity, np.asarray(picture, np.uint8)


class LandmarkFinder:
    """dlib's 68 points; a development dependency (dlib-bin, face_recognition_models)."""

    def __init__(self) -> None:
        import dlib

        # found, not imported: its __init__ wants pkg_resources, which new setuptools lack
        spec = importlib.util.find_spec("face_recognition_models")
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError("face_recognition_models")
        models = Path(spec.origin).parent / "models"
        self._dlib = dlib
        self._detect = dlib.get_frontal_face_detector()
        self._shape = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))
        self._embed = dlib.face_recognition_model_v1(
            str(models / "dlib_face_recognition_resnet_model_v1.dat")
        )

    def _predict(self, bgr: NDArray[np.uint8]) -> tuple[Any, Any]:
        rgb = np.ascontiguousarray(bgr[:, :, ::-1])
        found = self._detect(rgb, 1)
        if len(found) != 1:
            raise ValueError(f"expected one face, found {len(found)}")
        return rgb, self._shape(rgb, found[0])

    def points(self, bgr: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(68, 2) pixels. ``ValueError`` unless exactly one face is found."""
        shape = self._predict(bgr)[1]
        return np.array([[p.x, p.y] for p in shape.parts()], np.float64)

    def embedding(self, bgr: NDArray[np.uint8]) -> NDArray[np.float64]:
        """(128,) descriptor; people differ from about 0.6 on."""
        rgb, shape = self._predict(bgr)
        return np.array(self._embed.compute_face_descriptor(rgb, shape))


def background_matte(bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w) in [0, 1]: how much a pixel differs from the even background, holes filled.

    The background is a quadratic surface fitted to the picture's top and side borders.
    """
    import cv2

    lab = cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    h, w = lab.shape[:2]
    y, x = np.mgrid[:h, :w] / max(h, w)
    basis = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1).reshape(-1, 6)
    border = np.zeros((h, w), bool)
    border[: h // 40] = True
    border[: h // 2, : w // 25] = True
    border[: h // 2, -(w // 25) :] = True
    flat = lab.reshape(-1, 3)
    use = border.reshape(-1)
    for _ in range(4):  # least squares, then again without what turned out to be hair
        fit = np.linalg.lstsq(basis[use], flat[use], rcond=None)[0]
        residual = np.linalg.norm(flat - basis @ fit, axis=1)
        use = border.reshape(-1) & (residual < max(2.5, 2 * float(np.median(residual[use]))))
    distance = residual.reshape(h, w).astype(np.float32)
    soft = np.clip((distance - 5.0) / 9.0, 0, 1)
    solid = (soft > 0.5).astype(np.uint8)
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if count > 1 else 0
    head = (labels == largest).astype(np.uint8)
    # small holes are highlights on skin and hair; large ones are background between strands
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - head)
    for hole in range(1, count):
        if stats[hole, cv2.CC_STAT_AREA] < h * w // 2000:
            head[labels == hole] = 1
    inner = cv2.erode(head, np.ones((5, 5), np.uint8))
    near = cv2.dilate(head, np.ones((5, 5), np.uint8))
    return np.asarray(np.maximum(inner, soft * near), np.float32)


def laplacian_pyramid(image: NDArray[np.float32], bands: int) -> list[NDArray[np.float32]]:
    """``bands`` levels, finest first; the last is the remaining low-pass."""
    import cv2

    levels = []
    for _ in range(bands - 1):
        down = cv2.pyrDown(image)
        up = cv2.pyrUp(down, dstsize=(image.shape[1], image.shape[0]))
        levels.append(np.asarray(image - up, np.float32))
        image = np.asarray(down, np.float32)
    return [*levels, image]


def collapse(levels: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Inverse of :func:`laplacian_pyramid`."""
    import cv2

    image = levels[-1]
    for band in reversed(levels[:-1]):
        image = cv2.pyrUp(image, dstsize=(band.shape[1], band.shape[0])) + band
    return np.asarray(image, np.float32)


@dataclass(frozen=True)
class Aligned:
    """Portraits moved onto their mean shape, ready to be mixed."""

    identities: tuple[str, ...]
    pictures: list[NDArray[np.float32]]  # (size, size, 3) each, BGR
    matte: NDArray[np.float32]  # (size, size), of the first member
    shape: NDArray[np.float64]  # (68, 2)
    masks: dict[str, NDArray[np.float32]]


def align(portraits: list[Portrait], size: int = SIZE) -> Aligned:
    """Warp every member onto the mean shape, framed as every crop is."""
    shape = mean_shape([p.points for p in portraits])
    matrix = square_of_box(box_of_shape(shape)).matrix(size)
    shape = shape @ matrix[:, :2].T + matrix[:, 2]
    pictures = [move_onto(p.bgr.astype(np.float32), p.points, shape, size) for p in portraits]
    matte = move_onto(portraits[0].matte[..., None], portraits[0].points, shape, size)
    return Aligned(
        tuple(p.identity for p in portraits),
        pictures,
        np.clip(matte.reshape(size, size), 0, 1),
        shape,
        region_masks(shape, size),
    )


def choose_detail(aligned: Aligned, excluded: set[str]) -> dict[str, int]:
    """Which member each region's fine bands come from: the nearest to the mean, each used once.

    Eyes, nose and mouth, which a recogniser weighs most, are not taken from sitters in
    ``excluded``. Hair and neck ("outside") are the first member's.
    """
    import cv2

    smooth = [cv2.GaussianBlur(p, (0, 0), 4) for p in aligned.pictures]
    centre = np.mean(smooth, axis=0)
    taken = {"outside": 0}
    for region in ("eyes", "mouth", "nose", "forehead", "cheek-left", "cheek-right"):
        weight = aligned.masks[region][..., None]
        misfit = [float((weight * (s - centre) ** 2).sum()) for s in smooth]
        barred = excluded if region in ("eyes", "mouth", "nose") else set()
        taken[region] = next(
            int(i)
            for i in np.argsort(misfit)
            if int(i) not in taken.values() and aligned.identities[int(i)] not in barred
        )
    return taken


def mix(aligned: Aligned, taken: dict[str, int]) -> NDArray[np.uint8]:
    """(size, size, 4) BGRA, colours not multiplied by alpha and extended beyond the matte."""
    import cv2

    face = 1 - aligned.masks["outside"]
    tone = [np.average(p, axis=(0, 1), weights=face[..., None] + 0 * p) for p in aligned.pictures]
    wanted = np.mean(tone, axis=0)
    pyramids = [laplacian_pyramid(p, BANDS) for p in aligned.pictures]
    # ears, neck and the upper forehead must have the complexion of the mean face
    first = aligned.pictures[0] * (wanted / tone[0]).astype(np.float32)
    outside = laplacian_pyramid(first, BANDS)
    result = []
    for band in range(BANDS):
        height, width = outside[band].shape[:2]
        mean = np.mean([p[band] for p in pyramids], axis=0)
        out = np.zeros_like(mean)
        for region, mask in aligned.masks.items():
            weight = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)[..., None]
            if region == "outside":
                chosen = outside[band]
            else:
                chosen = mean if band >= MEAN_FROM_BAND else pyramids[taken[region]][band]
            out += weight * chosen
        result.append(out.astype(np.float32))
    bgr = collapse(result)
    matte, small = np.maximum(aligned.matte, face), np.ones((3, 3), np.uint8)
    solid = np.asarray(cv2.erode((matte > 0.95).astype(np.float32), small), np.float32)
    alpha = cv2.erode(matte * head_only(aligned.shape, len(bgr)), small)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.0)
    bgr = np.clip(extend_colours(bgr, solid), 0, 255)
    return np.dstack([np.round(bgr), np.round(alpha * 255)]).astype(np.uint8)


def head_only(shape: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """(size, size) in [0, 1]: fades out below the chin and beside the neck, so no clothes show."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    chin = float(shape[8, 1])
    depth = 0.22 * float(chin - shape[27, 1])
    middle = float(shape[[5, 11], 0].mean())
    half = 0.60 * float(shape[12, 0] - shape[4, 0])
    # round like a neckline, deepest in the middle: a straight end would look cut off
    neckline = chin + depth * (1.3 - 0.8 * np.clip(np.abs(x - middle) / half, 0, 1) ** 2)
    below = np.clip((neckline - y) / (0.6 * depth), 0, 1)
    beside = np.clip((half - np.abs(x - middle)) / (0.3 * depth) + 1, 0, 1)
    neck = np.clip((y - float(shape[[5, 11], 1].mean())) / depth, 0, 1)
    return np.asarray(below * (beside * neck + 1 - neck), np.float32)


def extend_colours(bgr: NDArray[np.float32], solid: NDArray[np.float32]) -> NDArray[np.float32]:
    """Carry the head's own colours outwards, so that no light background fringes the matte."""
    import cv2

    result = bgr.copy()
    known = solid.copy()
    for sigma in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0):
        weight = cv2.GaussianBlur(known, (0, 0), sigma)
        colour = cv2.GaussianBlur(result * known[..., None], (0, 0), sigma)
        fill = (known == 0) & (weight > 0.02)
        result[fill] = colour[fill] / weight[fill, None]
        known[fill] = 1.0
    result[known == 0] = BACKGROUND
    return result


def over_background(bgra: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The opaque picture (h, w, 3) that a viewer, and the network, gets to see."""
    alpha = bgra[..., 3:].astype(np.float32) / 255
    opaque = bgra[..., :3] * alpha + np.array(BACKGROUND, np.float32) * (1 - alpha)
    return np.round(opaque).astype(np.uint8)


def compose(
    portraits: list[Portrait], finder: LandmarkFinder, attempts: int = 4
) -> tuple[NDArray[np.uint8], dict[str, str], dict[str, float]]:
    """One donor from its members; the first gives hair and neck.

    While the recogniser finds the result nearest to a sitter whose detail it shows, that sitter's
    detail is replaced; the attempt furthest from its nearest sitter is kept.

    Returns:
        BGRA picture, the sitter whose fine detail each region shows, distance to each member.
    """
    embeddings = {p.identity: finder.embedding(p.bgr) for p in portraits}
    aligned = align(portraits)
    excluded: set[str] = set()
    best: tuple[float, NDArray[np.uint8], dict[str, int], dict[str, float]] | None = None
    for _ in range(attempts):
        taken = choose_detail(aligned, excluded)
        bgra = mix(aligned, taken)
        mine = finder.embedding(over_background(bgra))
        distance = {i: float(np.linalg.norm(mine - e)) for i, e in embeddings.items()}
        nearest = min(distance, key=lambda identity: distance[identity])
        if best is None or distance[nearest] > best[0]:
            best = (distance[nearest], bgra, taken, distance)
        if nearest in excluded or nearest not in {aligned.identities[i] for i in taken.values()}:
            break
        excluded.add(nearest)
    assert best is not None
    _, bgra, taken, distance = best
    return bgra, {region: aligned.identities[i] for region, i in taken.items()}, distance


def record(
    name: str,
    portraits: list[Portrait],
    taken: dict[str, str],
    distances: dict[str, float],
    png: bytes,
) -> dict[str, Any]:
    """The entry of one donor in ``donors.json``."""
    nearest = min(distances, key=lambda identity: distances[identity])
    return {
        "name": name,
        "file": f"{name}.png",
        "sha256": hashlib.sha256(png).hexdigest(),
        "k": len(portraits),
        "source_ids": [p.identity for p in portraits],
        "expression": "neutral",
        "fine_detail_from": taken,
        "nearest_sitter": {"id": nearest, "dlib_distance": round(distances[nearest], 3)},
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
        "consent": "sitters signed consent for their pictures to be used in research and shared",
    }


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: every donor composed; 2: could not run."""
    import cv2

    parser = argparse.ArgumentParser(
        prog="python -m framework_fomm.donors.compose", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("archive", type=Path, help="tar of the London set (neutral/ID_03.jpg)")
    parser.add_argument("--output", type=Path, required=True, help="folder for PNG and donors.json")
    parser.add_argument("--only", nargs="*", help="compose only these donors")
    options = parser.parse_args(arguments)
    names = options.only or list(RECIPES)
    wanted = {identity for name in names for identity in RECIPES[name]}
    try:
        finder = LandmarkFinder()
    except ModuleNotFoundError as error:
        print(
            f"error: {error.name} is missing: pip install dlib-bin face_recognition_models",
            file=sys.stderr,
        )
        return 2
    try:
        pictures = dict(read_portraits(options.archive, wanted))
    except (OSError, tarfile.TarError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    missing = wanted - set(pictures)
    if missing:
        print(f"error: not in the archive: {', '.join(sorted(missing))}", file=sys.stderr)
        return 2
    options.output.mkdir(parents=True, exist_ok=True)
    entries = []
    for name in names:
        portraits = [
            Portrait(i, pictures[i], background_matte(pictures[i]), finder.points(pictures[i]))
            for i in RECIPES[name]
        ]
        bgra, taken, distances = compose(portraits, finder)
        png = cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
        (options.output / f"{name}.png").write_bytes(png)
        entries.append(record(name, portraits, taken, distances, png))
        print(name, entries[-1]["nearest_sitter"], taken, flush=True)
    kept = [e for e in read_index(options.output) if e["name"] not in names]
    everything = sorted(kept + entries, key=lambda entry: str(entry["name"]))
    document = {"format": FORMAT, "version": 1, "donors": everything}
    text = json.dumps(document, indent=2) + "\n"
    (options.output / INDEX).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
