"""What this plugin offers. Neither dlib nor the weights are touched here."""

from __future__ import annotations

from collections.abc import Iterable

from framework import ComponentSpec, WeightSpec, hookimpl

# Read as a file: importing face_recognition_models needs pkg_resources, which setuptools dropped.
WEIGHTS = WeightSpec(
    file="face_recognition_models:models/dlib_face_recognition_resnet_model_v1.dat",
    sha256="55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    licence="CC0-1.0",
    trained_on=("FaceScrub", "VGG Face", "web images"),
    source="Davis E. King, dlib-models (2017); ResNet with 29 convolutions, metric loss, 99.38 % "
    "on Labeled Faces in the Wild as published",
    commercial_use=False,
)


@hookimpl
def framework_recognizers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="dlib",
        summary="dlib's ResNet, 128 dimensions; 99.38 % on LFW as published",
        factory="framework_dlib.recognizer:build",
        config="framework_dlib.recognizer:DlibOptions",
        requires=("dlib-bin>=19.24", "face_recognition_models>=0.3"),
        weights=(WEIGHTS,),
        licence="MIT",
    )
