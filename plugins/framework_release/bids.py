"""The data set as BIDS files, with BEP047 for recordings of behaviour.

BIDS 1.11 (https://bids-specification.readthedocs.io) and, for ``_video``, ``_audiovideo`` and
``_image`` in ``beh/``, extension proposal 47 as it stands in its community review of November
2026 (bids-specification pull request 2231). All recordings of a session share one timeline, which
starts with the first of them: ``acq_time`` in ``_scans.tsv`` says by fractions of a second when
each starts on it, and ``onset`` in ``_events.tsv`` counts on it. The date in ``acq_time`` is not a
date: BIDS asks for one before 1925 where dates were shifted, and it is the same for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.types import EMOTIONS
from framework_release.config import ReleaseConfig
from framework_release.csv_table import write_tsv
from framework_release.exporters.elan import SPEAKS
from framework_release.media import Released
from framework_release.names import Session
from framework_release.results import Camera, stretches
from framework_release.seconds import LABELS, Row, rows

BIDS_VERSION = "1.11.1"
NO_DATE = datetime(1900, 1, 1)
NOT_STATED = "not stated"
"""What nobody said is left out of the description."""
IGNORED = (
    "*_video.*",
    "*_audiovideo.*",
    "*_image.*",
    "*_tracks.tsv",
    "tables",
    "tables/**",
    "croissant.json",
    "datacite.json",
    "ro-crate-metadata.json",
    "release.json",
    "datasheet.html",
    "SHA256SUMS",
    "SHA256SUMS.sha256",
)
"""What the validator of BIDS 1.11 does not know: the extension proposal, and other standards."""
EVENT_COLUMNS = (
    "onset",
    "duration",
    "trial_type",
    "person",
    "label",
    *EMOTIONS,
    "samples",
    "coverage",
    "quality",
    "strength",
    "confidence",
    "text",
)
TRIAL_TYPES = {
    "second": "one second of one person, with the expression a machine read",
    "episode": "a stretch of negative expression",
    "speech": "a stretch in which somebody speaks",
    "advice": "advice that a rule gave at this moment",
}


def write_json(path: Path, body: Any) -> Path:
    """JSON with two spaces and a line feed at its end."""
    write_text(path, json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    return path


def session_events(session: Session) -> list[Row]:
    """Rows of ``_events.tsv``, on the session's timeline, in order of time."""
    results, zero = session.chosen.results, session.starts_s
    tables = rows(results)
    found: list[Row] = []
    for row in tables["seconds"]:
        found.append(
            {
                "onset": row["second"] - zero,
                "duration": 1.0,
                "trial_type": "second",
                "person": row["role"],
                **{c: row[c] for c in ("label", *EMOTIONS, "samples", "coverage", "quality")},
            }
        )
    for row in tables["episodes"]:
        found.append(
            {
                "onset": row["start_s"] - zero,
                "duration": row["end_s"] - row["start_s"],
                "trial_type": "episode",
                "person": row["role"],
                "label": row["emotion"],
                "strength": row["strength"],
            }
        )
    for speech in results.speech:
        spoken = [(s, "speech") for s, share in sorted(speech.share.items()) if share >= SPEAKS]
        for start, end, _ in stretches(spoken):
            found.append(
                {
                    "onset": start - zero,
                    "duration": float(end - start),
                    "trial_type": "speech",
                    "person": speech.who,
                }
            )
    for row in tables["advice"]:
        found.append(
            {
                "onset": row["time_s"] - zero,
                "duration": 0.0,
                "trial_type": "advice",
                "person": row["to"],
                "label": row["emotion"],
                "confidence": row["confidence"],
                "text": row["text"],
            }
        )
    order = list(TRIAL_TYPES)
    found.sort(key=lambda r: (r["onset"], order.index(r["trial_type"]), r["person"]))
    return found


def acq_time(session: Session, camera: Camera) -> str:
    """Start of a recording on the session's timeline, as a moment of a day that is none."""
    moment = NO_DATE + timedelta(seconds=camera.offset_s - session.starts_s)
    return moment.isoformat(timespec="microseconds")


def write_session(
    root: Path,
    session: Session,
    released: Mapping[str, Released],
    config: ReleaseConfig,
    sentence: str,
) -> None:
    """Sidecars, events and scans of one session; its recordings are there already.

    Args:
        released: what each camera's recording became, by the camera's name.
        sentence: how faces were covered.
    """
    scans = []
    for camera in session.chosen.results.cameras:
        made = released[camera.name]
        path = session.recording(camera, made.audio)
        sidecar = Path(path).with_suffix(".json")
        write_json(root / sidecar, _sidecar(session, camera, made, config, sentence))
        scans.append(
            {
                "filename": Path(path).relative_to(session.folder).as_posix(),
                "acq_time": acq_time(session, camera),
            }
        )
    write_tsv(root / session.scans, ("filename", "acq_time"), scans)
    write_tsv(root / session.events, EVENT_COLUMNS, session_events(session))


def _sidecar(
    session: Session, camera: Camera, made: Released, config: ReleaseConfig, sentence: str
) -> dict[str, Any]:
    info = made.info
    shows = " and ".join(camera.shows) or "a person"
    body: dict[str, Any] = {
        "TaskName": config.task,
        "TaskDescription": config.task_description or "A medical consultation.",
        "Description": f"Covered recording that shows {shows}.",
    }
    if not camera.still:
        body["RecordingDuration"] = round(info.duration_s or camera.duration_s, 6)
        body["VideoCodec"] = info.codec
        body["VideoFrameRate"] = round(info.frame_rate, 6)
        body["VideoFrameCount"] = made.frames
    body |= {
        "ImageWidth": info.width,
        "ImageHeight": info.height,
        "ImagePixelFormat": info.pixel_format,
    }
    if made.audio:
        body["AudioCodec"] = info.audio_codec
    if camera.drift:
        body["ClockDrift"] = round(1e6 * camera.drift, 3)
        body["ClockDriftUnits"] = "parts per million against the timeline of the session"
    body["FacesCovered"] = sentence
    synthetic = session.chosen.results.synthetic
    body["SyntheticMedia"] = {
        "GeneratedFaces": synthetic,
        "Statement": synthetic_statement(synthetic),
        "ContentCredentials": "C2PA" if made.signed else "none",
        "Watermark": made.watermarked,
    }
    return body


def synthetic_statement(synthetic: bool) -> str:
    """What the law asks to be said of it."""
    if synthetic:
        return (
            "This recording shows faces generated by an artificial-intelligence system in place of "
            "real ones (Art. 50 of Regulation (EU) 2024/1689)."
        )
    return "Faces in this recording were covered; none was generated."


def participants(
    sessions: Sequence[Session], groups: Mapping[str, Mapping[str, str]], columns: Sequence[str]
) -> list[Row]:
    """Rows of ``participants.tsv``, one for each subject, in the order of their random labels."""
    subjects = sorted({s.subject for s in sessions})
    return [
        {
            "participant_id": f"sub-{subject}",
            **groups.get(subject, {}),
            "sessions": sum(s.subject == subject for s in sessions),
        }
        for subject in subjects
    ]


def write_root(
    root: Path,
    sessions: Sequence[Session],
    config: ReleaseConfig,
    people: Iterable[Row],
    version: str,
    framework_version: str,
) -> None:
    """What describes the whole data set to BIDS."""
    write_json(root / "dataset_description.json", _description(config, version, framework_version))
    columns = ("participant_id", *config.groups, "sessions")
    write_tsv(root / "participants.tsv", columns, people)
    write_json(root / "participants.json", _participants_json(config))
    write_json(root / f"task-{config.task}_events.json", _events_json(config))
    write_text(root / ".bidsignore", "\n".join(IGNORED) + "\n")


def _description(config: ReleaseConfig, version: str, framework_version: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Name": config.title,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": config.licence,
        "Keywords": list(config.keywords),
        "Acknowledgements": (
            NOT_STATED if config.publisher == NOT_STATED else f"Published by {config.publisher}."
        ),
        "Funding": list(config.funding),
        "EthicsApprovals": [config.ethics_approval],
        "ReferencesAndLinks": list(config.references),
        "DatasetVersion": version,
        "GeneratedBy": [
            {
                "Name": "clinical-empathy-framework",
                "Version": framework_version,
                "Description": "Faces covered, expressions read by a machine, release built.",
            }
        ],
    }
    if config.doi:
        body["DatasetDOI"] = f"doi:{config.doi}"
    unsaid: tuple[Any, ...] = ("", [], NOT_STATED, [NOT_STATED])
    return {key: value for key, value in body.items() if value not in unsaid}


def _participants_json(config: ReleaseConfig) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for column in config.groups:
        text = f"Group '{column}' as the study recorded it"
        if column == config.age_column:
            text = "Age in years, in bands"
        body[column] = {
            "Description": (
                f"{text}; generalised until at least {config.k} people share each combination of "
                f"groups ('*': not shown for anybody, 'n/a': not known or suppressed)."
            )
        }
    body["sessions"] = {
        "Description": "Recorded encounters of this person; their order is random.",
        "Units": "count",
    }
    return body


def _events_json(config: ReleaseConfig) -> dict[str, Any]:
    described: dict[str, Any] = {
        "TaskName": config.task,
        "TaskDescription": config.task_description or "A medical consultation.",
        "Instructions": "n/a",
        "onset": {
            "Description": (
                "Start on the timeline of the session, which begins with the first recording "
                "listed in the scans file; subtract a recording's own start there to get its time."
            ),
            "Units": "s",
        },
        "duration": {"Description": "Length; 0 for a moment.", "Units": "s"},
        "trial_type": {"Description": "What the row is about.", "Levels": TRIAL_TYPES},
        "person": {
            "Description": "Whom it is about; for advice, whom it addresses.",
            "Levels": {
                "patient": "the patient",
                "doctor": "the doctor",
                "unknown": "nobody said who",
                "anybody": "somebody in the room",
            },
        },
        "label": {
            "Description": "Expression read by a machine. It is not what somebody felt.",
            "Levels": dict(LABELS),
        },
        "samples": {"Description": "Classified faces in the second.", "Units": "count"},
        "coverage": {"Description": "Share of the second with the face in view, 0 to 1."},
        "quality": {"Description": "Mean quality of the classified faces, 0 to 1."},
        "strength": {"Description": "Mean summed probability of negative expressions, 0 to 1."},
        "confidence": {"Description": "Confidence of the advice, 0 to 1."},
        "text": {"Description": "The advice."},
    }
    for emotion in EMOTIONS:
        described[emotion] = {"Description": f"Mean probability of {emotion}, 0 to 1."}
    return described


def changes_text(history: Sequence[Mapping[str, Any]]) -> str:
    """``CHANGES``, as BIDS wants it: newest version first."""

    def entries() -> Iterator[str]:
        for entry in reversed(history):
            yield f"{entry['version']} {entry['date']}"
            yield from (f" - {line}" for line in entry["notes"])
            yield ""

    return "\n".join(entries())
