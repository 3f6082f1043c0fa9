"""Imports go one way: applications and components import the core, and the core imports neither."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = sorted((ROOT / "framework").rglob("*.py"))
PLUGINS = sorted(p for p in (ROOT / "plugins").iterdir() if (p / "plugin.py").exists())
SHARED = {
    "framework_faceset",  # measuring the faces of a set: the benchmark, verify and training
    "framework_fomm",  # the portraits of its donors, as data
    "framework_measures",  # landmarks and coefficients, which the swap follows
}
"""Packages that others may import. They import no other package of plugins themselves."""


BUILDS_ON = {("framework_study", "framework_encounter")}
"""Applications that run another one in stages, and need more of it than its package exports."""


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_core_module_imports_no_plugin(path: Path) -> None:
    assert [name for name in imported(path) if name.startswith("framework_")] == []
    assert 'find_spec("framework_' not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("package", PLUGINS, ids=lambda p: p.name)
def test_a_plugin_imports_no_other_plugin_s_insides(package: Path) -> None:
    """What a package exports at its top may be used; its modules are its own."""
    found = {
        (str(path.relative_to(package.parent)), name)
        for path in package.rglob("*.py")
        for name in imported(path)
        if name.startswith("framework_")
        and "." in name
        and name.partition(".")[0] not in SHARED | {package.name}
        and (package.name, name.partition(".")[0]) not in BUILDS_ON
    }
    assert found == set()


def test_a_shared_package_imports_the_core_alone() -> None:
    found = {
        name
        for path in (ROOT / "plugins" / "framework_faceset").rglob("*.py")
        for name in imported(path)
        if name.startswith("framework_") and name.partition(".")[0] != "framework_faceset"
    }
    assert found == set()
