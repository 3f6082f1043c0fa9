"""The tables of a release: every row says whose it is and which file it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framework.types import EMOTIONS
from framework_release.bids import session_events, write_json
from framework_release.csv_table import write_csv, write_parquet
from framework_release.media import Released
from framework_release.names import Session
from framework_release.results import Camera
from framework_release.seconds import LABELS, Column, Row

_WHOSE = (
    Column("participant_id", "text", "the participant, as in participants.tsv"),
    Column("session_id", "text", "the session of the participant"),
    Column("file", "text", "a recording in which it can be seen, as in recordings.csv"),
)
_PERSON = Column(
    "person",
    "text",
    "whom it is about",
    (("patient", "the patient"), ("doctor", "the doctor"), ("unknown", "nobody said who")),
)
_ONSET = Column("onset_s", "number", "start on the timeline of the session, seconds")
_DURATION = Column("duration_s", "number", "length, seconds")
RECORDINGS: tuple[Column, ...] = (
    Column("file", "text", "path of the covered recording in the release"),
    *_WHOSE[:2],
    Column("shows", "text", "who is in view, covered: patient, doctor, or both"),
    Column("start_s", "number", "start on the timeline of the session, seconds"),
    Column("duration_s", "number", "length, seconds"),
    Column("frames", "integer", "pictures"),
    Column("width", "integer", "width, pixels"),
    Column("height", "integer", "height, pixels"),
    Column("frame_rate", "number", "pictures a second"),
    Column("generated_faces", "text", "whether it shows generated faces: true or false"),
    Column("watermark", "text", "whether it carries the watermark: true or false"),
    Column("credentials", "text", "C2PA where a signed statement is inside, else none"),
)
SECONDS: tuple[Column, ...] = (
    *_WHOSE,
    _PERSON,
    _ONSET,
    _DURATION,
    Column("label", "text", "expression read by a machine; not what was felt", LABELS),
    *(Column(e, "number", f"mean probability of {e}, 0 to 1") for e in EMOTIONS),
    Column("samples", "integer", "classified faces in the second"),
    Column("coverage", "number", "share of the second with the face in view, 0 to 1"),
    Column("quality", "number", "mean quality of the classified faces, 0 to 1"),
)
EPISODES: tuple[Column, ...] = (
    *_WHOSE,
    _PERSON,
    _ONSET,
    _DURATION,
    Column("label", "text", "strongest negative expression of the episode", LABELS),
    Column("strength", "number", "mean summed probability of negative expressions, 0 to 1"),
)
ADVICE: tuple[Column, ...] = (
    *_WHOSE,
    Column("person", "text", "whom it addresses"),
    _ONSET,
    Column("label", "text", "expression, or group of expressions, that was observed"),
    Column("confidence", "number", "0 to 1"),
    Column("text", "text", "the advice"),
)
TABLES: dict[str, tuple[Column, ...]] = {
    "recordings": RECORDINGS,
    "seconds": SECONDS,
    "episodes": EPISODES,
    "advice": ADVICE,
}
CODEBOOK = ("table", "column", "type", "description", "levels")


def release_tables(
    sessions: Sequence[Session], released: Mapping[tuple[str, str], Mapping[str, Released]]
) -> dict[str, list[Row]]:
    """Rows of every table.

    Args:
        released: by (participant_id, session_id), and then by the camera's name.
    """
    tables: dict[str, list[Row]] = {name: [] for name in TABLES}
    for session in sessions:
        made = released[session.participant_id, session.session_id]
        whose = {"participant_id": session.participant_id, "session_id": session.session_id}
        for camera in session.chosen.results.cameras:
            tables["recordings"].append(whose | _recording(session, camera, made[camera.name]))
        for event in session_events(session):
            kind = {"second": "seconds", "episode": "episodes", "advice": "advice"}.get(
                event["trial_type"]
            )
            if kind is not None:
                camera = _seen_in(session, event["person"])
                row = {**event, "onset_s": event["onset"], "duration_s": event["duration"]}
                file = session.recording(camera, made[camera.name].audio)
                tables[kind].append(row | whose | {"file": file})
    return tables


def _recording(session: Session, camera: Camera, made: Released) -> Row:
    info = made.info
    return {
        "file": session.recording(camera, made.audio),
        "shows": " and ".join(camera.shows) or "unknown",
        "start_s": camera.offset_s - session.starts_s,
        "duration_s": 0.0 if camera.still else float(info.duration_s or camera.duration_s),
        "frames": made.frames,
        "width": info.width,
        "height": info.height,
        "frame_rate": float(info.frame_rate),
        "generated_faces": session.chosen.results.synthetic,
        "watermark": made.watermarked,
        "credentials": "C2PA" if made.signed else "none",
    }


def _seen_in(session: Session, person: str) -> Camera:
    cameras = session.chosen.results.cameras
    return next((c for c in cameras if person in c.shows), cameras[0])


def write_tables(root: Path, tables: Mapping[str, Sequence[Row]], parquet: bool) -> None:
    """Write every table as CSV, and as Parquet if asked for, with the codebook."""
    folder = root / "tables"
    book: list[dict[str, Any]] = []
    for name, columns in TABLES.items():
        texts = [{c.name: _text(row.get(c.name)) for c in columns} for row in tables[name]]
        write_csv(folder / f"{name}.csv", [c.name for c in columns], texts)
        if parquet:
            write_parquet(folder / f"{name}.parquet", columns, texts)
        for column in columns:
            book.append(
                {
                    "table": name,
                    "column": column.name,
                    "type": column.kind,
                    "description": column.text,
                    "levels": "; ".join(f"{v} = {t}" for v, t in column.levels),
                }
            )
    write_csv(folder / "codebook.csv", CODEBOOK, book)
    write_json(
        folder / "codebook.json",
        {
            name: {
                c.name: {
                    "type": c.kind,
                    "description": c.text,
                    **({"levels": dict(c.levels)} if c.levels else {}),
                }
                for c in columns
            }
            for name, columns in TABLES.items()
        },
    )


def _text(value: Any) -> Any:
    return ("true" if value else "false") if isinstance(value, bool) else value
