"""How many processors there are to work with."""

from __future__ import annotations

import os


def usable_cpus() -> int:
    """Processors that this process may run on, at least 1.

    Linux knows which ones a container or a batch system grants; macOS and Windows know only how
    many there are.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
