"""Sets described by a table or by arrays: labelled expressions, and the manifest that mixes all."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np

from framework.errors import ConfigError
from framework.harness import DataSet, Item, ItemKind, pseudonym
from framework.media.source import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from framework.types import EMOTIONS
from framework_benchmark.data.folders import clips_of_person, halves_note
from framework_benchmark.data.sources import ArraySource, FileSource

SYNONYMS = {
    "angry": "anger",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "happy": "happiness",
    "sad": "sadness",
    "surprised": "surprise",
}
OWN_COLUMNS = ("file", "person", "label")


def manifest(path: Path, max_frames: int) -> DataSet:
    """A CSV with the columns ``file`` and ``person``, optionally ``label``; all others are groups.

    Paths are relative to the CSV. Pictures and clips may be mixed.
    """
    rows = _rows(path, ("file", "person"))
    by_person: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        by_person.setdefault(row["person"], []).append(row)
    items: list[Item] = []
    halved = 0
    for person, own in by_person.items():
        clips = [r for r in own if Path(r["file"]).suffix.lower() in VIDEO_SUFFIXES]
        halved += len(own) == 1 == len(clips)
        for row in own:
            file = path.parent / row["file"]
            groups = {k: v for k, v in row.items() if k not in OWN_COLUMNS and v}
            truth = _label(row.get("label", ""), path)
            if row not in clips:
                source = FileSource(_existing(file, path))
                items.append(Item(pseudonym(person), ItemKind.STILL, source, truth, groups))
            elif len(own) == 1:
                items += clips_of_person(
                    pseudonym(person), [_existing(file, path)], max_frames, truth, **groups
                )
            else:
                source = FileSource(_existing(file, path), max_frames)
                items.append(Item(pseudonym(person), ItemKind.CLIP, source, truth, groups))
    return DataSet("manifest", (), items, halves_note(halved))


def labelled(path: Path) -> DataSet:
    """Expressions with labels: ``x`` and ``y`` in an .npz, ``FOLDER/EMOTION/*``, or a CSV."""
    if path.suffix.lower() == ".npz":
        items = _from_arrays(path)
    elif path.suffix.lower() == ".csv":
        items = _from_csv(path)
    elif path.is_dir():
        items = _from_folder(path)
    else:
        raise ConfigError(f"data labelled:{path}: expected an .npz, a .csv or a folder")
    return DataSet("labelled", (), items)


def _from_arrays(path: Path) -> list[Item]:
    """``x`` (n, h, w[, 3]) uint8, ``y`` (n,) index into EMOTIONS or names, ``person`` (n,)
    optional."""
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except FileNotFoundError:
        raise ConfigError(f"data labelled:{path}: no such file; check the path") from None
    except (OSError, ValueError, zipfile.BadZipFile):
        raise ConfigError(
            f"data labelled:{path}: not an .npz of plain arrays; write it with numpy.savez"
        ) from None
    if "x" not in arrays or "y" not in arrays or len(arrays["x"]) != len(arrays["y"]):
        raise ConfigError(f"data labelled:{path}: expected arrays x and y of one length")
    x, y = arrays["x"], arrays["y"]
    if x.dtype != np.uint8 or x.ndim not in (3, 4):
        raise ConfigError(
            f"data labelled:{path}: expected x as (n, h, w) or (n, h, w, 3) uint8, got "
            f"{x.shape} {x.dtype}"
        )
    numbered = np.issubdtype(y.dtype, np.integer)
    who = arrays.get("person")
    items = []
    for i in range(len(x)):
        truth = _numbered(int(y[i]), path) if numbered else _label(y[i], path)
        person = pseudonym(str(who[i]) if who is not None else f"{path.stem} {i}")
        items.append(Item(person, ItemKind.STILL, ArraySource(x[i], crop=True), truth))
    return items


def _numbered(label: int, path: Path) -> str:
    if not 0 <= label < len(EMOTIONS):
        raise ConfigError(
            f"data labelled:{path}: y has {label}; expected 0 to {len(EMOTIONS) - 1}, in the order "
            f"{', '.join(EMOTIONS)}"
        )
    return EMOTIONS[label]


def _from_folder(path: Path) -> list[Item]:
    items = []
    for folder in sorted(p for p in path.iterdir() if p.is_dir()):
        truth = _label(folder.name, path)
        for file in sorted(folder.iterdir()):
            if file.suffix.lower() in IMAGE_SUFFIXES:
                person = pseudonym(f"{folder.name}/{file.name}")
                source = FileSource(file, crop=True)
                items.append(Item(person, ItemKind.STILL, source, truth))
    if not items:
        raise ConfigError(f"data labelled:{path}: no pictures; expected FOLDER/EMOTION/FILE")
    return items


def _from_csv(path: Path) -> list[Item]:
    items = []
    for row in _rows(path, ("file", "label")):
        person = pseudonym(row.get("person") or row["file"])
        groups = {k: v for k, v in row.items() if k not in OWN_COLUMNS and v}
        source = FileSource(_existing(path.parent / row["file"], path), crop=True)
        items.append(Item(person, ItemKind.STILL, source, _label(row["label"], path), groups))
    return items


def _rows(path: Path, needed: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            names = [n.strip().lower() for n in reader.fieldnames or []]
            missing = [n for n in needed if n not in names]
            if missing:
                raise ConfigError(
                    f"data {path.name}: column {missing[0]!r} is missing; expected a header with "
                    f"{', '.join(needed)}"
                )
            reader.fieldnames = names
            rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
    except FileNotFoundError:
        raise ConfigError(f"data {path}: no such file; check the path") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"data {path.name}: not a CSV in UTF-8 ({error})") from None
    if not rows:
        raise ConfigError(f"data {path.name}: no rows; expected one for each picture or clip")
    return rows


def _label(text: object, path: Path) -> str:
    name = str(text).strip().lower()
    name = SYNONYMS.get(name, name)
    if name and name not in EMOTIONS:
        raise ConfigError(
            f"data {path.name}: label {str(text)!r}: expected one of {', '.join(EMOTIONS)}"
        )
    return name


def _existing(file: Path, table: Path) -> Path:
    if not file.is_file():
        raise ConfigError(
            f"data {table.name}: {file.name}: no such file; paths are relative to the CSV"
        )
    return file
