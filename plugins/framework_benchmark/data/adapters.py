"""From the text after ``--data`` to a data set."""

from __future__ import annotations

from pathlib import Path

from framework.errors import ConfigError
from framework.suggest import did_you_mean
from framework_benchmark.items import DataSet

FORMS = {
    "synthetic": "synthetic[:persons=6,clips=2,seconds=3]  made here, needs no data",
    "lfw": "lfw:DIR or lfw:sklearn  Labeled Faces in the Wild",
    "stills": "stills:DIR  DIR/PERSON/*.jpg",
    "clips": "clips:DIR  DIR/PERSON/*.mp4",
    "labelled": "labelled:FILE.npz|FILE.csv|DIR  expressions with labels",
    "manifest": "manifest:FILE.csv  columns file, person, optionally label, sex, age, skin",
}


def open_data(text: str, max_frames: int = 150) -> DataSet:
    """The data set that ``text`` names; nothing is decoded yet.

    Raises:
        ConfigError: unknown form, missing folder, or a table that does not fit.
    """
    form, _, rest = text.partition(":")
    if form == "synthetic":
        from framework_benchmark.data.synthetic import synthetic

        return synthetic(rest, max_frames)
    if form not in FORMS:
        raise ConfigError(f"data {text!r}: unknown form{did_you_mean(form, FORMS)}, as in lfw:DIR")
    if not rest:
        raise ConfigError(f"data {text!r}: expected {FORMS[form]}")
    from framework_benchmark.data import folders, tables

    path = Path(rest).expanduser()
    if form == "lfw":
        return folders.lfw(folders.scikit_learn_home() if rest == "sklearn" else path)
    if form == "stills":
        return folders.stills(path)
    if form == "clips":
        return folders.clips(path, max_frames)
    if form == "labelled":
        return tables.labelled(path)
    return tables.manifest(path, max_frames)
