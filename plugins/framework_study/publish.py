"""From the store into ``results/ID``: all of it at once, or what was there before stays."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from framework.atomic import explain
from framework.errors import MediaError
from framework_study.layout import Layout
from framework_study.plan import Finished
from framework_study.record import Record
from framework_study.store import digest_of_file, link_or_copy

DOCTOR_VIEW = "doctor-view"


def up_to_date(layout: Layout, record: Record, finished: Finished) -> bool:
    """Whether the folder of results holds this result, as it was written."""
    folder = layout.results(record.id)
    if record.key != finished.key or set(record.files) != set(finished.files):
        return False
    return all(_stamp(folder / name) == stamp[1:] for name, stamp in record.files.items())


def publish(layout: Layout, item: str, finished: Finished) -> dict[str, list[object]]:
    """Put a result into its folder; an earlier one is replaced.

    Returns:
        For each file its SHA-256, size and time of the last change.

    Raises:
        MediaError: the folder cannot be written, or the store is damaged.
    """
    target = layout.results(item)
    fresh = layout.temporary / secrets.token_hex(8)
    try:
        for name, (source, sha256) in finished.files.items():
            place = fresh / name
            link_or_copy(source, place)
            if digest_of_file(place) != sha256:
                raise MediaError(
                    f"{item}: {Path(name).name} in the study's store was changed; remove the "
                    "folder state/store in it and run again"
                )
        if (private := fresh / DOCTOR_VIEW).is_dir():
            private.chmod(0o700)
        target.parent.mkdir(parents=True, exist_ok=True)
        _swap(fresh, target, layout.temporary / secrets.token_hex(8))
        return {
            name: [sha256, *(_stamp(target / name) or [])]
            for name, (_, sha256) in finished.files.items()
        }
    except OSError as error:
        raise MediaError(f"results of {item}: {explain(error)}") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, target: Path, aside: Path) -> None:
    """Two renames, between which there is nothing; a run that goes on publishes again."""
    if target.exists():
        target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _stamp(path: Path) -> list[object] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]
