"""The verdict: every check, what it found, and whether the recording may be released."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from framework.config import load_run_config
from framework.detail import FEWEST, MEAN_PASSES
from framework.errors import ComponentError, FrameworkError, MediaError
from framework.media import probe
from framework.pipeline.components import Components
from framework.pipeline.run import Run
from framework.progress import Progress, silent
from framework.protocols import Recognizer
from framework.registry import Registry
from framework.spec import BuildContext, Kind
from framework.table import TrackTable
from framework.table_file import load_table
from framework.timeline import person_name
from framework_verify.container import metadata_left
from framework_verify.recognition import Enrolment, enrol, strangers
from framework_verify.scan import Scan, enrolment_crops, scan
from framework_verify.transforms import FOUND, MEAN_FOUND, MOVED
from framework_verify.unseen import unseen_pictures

PREFERRED = ("dlib", "arcface-onnx")
"""Recognisers that are tried first; others follow by name, the weak ones last."""
WEAK = ("lbp-fisher", "lbp")
BLIND = 0.5
"""Share of the original's own frames that a recogniser must recognise for its silence to count."""
LENGTH_TOLERANCE_S = 0.5

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        name: what was asked.
        passed: the answer.
        detail: what was found, in a sentence.
        seconds: whole seconds of the covered file to look at; empty if none or all.
    """

    name: str
    passed: bool
    detail: str
    seconds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Verification:
    """The verdict.

    Attributes:
        findings: every check, in order.
        people: by pseudonym: the highest similarity of any face in the covered file, and the number
            of frames in which the person is recognised or their detail comes through.
        recognizer: whose eyes these were.
        threshold: similarity from which a face counts as recognised.
        basis: where that comes from.
        power: share of the original's own frames that the recogniser recognises at that threshold.
        frames, duration_s, faces: of the covered file.
        limits: what a pass does not say.
    """

    findings: list[Finding]
    people: dict[str, dict[str, Any]]
    recognizer: str
    threshold: float | None
    power: float | None
    frames: int
    duration_s: float
    faces: int
    limits: list[str] = field(default_factory=list)
    basis: str = ""

    @property
    def passed(self) -> bool:
        return all(f.passed for f in self.findings)


def verify(
    covered: Path,
    original: Path,
    *,
    tracks: Path | None = None,
    recognizer: str | None = None,
    options: Iterable[str] = (),
    allow_audio: bool = False,
    allow_metadata: bool = False,
    registry: Registry | None = None,
    warn: Warn = lambda message: None,
    progress: Progress = silent,
    **settings: Any,
) -> Verification:
    """Check a covered recording against its original.

    Args:
        covered: the file to be released, made by any tool.
        original: what it was made from.
        tracks: a ``tracks.csv`` of the original, so that it is not analysed again.
        recognizer: name; None takes the strongest that is installed.
        options: ``GROUP.NAME=VALUE`` for detector, tracker, resolve and recognizer.
        settings: ``detector``, ``tracker``, ``threads``, ``device``; None means default.

    Raises:
        UserError: a file cannot be read, or there is no face in the original.
    """
    registry = registry or Registry.load()
    texts = list(options)
    own = [t for t in texts if t.startswith("recognizer.")]
    config = load_run_config(
        None,
        [t for t in texts if t not in own],
        fer="none",
        recommender="none",
        allow_no_faces=True,
        anonymizer="mask",
        **settings,
    )
    components = Components(config, registry)
    info = probe(covered)
    if covered.resolve() == original.resolve():
        raise MediaError(
            "the covered file and the original are the same file; give the released one first and "
            "the original with --against"
        )
    name, judge = _recognizer(registry, recognizer, own, components, warn)
    table = _table(original, tracks, components, progress)
    detector = components.detector()
    enrolment = None
    if judge is not None:
        crops = enrolment_crops(original, table, judge, components.threads)
        tracker = components.tracker()
        enrolment = enrol(crops, judge, lambda: strangers(detector, tracker, judge))
    seen = scan(
        covered,
        original,
        table,
        detector,
        judge,
        enrolment,
        threads=components.threads,
        progress=progress,
    )
    findings = [
        _recognition(seen, enrolment, name),
        _restoration(seen, enrolment, name),
        _detail(seen),
        _undone(seen),
        _length(seen, table),
        _unseen(unseen_pictures(covered, info), seen.damaged),
        _metadata(metadata_left(covered, info), allow_metadata),
        _sound(info.has_audio, allow_audio),
    ]
    return Verification(
        findings,
        _people(seen, table),
        name,
        enrolment.threshold if enrolment else None,
        enrolment.power if enrolment else None,
        seen.frames,
        seen.duration_s,
        seen.faces,
        _limits(name, seen),
        enrolment.basis if enrolment else "",
    )


def _recognizer(
    registry: Registry,
    wanted: str | None,
    options: list[str],
    components: Components,
    warn: Warn,
) -> tuple[str, Recognizer | None]:
    """The recogniser to judge with: the one asked for, or the strongest that can be built."""
    from framework.config import merge_options

    values = merge_options({}, options).get("recognizer", {})
    context = BuildContext(components.threads, components.config.device, components.config.seed)
    if wanted is not None:
        made = registry.create(Kind.RECOGNIZER, wanted, values, context, "recognizer")
        return wanted, made
    names = [c.spec.name for c in registry.of_kind(Kind.RECOGNIZER)]
    ranked = {n: i for i, n in enumerate(WEAK, 1)}
    order = sorted(names, key=lambda n: (ranked.get(n, 0), n not in PREFERRED, n))
    for name in order:
        try:
            made = registry.create(Kind.RECOGNIZER, name, values, context, "recognizer")
        except FrameworkError:
            continue
        if name in WEAK:
            warn(
                f"no stronger recognizer than {name} is installed, so that a pass says little; for "
                f"a strong one: pip install ./contrib/framework-dlib"
            )
        return name, made
    raise ComponentError(
        "no recognizer can be built, so nobody can say whether a face is recognisable; run: "
        "pip install ./contrib/framework-dlib"
    )


def _table(
    original: Path, tracks: Path | None, components: Components, progress: Progress
) -> TrackTable:
    if tracks is not None:
        table = load_table(tracks)
        info = probe(original)
        if (table.width, table.height) != (info.width, info.height):
            raise MediaError(
                f"the track table is for {table.width}x{table.height} pixels, the original has "
                f"{info.width}x{info.height}; give the table of this recording"
            )
    else:
        run = Run(components, progress=progress)
        table = run.resolve(run.analyze(original)).table
    if not len(table):
        raise MediaError(
            "no face was found in the original, so there is nothing to verify; check that it is "
            "the right file, or give its faces with --tracks"
        )
    return table


def _whole(times: Iterable[float]) -> tuple[int, ...]:
    return tuple(sorted({int(np.floor(t)) for t in times}))


def _recognition(seen: Scan, enrolment: Enrolment | None, name: str) -> Finding:
    title = "Nobody is recognisable"
    if enrolment is None:
        return Finding(title, False, "no face of the original could be enrolled")
    if seen.recognised:
        people = sorted({person_name(t) for _, t, _ in seen.recognised})
        frames = len({t for t, _, _ in seen.recognised})
        return Finding(
            title,
            False,
            f"{name} recognises {', '.join(people)} in {frames} of {seen.frames} frames",
            _whole(t for t, _, _ in seen.recognised),
        )
    pooled = {who: t for t, (score, who) in seen.pooled.items() if score >= enrolment.threshold}
    if pooled:
        names = ", ".join(person_name(who) for who in sorted(pooled))
        return Finding(
            title,
            False,
            f"{name} recognises {names} in the mean of all faces of a track, though in no single "
            f"frame",
        )
    if enrolment.power < BLIND:
        return Finding(
            title,
            False,
            f"not proven: {name} recognises only {enrolment.power:.0%} of the original's own "
            f"frames, so that its silence says nothing; use a stronger recognizer",
        )
    return Finding(
        title, True, f"{name} recognises nobody in {seen.frames} frames ({seen.faces} faces)"
    )


def _restoration(seen: Scan, enrolment: Enrolment | None, name: str) -> Finding:
    title = "Nobody is recognisable once a blur is undone"
    if enrolment is None or not seen.compared:
        return Finding(title, False, "not proven: see the other checks")
    known = [(t, who) for t, who, score in seen.restored if score >= enrolment.threshold]
    tried = f"{len(seen.restored)} faces, cut out where the original has them and sharpened"
    if known:
        people = ", ".join(person_name(who) for who in sorted({who for _, who in known}))
        return Finding(
            title,
            False,
            f"{name} recognises {people} in {len(known)} of {tried}",
            _whole(t for t, _ in known),
        )
    return Finding(title, True, f"{name} recognises nobody in {tried}")


def _detail(seen: Scan) -> Finding:
    title = "No face comes through at its place"
    if not seen.compared:
        return Finding(
            title,
            False,
            "not proven: the pictures have different shapes, so places cannot be compared; cover "
            "without cropping",
        )
    if seen.open:
        people = sorted({person_name(t) for _, t, _ in seen.open})
        frames = len({t for t, _, _ in seen.open})
        return Finding(
            title,
            False,
            f"the detail of {', '.join(people)} is seen in {frames} of {seen.frames} frames",
            _whole(t for t, _, _ in seen.open),
        )
    means = {t: seen.mean_detail(t) for t in seen.detail}
    weak = {t: m for t, m in means.items() if m is not None and abs(m) >= MEAN_PASSES}
    if weak:
        names = ", ".join(f"{person_name(t)} ({m:.2f})" for t, m in sorted(weak.items()))
        return Finding(
            title,
            False,
            f"the cover is weak: over all frames the detail correlates with the original's for "
            f"{names}; one pair of strangers in 100 reaches {MEAN_PASSES}",
        )
    return Finding(title, True, f"compared at every face of the original in {seen.frames} frames")


def _undone(seen: Scan) -> Finding:
    """Changes of colour and place that anybody could undo: in one frame plainly, or in their mean.

    The mean is taken over one and the same change, as a program makes it in every frame.
    """
    title = "No face comes through once a change of colour or place is undone"
    if not seen.compared:
        return Finding(title, False, "not proven: see the other checks")
    people: set[int] = set()
    changes: dict[str, float] = {}
    times: set[float] = set()
    for (track_id, how), tried in seen.undone.items():
        plain = [(t, v) for t, v in tried if v >= FOUND]
        mean = sum(v for _, v in tried) / len(tried)
        steady = how != MOVED and len(tried) >= FEWEST and mean >= MEAN_FOUND
        if not plain and not steady:
            continue
        people.add(track_id)
        changes[how] = max([mean, *(v for _, v in plain), changes.get(how, 0.0)])
        times.update(t for t, _ in plain or tried)
    if people:
        names = ", ".join(person_name(t) for t in sorted(people))
        likeliest = max(changes, key=lambda how: changes[how])
        return Finding(
            title,
            False,
            f"the detail of {names} is there, {likeliest} (correlation {changes[likeliest]:.2f})",
            _whole(times),
        )
    frames = len({t for tried in seen.undone.values() for t, _ in tried})
    return Finding(
        title,
        True,
        f"tried in {frames} frames: negatives, mirrored and turned pictures, single channels, "
        "exchanged tiles",
    )


def _length(seen: Scan, table: TrackTable) -> Finding:
    title = "Nothing beyond the original"
    more = seen.duration_s - table.duration_s
    if more > LENGTH_TOLERANCE_S:
        return Finding(
            title,
            False,
            f"the covered file is {more:.1f} s longer than the original; what it shows there "
            f"cannot be compared",
        )
    return Finding(title, True, f"{seen.duration_s:.1f} s of {table.duration_s:.1f} s")


def _unseen(found: list[str], damaged: int) -> Finding:
    title = "Every picture in it was looked at"
    if damaged:
        places = "1 place" if damaged == 1 else f"{damaged} places"
        found = [*found, f"{places} that cannot be read, and that another player may show"]
    if found:
        return Finding(title, False, f"not looked at: {', '.join(found)}; make the file anew")
    return Finding(title, True, "there are no others, and all of them decode")


def _metadata(left: list[str], allowed: bool) -> Finding:
    title = "No metadata"
    if not left:
        return Finding(title, True, "none beside what every writer sets")
    names = ", ".join(left[:12])
    return Finding(title, allowed, f"found: {names}" + (" (allowed)" if allowed else ""))


def _sound(has_audio: bool, allowed: bool) -> Finding:
    title = "No sound"
    if not has_audio:
        return Finding(title, True, "there is none")
    text = "there is sound; a voice identifies a person as well as a face does"
    return Finding(title, allowed, text + (" (allowed)" if allowed else ""))


def _people(seen: Scan, table: TrackTable) -> dict[str, dict[str, Any]]:
    people: dict[str, dict[str, Any]] = {}
    for track_id in table.track_ids():
        people[person_name(track_id)] = {
            "frames": len(table.rows_of_track(track_id)),
            "closest": seen.closest.get(track_id),
            "restored": max((s for _, t, s in seen.restored if t == track_id), default=None),
            "recognised": sum(1 for _, t, _ in seen.recognised if t == track_id),
            "detail": seen.mean_detail(track_id),
            "open": sum(1 for _, t, _ in seen.open if t == track_id),
        }
    return people


def _limits(name: str, seen: Scan) -> list[str]:
    limits = [
        "Only faces that the detector found in the original are looked for.",
        "Clothes, hair, tattoos, rooms, names on screens and the way somebody moves are not "
        "looked at.",
        "Another recogniser, or an attacker who covers or trains alike, may do better than this "
        "one: a blur of a third of the face's width passes here and is not safe. See the "
        "benchmark.",
    ]
    if name in WEAK:
        limits.insert(0, f"{name} is a weak recogniser: that it recognises nobody says little.")
    if not seen.faces:
        limits.append("No face at all is found in the covered file.")
    return limits
