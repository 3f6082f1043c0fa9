"""What an encounter leaves, and who gets which part of it.

The doctor's emotions are personal data of somebody at work. By default they, and the advice that
rests on them, go to the folder ``doctor-view`` alone, which only its owner can read; everything
beside it can be handed to whoever gets the covered recordings.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framework.atomic import atomic_text, write_text
from framework.audit import write_audit
from framework.episodes import Episode, episodes
from framework.manifest import Manifest, write_manifest
from framework.outputs import write_recommendations
from framework.pipeline.delivery import AUDIT, MANIFEST, RECOMMENDATIONS, REPORT, Delivery
from framework.timeline import TimelineConfig
from framework.types import UNKNOWN, Recommendation, Role
from framework_encounter.changes import ChangePoint, change_points
from framework_encounter.dyad.files import MIMICRY, REACTIONS, SYNCHRONY, write_interaction
from framework_encounter.dyad.of_encounter import Dyad
from framework_encounter.joint import Joint
from framework_encounter.joint_file import DOCTOR_VIEW, TIMELINE, write_joint
from framework_encounter.report import CameraView, EncounterPage, write_page
from framework_encounter.roles import Casting
from framework_encounter.spec import Encounter

SCHEMA = "framework-encounter"
SCHEMA_VERSION = 1
ENCOUNTER = "encounter.json"
EPISODES = "episodes.csv"
CHANGES = "changes.csv"
EPISODE_COLUMNS = ("person", "role", "start_s", "end_s", "emotion", "strength", "readable_s")
CHANGE_COLUMNS = ("person", "time_s", "rises", "falls", "by")

_WITHHELD = (
    "This page is for everybody who gets the covered recordings. The doctor's emotions and the "
    "advice are not in it: they are in the doctor's view."
)
_DOCTORS = (
    "This page is for the doctor alone. It holds estimates of the doctor's own expression, which "
    "are personal data; nobody may use them to judge staff."
)
_SHARED = "This page holds everybody's emotions: the encounter was run with doctor_scores: shared."


def publish(
    delivery: Delivery,
    encounter: Encounter,
    joint: Joint,
    cameras: Sequence[CameraView],
    castings: Sequence[Casting],
    manifest: Manifest,
    reasons: Sequence[str],
    advice: Sequence[Recommendation] | None,
    config: TimelineConfig | None,
    unknown_below: float,
    dyad: Dyad | None,
) -> list[Path]:
    """Write everything and move it to the output folder.

    Args:
        advice: None if no recommender was used.
        config: thresholds behind the timelines; None if emotions were not analysed.
        dyad: what happens between the two, for those who may see the doctor's scores.

    Returns:
        The published files and folders.
    """
    for camera in cameras:
        write_audit(camera.audit, delivery.path(camera.name) / AUDIT)
    write_manifest(manifest, delivery.path(MANIFEST))
    write_text(
        delivery.path(ENCOUNTER),
        _text(_describe(encounter, joint, cameras, castings, manifest, reasons)),
    )
    shared = encounter.doctor_scores == "shared"

    def view(folder: Path, part: Joint, root: str, note: str, show_advice: bool) -> None:
        affect = tuple(e for p in part.people for e in episodes(p))
        changes = tuple(c for p in part.people for c in change_points(p))
        given = tuple(advice) if advice is not None and show_advice else None
        both = dyad if len(part.people) == len(joint.people) else None
        write_page(
            folder / REPORT,
            EncounterPage(
                encounter.id,
                part,
                tuple(cameras),
                root,
                note,
                tuple(reasons),
                manifest.synthetic_media,
                config,
                unknown_below,
                given,
                affect,
                changes,
                both,
            ),
        )
        if config is None:
            return
        write_joint(folder / TIMELINE, part)
        write_episodes(folder / EPISODES, affect)
        write_changes(folder / CHANGES, changes)
        if both is not None:
            write_interaction(folder, both.original, both.covered, both.kept)
        if given is not None:
            write_recommendations(folder / RECOMMENDATIONS, given)

    if shared:
        view(delivery.staging, joint, "", _SHARED, True)
    else:
        others = [role for role in Role if role is not Role.DOCTOR]
        view(delivery.staging, joint.only(others), "", _WITHHELD, False)
        if config is not None:
            private = delivery.path(DOCTOR_VIEW)
            private.mkdir(mode=0o700)
            view(private, joint, "../", _DOCTORS, True)
    names = [ENCOUNTER, MANIFEST, REPORT, TIMELINE, EPISODES, CHANGES, RECOMMENDATIONS]
    names += [SYNCHRONY, MIMICRY, REACTIONS, DOCTOR_VIEW]
    earlier = [p.name for p in delivery.out.glob("camera-*") if p.is_dir()]
    return delivery.publish(replaces=(*names, *earlier), video=False)


def write_episodes(path: Path, found: Sequence[Episode]) -> None:
    """Write ``episodes.csv``, in order of time."""
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(EPISODE_COLUMNS)
        for e in sorted(found, key=lambda e: (e.start_s, e.person)):
            row = [e.person, e.role, e.start_s, e.end_s, e.emotion, f"{e.strength:.4f}"]
            writer.writerow([*row, e.readable_s])


def write_changes(path: Path, found: Sequence[ChangePoint]) -> None:
    """Write ``changes.csv``, in order of time."""
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(CHANGE_COLUMNS)
        for c in sorted(found, key=lambda c: (c.time_s, c.person)):
            writer.writerow([c.person, c.time_s, c.rises, c.falls, f"{c.by:.4f}"])


def _describe(
    encounter: Encounter,
    joint: Joint,
    cameras: Sequence[CameraView],
    castings: Sequence[Casting],
    manifest: Manifest,
    reasons: Sequence[str],
) -> dict[str, Any]:
    """``encounter.json``: how the parts fit together; nobody's emotions."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "framework": manifest.framework,
        "id": encounter.id,
        "passed": not reasons,
        "reasons": list(reasons),
        "duration_s": _round(cameras[encounter.clock].audit.duration_in_s),
        "seconds": joint.seconds,
        "doctor_scores": encounter.doctor_scores,
        "voice_activity": joint.voice is not None,
        "speakers": joint.voice.note if joint.voice is not None else None,
        "sync": encounter.sync,
        "min_sync_confidence": encounter.min_sync_confidence,
        "matching": next(
            (
                {"recognizer": encounter.matching.recognizer, **asdict(casting.thresholds)}
                for casting in castings
                if casting.thresholds is not None
            ),
            None,
        ),
        "people": {
            str(p.role): {
                "person": p.person,
                "recorded_s": len(p),
                "in_view_s": int((p.coverage > 0).sum()),
                "labelled_s": sum(label != UNKNOWN for label in p.label),
            }
            for p in joint.people
        },
        "cameras": [
            {
                "name": camera.name,
                "video": f"{camera.name}/{camera.video}",
                "shows": camera.shows.split(" and "),
                "clock": {"method": camera.clock.method, **_finite(asdict(camera.clock.sync))},
                "regions": {role: list(place) for role, place in recording.regions.items()},
                "decided_by": {str(r): how for r, how in casting.how.items()},
                "similarity": {str(r): _round(v) for r, v in casting.similarity.items()},
                "identity_switches": {str(r): n for r, n in casting.switches.items()},
                "bystanders": casting.bystanders,
                "uncertain": [
                    dict(zip(("start_s", "end_s", "seen_s"), map(_round, span), strict=True))
                    for span in casting.uncertain
                ],
                "passed": camera.audit.passed,
                "unprotected_s": camera.audit.total.unprotected_s,
                "notes": list(camera.notes),
            }
            for camera, casting, recording in zip(
                cameras, castings, encounter.recordings, strict=True
            )
        ],
    }


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """Without NaN, which is no JSON."""
    return {k: None if isinstance(v, float) and v != v else v for k, v in values.items()}


def _round(value: float) -> float:
    return round(value, 3)


def _text(body: dict[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"
