"""BORIS: a project with one observation a camera, and its events as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import ConfigError
from framework.types import EMOTIONS
from framework_release.csv_table import write_csv
from framework_release.exporters.elan import tiers
from framework_release.exporters.media import link
from framework_release.exporters.options import LinkedMediaOptions
from framework_release.results import Camera, Results, read_results

FORMAT = "7.0"
"""Format of the project file, the one BORIS 7 to 9 write."""
FIXED_DATE = "1970-01-01T00:00:00"
TABULAR = (
    "Observation id",
    "Observation date",
    "Description",
    "Observation duration",
    "Observation type",
    "Source",
    "Time offset (s)",
    "Subject",
    "Behavior",
    "Behavioral category",
    "Behavior type",
    "Time",
    "Media file name",
    "Comment",
)
"""Heading of BORIS' export of events as a table, as far as it applies."""
_KEYS = "abcdefghijklmnopqrstuvwxyz"


class BorisExporter:
    """Writes ``project.boris`` and ``events.csv`` (https://www.boris.unito.it).

    Expressions and episodes are state events with a start and a stop, advice is a point event. Each
    camera is an observation on its own clock.
    """

    def __init__(self, options: LinkedMediaOptions, context: Any = None) -> None:
        self._options = options

    def export(self, result: Path, out: Path) -> list[Path]:
        """See :class:`framework.Exporter`.

        Raises:
            ConfigError: the results hold nothing to annotate.
        """
        results = read_results(result)
        if not results.people:
            raise ConfigError(f"{result}: no emotions were read; run it with --fer")
        written: list[Path] = []
        observations, table = {}, []
        for camera in results.cameras:
            path, copied = link(camera, out, self._options.copy_media)
            written += [copied] if copied else []
            events = _events(results, camera)
            observations[camera.name] = _observation(camera, path, events)
            table += [_tabular(camera, path, event) for event in events]
        project = _project(results, observations)
        write_text(out / "project.boris", json.dumps(project, indent=1) + "\n")
        write_csv(out / "events.csv", TABULAR, table)
        return [*written, out / "project.boris", out / "events.csv"]


Event = dict[str, Any]


def _events(results: Results, camera: Camera) -> list[Event]:
    found: list[Event] = []
    length = camera.duration_s or float("inf")
    for tier, _, subject, marks in tiers(results):
        point = tier.startswith("advice")
        kind = tier.removeprefix(f"{subject}-")
        for start, end, text in marks:
            first, last = max(0.0, camera.own(start)), min(length, camera.own(end))
            if last <= first:
                continue
            if point:
                behavior, moments = "advice", [("POINT", first)]
            else:
                name = {"expression": text, "episodes": f"episode of {text}"}.get(kind, "speech")
                behavior, moments = name, [("START", first), ("STOP", last)]
            for type_, time in moments:
                comment = text if point else ""
                found.append(
                    {
                        "time": round(time, 3),
                        "subject": subject,
                        "behavior": behavior,
                        "type": type_,
                        "comment": comment,
                    }
                )
    order = {"STOP": 0, "POINT": 1, "START": 2}
    return sorted(found, key=lambda e: (e["time"], order[e["type"]], e["subject"], e["behavior"]))


def _observation(camera: Camera, path: str, events: list[Event]) -> dict[str, Any]:
    return {
        "file": {"1": [path], **{str(k): [] for k in range(2, 9)}},
        "type": "MEDIA",
        "date": FIXED_DATE,
        "description": "covered recording; expressions read by a machine",
        "time offset": 0.0,
        "events": [[e["time"], e["subject"], e["behavior"], "", e["comment"]] for e in events],
        "observation time interval": [0, 0],
        "independent_variables": {},
        "visualize_spectrogram": False,
        "close_behaviors_between_videos": False,
        "media_info": {
            "length": {path: camera.duration_s},
            "fps": {path: _rate(camera)},
            "hasVideo": {path: True},
            "hasAudio": {path: False},
            "offset": {"1": 0.0},
        },
    }


def _rate(camera: Camera) -> float:
    frames = float(camera.audit.get("frames_out", 0))
    return round(frames / camera.duration_s, 3) if camera.duration_s else 0.0


def _project(results: Results, observations: dict[str, Any]) -> dict[str, Any]:
    subjects = sorted({e[1] for o in observations.values() for e in o["events"]})
    behaviors = [
        *((label, "State event", "expression") for label in (*EMOTIONS, "unknown")),
        *((f"episode of {e}", "State event", "episode") for e in EMOTIONS),
        ("speech", "State event", "speech"),
        ("advice", "Point event", "advice"),
    ]
    return {
        "time_format": "hh:mm:ss",
        "project_date": FIXED_DATE,
        "project_name": results.id or "recording",
        "project_description": "Expressions read by a machine from covered recordings",
        "project_format_version": FORMAT,
        "subjects_conf": {
            str(k): {"key": "", "name": name, "description": ""} for k, name in enumerate(subjects)
        },
        "behaviors_conf": {
            str(k): {
                "type": kind,
                "key": _KEYS[k % len(_KEYS)],
                "code": code,
                "description": "",
                "category": category,
                "modifiers": {},
                "excluded": "",
                "coding map": "",
            }
            for k, (code, kind, category) in enumerate(behaviors)
        },
        "observations": observations,
        "behavioral_categories": ["expression", "episode", "speech", "advice"],
        "independent_variables": {},
        "coding_map": {},
        "behaviors_coding_map": [],
        "converters": {},
    }


def _tabular(camera: Camera, path: str, event: Event) -> dict[str, Any]:
    behavior = event["behavior"]
    category = behavior if behavior in ("advice", "speech") else "expression"
    return {
        "Observation id": camera.name,
        "Observation date": FIXED_DATE,
        "Description": "covered recording; expressions read by a machine",
        "Observation duration": camera.duration_s,
        "Observation type": "Media file(s)",
        "Source": f"player #1:{path}",
        "Time offset (s)": 0.0,
        "Subject": event["subject"],
        "Behavior": behavior,
        "Behavioral category": "episode" if behavior.startswith("episode") else category,
        "Behavior type": event["type"],
        "Time": event["time"],
        "Media file name": path,
        "Comment": event["comment"],
    }
