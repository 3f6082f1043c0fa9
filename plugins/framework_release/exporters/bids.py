"""BIDS: the results of one recording or encounter as a data set with one subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from framework import __version__
from framework.errors import MediaError
from framework_release.bids import (
    NOT_STATED,
    participants,
    synthetic_statement,
    write_root,
    write_session,
)
from framework_release.config import ReleaseConfig
from framework_release.consent import Consent
from framework_release.media import Released, copy_recording, has_audio
from framework_release.names import Session
from framework_release.results import read_results
from framework_release.selection import Chosen
from framework_release.study import Encounter


class BidsOptions(BaseModel):
    """Options of the exporter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str = Field("01", pattern=r"^[A-Za-z0-9]+$", description="Label of the subject.")
    session: int = Field(1, ge=1, le=99, description="Number of the session.")
    task: str = Field("consultation", pattern=r"^[a-z][a-z0-9]*$", description="Label of the task.")


class BidsExporter:
    """Writes a BIDS folder with BEP047 recordings: for own use, not a release.

    Nothing is renamed at random, verified, signed or generalised; that is what ``framework
    release`` is for.
    """

    def __init__(self, options: BidsOptions, context: Any = None) -> None:
        self._options = options

    def export(self, result: Path, out: Path) -> list[Path]:
        """See :class:`framework.Exporter`."""
        results = read_results(result)
        row = Encounter(results.id or "recording", (), (), Consent("none", "none"), {})
        chosen = Chosen(row, results, {}, (), {})
        session = Session(self._options.subject, self._options.session, self._options.task, chosen)
        unsaid = ("publisher", "licence", "ethics_approval", "consent_basis", "contact")
        config = ReleaseConfig.model_validate(
            {
                "title": "Results of one recording",
                "authors": [{"name": NOT_STATED}],
                "access": "controlled",
                "task": self._options.task,
                **dict.fromkeys(unsaid, NOT_STATED),
            }
        )
        made: dict[str, Released] = {}
        for camera in results.cameras:
            if camera.file is None:
                raise MediaError(f"{camera.name}: no covered recording in {result}; run it again")
            made[camera.name] = copy_recording(
                camera.file, out / session.recording(camera, has_audio(camera.file))
            )
        sentence = synthetic_statement(results.synthetic)
        write_session(out, session, made, config, sentence)
        people = participants([session], {}, ())
        write_root(out, [session], config, people, "1.0.0", __version__)
        return sorted(p for p in out.rglob("*") if p.is_file())
