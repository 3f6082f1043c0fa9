"""Part packed clips by person: nobody who is measured on has been trained on.

    python -m framework_training.fomm.split A.safetensors --names A.json --held-out 0.2 --out DIR

Clips are compared by dlib's face embedding (Davis King, 2017) and joined where it says the same
person; every frame of a person falls on one side. This needs no name and stores none: the numbers
in the result count clusters. Stills go to the training side.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, ComponentError, MediaError, UserError
from framework_training.fomm.landmarks import INSTALL_DLIB, dlib_model
from framework_training.fomm.pack import Pack, load_pack, save_pack

SAME_PERSON = 0.5
"""Clips whose mean embeddings are closer than this are joined. dlib's own threshold for pictures is
0.6; between means of several frames strangers come no closer than about 0.5 either, and joining two
strangers costs less than parting one person."""

FRAMES_PER_CLIP = 6


class FaceEmbedder:
    """dlib's 128 numbers of a face whose landmarks are known."""

    def __init__(self) -> None:
        try:
            import dlib
        except ImportError as error:
            raise ComponentError(
                f"dlib can't be imported ({error}), it tells persons apart: {INSTALL_DLIB}"
            ) from None
        self._dlib = dlib
        self._network = dlib.face_recognition_model_v1(
            str(dlib_model("dlib_face_recognition_resnet_model_v1.dat"))
        )

    def embed(self, bgr: NDArray[np.uint8], landmarks: NDArray[np.floating]) -> NDArray[np.float64]:
        """(128,) for a picture and its (68 or 70, 2) landmarks in pixels."""
        points = [self._dlib.point(round(float(x)), round(float(y))) for x, y in landmarks[:68]]
        low, high = landmarks[:68].min(0), landmarks[:68].max(0)
        box = self._dlib.rectangle(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
        shape = self._dlib.full_object_detection(box, self._dlib.points(points))
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        return np.array(self._network.compute_face_descriptor(rgb, shape))


def embed_clips(pack: Pack) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The group numbers of the clips, and for each (128,) the mean over a few of its frames."""
    embedder = FaceEmbedder()
    groups = np.unique(pack.group[~pack.still])
    means = []
    for group in groups:
        rows = np.flatnonzero(pack.group == group)
        chosen = rows[np.linspace(0, len(rows) - 1, FRAMES_PER_CLIP).astype(int)]
        values = [embedder.embed(pack.picture(int(i)), pack.landmarks[int(i)]) for i in chosen]
        means.append(np.mean(values, axis=0))
    return groups.astype(np.int64), np.array(means).reshape(len(groups), -1)


def cluster(embeddings: NDArray[np.float64], threshold: float = SAME_PERSON) -> NDArray[np.int64]:
    """(n,) person numbers: single linkage, so that a chain of alike clips is one person."""
    person = np.arange(len(embeddings))
    for i in range(len(embeddings)):
        distance = np.linalg.norm(embeddings[:i] - embeddings[i], axis=1)
        for j in np.flatnonzero(distance < threshold):
            person[person == person[i]] = person[j]
    return np.unique(person, return_inverse=True)[1].astype(np.int64)


def choose_held_out(person: NDArray[np.int64], share: float, seed: int) -> set[int]:
    """About ``share`` of the persons, at least one, never all; drawn by ``seed``."""
    people = np.unique(person)
    if len(people) < 2:
        raise MediaError("all clips show one person: there is nobody left to measure on")
    count = min(len(people) - 1, max(1, round(share * len(people))))
    return {int(p) for p in np.random.default_rng(seed).permutation(people)[:count]}


def merge(packs: Sequence[Pack]) -> Pack:
    """One pack of several; groups are counted on, persons are kept apart."""
    sizes = {(p.size, p.teacher) for p in packs}
    if len(sizes) != 1:
        raise MediaError(f"packs of different size or teacher can't be joined: {sorted(sizes)}")
    jpeg, offset, group, person = [], [np.zeros(1, np.int64)], [], []
    byte, groups, people = 0, 0, 0
    for pack in packs:
        jpeg.append(pack.jpeg)
        offset.append(pack.offset[1:] + byte)
        group.append(pack.group + groups)
        person.append(np.where(pack.person >= 0, pack.person + people, -1))
        byte += len(pack.jpeg)
        groups += int(pack.group.max()) + 1
        people += max(0, int(pack.person.max()) + 1)
    return Pack(
        np.concatenate(jpeg),
        np.concatenate(offset),
        np.concatenate([p.landmarks for p in packs]),
        np.concatenate(group).astype(np.int32),
        np.concatenate([p.still for p in packs]),
        np.concatenate(person).astype(np.int32),
        packs[0].size,
        packs[0].teacher,
    )


def take(pack: Pack, rows: NDArray[np.int64]) -> Pack:
    """The given rows, in their order."""
    parts = [pack.jpeg[pack.offset[i] : pack.offset[i + 1]] for i in rows]
    return Pack(
        np.concatenate(parts),
        np.cumsum([0, *(len(part) for part in parts)]).astype(np.int64),
        pack.landmarks[rows],
        pack.group[rows],
        pack.still[rows],
        pack.person[rows],
        pack.size,
        pack.teacher,
    )


def with_persons(pack: Pack, person_of_group: dict[int, int]) -> Pack:
    """The same pack with the persons filled in; -1 where a group has none."""
    person = np.array([person_of_group.get(int(g), -1) for g in pack.group], np.int32)
    return Pack(
        pack.jpeg,
        pack.offset,
        pack.landmarks,
        pack.group,
        pack.still,
        person,
        pack.size,
        pack.teacher,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m framework_training.fomm.split")
    parser.add_argument("packs", type=Path, nargs="+")
    parser.add_argument("--names", type=Path, nargs="*", default=[], help="of training.pack")
    parser.add_argument(
        "--still-person",
        metavar="REGEX",
        help="stills whose names agree in the first group of this expression are of one person in "
        "one light: true pairs",
    )
    parser.add_argument("--held-out", type=float, default=0.2, help="share of the persons")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="folder for the two packs")
    options = parser.parse_args(arguments)
    try:
        pack = merge([load_pack(path) for path in options.packs])
        names = [name for path in options.names for name in json.loads(path.read_text())]
        groups, embeddings = embed_clips(pack)
        person = cluster(embeddings)
        held = choose_held_out(person, options.held_out, options.seed)
        of_group = {int(g): int(p) for g, p in zip(groups, person, strict=True)}
        is_held = np.isin(pack.group, [g for g, p in of_group.items() if p in held])
        if options.still_person:
            number: dict[str, int] = {}
            for group, name in enumerate(names):
                found = re.search(options.still_person, name)
                if group not in of_group and found:
                    key = found.group(1)
                    of_group[group] = len(person) + number.setdefault(key, len(number))
        pack = with_persons(pack, of_group)
        save_pack(take(pack, np.flatnonzero(~is_held)), options.out / "train.safetensors")
        save_pack(take(pack, np.flatnonzero(is_held)), options.out / "held-out.safetensors")
        clips = {int(g): int(of_group[int(g)]) for g in groups}
        record = [
            {"group": g, "person": p, "held_out": p in held, "file": dict(enumerate(names)).get(g)}
            for g, p in clips.items()
        ]
        (options.out / "split.json").write_text(json.dumps(record, indent=0))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    print(f"{len(groups)} clips of {person.max() + 1} persons, {len(held)} persons held out")
    return 0


if __name__ == "__main__":
    sys.exit(main())
