"""The checks as parameters of a pytest test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from framework.spec import ComponentSpec, Kind
from framework.testing.kit import checks_of, run_check
from framework.testing.result import Check, CheckFailed, Status
from framework.testing.subject import Subject

Test = TypeVar("Test", bound=Callable[..., Any])


def conformance(
    target: str | ComponentSpec | Callable[[], Any],
    *,
    kind: Kind | str | None = None,
    options: Mapping[str, Any] | None = None,
    capabilities: Iterable[str] = (),
    xfail: Mapping[str, str] | None = None,
    plugin_module: str | None = None,
) -> Callable[[Test], Test]:
    """Run a test once for each check of the kit, with the check as argument ``check``.

    Args:
        target: ``"kind:name"`` of an installed component, a description, or a function without
            arguments that makes a fresh component.
        kind: which kind it is; needed unless ``target`` is a string.
        options: options of the component, where the defaults are not enough.
        capabilities: what a component given as a function can do; a description says it itself.
        xfail: name of a check -> why it is known to fail. Strict: passing is a failure then.
        plugin_module: dotted name of the module with the hooks, for a description that is not
            installed; its import is then checked to be light.

    Raises:
        ConfigError: at collection, if the target or a gap is not known.
        TypeError: ``kind`` is missing.

    Example::

        @conformance(GreyBox, kind="anonymizer", xfail={"covers-4k-frame": "needs 3 GB"})
        def test_grey_box(check):
            check()
    """
    import pytest

    if isinstance(target, str):
        subject = Subject.from_registry(target, options, xfail)
    elif kind is None:
        raise TypeError("conformance: expected 'kind' for a target that is not 'kind:name'")
    elif isinstance(target, ComponentSpec):
        subject = Subject.from_spec(kind, target, options, xfail, plugin_module)
    else:
        subject = Subject.from_factory(kind, target, frozenset(capabilities), xfail)
    chosen = checks_of(subject)
    cases = [pytest.param(partial(_run, check, subject), id=check.name) for check in chosen]
    return pytest.mark.parametrize("check", cases)


def _run(check: Check, subject: Subject) -> str:
    """Run a check as a part of a test: fail, skip or xfail the test accordingly."""
    import pytest

    result = run_check(check, subject)
    if result.status == Status.SKIPPED:
        pytest.skip(result.message)
    if result.status == Status.XFAIL:
        pytest.xfail(result.message)
    if result.status == Status.FAILED:
        raise CheckFailed(f"{check.about} {result.message}")
    return result.message
