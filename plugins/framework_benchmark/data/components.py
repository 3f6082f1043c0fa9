"""The reference data sources, one component for each form of ``--data``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from framework.errors import ConfigError
from framework.harness import DataSet
from framework.spec import BuildContext
from framework_benchmark.attacks.component import NoOptions
from framework_benchmark.data import folders, tables
from framework_benchmark.data.synthetic import synthetic

Open = Callable[[str, int], DataSet]


@dataclass(frozen=True)
class Data:
    """A function as a :class:`framework.DataSource`.

    Attributes:
        form: how the text after ``--data`` is written, for the message where it is empty; an empty
            form needs no text.
    """

    function: Open
    form: str = ""

    def open(self, text: str, max_frames: int) -> DataSet:
        """Describe the items; see the function."""
        if self.form and not text:
            name = self.form.partition(":")[0]
            raise ConfigError(f"data {name!r}: expected {self.form}")
        return self.function(text, max_frames)


def _path(text: str) -> Path:
    return Path(text).expanduser()


def synthetic_set(config: NoOptions, context: BuildContext) -> Data:
    """Factory of ``synthetic``."""
    return Data(synthetic)


def lfw(config: NoOptions, context: BuildContext) -> Data:
    """Factory of ``lfw``."""

    def opened(text: str, max_frames: int) -> DataSet:
        return folders.lfw(folders.scikit_learn_home() if text == "sklearn" else _path(text))

    return Data(opened, "lfw:DIR or lfw:sklearn")


def stills(config: NoOptions, context: BuildContext) -> Data:
    """Factory of ``stills``."""
    return Data(
        lambda text, frames: folders.stills(_path(text)), "stills:DIR with DIR/PERSON/*.jpg"
    )


def clips(config: NoOptions, context: BuildContext) -> Data:
    """Factory of ``clips``."""
    form = "clips:DIR with DIR/PERSON/*.mp4"
    return Data(lambda text, frames: folders.clips(_path(text), frames), form)


def labelled(config: NoOptions, context: BuildContext) -> Data:
    """Factory of ``labelled``."""
    form = "labelled:FILE.npz|FILE.csv|DIR"
    return Data(lambda text, frames: tables.labelled(_path(text)), form)


def manifest(config: NoOptions, context: BuildContext) -> Data:
    """Factory of ``manifest``."""
    form = "manifest:FILE.csv with columns file, person, optionally label, sex, age, skin"
    return Data(lambda text, frames: tables.manifest(_path(text), frames), form)
