"""What the swap keeps and what it hides, measured on your own clips.

    python examples/fomm_report.py CLIP_OR_FOLDER ... --json report.json

Each clip should show one person; people are told apart by file, or by the part of the file name
before the first '-' with ``--person-by-prefix``. Nothing but figures is written.

Self-reconstruction (as in the FOMM paper): the first frame animated by the rest of its own clip;
L1, average keypoint distance (AKD, pixels at 256) and average Euclidean distance of identity
embeddings (AED).

Cross-identity: the clip goes through detector, tracker and swap as in ``framework run``; what
comes out of ``output=scene`` is compared with what went in: mouth, smile, brows and lids over time,
blinks, head pose, emotions at one second, verification against the person and against the donor,
jitter. Pose is how far a head has turned since the clip's first frame, and from its own mean.
``r_`` is a correlation over time, ``gain_`` by how much of the person's movement the result
moves.

``again/``: the same for the original itself, looked at a second time in a crop 8 % larger and a
little beside: how far the landmarks agree with themselves. No swap can score better.

Landmarks and identities are dlib's (pip install dlib-bin face_recognition_models), which no part of
the swap is tuned on at run time; emotions are read by every classifier that is installed.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from framework_fomm.anonymizer import FommAnonymizer
from framework_fomm.crop import Square, extract, square_of_box
from framework_fomm.inference import Animator
from framework_fomm.smoothing import smooth_track
from framework_fomm.weights import load_model
from framework_training.fomm.emotion import EmotionReader, agreement, build_readers
from framework_training.fomm.expression import SIGNALS, signals
from framework_training.fomm.measure import impostor_distances
from framework_training.fomm.recognition import SIZE, Observer, Sight
from framework_training.fomm.series import (
    blinks,
    correlation,
    f1,
    head_rotation,
    interval,
    labels_per_second,
    match_events,
    mean_rotation,
    rotation_error,
    threshold_at,
)
from framework_training.fomm.swapping import embedded_weights, reconstructor
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, FrameworkError, MediaError
from framework.registry import Registry
from framework.spec import BuildContext, Kind
from framework.table import RowState, TrackTable
from framework.types import Frame

SUFFIXES = {".mp4", ".mov", ".mkv", ".avi", ".webm"}
SAME_PERSON = 0.6
"""dlib's own threshold: pictures nearer than this are taken for the same person."""
FALSE_ACCEPT_RATE = 0.001


@dataclass
class Figures:
    """Values as they come in, each with the person it is of."""

    values: dict[str, list[float]] = field(default_factory=dict)
    person: dict[str, list[int]] = field(default_factory=dict)
    blinks: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    labels: dict[str, list[tuple[int, int | None]]] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, person: int, values: Iterable[float | None]) -> None:
        for value in values:
            if value is not None and np.isfinite(value):
                self.values.setdefault(name, []).append(float(value))
                self.person.setdefault(name, []).append(person)

    def report(self) -> dict[str, Any]:
        """Mean, 95 % interval (bootstrap over persons) and n of every figure."""
        result: dict[str, Any] = {
            name: interval(values, self.person[name]) for name, values in self.values.items()
        }
        for name, counts in self.blinks.items():
            hits, misses, alarms = (int(n) for n in np.sum(counts, axis=0))
            result[f"{name}/blinks"] = {
                "f1": f1(hits, misses, alarms),
                "hits": hits,
                "misses": misses,
                "false_alarms": alarms,
            }
        if "self/l1" in result and result["self/l1_copy"]["mean"]:
            share = result["self/l1"]["mean"] / result["self/l1_copy"]["mean"]
            result["self/l1_share_of_copy"] = share
        for name, pairs in self.labels.items():
            result[f"emotion/{name}"] = agreement(pairs)
        result["fallback_reasons"] = self.reasons
        return result


class View:
    """A recording in memory, as ``prepare`` wants it."""

    def __init__(self, frames: list[Frame], table: TrackTable) -> None:
        self._frames, self.table = frames, table

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]:
        return (self._frames[i] for i in sorted(set(indices)))


def read(path: Path, limit: int) -> list[Frame]:
    """The first ``limit`` frames. ``MediaError`` if there are none."""
    import av

    frames = []
    try:
        with av.open(str(path)) as container:
            for index, picture in enumerate(container.decode(video=0)):
                if index == limit:
                    break
                time_s = float(picture.time) if picture.time is not None else index / 25
                bgr = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
                frames.append(Frame(bgr, index, time_s))
    except (av.FFmpegError, OSError, IndexError) as error:
        if not frames:
            raise MediaError(f"can't be decoded ({type(error).__name__})") from None
    return frames


def track(frames: list[Frame], registry: Registry, context: BuildContext) -> TrackTable:
    """The track that is seen longest, alone: the person the clip is of."""
    detector = registry.create(Kind.DETECTOR, "retinaface", {}, context)
    tracker = registry.create(Kind.TRACKER, "bytetrack", {}, context)
    rows: dict[int, list[tuple[int, Any]]] = {}
    for frame, found in zip(frames, detector.detect(frames), strict=True):
        for one in tracker.update(frame, found):
            rows.setdefault(int(one.track_id[0]), []).append((frame.index, one))
    if not rows:
        raise MediaError("no face was found")
    track_id = max(rows, key=lambda t: len(rows[t]))
    mine = rows[track_id]
    unknown = np.full((1, 5, 2), np.nan, np.float32)
    return TrackTable(
        frames[0].width,
        frames[0].height,
        np.array([f.time_s for f in frames]),
        frames[-1].time_s + 0.04,
        np.array([i for i, _ in mine], np.int64),
        np.full(len(mine), track_id, np.int64),
        np.concatenate([t.xyxy for _, t in mine]),
        np.concatenate([t.score for _, t in mine]),
        np.concatenate([unknown if t.landmarks is None else t.landmarks for _, t in mine]),
        np.array(
            [RowState.DETECTED if t.observed[0] else RowState.CARRIED for _, t in mine], np.int8
        ),
    )


def steady_crops(
    frames: list[Frame], table: TrackTable, side: int
) -> tuple[list[NDArray[np.uint8]], list[Square]]:
    """Crops of the head in every row of the table, and where they lie."""
    raw = [square_of_box(box) for box in table.xyxy]
    smooth = smooth_track(
        np.array([(s.x, s.y, s.side, s.angle) for s in raw]), table.time_s[table.frame]
    )
    squares = [Square(*(float(v) for v in row)) for row in smooth]
    crops = [
        extract(frames[int(i)].bgr, s, side) for i, s in zip(table.frame, squares, strict=True)
    ]
    return crops, squares


def self_reconstruction(
    person: int,
    frames: list[Frame],
    table: TrackTable,
    animator: Animator,
    seen: Observer,
    figures: Figures,
) -> None:
    """L1, AKD and AED of a clip animated by itself, and L1 and AKD of the unmoved first frame."""
    crops, _ = steady_crops(frames, table, animator.size)
    whole = np.full(crops[0].shape[:2], 255, np.uint8)
    source = animator.encode(crops[0], whole, None)
    made: list[NDArray[np.uint8]] = []
    for start in range(0, len(crops), 8):
        keypoints, _ = animator.keypoints(np.stack(crops[start : start + 8]))
        made += list(animator.render(source, keypoints)[0])
    truth = np.stack(crops).astype(np.float32)
    figures.add("self/l1", person, np.abs(np.stack(made) - truth).mean((1, 2, 3)) / 255)
    figures.add("self/l1_copy", person, np.abs(truth[:1] - truth).mean((1, 2, 3)) / 255)
    before, after = seen.look(crops), seen.look(made)
    gap = np.linalg.norm(after.landmarks - before.landmarks, axis=-1).mean(1)
    still = np.linalg.norm(before.landmarks[:1] - before.landmarks, axis=-1).mean(1)
    figures.add("self/akd_px", person, gap)
    figures.add("self/akd_copy_px", person, still)
    figures.add("self/aed", person, np.linalg.norm(after.embedding - before.embedding, axis=1))


def cross_identity(
    person: int,
    frames: list[Frame],
    table: TrackTable,
    swap: FommAnonymizer,
    seen: Observer,
    readers: list[EmotionReader],
    figures: Figures,
    threshold: float | None,
) -> None:
    """The clip as ``framework run`` would swap it, against the clip as it was."""
    swap.prepare(View(frames, table))
    tracks = [table.tracks_at(frame.index) for frame in frames]
    pictures: list[NDArray[np.uint8]] = []
    for start in range(0, len(frames), 8):
        part = slice(start, start + 8)
        pictures += swap.anonymize_batch(frames[part], tracks[part])
    masked = {event.index: event.detail for event in swap.drain_events()}
    for reason in masked.values():
        figures.reasons[reason] = figures.reasons.get(reason, 0) + 1
    rows = [int(i) for i in table.frame]
    figures.add("cross/fallback_share", person, [float(i in masked) for i in rows])

    before_crops, squares = steady_crops(frames, table, SIZE)
    after_crops = [extract(pictures[i], s, SIZE) for i, s in zip(rows, squares, strict=True)]
    before, after = seen.look(before_crops), seen.look(after_crops)
    figures.add("cross/face_found", person, after.found.astype(float))
    time_s = table.time_s[table.frame]
    shown = np.array([i not in masked for i in rows])
    _expression("cross", person, before, after, time_s, shown, figures)
    again = [
        extract(
            frames[i].bgr, Square(s.x + 0.01 * s.side, s.y - 0.012 * s.side, 1.08 * s.side), SIZE
        )
        for i, s in zip(rows, squares, strict=True)
    ]
    everywhere = np.ones(len(rows), np.bool_)
    _expression("again", person, before, seen.look(again, embed=False), time_s, everywhere, figures)
    _identity(person, before, after, swap, seen, figures, threshold)
    for reader in readers:
        was = labels_per_second(reader.read(before_crops, before.landmarks), time_s)
        became = labels_per_second(reader.read(after_crops, after.landmarks), time_s)
        pairs = figures.labels.setdefault(reader.name, [])
        pairs += [(label, became.get(second)) for second, label in was.items()]


def _expression(
    kind: str,
    person: int,
    before: Sight,
    after: Sight,
    time_s: NDArray[np.float64],
    shown: NDArray[np.bool_],
    figures: Figures,
) -> None:
    was, became = signals(before.landmarks), signals(after.landmarks)
    became = np.where(shown[:, None], became, np.nan)
    for column, name in enumerate(SIGNALS):
        a, b = was[:, column], became[:, column]
        figures.add(f"{kind}/r_{name}", person, [correlation(a, b)])
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() >= 5 and a[known].std() > 1e-9:
            figures.add(f"{kind}/gain_{name}", person, [np.polyfit(a[known], b[known], 1)[0]])
    lids = SIGNALS.index("lid_opening")
    figures.blinks.setdefault(kind, []).append(
        match_events(blinks(was[:, lids], time_s), blinks(became[:, lids], time_s))
    )
    turned = [
        (head_rotation(a, SIZE), head_rotation(b, SIZE))
        for a, b in zip(before.landmarks, after.landmarks, strict=True)
    ]
    pairs = [
        (a, b)
        for (a, b), ok in zip(turned, shown, strict=True)
        if ok and a is not None and b is not None
    ]
    if pairs:
        rest = pairs[0]
        figures.add(
            f"{kind}/pose_error_deg",
            person,
            (rotation_error(a, rest[0], b, rest[1]) for a, b in pairs[1:]),
        )
        # one frame is a noisy rest; against the mean pose of each, only the turning itself counts
        mean = [mean_rotation([pair[i] for pair in pairs]) for i in (0, 1)]
        figures.add(
            f"{kind}/pose_error_from_mean_deg",
            person,
            (rotation_error(a, mean[0], b, mean[1]) for a, b in pairs),
        )
        # what a head that never turns would score: how far the person's turned
        figures.add(
            f"{kind}/pose_error_unmoved_deg",
            person,
            (rotation_error(a, rest[0], rest[1], rest[1]) for a, _ in pairs[1:]),
        )
    # Jitter: second differences of the landmarks, small on a real head. The original has 1.
    known = before.found & after.found & shown
    run = known[:-2] & known[1:-1] & known[2:]
    if run.sum() >= 5:
        bend = [
            np.linalg.norm(np.diff(sight.landmarks, n=2, axis=0), axis=-1).mean(1)[run].mean()
            for sight in (after, before)
        ]
        figures.add(f"{kind}/jitter_ratio", person, [float(bend[0] / max(bend[1], 1e-9))])


def _identity(
    person: int,
    before: Sight,
    after: Sight,
    swap: FommAnonymizer,
    seen: Observer,
    figures: Figures,
    threshold: float | None,
) -> None:
    donor = next((p.donor for p in swap._people.values() if p.donor is not None), None)
    to_person = np.linalg.norm(after.embedding - before.embedding, axis=1)
    # a result in which no face is found isn't recognised as the person
    accepted = np.where(np.isfinite(to_person), to_person < SAME_PERSON, 0.0)
    figures.add("verification/accepted_as_person", person, accepted)
    figures.add("verification/distance_to_person", person, to_person)
    if threshold is not None:
        accepted = np.where(np.isfinite(to_person), to_person < threshold, 0.0)
        figures.add("verification/accepted_as_person_at_far_0.1%", person, accepted)
    if donor is not None:
        portrait = seen.look([donor.at_size(SIZE)[0]]).embedding
        to_donor = np.linalg.norm(after.embedding - portrait, axis=1)
        figures.add("verification/accepted_as_donor", person, to_donor < SAME_PERSON)
        figures.add("verification/distance_to_donor", person, to_donor)
    half = len(before.embedding) // 2
    self_distance = np.linalg.norm(before.embedding[:half] - before.embedding[-half:], axis=1)
    known = self_distance[np.isfinite(self_distance)]
    figures.add("verification/sanity_person_as_person", person, known < SAME_PERSON)


def files_of(places: list[Path]) -> list[Path]:
    """Video files in the given files and folders, sorted."""
    found = []
    for place in places:
        if not place.exists():
            raise MediaError(f"{place}: no such file or folder")
        inside = place.rglob("*") if place.is_dir() else [place]
        found += [p for p in inside if p.is_file() and p.suffix.lower() in SUFFIXES]
    if not found:
        raise MediaError(f"no video ({', '.join(sorted(SUFFIXES))}) in {places[0]}")
    return sorted(found)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: measured; 2: could not run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--weights", default="embedded", help="as for -o anonymizer.weights")
    parser.add_argument("--frames", type=int, default=150, help="at most so many of each clip")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--person-by-prefix", action="store_true")
    parser.add_argument(
        "--impostors",
        type=Path,
        help="pictures in folders by person, or their tar: verification at a false-accept rate of "
        "0.1 %% too",
    )
    parser.add_argument("--impostor-people", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    figures, skipped = Figures(), 0
    try:
        files = files_of(options.clips)
        registry = Registry.load()
        context = BuildContext(threads=options.threads, device="cpu")
        readers, seen = build_readers(options.threads), Observer()
        chosen = embedded_weights() if options.weights == "embedded" else Path(options.weights)
        itself = reconstructor(load_model(chosen))
        threshold = None
        if options.impostors:
            distances = impostor_distances(options.impostors, seen, options.impostor_people)
            threshold = threshold_at(distances, FALSE_ACCEPT_RATE)
        names = [f.stem.split("-")[0] if options.person_by_prefix else f.stem for f in files]
        people = {name: i for i, name in enumerate(dict.fromkeys(names))}
        for number, (path, name) in enumerate(zip(files, names, strict=True)):
            key = f"report-{name}".encode()  # every person another donor, the same in each run
            swap = registry.create(
                Kind.ANONYMIZER,
                "fomm",
                {"weights": options.weights, "label": False},
                BuildContext(threads=options.threads, device="cpu", key=key),
            )
            try:
                frames = read(path, options.frames)
                table = track(frames, registry, context)
                self_reconstruction(people[name], frames, table, itself, seen, figures)
                cross_identity(people[name], frames, table, swap, seen, readers, figures, threshold)
            except MediaError as error:
                skipped += 1
                print(f"skipped clip {number + 1}: {error}", file=sys.stderr)
            print(f"{number + 1}/{len(files)}", file=sys.stderr, flush=True)
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is missing: pip install dlib-bin face_recognition_models",
              file=sys.stderr)  # fmt: skip
        return EXIT_CANNOT_RUN
    except FrameworkError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    result = {
        "clips": len(files) - skipped,
        "skipped": skipped,
        "persons": len(people),
        "weights": {"file": chosen.name, "sha256": sha256(chosen.read_bytes()).hexdigest()},
        "recogniser": {
            "name": "dlib ResNet",
            "same_person_below": SAME_PERSON,
            "at_false_accept_rate_0.1%": threshold,
        },
        "frames_of_each_clip_at_most": options.frames,
        "hardware": f"{platform.machine()}, {options.threads} threads",
        "figures": figures.report(),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
