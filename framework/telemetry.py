"""Dependencies that would call home are told not to.

onnxruntime (from 1.25 on) creates a device identifier under the user's cache folder when it is
imported, queues an event that names the Python executable, and looks for its vendor's servers. The
switch is an environment variable, which it reads once, at its first import. Processes that this one
starts inherit it.
"""

from __future__ import annotations

import os
import sys

SWITCHES = {"ORT_DISABLE_TELEMETRY": "1"}
"""Environment variables and what they are set to."""


def switch_off_telemetry() -> None:
    """Set every switch that the user has not set to something else.

    Called when :mod:`framework` is imported, so before any of its modules loads a network. A
    program that imports onnxruntime earlier decides for itself; events are then still switched off
    unless it set the variable.
    """
    undecided = [name for name in SWITCHES if name not in os.environ]
    for name in undecided:
        os.environ[name] = SWITCHES[name]
    if undecided and "onnxruntime" in sys.modules:
        disable = getattr(sys.modules["onnxruntime"], "disable_telemetry_events", None)
        if callable(disable):
            disable()
