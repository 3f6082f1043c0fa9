"""Measure weights on people they weren't trained on: one command, one JSON file.

    python -m framework_training.fomm.measure --clips DIR --split split.json --json OUT

Same person: the first frame of a clip is animated by all of it, as in the FOMM paper. Donor: each
clip drives donors that ship, as the swap does it (relative motion from a neutral frame, One Euro
filter). Landmarks and identities are dlib's.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from framework_fomm.crop import extract
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, MediaError, UserError
from framework_training.fomm.emotion import EmotionReader, agreement, build_readers
from framework_training.fomm.expression import SIGNALS, signals
from framework_training.fomm.framing import square_of_landmarks, squares_between
from framework_training.fomm.media import Skipped, clip_files, read_stills
from framework_training.fomm.recognition import SIZE, Observer, Sight
from framework_training.fomm.series import (
    blinks,
    correlation,
    f1,
    head_rotation,
    interval,
    labels_per_second,
    match_events,
    rotation_error,
    threshold_at,
)
from framework_training.fomm.swapping import Swapper

FALSE_ACCEPT_RATE = 0.001


@dataclass
class Tally:
    """Figures as they come in, each with the person it is of."""

    values: dict[str, list[float]] = field(default_factory=dict)
    person: dict[str, list[int]] = field(default_factory=dict)
    events: dict[str, list[tuple[int, int, int]]] = field(default_factory=dict)
    labels: dict[str, list[tuple[int, int | None]]] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)

    def add(self, name: str, person: int, *values: float | None) -> None:
        """Note values that exist."""
        for value in values:
            if value is not None and np.isfinite(value):
                self.values.setdefault(name, []).append(float(value))
                self.person.setdefault(name, []).append(person)

    def summary(self, name: str) -> dict[str, float | int | None]:
        """Mean and interval of what was noted."""
        return interval(self.values.get(name, []), self.person.get(name, []))


def read_timed(path: Path) -> tuple[list[NDArray[np.uint8]], NDArray[np.float64]]:
    """All frames and their times in seconds, from the container's timestamps."""
    import av

    frames, times = [], []
    try:
        with av.open(str(path)) as container:
            for index, frame in enumerate(container.decode(video=0)):
                frames.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
                times.append(float(frame.time if frame.time is not None else index / 25))
    except (av.FFmpegError, OSError) as error:
        if not frames:
            raise MediaError(f"can't be decoded ({type(error).__name__})") from None
    return frames, np.array(times)


def measure_clip(
    path: Path,
    person: int,
    stride: int,
    donors: Sequence[str],
    swapper: Swapper,
    observer: Observer,
    readers: Sequence[EmotionReader],
    tally: Tally,
) -> None:
    """Everything about one clip, into the tally; raises :class:`MediaError` if it can't be used."""
    frames, time_s = read_timed(path)
    looked = range(0, len(frames), stride)
    found = {i: marks for i in looked if (marks := observer.find(frames[i])) is not None}
    if len(found) < 5:
        raise MediaError(f"a face is seen in {len(found)} frames only")
    points = list(found.values())
    squares = squares_between({i: square_of_landmarks(p) for i, p in found.items()}, len(frames))
    every = [extract(f, s, swapper.size) for f, s in zip(frames, squares, strict=True)]
    shown = list(found)
    small = [every[i] for i in shown]
    crops = [extract(frames[i], squares[i], SIZE) for i in shown]
    driver = observer.look(crops)
    all_times, time_s = time_s, time_s[shown]
    _same_person(person, small, driver, time_s, swapper, observer, tally)
    faces = {reader.name: reader.read(crops, driver.landmarks) for reader in readers}
    reasons = swapper.reasons([frames[i] for i in shown], points)
    tally.add("fallback_view", person, *(float(reason is not None) for reason in reasons))
    nearest = np.abs(np.array(shown) - swapper.rest(every))
    rest = int(nearest.argmin())
    for donor in donors:
        result, usable = swapper.swap(donor, every, all_times, shown)
        tally.add(
            "fallback",
            person,
            *(float(not u or r is not None) for u, r in zip(usable, reasons, strict=True)),
        )
        sight = observer.look(result)
        tally.add("donor/face_found", person, *sight.found.astype(float))
        _motion("donor", person, driver, sight, time_s, tally, rest=rest)
        own = swapper.portrait_sight(donor, observer)
        _identity(person, driver, sight, own, tally)
        for reader in readers:
            after = reader.read(result, sight.landmarks)
            before = labels_per_second(faces[reader.name], time_s)
            labels = labels_per_second(after, time_s)
            pairs = tally.labels.setdefault(reader.name, [])
            pairs += [(label, labels.get(second)) for second, label in before.items()]


def _same_person(
    person: int,
    small: list[NDArray[np.uint8]],
    driver: Sight,
    time_s: NDArray[np.float64],
    swapper: Swapper,
    observer: Observer,
    tally: Tally,
) -> None:
    made = swapper.reconstruct(small)
    truth = np.stack(small).astype(np.float32) / 255
    picture = np.stack(made).astype(np.float32) / 255
    tally.add("l1", person, *np.abs(picture - truth).mean((1, 2, 3)))
    tally.add("l1_copy", person, *np.abs(truth[:1] - truth).mean((1, 2, 3)))
    sight = observer.look(made)
    gap = np.linalg.norm(sight.landmarks - driver.landmarks, axis=-1)  # (n, 68) pixels at 256
    tally.add("keypoint_distance", person, *gap.mean(1))
    tally.add("keypoint_distance_eyes", person, *gap[:, 36:48].mean(1))
    tally.add("keypoint_distance_mouth", person, *gap[:, 48:].mean(1))
    copied = np.linalg.norm(driver.landmarks[:1] - driver.landmarks, axis=-1)
    tally.add("keypoint_distance_copy", person, *copied.mean(1))
    apart = np.linalg.norm(sight.embedding - driver.embedding, axis=1)
    tally.add("identity_distance", person, *apart)
    _motion("same", person, driver, sight, time_s, tally, rest=0)


def _motion(
    kind: str,
    person: int,
    driver: Sight,
    result: Sight,
    time_s: NDArray[np.float64],
    tally: Tally,
    rest: int,
) -> None:
    """Expression over time, blinks and pose of a result against its driver."""
    before, after = signals(driver.landmarks), signals(result.landmarks)
    for column, name in enumerate(SIGNALS):
        a, b = before[:, column], after[:, column]
        tally.add(f"{kind}/{name}", person, correlation(a, b))
        known = np.isfinite(a) & np.isfinite(b)
        if known.sum() >= 5 and a[known].std() > 1e-9:  # how far, not only when: slope of b on a
            slope = np.polyfit(a[known], b[known], 1)[0]
            tally.add(f"{kind}/{name}_gain", person, float(slope))
    lids = SIGNALS.index("lid_opening")
    counts = match_events(blinks(before[:, lids], time_s), blinks(after[:, lids], time_s))
    tally.events.setdefault(f"{kind}/blink", []).append(counts)
    turned = [
        (head_rotation(a, SIZE), head_rotation(b, SIZE))
        for a, b in zip(driver.landmarks, result.landmarks, strict=True)
    ]
    start = turned[rest]
    for one, other in turned:
        if one is None or other is None or start[0] is None or start[1] is None:
            continue
        tally.add(f"{kind}/pose_error", person, rotation_error(one, start[0], other, start[1]))
        # what a result that never moves would score: how far the driver turned
        tally.add(f"{kind}/pose_error_copy", person, rotation_error(one, start[0], other, other))


def _identity(person: int, driver: Sight, result: Sight, donor: Sight, tally: Tally) -> None:
    """Distances of embeddings: result to driver, result to donor, driver to itself later."""
    n = len(driver.embedding)
    tally.add(
        "distance/driver", person, *np.linalg.norm(result.embedding - driver.embedding, axis=1)
    )
    tally.add("distance/donor", person, *np.linalg.norm(result.embedding - donor.embedding, axis=1))
    later = np.roll(driver.embedding, n // 2, axis=0)
    tally.add("distance/genuine", person, *np.linalg.norm(later - driver.embedding, axis=1))
    tally.add(
        "distance/donor_driver", person, *np.linalg.norm(driver.embedding - donor.embedding, axis=1)
    )


def impostor_distances(source: Path, observer: Observer, people: int) -> NDArray[np.float64]:
    """Distances between pictures of different people: one picture of each folder of ``source``."""
    chosen: dict[str, NDArray[np.uint8]] = {}
    for name, picture in read_stills(source, Skipped()):
        chosen.setdefault(str(Path(name).parent), picture)
        if len(chosen) == people:
            break
    sight = observer.look(list(chosen.values()))
    known = sight.embedding[sight.found]
    if len(known) < 50:
        raise MediaError(f"{source}: faces of {len(known)} people, at least 50 are needed")
    square = np.linalg.norm(known[:, None] - known[None], axis=-1)
    return np.asarray(square[np.triu_indices(len(known), 1)])


def report(tally: Tally, threshold: float, basis: str) -> dict[str, object]:
    """Every figure of the measurement with n and interval."""
    out: dict[str, object] = {}
    for name in sorted(tally.values):
        if not name.startswith("distance/"):
            out[name] = tally.summary(name)
    copy, made = tally.summary("l1_copy")["mean"], tally.summary("l1")["mean"]
    out["l1_share_of_copy"] = made / copy if made is not None and copy else None
    for name, counts in tally.events.items():
        hits, misses, alarms = (int(v) for v in np.sum(counts, axis=0))
        out[name] = {"f1": f1(hits, misses, alarms), "hits": hits, "misses": misses,
                     "false_alarms": alarms}  # fmt: skip
    for name, pairs in tally.labels.items():
        out[f"emotion/{name}"] = agreement(pairs)
    verification: dict[str, object] = {"threshold": threshold, "impostors": basis}
    for name in ("driver", "donor", "genuine", "donor_driver"):
        values = tally.values.get(f"distance/{name}", [])
        accepted = [float(v < threshold) for v in values]
        verification[f"accepted/{name}"] = interval(
            accepted, tally.person.get(f"distance/{name}", [])
        )
        verification[f"distance/{name}"] = tally.summary(f"distance/{name}")
    out["verification"] = verification
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m framework_training.fomm.measure")
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--split", type=Path, help="of training.split: only who was held out")
    parser.add_argument("--weights", type=Path, help="default: the embedded ones")
    parser.add_argument(
        "--impostors", type=Path, help="pictures in folders by person, or their tar"
    )
    parser.add_argument("--impostor-people", type=int, default=500)
    parser.add_argument("--donors-per-clip", type=int, default=1)
    parser.add_argument("--stride", type=int, default=1, help="look at every so manieth frame")
    parser.add_argument("--clip-limit", type=int, help="at most so many clips, spread evenly")
    parser.add_argument("--no-emotion", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args(arguments)
    try:
        _measure(options)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    except OSError as error:
        print(f"error: can't write {options.json}: {error.strerror}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    return 0


def _measure(options: argparse.Namespace) -> None:
    started = time.monotonic()
    files = clip_files(options.clips)
    person = {path.name: number for number, path in enumerate(files)}
    if options.split:
        rows = json.loads(options.split.read_text())
        person = {r["file"]: int(r["person"]) for r in rows if r["held_out"] and r["file"]}
        files = [path for path in files if path.name in person]
        if not files:
            raise MediaError(f"none of the clips held out by {options.split} is in {options.clips}")
    if options.clip_limit and len(files) > options.clip_limit:
        chosen = np.linspace(0, len(files) - 1, options.clip_limit).round().astype(int)
        files = [files[i] for i in chosen]
    swapper = Swapper(options.weights, options.threads)
    observer = Observer()
    readers = [] if options.no_emotion else build_readers(options.threads)
    if options.impostors:
        distances = impostor_distances(options.impostors, observer, options.impostor_people)
        threshold = threshold_at(distances, FALSE_ACCEPT_RATE)
        basis = f"{len(distances)} pairs of different people, at a false-accept rate of 0.1 %"
    else:
        threshold, basis = 0.6, "none given: dlib's own threshold for pictures"
    tally = Tally()
    names = swapper.donor_names
    for number, path in enumerate(files):
        donors = [names[(number + 5 * k) % len(names)] for k in range(options.donors_per_clip)]
        try:
            measure_clip(
                path,
                person[path.name],
                options.stride,
                donors,
                swapper,
                observer,
                readers,
                tally,
            )
        except MediaError as error:
            tally.skipped.add(path.name, str(error))
        if "l1" in tally.values:  # after every clip: an interrupted measurement keeps its figures
            skipped = len(tally.skipped.entries)
            result = {
                "data": {
                    "clips": number + 1 - skipped,
                    "clips_wanted": len(files),
                    "skipped": skipped,
                    "persons": len(set(tally.person["l1"])),
                    "frames": len(tally.values["l1"]),
                    "stride": options.stride,
                    "donors_per_clip": options.donors_per_clip,
                },
                "weights": swapper.description,
                "hardware": f"{platform.machine()}, {swapper.threads} threads",
                "seconds": round(time.monotonic() - started, 1),
                "figures": report(tally, threshold, basis),
            }
            options.json.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{number + 1}/{len(files)}", file=sys.stderr, flush=True)
    for line in tally.skipped.lines():
        print(line, file=sys.stderr)
    if "l1" not in tally.values:
        raise MediaError("no clip could be measured")


if __name__ == "__main__":
    sys.exit(main())
