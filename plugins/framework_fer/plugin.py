"""What this plugin offers. Descriptions only: nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import ComponentSpec, WeightSpec

RESEARCH = "clinical-empathy-framework[research]"
"""Brings the weights, whose training data allow research only."""

RESNET_WEIGHTS = WeightSpec(
    file="framework_weights_research:fer/resnet.safetensors",
    sha256="99fa0c4949aa862d696112b008c0cbc561fbdab9362cf4394d5201130d8b7750",
    licence="research only (terms of FER2013)",
    trained_on=("FER2013 training set", "muxspace facial_expressions"),
    requires=RESEARCH,
    source="two networks trained in this project by framework_training.fer.train and joined by "
    "framework_training.fer.pair, from dlib's face recognition network "
    "(King 2017, CC0 1.0); recipe in docs/models/fer-resnet.md",
)

RESNET_INT8 = WeightSpec(
    file="framework_weights_research:fer/resnet.int8.onnx",
    sha256="c86e9a6ba77446bb217019e38749994f8fcd2107f13e796be717c3b0587927b0",
    licence=RESNET_WEIGHTS.licence,
    trained_on=RESNET_WEIGHTS.trained_on,
    requires=RESEARCH,
    source="the same weights, quantised by framework_training.fer.export --int8",
)

EFFNET_WEIGHTS = WeightSpec(
    file="framework_weights_research:fer/effnet.safetensors",
    sha256="a8c2f0ba95b8eb9a382344909ff5e080a7cc7150200392367d7806fea0c960e5",
    licence="research only (terms of FER2013)",
    trained_on=("FER2013 training set", "muxspace facial_expressions"),
    requires=RESEARCH,
    source="trained in this project by framework_training.fer.train, from EfficientNet-Lite0 "
    "(ImageNet, Apache-2.0); recipe in docs/models/fer-effnet.md",
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
