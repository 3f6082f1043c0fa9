"""Checks of a component's description, for every kind."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from typing import Any

from framework.errors import WeightsError
from framework.registry import SUPPORTED_API
from framework.testing.result import CheckFailed, Skip, check, require
from framework.testing.subject import Subject, resolve
from framework.weights import locate, sha256_of

HEAVY = ("torch", "cv2", "onnxruntime", "onnx", "av", "scipy", "tensorflow", "dlib", "sklearn")


@check()
def description_is_complete(subject: Subject) -> None:
    """Name, one-line summary, licence and API number are given."""
    spec = subject.spec
    assert spec is not None
    require(
        re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", spec.name),
        f"name: expected lower-case letters, digits and hyphens, got {spec.name!r}",
    )
    require(
        spec.summary.strip() and "\n" not in spec.summary and len(spec.summary) <= 120,
        f"summary: expected one line of at most 120 characters, got {spec.summary!r}",
    )
    require(spec.licence.strip(), "licence: expected the licence of the code, e.g. 'MIT'; got ''")
    require(
        spec.api in SUPPORTED_API, f"api: expected one of {sorted(SUPPORTED_API)}, got {spec.api}"
    )


@check()
def factory_and_options_can_be_imported(subject: Subject) -> None:
    """Both references lead somewhere."""
    spec = subject.spec
    assert spec is not None
    for what, reference in (("factory", spec.factory), ("config", spec.config)):
        try:
            value = resolve(reference)
        except Exception as error:
            raise CheckFailed(f"{what} {reference!r}: {type(error).__name__}: {error}") from error
        require(callable(value), f"{what} {reference!r}: expected something callable")


@check()
def options_are_documented_and_bounded(subject: Subject) -> str:
    """Every option is described; numbers have limits on both sides; unknown names are refused."""
    if subject.config_model is None:
        raise Skip("no options model is known")
    from pydantic import BaseModel

    model: Any = subject.config_model()
    require(
        isinstance(model, type) and issubclass(model, BaseModel),
        f"config: expected a pydantic model, got {model!r}",
    )
    require(model.model_config.get("extra") == "forbid", 'expected extra="forbid" in model_config')
    require(model.model_config.get("frozen"), "expected frozen=True in model_config")
    properties: dict[str, Any] = model.model_json_schema().get("properties", {})
    for name, schema in properties.items():
        require(schema.get("description", "").strip(), f"option {name}: has no description")
        _require_limits(name, schema)
    return f"{len(properties)} options"


def _require_limits(name: str, schema: dict[str, Any]) -> None:
    for part in (schema, *schema.get("anyOf", ())):
        if part.get("type") in ("integer", "number") and "enum" not in part:
            low = {"minimum", "exclusiveMinimum"} & part.keys()
            high = {"maximum", "exclusiveMaximum"} & part.keys()
            require(low, f"option {name}: a number without a lower limit")
            require(high, f"option {name}: a number without an upper limit")


@check()
def weights_are_what_they_are_declared_to_be(subject: Subject) -> str:
    """Each weight file exists, has the declared hash, and names licence, data and source."""
    spec = subject.spec
    assert spec is not None
    if not spec.weights:
        raise Skip("declares no weights")
    for weight in spec.weights:
        where = f"weights {weight.file}"
        require(weight.licence.strip(), f"{where}: no licence")
        require(weight.source.strip(), f"{where}: no source")
        inside = ":" in weight.file
        require(weight.sha256 or not inside, f"{where}: no sha256 for a file that comes along")
        if not inside:
            continue
        require(weight.trained_on, f"{where}: trained_on is empty; name the data sets")
        try:
            path = locate(weight)
        except WeightsError as error:
            raise CheckFailed(str(error)) from error
        actual = sha256_of(path)
        require(
            actual == weight.sha256.lower(),
            f"{where}: expected sha256 {weight.sha256}, got {actual}",
        )
        require(path.suffix not in {".pkl", ".pickle"}, f"{where}: is a pickle, which runs code")
    return f"{len(spec.weights)} files"


@check()
def plugin_module_is_light(subject: Subject) -> None:
    """Importing the plugin's module imports no network or media library (in a new process)."""
    module = subject.plugin_module
    if module is None:
        raise Skip("the module with the hooks is not known")
    heavy, error = _heavy_imports(module)
    require(not error, f"{module} cannot be imported: {error}")
    require(not heavy, f"importing {module} imports {heavy}; move that into the factory's module")


@cache
def _heavy_imports(module: str) -> tuple[str, str]:
    """What a new process has imported after this module, and the error if it cannot be imported."""
    code = (
        "import sys, importlib\n"
        f"sys.path[:] = {sys.path!r}\n"
        f"importlib.import_module({module!r})\n"
        f"print(' '.join(sorted(set(sys.modules) & set({HEAVY!r}))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if done.returncode:
        return "", (done.stderr.strip().splitlines() or ["unknown reason"])[-1]
    return done.stdout.strip(), ""


CHECKS = (
    description_is_complete,
    factory_and_options_can_be_imported,
    options_are_documented_and_bounded,
    weights_are_what_they_are_declared_to_be,
    plugin_module_is_light,
)
