"""Exporters: files in the folder they were given, and the results untouched."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from framework.errors import UserError
from framework.outputs import write_emotions, write_recommendations
from framework.testing import scenes
from framework.testing.result import CheckFailed, check, require
from framework.testing.subject import Subject
from framework.types import EMOTIONS, UNKNOWN, Recommendation, Role

SECONDS = 10


@contextmanager
def folders() -> Iterator[tuple[Path, Path]]:
    """A result folder as a run leaves it, and an empty folder beside it."""
    from framework.media import open_writer
    from framework.media.source import MediaKind, SourceInfo

    with tempfile.TemporaryDirectory(prefix="framework-check-") as place:
        result, out = Path(place) / "results", Path(place) / "out"
        result.mkdir()
        out.mkdir()
        labels = [*EMOTIONS, UNKNOWN, "neutral", "neutral"][:SECONDS]
        people = [
            scenes.timeline(labels, Role.PATIENT, person="person-1"),
            scenes.timeline(labels[::-1], Role.DOCTOR, person="person-2"),
        ]
        write_emotions(result / "emotions.csv", people)
        advice = Recommendation(4.0, Role.DOCTOR, "test", "Ask.", "Four seconds of fear.",
                                "person-1", "fear", 0.0, 4.0, 0.8)  # fmt: skip
        write_recommendations(result / "recommendations.json", [advice])
        info = SourceInfo(MediaKind.VIDEO, 96, 80, 2, None, None, "mp4", "h264")
        with open_writer(result / "anonymized.mp4", info) as writer:
            for k in range(2 * SECONDS):
                writer.write(scenes.noise(96, 80, k // 2), k / 2)
        yield result, out


def digests(folder: Path) -> dict[str, str]:
    """Hash of every file, by its name inside the folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def exported(component: Any, result: Path, out: Path) -> list[Path]:
    """Export, and check what comes back."""
    files = component.export(result, out)
    require(isinstance(files, list) and files, f"expected a list of files, got {files!r}")
    for file in files:
        require(isinstance(file, Path) and file.is_file(), f"expected a file, got {file!r}")
        require(file.resolve().is_relative_to(out.resolve()), f"a file outside the folder: {file}")
        require(file.stat().st_size > 0, f"{file.name} is empty")
    return list(files)


@check()
def writes_files_into_the_folder(subject: Subject) -> str:
    """Every file it names is inside the folder it was given, and every file there is named."""
    with folders() as (result, out):
        files = exported(subject.create(), result, out)
        unnamed = set(digests(out)) - {str(file.relative_to(out)) for file in files}
        require(not unnamed, f"files that it does not name: {', '.join(sorted(unnamed))}")
        return ", ".join(sorted(file.name for file in files))


@check()
def leaves_the_results_alone(subject: Subject) -> None:
    """The result folder is only read."""
    with folders() as (result, out):
        before = digests(result)
        exported(subject.create(), result, out)
        require(digests(result) == before, "the result folder was changed")


@check()
def names_no_folder_of_this_machine(subject: Subject) -> None:
    """No file holds the path of the results: exported files are passed on."""
    with folders() as (result, out):
        for file in exported(subject.create(), result, out):
            require(
                str(result.parent).encode() not in file.read_bytes(),
                f"{file.name} holds a path of this machine",
            )


@check()
def an_empty_folder_is_refused(subject: Subject) -> None:
    """Without results it raises a UserError that says what is missing."""
    with folders() as (result, out):
        for file in result.iterdir():
            file.unlink()
        try:
            subject.create().export(result, out)
        except UserError as error:
            require(str(error), "the error has no message")
        except Exception as error:
            raise CheckFailed(f"expected a UserError, got {type(error).__name__}") from error
        else:
            raise CheckFailed("an empty result folder was exported")


@check()
def is_repeatable(subject: Subject) -> None:
    """Two exports of the same results have the same files of the same size."""
    with folders() as (result, out):
        second = out.parent / "second"
        second.mkdir()
        a, b = (
            {str(f.relative_to(place)): f.stat().st_size for f in exported(one, result, place)}
            for one, place in ((subject.create(), out), (subject.create(), second))
        )
        require(a == b, f"files and sizes: {a}, then {b}")


@check()
def unreadable_faces_are_no_error(subject: Subject) -> None:
    """Results in which no emotion could be read are exported as well."""
    with folders() as (result, out):
        write_emotions(
            result / "emotions.csv",
            [scenes.timeline([UNKNOWN] * SECONDS, Role.PATIENT, person="person-1")],
        )
        write_recommendations(result / "recommendations.json", [])
        exported(subject.create(), result, out)


CHECKS = (
    writes_files_into_the_folder,
    leaves_the_results_alone,
    names_no_folder_of_this_machine,
    an_empty_folder_is_refused,
    is_repeatable,
    unreadable_faces_are_no_error,
)
