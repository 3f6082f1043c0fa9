"""From the text after ``--data`` to a data set."""

from __future__ import annotations

from framework.errors import ConfigError
from framework.harness import DataSet
from framework.registry import Registry
from framework.spec import Kind
from framework.suggest import did_you_mean


def open_data(text: str, max_frames: int = 150, registry: Registry | None = None) -> DataSet:
    """The data set that ``NAME:TEXT`` names; nothing is decoded yet.

    Raises:
        ConfigError: there is no data source of this name, a folder is missing, or a table does not
            fit.
    """
    registry = registry or Registry.load()
    name, _, rest = text.partition(":")
    known = [component.spec.name for component in registry.of_kind(Kind.DATA_SOURCE)]
    if name not in known:
        raise ConfigError(f"data {text!r}: unknown form{did_you_mean(name, known)}, as in lfw:DIR")
    data: DataSet = registry.create(Kind.DATA_SOURCE, name).open(rest, max_frames)
    return data
