"""The files are those that the list of hashes and the components declare."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

from framework import Registry

PACKAGE = "framework_weights_research"


def listed() -> dict[str, str]:
    """Hash of each file, by its path inside the package."""
    text = (resources.files(PACKAGE) / "SHA256SUMS").read_text(encoding="utf-8")
    rows = [line.split(maxsplit=1) for line in text.splitlines()]
    return {name.strip(): digest for digest, name in rows}


def test_every_file_is_listed_with_its_hash() -> None:
    folder = Path(str(resources.files(PACKAGE)))
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for pattern in ("*/*.safetensors", "*/*.onnx")
        for path in folder.glob(pattern)
    }
    assert found == listed(), "run: sha256sum */*.safetensors */*.onnx | sort -k2 > SHA256SUMS"


def test_components_declare_the_same_hashes_and_that_commercial_use_is_not_allowed() -> None:
    declared = {}
    for component in Registry.load(only=()).components.values():
        for weights in component.spec.weights:
            package, _, name = weights.file.partition(":")
            if package == PACKAGE:
                declared[name] = weights.sha256
                assert not weights.commercial_use
                assert weights.licence.startswith("research only")
                assert weights.requires == "clinical-empathy-framework[research]"
    assert declared == listed()
