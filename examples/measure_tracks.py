"""How many faces the tracks hold, and how much of the picture they cover for nothing.

    python examples/measure_tracks.py VIDEO [--truth VIDEO.json] [--every 5]
    python examples/measure_tracks.py VIDEO --detector retinaface:size=1920 --detector centerface

Without a truth, a known face is one that two of the given detectors agree on. ``--truth`` takes the
file that ``python -m tests.resolve.compositions FOLDER`` writes beside each of its recordings.

Recall: a known face counts as held if nine tenths of what is visible of it lie in the boxes of the
tracks, grown by 15 % on each side (every anonymizer covers more than that). Needless: the share of
the picture inside our boxes, grown by 30 %, that lies in no known head (with a truth) or in no face
of any detector (without), grown by 35 %. Each figure is given for the tracks as they are and for
the same detections resolved without the pictures, in one run. Time is processor time in that run:
everything the first pass does for detecting and tracking, by what detecting alone takes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from framework import BuildContext, Frame, Kind, Registry
from framework.boxes import iou
from framework.media import open_reader
from framework.resolve import ObservationLog, PictureWatch, ResolveOptions, resolve
from framework.table import RowState, TrackTable

Boxes = NDArray[np.float64]
SMALL_PX = 20
"""Faces are counted apart up to this height, pixels of the recording."""
RECALL_GROWN, NEEDLESS_GROWN, HEAD_GROWN = 0.15, 0.3, 0.35
HELD = 0.9
AGREE_IOU = 0.4
CELL = 4
"""Areas are counted in cells of so many pixels."""


@dataclass(frozen=True)
class Known:
    """A face that must be held: its box, what it is counted under, whose it is (-1: unknown)."""

    xyxy: tuple[float, ...]
    kind: str
    person: int = -1


@dataclass
class Scene:
    """What is known of the recording, frame by frame.

    Attributes:
        faces: that must be held; None in frames that were not looked at.
        heads: boxes that are rightly covered, (n, 4).
        changes: (first, last) frames of changes of shot, if known.
    """

    faces: list[list[Known] | None] = field(default_factory=list)
    heads: list[Boxes] = field(default_factory=list)
    changes: list[tuple[int, int]] | None = None


def of_truth(path: Path) -> Scene:
    """From the file beside a composition."""
    body = json.loads(path.read_text())
    scene = Scene(changes=[(int(a), int(b)) for a, b in body["changes"]])
    for frame in body["frames"]:
        known, heads = [], []
        for face in frame:
            heads.append(face["head"])
            if face["xyxy"] is None:
                continue
            heads.append(face["xyxy"])
            if face["visible"] >= 0.3:
                height = face["xyxy"][3] - face["xyxy"][1]
                small = f", up to {SMALL_PX} px" if height <= SMALL_PX else ""
                known.append(Known(tuple(face["shown"]), face["kind"] + small, face["person"]))
        scene.faces.append(known)
        scene.heads.append(np.array(heads, np.float64).reshape(-1, 4))
    return scene


def of_detectors(frames: Sequence[Frame], detectors: Sequence[Any], every: int) -> Scene:
    """What several detectors see: agreed faces must be held, all of them may be covered."""
    scene = Scene()
    for frame in frames:
        if frame.index % every:
            scene.faces.append(None)
            scene.heads.append(np.zeros((0, 4)))
            continue
        found = [d.detect([frame])[0].xyxy.astype(np.float64) for d in detectors]
        known: list[Known] = []
        for number, boxes in enumerate(found):
            others = [b for k, b in enumerate(found) if k != number]
            for box in boxes:
                agreed = any(_overlap(box, other) >= AGREE_IOU for other in others)
                if agreed and _overlap(box, np.array([k.xyxy for k in known])) < AGREE_IOU:
                    small = box[3] - box[1] <= SMALL_PX
                    known.append(Known(tuple(box), f"up to {SMALL_PX} px" if small else "larger"))
        scene.faces.append(known)
        scene.heads.append(np.concatenate([np.zeros((0, 4)), *found]))
    return scene


def _overlap(box: Boxes, others: Boxes) -> float:
    if not len(others):
        return 0.0
    return float(iou(box[None].astype(np.float32), others.astype(np.float32)).max())


def grown(boxes: Boxes, share: float) -> Boxes:
    margin = (boxes[:, 2:] - boxes[:, :2]) * share
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], axis=1)


def drawn(boxes: Boxes, width: int, height: int, cell: int) -> NDArray[np.bool_]:
    """Cells of the picture whose boxes these are."""
    mask = np.zeros((height // cell, width // cell), bool)
    for left, top, right, bottom in np.rint(np.maximum(boxes, 0) / cell).astype(int).tolist():
        mask[top:bottom, left:right] = True
    return mask


@dataclass(frozen=True)
class Figures:
    """Of one table.

    Attributes:
        recall: (held, all) by kind.
        needless: mean share of the picture.
        over: share of frames with more than a fifth of it.
        most: the largest share.
        switches: how often the nearest track of a person changed within a shot.
        followed_s, blind_s: face-seconds followed in the picture, and covered by rule alone.
    """

    recall: dict[str, tuple[int, int]]
    needless: float
    over: float
    most: float
    switches: int
    followed_s: float
    blind_s: float


def measure(table: TrackTable, scene: Scene) -> Figures:
    """Recall, needless area and changes of identity."""
    width, height = table.width, table.height
    held: dict[str, list[int]] = {}
    needless, number, switches = [], {}, 0
    for index, faces in enumerate(scene.faces):
        if faces is None:
            continue
        tracks = table.tracks_at(index)
        boxes = tracks.xyxy.astype(np.float64)
        wide = drawn(grown(boxes, NEEDLESS_GROWN), width, height, CELL)
        free = drawn(grown(scene.heads[index], HEAD_GROWN), width, height, CELL)
        needless.append(float((wide & ~free).mean()))
        if any(first <= index <= last + 1 for first, last in scene.changes or []):
            number = {}
        cover = drawn(grown(boxes, RECALL_GROWN), width, height, 1) if faces else None
        for face in faces:
            assert cover is not None
            low = np.clip(np.floor(face.xyxy[:2]), 0, [width, height]).astype(int)
            high = np.clip(np.ceil(face.xyxy[2:]), 0, [width, height]).astype(int)
            part = cover[low[1] : high[1], low[0] : high[0]]
            count = held.setdefault(face.kind, [0, 0])
            count[0] += not part.size or bool(part.mean() >= HELD)
            count[1] += 1
            track = _nearest(face, boxes, tracks)
            if track is not None and face.person >= 0:
                switches += number.get(face.person, track) != track
                number[face.person] = track
    duration = table.frame_duration_s[table.frame]
    share = np.array(needless)
    return Figures(
        {kind: (a, b) for kind, (a, b) in sorted(held.items())},
        float(share.mean()),
        float((share > 0.2).mean()),
        float(share.max()),
        switches,
        float(duration[table.state == RowState.FOLLOWED].sum()),
        float(duration[table.state == RowState.CARRIED].sum()),
    )


def _nearest(face: Known, boxes: Boxes, tracks: Any) -> int | None:
    """The track that a detector put on this face."""
    if not len(boxes) or not tracks.observed.any():
        return None
    middle = (np.array(face.xyxy[:2]) + face.xyxy[2:]) / 2
    away = np.hypot(*((boxes[:, :2] + boxes[:, 2:]) / 2 - middle).T)
    away[~tracks.observed] = np.inf
    best = int(away.argmin())
    height = face.xyxy[3] - face.xyxy[1]
    return int(tracks.track_id[best]) if away[best] < 0.4 * height else None


@dataclass
class Analysed:
    """The tracks with and without the pictures, and what they cost."""

    tables: dict[str, TrackTable]
    changes: list[tuple[int, int]]
    refused: int
    detect_s: float
    watch_s: float


def analyse(path: Path, options: dict[str, Any], threads: int) -> tuple[Analysed, list[Frame]]:
    """The first pass of a run, in one thread, with its time apart."""
    registry, context = Registry.load(), BuildContext(threads=threads, device="cpu")
    detector = registry.create(Kind.DETECTOR, "retinaface", options, context)
    tracker = registry.create(Kind.TRACKER, "bytetrack", {}, context)
    chosen = ResolveOptions()
    watch, frames = PictureWatch(chosen, detector), []
    plain, full = ObservationLog(), ObservationLog()
    other = registry.create(Kind.TRACKER, "bytetrack", {}, context)
    spent = {"detect": 0.0, "watch": 0.0}
    with open_reader(path, threads=1) as reader:
        for frame in reader:
            frames.append(frame)
            start = time.process_time()
            found = detector.detect([frame])[0]
            plain.append(frame, other.update(frame, found), found)
            middle = time.process_time()
            more = watch.look(frame, found)
            watch.add(frame, more)
            spent["detect"] += middle - start
            spent["watch"] += time.process_time() - middle
            full.append(frame, tracker.update(frame, more), more)
        size = (reader.info.width, reader.info.height, reader.duration_s)
    sightings = watch.finish()
    resolution = resolve(full, *size, chosen, sightings=sightings)
    tables = {"by rule alone": resolve(plain, *size, chosen).table, "now": resolution.table}
    changes = [(c.start, c.end) for c in sightings.changes]
    analysed = Analysed(tables, changes, len(resolution.refused), spent["detect"], spent["watch"])
    return analysed, frames


def parsed(text: str) -> tuple[str, dict[str, Any]]:
    """``NAME:option=value,option=value``."""
    name, _, rest = text.partition(":")
    pairs = (p.split("=", 1) for p in rest.split(",") if p)
    return name, {key: json.loads(value) for key, value in pairs}


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall and needless area of the tracks.")
    parser.add_argument("video", type=Path)
    parser.add_argument("--truth", type=Path, help="what is known of it, as compositions write it")
    parser.add_argument(
        "--detector",
        action="append",
        default=[],
        metavar="NAME[:OPTION=VALUE,...]",
        help="judges; default: retinaface at 960 and 1920, and centerface if it is installed",
    )
    parser.add_argument("--every", type=int, default=5, help="judge every so many frames")
    parser.add_argument("--size", type=int, default=960, help="detector.size of the run")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    analysed, frames = analyse(options.video, {"size": options.size}, options.threads)
    if options.truth is not None:
        scene = of_truth(options.truth)
    else:
        registry, context = Registry.load(), BuildContext(threads=options.threads, device="cpu")
        given = options.detector or ["retinaface", "retinaface:size=1920"]
        if not options.detector and any(
            c.spec.name == "centerface" for c in registry.of_kind(Kind.DETECTOR)
        ):
            given.append("centerface")
        if len(given) < 2:
            parser.error("two detectors are needed to agree; give --detector twice")
        judges = [registry.create(Kind.DETECTOR, *parsed(text), context) for text in given]
        scene = of_detectors(frames, judges, options.every)
    print(f"{options.video.name}: {len(frames)} frames, changes of shot {analysed.changes}")
    if scene.changes is not None:
        print(f"known changes of shot: {scene.changes}")
    for name, table in analysed.tables.items():
        figures = measure(table, scene)
        recall = ", ".join(f"{kind} {a}/{b}" for kind, (a, b) in figures.recall.items())
        print(
            f"{name}: held {recall or 'no known face'}; needless {100 * figures.needless:.2f} % "
            f"of the picture, at most {100 * figures.most:.0f} %, over 20 % in "
            f"{100 * figures.over:.0f} % of the frames; followed {figures.followed_s:.1f} s, "
            f"by rule {figures.blind_s:.1f} s"
            + (f"; identity switches {figures.switches}" if options.truth else "")
        )
    ratio = (analysed.detect_s + analysed.watch_s) / analysed.detect_s
    print(
        f"refused detections {analysed.refused}; processor time {ratio:.2f} times that of "
        f"detecting and tracking alone ({analysed.detect_s:.1f} s)"
    )


if __name__ == "__main__":
    main()
