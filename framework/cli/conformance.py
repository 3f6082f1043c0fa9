"""What ``framework check`` shows: the conformance kit, a line a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from framework.cli.console import say
from framework.config import merge_options
from framework.errors import ConfigError
from framework.testing import CheckResult, Status, Subject, all_good, iter_checks
from framework.testing.subject import parse_target

SIGN = {Status.PASSED: "ok", Status.FAILED: "FAILED", Status.SKIPPED: "skip", Status.XFAIL: "gap"}


def run_kit(target: str, options: Sequence[str]) -> bool:
    """Check one installed component and print the results as they come.

    Args:
        target: ``KIND:NAME``.
        options: ``GROUP.NAME=VALUE`` texts; the group is the kind, or ``fer`` for a classifier.

    Returns:
        Whether no check failed.

    Raises:
        ConfigError: the target or an option is not of the right form.
        ComponentError: there is no such component.
    """
    from framework.cli.components import GROUP_OF_KIND

    kind, _ = parse_target(target)
    group = GROUP_OF_KIND.get(kind, str(kind))
    merged = merge_options({}, options)
    if wrong := sorted(set(merged) - {group}):
        raise ConfigError(f"option {wrong[0]}: expected options of '{group}', as in {group}.NAME=1")
    subject = Subject.from_registry(target, merged.get(group))
    results: list[CheckResult] = []
    for result in iter_checks(subject):
        results.append(result)
        say(f"{SIGN[result.status]:<7} {result.name:<42} {result.message}".rstrip())
    count = Counter(result.status for result in results)
    say()
    say(
        f"{target}: {count[Status.PASSED]} passed, {count[Status.FAILED]} failed, "
        f"{count[Status.SKIPPED]} skipped, {count[Status.XFAIL]} known gaps"
    )
    return all_good(results)
