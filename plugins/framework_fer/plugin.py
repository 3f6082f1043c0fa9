"""What this plugin offers. Descriptions only: nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import ComponentSpec, WeightSpec

RESEARCH = "clinical-empathy-framework[research]"
"""Brings the weights, whose training data allow research only."""

RESNET_WEIGHTS = WeightSpec(
    file="framework_weights_research:fer/resnet.safetensors",
    sha256="b4d67944b7b95bf0096df56b384b03ef159ce5098c4a7983f0afee2b5f3cb6dd",
    licence="research only (terms of FER2013)",
    trained_on=("FER2013 training set", "muxspace facial_expressions"),
    requires=RESEARCH,
    source="two networks trained in this project by framework_fer.train and joined by "
    "framework_fer.pair, from dlib's face recognition network "
    "(King 2017, CC0 1.0); recipe in docs/models/fer-resnet.md",
)

RESNET_INT8 = WeightSpec(
    file="framework_weights_research:fer/resnet.int8.onnx",
    sha256="5d0f47b7f507e8eb1d378781c2443de007375d3dd22e27f3459d6d143e35b4bf",
    licence=RESNET_WEIGHTS.licence,
    trained_on=RESNET_WEIGHTS.trained_on,
    requires=RESEARCH,
    source="the same weights, quantised by framework_fer.export --int8",
)

EFFNET_WEIGHTS = WeightSpec(
    file="framework_weights_research:fer/effnet.safetensors",
    sha256="c9938dd0291c5f18702a9e7b00f7ef54deeb28208e4beb17bf3757742166ba5e",
    licence="research only (terms of FER2013)",
    trained_on=("FER2013 training set", "muxspace facial_expressions"),
    requires=RESEARCH,
    source="trained in this project by framework_fer.train, from EfficientNet-Lite0 (ImageNet, "
    "Apache-2.0); recipe in docs/models/fer-effnet.md",
)

_REQUIRES = ("onnxruntime>=1.17", "safetensors>=0.4", "opencv-python>=4.8")


@hookimpl
def framework_emotion_classifiers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="resnet",
        summary="seven expressions, residual network that starts from face recognition",
        factory="framework_fer.classifier:build_resnet",
        config="framework_fer.config:ClassifierOptions",
        requires=_REQUIRES,
        capabilities=frozenset({"baseline"}),
        weights=(RESNET_WEIGHTS, RESNET_INT8),
        licence="MIT",
    )
    yield ComponentSpec(
        name="effnet",
        summary="seven expressions, EfficientNet-Lite0 on another split; for a second opinion",
        factory="framework_fer.classifier:build_effnet",
        config="framework_fer.config:ClassifierOptions",
        requires=_REQUIRES,
        capabilities=frozenset({"baseline"}),
        weights=(EFFNET_WEIGHTS,),
        licence="MIT",
    )
