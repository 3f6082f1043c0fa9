"""Recordings: no metadata, no sound that was not declared, marks on synthetic media."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from framework.errors import ComponentError, FrameworkError
from framework.media import probe
from framework_release.check.finding import Finding, judged
from framework_release.credentials import CAPTURED, SYNTHETIC, read_credential
from framework_release.watermark import THRESHOLD, detect_file

Recordings = Mapping[str, Mapping[str, Any]]


def metadata_and_sound(root: Path, recordings: Recordings) -> tuple[Finding, Finding]:
    """Nothing beside the pictures, unless it was declared."""
    from framework_verify import metadata_left

    tags: list[tuple[str, str]] = []
    sound: list[tuple[str, str]] = []
    for name, said in recordings.items():
        path = root / name
        try:
            info = probe(path)
            tags += [(name, f"has {left}") for left in metadata_left(path, info)]
        except FrameworkError as error:
            tags.append((name, f"cannot be opened ({error})"))
            continue
        if info.has_audio and not said.get("audio"):
            sound.append((name, "has sound"))
    count = len(recordings)
    return (
        judged("No metadata", tags, f"none in {count} recordings"),
        judged("No sound that was not declared", sound, f"looked at {count} recordings"),
    )


def credentials(root: Path, recordings: Recordings) -> Finding:
    """Signatures agree with the content, and say of generated faces that they are."""
    name = "Content credentials are valid"
    declared = {n: r for n, r in recordings.items() if r.get("credentials")}
    if not declared:
        unsigned = [(n, "generated faces without a credential") for n in _synthetic(recordings)]
        return judged(name, unsigned, "none declared, and no generated faces")
    problems: list[tuple[str, str]] = []
    signers: set[str] = set()
    for file, said in declared.items():
        try:
            found = read_credential(root / file)
        except ComponentError as error:
            return Finding(name, None, str(error))
        except OSError:
            problems.append((file, "cannot be read"))
            continue
        if not found.valid:
            problems.append((file, f"credential {found.state.lower()}"))
        elif found.source_type != (SYNTHETIC if said.get("synthetic") else CAPTURED):
            problems.append((file, "its credential says something else about generated faces"))
        signers.add(found.signer)
    problems += [
        (n, "generated faces without a credential")
        for n in _synthetic(recordings)
        if n not in declared
    ]
    return judged(name, problems, f"{len(declared)}, signed by {', '.join(sorted(signers))}")


def watermarks(root: Path, recordings: Recordings) -> Finding:
    """Recordings with generated faces carry the watermark where it was declared."""
    problems: list[tuple[str, str]] = []
    scores: list[float] = []
    for file, said in recordings.items():
        if not said.get("watermark"):
            continue
        try:
            found = detect_file(root / file)
        except FrameworkError as error:
            problems.append((file, f"cannot be read ({error})"))
            continue
        scores.append(found.score)
        if not found.found:
            problems.append((file, f"watermark not found (score {found.score:.1f})"))
    good = "none declared"
    if scores:
        good = f"found in {len(scores)}; lowest score {min(scores):.1f}, needed {THRESHOLD:g}"
    return judged("Watermarks are there", problems, good)


def _synthetic(recordings: Recordings) -> list[str]:
    return [n for n, r in recordings.items() if r.get("synthetic")]
