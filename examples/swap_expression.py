"""Does the expression survive the swap? On labelled stills and on clips, by any classifiers.

    python examples/swap_expression.py --stills fer2013_val.npz --per-class 110 \\
        --classifier resnet --classifier effnet --output stills.json
    python examples/swap_expression.py --clips clips/ --only 102,103,104,105,106,107,108,109

A still is found, swapped and found again as in ``framework run``; the label is read from the
original and from the swap by the same classifier. Every item has a key of its own, and so another
donor. Of a clip every ``--every``-th frame is swapped and the mean of each second is labelled. What
falls back to the plain mask is counted as not equal.

Stills come from a file with ``x`` (n, 48, 48) pixels and ``votes`` (n, 10) of ten people: the
label is the class most of them chose. Intervals: 95 %, bootstrap over items.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from framework_fomm.absolute.swap import ExpressionSwap, build_expression_swap
from framework_fomm.config import FommOptions
from numpy.typing import NDArray

from framework.alignment import align
from framework.protocols import Detector, EmotionClassifier, Recognizer
from framework.registry import Registry
from framework.spec import BuildContext, Kind
from framework.table import RowState, TrackTable
from framework.types import EMOTIONS, Detections, Frame, Image, Role

ENLARGE = 4  # a still of 48 pixels becomes 192
ROOM = 0.75  # around it, as a share: heads fill these pictures
SPREAD = 7  # one in so many donors is the next: neighbours in the list differ


@dataclass
class Clip:
    """What ``prepare`` gets: frames and their largest face."""

    table: TrackTable
    pictures: list[Frame]

    def frames(self, indices: Any) -> Iterator[Frame]:
        for index in sorted(set(indices)):
            yield self.pictures[index]


def main() -> None:
    """Measure, print, and write JSON if asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stills", type=Path)
    parser.add_argument("--per-class", type=int, default=110)
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--only", default="", help="numbers of the clips, with commas")
    parser.add_argument("--every", type=int, default=3)
    parser.add_argument("--classifier", action="append", default=[], help="NAME or NAME=WEIGHTS")
    parser.add_argument("--recognizer", default="", help="whose match threshold says 'accepted'")
    parser.add_argument("--method", default="expression", choices=("expression", "network"))
    parser.add_argument("--motion", default="full", choices=("full", "normalised", "coarse"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    registry, context = Registry.load(), BuildContext(threads=args.threads, device="cpu")
    detector: Detector = registry.create(Kind.DETECTOR, "retinaface", {}, context)
    classifiers = {}
    for text in args.classifier or ["resnet", "effnet"]:
        name, _, weights = text.partition("=")
        options = {"weights": weights} if weights else {}
        classifiers[text] = registry.create(Kind.EMOTION_CLASSIFIER, name, options, context)
    recognizer = None
    if args.recognizer:
        recognizer = registry.create(Kind.RECOGNIZER, args.recognizer, {}, context)
    swap = make_swap(args.method, registry, context, args.motion)
    report: dict[str, Any] = {}
    if args.stills:
        report["stills"] = stills(args, swap, detector, classifiers, recognizer)
    if args.clips:
        report["clips"] = clips(args, swap, detector, classifiers)
    print(json.dumps(report, indent=1))
    if args.output:
        args.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def make_swap(method: str, registry: Registry, context: BuildContext, motion: str = "full") -> Any:
    """The swap with a key; another item gets another key by :func:`rekey`."""
    keyed = BuildContext(threads=context.threads, device="cpu", key=b"0")
    if method == "network":
        options = {"method": "network", "label": False, "fade_s": 0.0}
        return registry.create(Kind.ANONYMIZER, "fomm", options, keyed)
    return build_expression_swap(
        FommOptions(label=False, fade_s=0.0, motion=motion),  # type: ignore[arg-type]
        keyed,
    )


def rekey(swap: ExpressionSwap, item: int) -> None:
    """A key for this item alone: what was encoded of the donors stays."""
    swap._key = f"item {item}".encode()
    swap.reset()


def stills(
    args: argparse.Namespace,
    swap: Any,
    detector: Detector,
    classifiers: dict[str, EmotionClassifier],
    recognizer: Recognizer | None,
) -> dict[str, Any]:
    """Labels of labelled stills before and after."""
    data = np.load(args.stills)
    votes = data["votes"][:, :7]
    order = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    label = votes.argmax(1)
    rng = np.random.default_rng(0)
    chosen = [rng.permutation(np.flatnonzero(label == k))[: args.per_class] for k in range(7)]
    rows: list[dict[str, Any]] = []
    masked = lost = 0
    cosines = []
    for item, index in enumerate(np.concatenate(chosen).tolist()):
        picture = enlarged(data["x"][index])
        found = largest(detector, picture)
        if found is None:
            lost += 1
            continue
        rekey(swap, item)
        clip = clip_of([picture], [0.0], [found])
        swap.prepare(clip)
        result = swap.anonymize(clip.pictures[0], clip.table.tracks_at(0))
        row: dict[str, Any] = {"label": order[label[index]]}
        if swap.drain_events():
            masked += 1
            after = None
        else:
            after = largest(detector, result)
        for name, one in classifiers.items():
            row[name] = (
                read(one, picture, found),
                None if after is None else read(one, result, after),
            )
        if recognizer is not None and after is not None:
            cosines.append(likeness(recognizer, picture, found, result, after))
        rows.append(row)
    summary = {name: agreement(rows, name) for name in classifiers}
    out: dict[str, Any] = {"n": len(rows), "not_found": lost, "masked": masked, **summary}
    if recognizer is not None:
        threshold = getattr(recognizer, "match_threshold", None)
        out["accepted"] = float(np.mean(np.array(cosines) >= threshold)) if threshold else None
    return out


def clips(
    args: argparse.Namespace,
    swap: Any,
    detector: Detector,
    classifiers: dict[str, EmotionClassifier],
) -> dict[str, Any]:
    """Labels of seconds of clips before and after."""
    only = {f"clip_{int(n):03d}" for n in args.only.split(",") if n}
    rows = []
    for item, path in enumerate(sorted(args.clips.glob("*.mp4"))):
        if only and path.stem not in only:
            continue
        pictures, times = frames_of(path, args.every)
        faces = [largest(detector, picture) for picture in pictures]
        keep = [i for i, face in enumerate(faces) if face is not None]
        pictures, times = [pictures[i] for i in keep], [times[i] for i in keep]
        found = [faces[i] for i in keep]
        rekey(swap, item)
        clip = clip_of(pictures, times, found)
        swap.prepare(clip)
        tracks = [clip.table.tracks_at(i) for i in range(len(pictures))]
        results = [swap.anonymize(f, t) for f, t in zip(clip.pictures, tracks, strict=True)]
        masked = {event.index for event in swap.drain_events()}
        after = [
            None if i in masked else largest(detector, result) for i, result in enumerate(results)
        ]
        for second in sorted({int(t) for t in times}):
            inside = [i for i, t in enumerate(times) if int(t) == second]
            row: dict[str, Any] = {"label": path.stem}
            for name, one in classifiers.items():
                before = mean([read(one, pictures[i], found[i]) for i in inside])
                seen = [read(one, results[i], after[i]) for i in inside if after[i] is not None]
                row[name] = (before, mean(seen))
            rows.append(row)
    return {"seconds": len(rows), **{name: agreement(rows, name) for name in classifiers}}


def mean(rows: list[NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """Mean of probabilities, None of none."""
    return np.mean(rows, axis=0) if rows else None


def frames_of(path: Path, every: int) -> tuple[list[Image], list[float]]:
    """Every so many frames of a clip, and their times."""
    capture = cv2.VideoCapture(str(path))
    rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
    pictures, times, index = [], [], 0
    while True:
        good, frame = capture.read()
        if not good:
            return pictures, times
        if index % every == 0:
            pictures.append(np.asarray(frame, np.uint8))
            times.append(index / rate)
        index += 1


def enlarged(still: NDArray[np.uint8]) -> Image:
    """A small grey still as a picture with room around it."""
    size = ENLARGE * len(still)
    large = cv2.resize(still, (size, size), interpolation=cv2.INTER_CUBIC)
    room = round(ROOM * size / 2)
    wide = cv2.copyMakeBorder(large, room, room, room, room, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(wide, cv2.COLOR_GRAY2BGR), np.uint8)


def largest(detector: Detector, picture: Image) -> Detections | None:
    """The largest face, None without one."""
    found = detector.detect([Frame(picture, 0, 0.0)])[0]
    found = found[found.score >= 0.5]
    if not len(found):
        return None
    size = np.prod(found.xyxy[:, 2:] - found.xyxy[:, :2], axis=1)
    return found[np.arange(len(found)) == int(size.argmax())]


def clip_of(pictures: list[Image], times: list[float], faces: list[Any]) -> Clip:
    """A recording in memory in which one person is seen in each frame."""
    n = len(pictures)
    height, width = pictures[0].shape[:2]
    table = TrackTable(
        width,
        height,
        np.array(times),
        times[-1] + 0.04,
        np.arange(n),
        np.ones(n, np.int64),
        np.concatenate([face.xyxy for face in faces]),
        np.concatenate([face.score for face in faces]),
        np.concatenate([face.landmarks for face in faces]),
        np.full(n, RowState.DETECTED, np.int8),
        roles={1: Role.PATIENT},
    )
    return Clip(
        table, [Frame(p, i, t) for i, (p, t) in enumerate(zip(pictures, times, strict=True))]
    )


def read(one: EmotionClassifier, picture: Image, face: Detections) -> NDArray[np.float64]:
    """(7,) probabilities in the order of :data:`EMOTIONS`."""
    assert face.landmarks is not None
    crop = align(picture, face.landmarks[0], one.input_size, one.crop_scale)
    given = one.classify([crop])[0]
    row = np.zeros(len(EMOTIONS))
    for label, value in zip(one.labels, given, strict=True):
        if label in EMOTIONS:
            row[EMOTIONS.index(label)] = value
    return row


def likeness(
    one: Recognizer, picture: Image, before: Detections, result: Image, after: Detections
) -> float:
    """Cosine of the embeddings of the original and of the swap."""
    assert before.landmarks is not None and after.landmarks is not None
    crops = [
        align(image, face.landmarks[0], one.input_size, one.crop_scale)
        for image, face in ((picture, before), (result, after))
    ]
    a, b = one.embed(crops)
    return float(a @ b)


def agreement(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Equal labels, kappa, recall by class, and agreement with the labels of the items."""
    before = np.array([row[name][0].argmax() for row in rows])
    after = np.array([-1 if row[name][1] is None else row[name][1].argmax() for row in rows])
    equal = before == after
    rng = np.random.default_rng(0)
    draws = [equal[rng.integers(0, len(equal), len(equal))].mean() for _ in range(2000)]
    result: dict[str, Any] = {
        "equal": round(float(equal.mean()), 3),
        "interval": [round(float(q), 3) for q in np.quantile(draws, [0.025, 0.975])],
        "kappa": round(kappa(before, after), 3),
        "recall": {},
    }
    for k, emotion in enumerate(EMOTIONS):
        mine = before == k
        if mine.any():
            result["recall"][emotion] = [round(float(equal[mine].mean()), 2), int(mine.sum())]
    if rows[0]["label"] in EMOTIONS:
        truth = np.array([EMOTIONS.index(row["label"]) for row in rows])
        result["right_before"] = round(float((before == truth).mean()), 3)
        result["right_after"] = round(float((after == truth).mean()), 3)
    return result


def kappa(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Cohen's kappa of two labellings; -1 (masked) is a label that the first never gives."""
    classes = range(-1, len(EMOTIONS))
    both = np.array([[((a == i) & (b == j)).sum() for j in classes] for i in classes], float)
    both /= both.sum()
    chance = float(both.sum(0) @ both.sum(1))
    return float((np.trace(both) - chance) / max(1e-9, 1 - chance))


if __name__ == "__main__":
    main()
