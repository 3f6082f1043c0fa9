"""Recordings on their way out: without sound and metadata, marked, signed, and kept for next time.

What is written follows from the approved file and what is said of it. It is kept in the study's own
folder under a name that follows from both, because a signature holds random numbers: a second build
takes it from there and is the same to the last byte.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from framework.approvals import file_sha256
from framework.atomic import explain
from framework.errors import MediaError
from framework.media import probe
from framework.media.source import MediaKind, SourceInfo
from framework_release.credentials import SigningKey, can_hold, sign, statement
from framework_release.watermark import PARAMETERS, mark_file

MARKED = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".png", ".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Treatment:
    """What is done to a recording.

    Attributes:
        synthetic: it shows generated faces.
        sentence: how it was covered, for the statement.
        watermark: whether it gets the watermark.
        keep_audio: whether its sound stays.
        key: what signs; None leaves it unsigned.
        secret: of the study; the statement's identifiers follow from it.
    """

    synthetic: bool
    sentence: str
    watermark: bool
    keep_audio: bool
    key: SigningKey | None
    secret: bytes


@dataclass(frozen=True, slots=True)
class Released:
    """What a recording became.

    Attributes:
        info: what the released file is.
        watermarked, signed: whether it is.
        audio: whether it has sound.
        frames: how many pictures.
        fourcc: RFC 6381 string of the video, empty if not known.
    """

    info: SourceInfo
    watermarked: bool
    signed: bool
    audio: bool
    frames: int


def release_recording(
    source: Path, target: Path, treatment: Treatment, cache: Path, used: set[str]
) -> Released:
    """Write a recording as it leaves.

    Args:
        source: the covered, approved recording.
        target: where it goes; its suffix is the source's.
        cache: folder in the study where finished recordings are kept.
        used: names in the cache that are in use; this one is added.

    Raises:
        MediaError: something cannot be read or written.
    """
    info = probe(source)
    watermark = treatment.watermark and source.suffix.lower() in MARKED
    signing = treatment.key if can_hold(source) else None
    manifest: dict[str, Any] = {}
    if signing is not None:
        seed = hashlib.sha256(treatment.secret + target.name.encode()).digest()[:16]
        manifest = statement(target.name, treatment.synthetic, treatment.sentence, seed)
    recipe = {
        "source": file_sha256(source),
        "watermark": PARAMETERS if watermark else None,
        "audio": treatment.keep_audio,
        "statement": manifest,
        "certificate": hashlib.sha256(signing.chain).hexdigest() if signing else "",
    }
    name = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()
    kept = cache / f"{name}{source.suffix.lower()}"
    used.add(kept.name)
    try:
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not kept.is_file():
            _make(source, info, kept, watermark, treatment.keep_audio, signing, manifest)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(kept, target)
    except OSError as error:
        raise MediaError(f"cannot write {target.name}: {explain(error)}") from None
    after = probe(target)
    return Released(after, watermark, signing is not None, after.has_audio, _frames(target, after))


def has_audio(path: Path) -> bool:
    """Whether a recording has sound."""
    return probe(path).has_audio


def copy_recording(source: Path, target: Path) -> Released:
    """A copy as it is, neither marked nor signed.

    Raises:
        MediaError: it cannot be read or written.
    """
    info = probe(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise MediaError(f"cannot write {target.name}: {explain(error)}") from None
    return Released(info, False, False, info.has_audio, _frames(target, info))


def _make(
    source: Path,
    info: SourceInfo,
    kept: Path,
    watermark: bool,
    keep_audio: bool,
    signing: SigningKey | None,
    manifest: dict[str, Any],
) -> None:
    work = kept.with_name(f".{kept.stem}.work{kept.suffix}")
    done = kept.with_name(f".{kept.stem}.done{kept.suffix}")
    try:
        if watermark:
            mark_file(source, work, audio=keep_audio and info.has_audio)
        elif info.kind is MediaKind.VIDEO and (info.has_audio and not keep_audio):
            _copy_pictures(source, work)
        else:
            shutil.copyfile(source, work)
        if signing is not None:
            sign(work, done, manifest, signing)
        else:
            work.replace(done)
        done.replace(kept)
    finally:
        work.unlink(missing_ok=True)
        done.unlink(missing_ok=True)


def _copy_pictures(source: Path, target: Path) -> None:
    """The coded pictures as they are, without sound and without tags."""
    options = {"fflags": "+bitexact"}
    if target.suffix.lower() in (".mp4", ".m4v", ".mov"):
        options["movflags"] = "+faststart"
    try:
        with (
            av.open(f"file:{source}") as reading,
            av.open(f"file:{target}", "w", container_options=options) as writing,
        ):
            stream = reading.streams.video[0]
            copy = writing.add_stream_from_template(stream)
            copy.metadata.clear()
            for packet in reading.demux(stream):
                if packet.dts is None:
                    continue
                packet.stream = copy
                writing.mux(packet)
    except (av.FFmpegError, OSError):
        raise MediaError(f"{source.name}: its pictures cannot be copied; cover it again") from None


def _frames(path: Path, info: SourceInfo) -> int:
    if info.kind is MediaKind.IMAGE:
        return 1
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        return sum(1 for p in container.demux(stream) if p.size)


def tidy(cache: Path, used: set[str]) -> None:
    """Remove what no release needs any longer."""
    for path in cache.glob("*") if cache.is_dir() else ():
        if path.is_file() and path.name not in used:
            path.unlink(missing_ok=True)
