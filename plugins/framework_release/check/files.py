"""Checksums, and that nothing is there that does not belong into a release."""

from __future__ import annotations

import re
from pathlib import Path

from framework_release.check.finding import Finding, judged
from framework_release.checksums import differences, release_files

ROOT_FILES = frozenset(
    {
        ".bidsignore",
        "CHANGES",
        "CITATION.cff",
        "README.md",
        "croissant.json",
        "datacite.json",
        "datasheet.html",
        "dataset_description.json",
        "participants.json",
        "participants.tsv",
        "release.json",
        "ro-crate-metadata.json",
    }
)
_ALLOWED = re.compile(
    r"task-[a-z0-9]+_events\.json"
    r"|tables/(?:seconds|episodes|advice|recordings)\.(?:csv|parquet)"
    r"|tables/codebook\.(?:csv|json)"
    r"|(?P<sub>sub-[0-9a-z]+)/(?P<ses>ses-[0-9]+)/"
    r"(?:(?P=sub)_(?P=ses)_scans\.tsv"
    r"|beh/(?P=sub)_(?P=ses)_task-[a-z0-9]+"
    r"(?:_events\.tsv|_recording-[a-z0-9]+_(?:video|audiovideo|image|tracks)\.[a-z0-9]+))"
)


def checksums(root: Path) -> Finding:
    """Every file is the one that was released.

    Raises:
        MediaError: there is no list of checksums.
    """
    found = [(d.path, d.what) for d in differences(root)]
    return judged(
        "Every file is as it was released", found, f"{len(release_files(root))} files agree"
    )


def nothing_else(root: Path) -> Finding:
    """No file that a release does not have: originals, keys, track tables, doctor's views."""
    names = release_files(root)
    strange = [
        (n, "does not belong into a release")
        for n in names
        if n not in ROOT_FILES and _ALLOWED.fullmatch(n) is None
    ]
    missing = [(n, "missing") for n in sorted(ROOT_FILES - set(names))]
    return judged("Nothing missing, nothing else", strange + missing, f"{len(names)} files")
