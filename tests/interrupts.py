"""Children that can be interrupted, wherever the tests run."""

from __future__ import annotations

import signal


def heed_interrupts() -> None:
    """For ``preexec_fn``: a shell that runs the tests in the background ignores SIGINT, and children
    inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
