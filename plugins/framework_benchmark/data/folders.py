"""One folder for each person, as in Labeled Faces in the Wild; of pictures or of clips."""

from __future__ import annotations

import os
from pathlib import Path

from framework.errors import ConfigError
from framework.harness import DataSet, Item, ItemKind, pseudonym
from framework.media.source import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from framework_benchmark.data.sources import FileSource

LFW_NAMES = ("lfw", "labeled faces in the wild")
SCIKIT_LEARN_LFW = ("lfw_home/lfw_funneled", "lfw_home/lfw")


def stills(folder: Path, name: str = "stills", known_as: tuple[str, ...] = ()) -> DataSet:
    """``FOLDER/PERSON/*.jpg``; persons with one picture can still be in a gallery."""
    items = [
        Item(pseudonym(person), ItemKind.STILL, FileSource(path))
        for person, paths in _by_person(folder, IMAGE_SUFFIXES).items()
        for path in paths
    ]
    return DataSet(name, known_as, items)


def lfw(folder: Path) -> DataSet:
    """Labeled Faces in the Wild, unpacked, or inside scikit-learn's data folder."""
    for inside in SCIKIT_LEARN_LFW:
        if (folder / inside).is_dir():
            folder = folder / inside
            break
    return stills(folder, "lfw", LFW_NAMES)


def scikit_learn_home() -> Path:
    """Where scikit-learn's loaders keep what they downloaded. Nothing is downloaded here."""
    given = os.environ.get("SCIKIT_LEARN_DATA", "~/scikit_learn_data")
    home = Path(given).expanduser()
    if not any((home / inside).is_dir() for inside in SCIKIT_LEARN_LFW):
        raise ConfigError(
            "data lfw:sklearn: scikit-learn has not downloaded Labeled Faces in the Wild; call "
            "sklearn.datasets.fetch_lfw_people() once, or give its folder as lfw:DIR"
        )
    return home


def clips(folder: Path, max_frames: int) -> DataSet:
    """``FOLDER/PERSON/*.mp4``; the only clip of a person is cut in two halves."""
    items: list[Item] = []
    halved = 0
    for person, paths in _by_person(folder, VIDEO_SUFFIXES).items():
        halved += len(paths) == 1
        items += clips_of_person(pseudonym(person), paths, max_frames)
    return DataSet("clips", (), items, halves_note(halved))


def clips_of_person(
    person: str, paths: list[Path], max_frames: int, truth: str = "", **groups: str
) -> list[Item]:
    """One item a clip, or the two halves of the only one."""
    halves = (0, 1) if len(paths) == 1 else (None,)
    return [
        Item(person, ItemKind.CLIP, FileSource(path, max_frames, half), truth, groups)
        for path in paths
        for half in halves
    ]


def halves_note(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (
        f"{count} persons have a single clip; its halves serve as two. Same clothes and light "
        f"favour the attacker.",
    )


def _by_person(folder: Path, suffixes: frozenset[str]) -> dict[str, list[Path]]:
    """Files by the name of their folder, sorted; hidden files are left out."""
    if not folder.is_dir():
        raise ConfigError(f"data {folder}: no such folder; expected one folder for each person")
    found: dict[str, list[Path]] = {}
    for person in sorted(p for p in folder.iterdir() if p.is_dir()):
        paths = sorted(
            p
            for p in person.iterdir()
            if p.suffix.lower() in suffixes and not p.name.startswith(".")
        )
        if paths:
            found[person.name] = paths
    if not found:
        kinds = ", ".join(sorted(suffixes))
        raise ConfigError(
            f"data {folder}: no folder with files in it; expected FOLDER/PERSON/FILE ({kinds})"
        )
    return found
