"""Whom the donors look like: does a recogniser find the people a composite was made from?

    python examples/donor_likeness.py london_consented.tar [--recognizer lbp-fisher]

For each embedded donor, the neutral portraits of everybody in the set are ranked by how similar the
recogniser finds them. Members were chosen to go together in sex, age and complexion, so some
likeness to them is chance: how often a member's own nearest other person is a member as well says
how much. A donor that belonged to nobody would reach that rate, and its nearest sitter would be no
nearer than people are to one another. Prints numbers of sitters, never a picture.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from framework import Frame, Kind, Registry
from framework.alignment import align

NEUTRAL = "neutral/"
GREY = 200  # what is seen where a donor is transparent
BORDER = 150  # pixels around a donor, so that its head is framed like a portrait's


def embedding(picture: NDArray[np.uint8], detector: Any, recognizer: Any) -> NDArray[np.float32]:
    """Unit vector of the most certain face in a picture (h, w, 3)."""
    found = detector.detect([Frame(picture, 0, 0.0)])[0]
    best = int(np.argmax(found.score))
    size = getattr(recognizer, "input_size", 112)
    scale = getattr(recognizer, "crop_scale", 1.0)
    crop = align(picture, found.landmarks[best], size, scale)
    return np.asarray(recognizer.embed([crop])[0], np.float32)


def portraits(path: Path) -> dict[str, NDArray[np.uint8]]:
    """Neutral portraits of the tar by the number of their sitter."""
    found = {}
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.startswith(NEUTRAL) and member.isfile():
                data = archive.extractfile(member)
                assert data is not None
                picture = cv2.imdecode(np.frombuffer(data.read(), np.uint8), cv2.IMREAD_COLOR)
                found[Path(member.name).name.split("_")[0]] = np.asarray(picture, np.uint8)
    return found


def on_grey(data: bytes) -> NDArray[np.uint8]:
    """A donor's picture in front of an even background."""
    bgra = np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), np.uint8)
    share = bgra[..., 3:] / 255.0
    flat = (bgra[..., :3] * share + GREY * (1 - share)).astype(np.uint8)
    edges = (BORDER, BORDER, BORDER, BORDER)
    return np.asarray(
        cv2.copyMakeBorder(flat, *edges, cv2.BORDER_CONSTANT, value=(GREY,) * 3), np.uint8
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("portraits", type=Path)
    parser.add_argument("--recognizer", default="lbp-fisher")
    asked = parser.parse_args()
    registry = Registry.load()
    detector = registry.create(Kind.DETECTOR, "retinaface")
    recognizer = registry.create(Kind.RECOGNIZER, asked.recognizer)
    sitters = portraits(asked.portraits)
    names = list(sitters)
    gallery = np.stack([embedding(p, detector, recognizer) for p in sitters.values()])
    folder = resources.files("framework_fomm.donors.embedded")
    records = json.loads((folder / "donors.json").read_text(encoding="utf-8"))["donors"]
    among = gallery @ gallery.T
    np.fill_diagonal(among, -1)
    print("donor      nearest  similarity  a member  of others  detail it gave")
    nearest_is_member, by_chance = 0, []
    for record in records:
        probe = embedding(on_grey((folder / record["file"]).read_bytes()), detector, recognizer)
        similarity = gallery @ probe
        member = np.isin(names, record["source_ids"])
        best = int(np.argmax(similarity))
        gave = [part for part, who in record["fine_detail_from"].items() if who == names[best]]
        nearest_is_member += bool(member[best])
        by_chance += [bool(member[np.argmax(among[i])]) for i in np.flatnonzero(member)]
        print(
            f"{record['name']}   {names[best]:>5}  {similarity[best]:10.3f}  "
            f"{bool(member[best])!s:>8}  {similarity[~member].max():9.3f}  {', '.join(gave)}"
        )
    closest = among.max(axis=1)
    print(
        f"nearest sitter is a member: {nearest_is_member} of {len(records)}; "
        f"for members themselves: {sum(by_chance)} of {len(by_chance)} ({np.mean(by_chance):.0%})"
    )
    print(
        f"nearest other person of a sitter: median {np.median(closest):.3f}, 90 % under "
        f"{np.quantile(closest, 0.9):.3f} ({len(names)} sitters, {asked.recognizer})"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
