"""What this plugin offers. Descriptions only: nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import ComponentSpec, WeightSpec

EXPRESSION_WEIGHTS = WeightSpec(
    file="framework_weights_research:measures/expression.safetensors",
    sha256="5d12d532b9236a1729dae59e54bf7bfa692d91ea0f472dc042c88c4f9fdd7793",
    licence="research only (terms of the training data)",
    trained_on=(
        "FER2013 training set",
        "muxspace facial_expressions",
        "Labeled Faces in the Wild (6,000 pictures)",
        "Face Research Lab London Set",
        "face clips of public animation repositories, see docs/models/expression.md",
    ),
    requires="clinical-empathy-framework[research]",
    source="trained for this project; landmarks and coefficients by MediaPipe Face Landmarker "
    "(Apache-2.0) as the teacher, votes by FER+ (MIT)",
)


@hookimpl
def framework_measurers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="expression",
        summary="head pose, gaze, opening of the eyes, 51 coefficients of expression, and how "
        "people would name it",
        factory="framework_measures.expression:build",
        config="framework_measures.config:ExpressionOptions",
        requires=("torch>=2.4", "safetensors>=0.4", "opencv-python>=4.8"),
        weights=(EXPRESSION_WEIGHTS,),
        licence="MIT",
    )
