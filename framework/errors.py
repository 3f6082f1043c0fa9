"""Errors, and what each means for the command line.

    FrameworkError
    ├── UserError            the user can put it right: one line, exit status 2
    │   ├── ConfigError      an option, a configuration file, a rule file
    │   ├── MediaError       a file that is missing, no video, damaged, or not writable
    │   ├── ComponentError   a component that is unknown, not installed or does not load
    │   └── WeightsError     a weight file of the wrong kind, size, hash or licence
    ├── CheckError           the work was done and its result fails a check; exit status 1
    └── ContractError        a component broke its contract (a plugin author's bug)

Exit status of every command: 0 the result is good, 1 it ran and the result fails its own check,
2 it could not run, 130 it was interrupted.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_CHECK_FAILED = 1
EXIT_CANNOT_RUN = 2
EXIT_INTERRUPTED = 130


class FrameworkError(Exception):
    """Root of everything this package raises on purpose."""


class UserError(FrameworkError):
    """Bad input. The message is one line: what is wrong, what was expected, what to do."""


class ConfigError(UserError):
    """An option or a configuration file that does not validate."""


class MediaError(UserError):
    """A recording that cannot be read, or an output that cannot be written."""


class ComponentError(UserError):
    """A component that is unknown, not installed or cannot be built."""


class WeightsError(UserError):
    """A weight file that is not what the component declares."""


class CheckError(FrameworkError):
    """The run ended as asked and its result does not pass, as with ``--on-miss abort``."""


class ContractError(FrameworkError):
    """A component returned something its protocol does not allow."""
