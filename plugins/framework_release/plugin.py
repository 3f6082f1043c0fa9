"""What this package offers. Light: the modules named here are imported when a command is called."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import CommandSpec, ComponentSpec


@hookimpl
def framework_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        "release",
        "Turn a study into a data set that others may have",
        "framework_release.command:app",
    )


_EXPORTERS = (
    ("elan", "ELAN annotations, linked to the covered recording", "elan:ElanExporter",
     "options:LinkedMediaOptions", ("pympi-ling",)),
    ("parquet", "seconds, episodes and advice as Parquet", "tables:ParquetExporter",
     "options:NoOptions", ("pyarrow",)),
    ("csv-long", "a row a second, person and measure, for SPSS and R", "tables:LongCsvExporter",
     "options:NoOptions", ()),
    ("openface", "a row a face or second with OpenFace's first columns",
     "openface:OpenFaceExporter", "options:NoOptions", ()),
    ("boris", "a BORIS project and its events as a table", "boris:BorisExporter",
     "options:LinkedMediaOptions", ()),
    ("bids", "one BIDS subject with its covered recordings", "bids:BidsExporter",
     "bids:BidsOptions", ()),
)  # fmt: skip


@hookimpl
def framework_exporters() -> Iterable[ComponentSpec]:
    for name, summary, factory, options, requires in _EXPORTERS:
        yield ComponentSpec(
            name=name,
            summary=summary,
            factory=f"framework_release.exporters.{factory}",
            config=f"framework_release.exporters.{options}",
            requires=requires,
            licence="MIT",
        )
