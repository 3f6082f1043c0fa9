"""The conformance kit: does a component keep the contract of its kind?

For authors, in a test module of their package::

    from framework.testing import conformance

    @conformance("anonymizer:grey-box")
    def test_grey_box(check):
        check()

For everyone: ``framework check anonymizer:grey-box``. Both run the same checks, chosen by the kind
and by the capabilities the component announces.

A gap that the author knows about is declared with its reason, and is *strict*: when the check
passes after all, that is reported as a failure, so that the list of gaps stays true.
"""

from framework.testing.commands import check_command, run_command
from framework.testing.decorator import conformance
from framework.testing.kit import all_good, checks_of, iter_checks, run_checks
from framework.testing.result import Check, CheckFailed, CheckResult, Skip, Status
from framework.testing.subject import Subject

__all__ = [
    "Check",
    "CheckFailed",
    "CheckResult",
    "Skip",
    "Status",
    "Subject",
    "all_good",
    "check_command",
    "checks_of",
    "conformance",
    "iter_checks",
    "run_checks",
    "run_command",
]
