"""An analysis as files, so that another process can go on from it. No pixel is in them.

``tracks.csv`` is the table as a person may correct it; ``observed.npz`` holds every detection, by
which it is checked that no table leaves a face open; ``analysis.json`` holds the rest.
"""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints
from zipfile import BadZipFile

import numpy as np

from framework.atomic import write_text
from framework.errors import ContractError, MediaError
from framework.measurement import Measurements
from framework.pipeline.passes import Analysis, Observed
from framework.plain_data import from_plain, to_plain
from framework.resolve import ObservationLog
from framework.resolve.log import Rows
from framework.table_file import load_table, save_table
from framework.types import Measure

TABLE, OBSERVED, ANALYSIS = "tracks.csv", "observed.npz", "analysis.json"
MEASURED = "measured.npz"
_APART = {
    "table": Analysis,
    "observed": Analysis,
    "measurements": Analysis,
    "log": Observed,
    "sampler": Observed,
    "measured": Observed,
}
"""Fields that have a file of their own, or, the samplers, whose findings are kept elsewhere."""


def save_analysis(found: Analysis, folder: Path) -> None:
    """Write an analysis into a folder.

    Raises:
        MediaError: it cannot be written.
    """
    save_table(found.table, folder / TABLE)
    log = found.observed.log
    rows = log.rows()
    columns = {f.name: getattr(rows, f.name) for f in fields(Rows)}
    measured = found.measurements
    try:
        np.savez(folder / OBSERVED, time_s=log.time_s(), **columns)
        if measured is not None:
            np.savez(
                folder / MEASURED,
                frame=measured.frame,
                track_id=measured.track_id,
                values=measured.values,
            )
    except OSError as error:
        raise MediaError(f"cannot write {OBSERVED}: {error.strerror}") from None
    body = {
        "log_failures": to_plain(log.failures),
        "observed": _plain_fields(found.observed, Observed),
        "analysis": _plain_fields(found, Analysis),
        "measures": None if measured is None else to_plain(measured.measures),
    }
    write_text(folder / ANALYSIS, json.dumps(body) + "\n")


def load_analysis(folder: Path) -> Analysis:
    """Read back what :func:`save_analysis` wrote.

    Raises:
        MediaError: a file is missing or damaged.
        ConfigError: the table does not validate.
    """
    table = load_table(folder / TABLE)
    try:
        body = json.loads((folder / ANALYSIS).read_bytes())
        with np.load(folder / OBSERVED, allow_pickle=False) as stored:
            rows = Rows(**{f.name: stored[f.name] for f in fields(Rows)})
            time_s = stored["time_s"]
        log = ObservationLog.restored(
            time_s, rows, from_plain(dict[int, str], body["log_failures"])
        )
        seen = Observed(log=log, sampler=None, **_read_fields(body["observed"], Observed))
        return Analysis(
            table=table,
            observed=seen,
            measurements=_measurements(folder, body["measures"]),
            **_read_fields(body["analysis"], Analysis),
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile, ContractError) as error:
        raise MediaError(
            f"the stored analysis is damaged or of another version ({type(error).__name__}); "
            "analyse the recording again"
        ) from None


def _measurements(folder: Path, measures: Any) -> Measurements | None:
    if measures is None:
        return None
    with np.load(folder / MEASURED, allow_pickle=False) as stored:
        return Measurements(
            from_plain(tuple[Measure, ...], measures),
            stored["frame"],
            stored["track_id"],
            stored["values"],
        )


def _plain_fields(value: Any, model: type) -> dict[str, Any]:
    return {
        f.name: to_plain(getattr(value, f.name))
        for f in fields(model)
        if _APART.get(f.name) is not model
    }


def _read_fields(values: dict[str, Any], model: type) -> dict[str, Any]:
    hints = get_type_hints(model)
    return {name: from_plain(hints[name], value) for name, value in values.items()}
