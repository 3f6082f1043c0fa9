"""Children that can be interrupted, wherever the tests run."""

from __future__ import annotations

import signal


def heed_interrupts() -> None:
    """For ``preexec_fn``: background jobs of a shell ignore SIGINT, and children inherit it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
