"""What this plugin offers. Descriptions only: nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import ComponentSpec


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
        name="arcface-onnx",
        summary="any ArcFace-style ONNX network that you bring (recognizer.path=FILE)",
        factory="framework_recognizers.arcface_onnx:build",
        config="framework_recognizers.config:ArcFaceOptions",
        requires=("onnxruntime>=1.17",),
        licence="MIT",
    )
