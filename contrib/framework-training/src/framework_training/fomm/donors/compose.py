"""Compose the donor faces that ship, from portraits whose sitters consented.

``python -m framework_training.fomm.donors.compose london_consented.tar --output DIRECTORY``

The source is the Face Research Lab London Set (DeBruine and Jones, CC BY 4.0): frontal portraits in
even light before an even background. ``recipes.py`` says who takes part in which donor. Each is
made of eight or nine faces, and of five or six people's hair, ears and neck:

1. 68 landmarks of each portrait (dlib; needed for this program only) and their mean shape after a
   Procrustes alignment. A thin-plate spline moves each face onto it, so that features coincide.
2. Outline and hairline of each head (``hair.py``). The same splines move hair onto their means.
3. Laplacian pyramids (``mixing.py``): the coarse bands, which carry complexion, shading and
   proportion, are means. A mean of fine bands would be a blur, so there each part of the face is
   taken from another member, the one whose part lies nearest to the mean, and crown, both sides of
   the hair, both ears and the neck from others again.
4. The alpha matte is that of the mean outline, and fades out below the chin.

``donors.json`` records who gave what and how near the nearest member is to a face recogniser, next
to the source ids, licence and attribution.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from framework_fomm.donors.store import BACKGROUND, FORMAT, INDEX, read_index
from numpy.typing import NDArray

from framework_training.fomm.donors.matte import background_matte, wall_distance
from framework_training.fomm.donors.mixing import Aligned, Portrait, align, mix
from framework_training.fomm.donors.recipes import RECIPES, Recipe
from framework_training.fomm.donors.shape import FACE

SIZE = 384
LICENCE = "CC-BY-4.0"
ATTRIBUTION = (
    "Composite of portraits from the Face Research Lab London Set, Lisa DeBruine and "
    "Benedict Jones, doi 10.6084/m9.figshare.5047666, CC BY 4.0"
)


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


def over_background(bgra: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The opaque picture (h, w, 3) that a viewer, and the network, gets to see."""
    alpha = bgra[..., 3:].astype(np.float32) / 255
    opaque = bgra[..., :3] * alpha + np.array(BACKGROUND, np.float32) * (1 - alpha)
    return np.round(opaque).astype(np.uint8)


def portrait(identity: str, bgr: NDArray[np.uint8], finder: LandmarkFinder) -> Portrait:
    """Everything that is known of a sitter's picture."""
    wall = wall_distance(bgr)
    return Portrait(identity, bgr, background_matte(wall), wall, finder.points(bgr))


def choose_detail(aligned: Aligned, recipe: Recipe, excluded: set[str]) -> dict[str, str]:
    """Whose fine bands each region shows: in the face the nearest to the mean, each used once.

    Eyes, brows, nose and mouth, which a recogniser weighs most, are not taken from sitters in
    ``excluded`` as long as others are left.
    """
    import cv2

    smooth = {i: cv2.GaussianBlur(p, (0, 0), 4) for i, p in aligned.faces.items()}
    centre = np.mean(list(smooth.values()), axis=0)
    taken: dict[str, str] = {}
    for region in FACE:
        weight = aligned.masks[region][..., None]
        free = [i for i in smooth if i not in taken.values() and i not in recipe.coarse_only]
        barred = excluded if region in ("eyes", "brows", "mouth", "nose") else set()
        free = [i for i in free if i not in barred] or free
        misfit = {i: float((weight * (smooth[i] - centre) ** 2).sum()) for i in free}
        taken[region] = min(free, key=misfit.__getitem__)
    return taken | recipe.outside


def compose(
    recipe: Recipe, portraits: Mapping[str, Portrait], finder: LandmarkFinder, attempts: int = 4
) -> tuple[NDArray[np.uint8], dict[str, str], dict[str, float]]:
    """One donor.

    While the recogniser finds the result nearest to a sitter whose detail its face shows, that
    sitter's detail is moved elsewhere; the attempt furthest from its nearest sitter is kept.

    Returns:
        BGRA picture, the sitter whose fine detail each region shows, distance to each member.
    """
    embeddings = {i: finder.embedding(portraits[i].bgr) for i in recipe.sitters}
    outside = dict.fromkeys(recipe.outside.values())
    aligned = align([portraits[i] for i in recipe.faces], [portraits[i] for i in outside], SIZE)
    excluded: set[str] = set()
    best: tuple[float, NDArray[np.uint8], dict[str, str], dict[str, float]] | None = None
    for _ in range(attempts):
        taken = choose_detail(aligned, recipe, excluded)
        bgra = mix(aligned, taken)
        mine = finder.embedding(over_background(bgra))
        distance = {i: float(np.linalg.norm(mine - e)) for i, e in embeddings.items()}
        nearest = min(distance, key=distance.__getitem__)
        if best is None or distance[nearest] > best[0]:
            best = (distance[nearest], bgra, taken, distance)
        if nearest in excluded or nearest not in {taken[region] for region in FACE}:
            break
        excluded.add(nearest)
    assert best is not None
    _, bgra, taken, distance = best
    return bgra, taken, distance


def record(
    name: str, recipe: Recipe, taken: dict[str, str], distances: dict[str, float], png: bytes
) -> dict[str, Any]:
    """The entry of one donor in ``donors.json``."""
    nearest = min(distances, key=distances.__getitem__)
    return {
        "name": name,
        "file": f"{name}.png",
        "sha256": hashlib.sha256(png).hexdigest(),
        "k": len(recipe.sitters),
        "source_ids": list(recipe.sitters),
        "face_mean_of": list(recipe.faces),
        "expression": "neutral",
        "fine_detail_from": taken,
        "nearest_member": {"id": nearest, "dlib_distance": round(distances[nearest], 3)},
        "licence": LICENCE,
        "attribution": ATTRIBUTION,
        "consent": "sitters signed consent for their pictures to be used in research and shared",
    }


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: every donor composed; 2: could not run."""
    import cv2

    parser = argparse.ArgumentParser(
        prog="python -m framework_training.fomm.donors.compose",
        description=(__doc__ or "").split("\n")[0],
    )
    parser.add_argument("archive", type=Path, help="tar of the London set (neutral/ID_03.jpg)")
    parser.add_argument("--output", type=Path, required=True, help="folder for PNG and donors.json")
    parser.add_argument("--only", nargs="*", help="compose only these donors")
    options = parser.parse_args(arguments)
    names = options.only or list(RECIPES)
    wanted = {identity for name in names for identity in RECIPES[name].sitters}
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
        portraits = {i: portrait(i, pictures[i], finder) for i in RECIPES[name].sitters}
        bgra, taken, distances = compose(RECIPES[name], portraits, finder)
        png = cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
        (options.output / f"{name}.png").write_bytes(png)
        entries.append(record(name, RECIPES[name], taken, distances, png))
        print(name, entries[-1]["nearest_member"], taken, flush=True)
    kept = [e for e in read_index(options.output) if e["name"] not in names]
    everything = sorted(kept + entries, key=lambda entry: str(entry["name"]))
    document = {"format": FORMAT, "version": 1, "donors": everything}
    text = json.dumps(document, indent=2) + "\n"
    (options.output / INDEX).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
