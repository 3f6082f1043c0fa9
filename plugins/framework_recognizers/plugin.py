"""What this plugin offers. Descriptions only: nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import ComponentSpec, WeightSpec

FISHER_WEIGHTS = WeightSpec(
    file="framework_weights_research:recognizers/lbp-fisher.safetensors",
    sha256="87c968709334bb81e5139e77c4527e5fa3156e27974eeb067f88e42eee11596a",
    licence="research only (terms of Labeled Faces in the Wild)",
    trained_on=("Labeled Faces in the Wild, identities whose hashed name is above 0.35",),
    requires="clinical-empathy-framework[research]",
    source="trained in this project by framework_training.recognizers.train; "
    "docs/models/lbp-fisher.md",
)


@hookimpl
def framework_recognizers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="lbp",
        summary="local binary patterns: classical, no training data, weak; a second opinion",
        factory="framework_recognizers.lbp:build",
        config="framework_recognizers.config:LbpOptions",
        licence="MIT",
    )
    yield ComponentSpec(
        name="lbp-fisher",
        summary="local binary patterns and Fisher's discriminant, trained here; nothing is tuned "
        "on it",
        factory="framework_recognizers.fisher:build",
        config="framework_recognizers.config:FisherOptions",
        requires=("safetensors>=0.4",),
        weights=(FISHER_WEIGHTS,),
        licence="MIT",
    )
    yield ComponentSpec(
        name="arcface-onnx",
        summary="any ArcFace-style ONNX network that you bring (recognizer.path=FILE)",
        factory="framework_recognizers.arcface_onnx:build",
        config="framework_recognizers.config:ArcFaceOptions",
        requires=("onnxruntime>=1.17",),
        licence="MIT",
    )
