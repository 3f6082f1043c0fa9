"""Results are no recording: somebody who gives a folder of them gets a line that helps."""

from __future__ import annotations

from pathlib import Path

from framework.errors import MediaError

MARKS = {
    "study.yaml": "a study; 'framework study run' works on it",
    "encounter.json": "the results of an encounter",
    "audit.json": "the results of a run",
    "manifest.json": "the results of a run",
    "analysis.json": "the track tables of an encounter",
}


def refuse_results(source: Path) -> None:
    """Refuse a folder that this program wrote.

    Raises:
        MediaError: it is one.
    """
    found = next((what for name, what in MARKS.items() if (source / name).is_file()), None)
    if found is not None:
        raise MediaError(
            f"{source}: this folder holds {found}, not a recording; give the recording itself. "
            "'framework cohort' and 'framework advise' read results"
        )
