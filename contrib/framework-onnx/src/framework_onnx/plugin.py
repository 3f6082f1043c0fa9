"""What this plugin offers. No network library is touched here."""

from __future__ import annotations

from collections.abc import Iterable

from framework import ComponentSpec, WeightSpec, hookimpl

# Whatever the user brings: nothing can be promised about it, so a commercial policy refuses it.
WEIGHTS = WeightSpec(
    file="network.onnx",
    sha256="",
    licence="that of the network you bring",
    trained_on=("whatever the network you bring was trained on",),
    source="the user; named in the description file",
    commercial_use=False,
)


@hookimpl
def framework_emotion_classifiers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="onnx",
        summary="your own ONNX network, described by a YAML file (fer.path=FILE)",
        factory="framework_onnx.classifier:build",
        config="framework_onnx.options:ClassifierOptions",
        requires=("onnxruntime>=1.19",),
        weights=(WEIGHTS,),
        licence="MIT",
    )


@hookimpl
def framework_anonymizers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="onnx",
        summary="your own ONNX network from crop to crop, described by a YAML file",
        factory="framework_onnx.anonymizer:build",
        config="framework_onnx.options:AnonymizerOptions",
        requires=("onnxruntime>=1.19",),
        weights=(WEIGHTS,),
        licence="MIT",
    )
