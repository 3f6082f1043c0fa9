"""What this plugin offers. Descriptions only: nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import CommandSpec, ComponentSpec, WeightSpec

FOMM_WEIGHTS = WeightSpec(
    file="framework_weights_research:fomm/fomm.safetensors",
    sha256="d40c0bb12da62b1e0100beb2af6375f542f7252a7e0f5bb3a3ec311f80633cbc",
    licence="research only (terms of the training data)",
    trained_on=(
        "face clips of public animation repositories, see docs/models/fomm.md",
        "Face Research Lab London Set",
        "Labeled Faces in the Wild (10,150 pictures)",
        "muxspace facial_expressions",
    ),
    requires="clinical-empathy-framework[research]",
    source="trained for this project with 'python -m framework_training.fomm.train'",
)

BASIS_WEIGHTS = WeightSpec(
    file="framework_weights_research:fomm/expression-basis.safetensors",
    sha256="8e21293f321394e4949f40ebff108d6a593d9cb07a19fcdf776f65351bcc47a1",
    licence="research only (terms of the training data)",
    trained_on=(
        "FER2013 training set",
        "muxspace facial_expressions",
        "Labeled Faces in the Wild (6,000 pictures)",
        "Face Research Lab London Set",
        "face clips of public animation repositories, see docs/models/expression.md",
    ),
    requires="clinical-empathy-framework[research]",
    source="fitted for this project in closed form, see docs/models/fomm.md",
)


@hookimpl
def framework_anonymizers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="fomm",
        summary="swaps each face for a composite donor that shows the expression that the person "
        "shows, in recordings, streams and stills",
        factory="framework_fomm.anonymizer:build",
        config="framework_fomm.config:FommOptions",
        requires=("torch>=2.4", "safetensors>=0.4", "opencv-python>=4.8"),
        capabilities=frozenset({"batch", "prepare", "events", "whole-frame", "synthetic"}),
        weights=(FOMM_WEIGHTS, BASIS_WEIGHTS),
        licence="MIT",
    )


@hookimpl
def framework_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        "donors",
        "The portraits that a swap shows: list them, add your own, remove them",
        "framework_fomm.donors_command:app",
    )
