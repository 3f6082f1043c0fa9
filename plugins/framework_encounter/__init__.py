"""One conversation seen by one or more cameras: clocks, roles, a joint timeline, advice."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework_encounter.joint_file import stored_timelines
    from framework_encounter.run import EncounterResult, run_encounter
    from framework_encounter.spec import Encounter, load_encounter, make_encounter

__all__ = [
    "Encounter",
    "EncounterResult",
    "load_encounter",
    "make_encounter",
    "run_encounter",
    "stored_timelines",
]

_HOME = {
    "Encounter": "spec",
    "EncounterResult": "run",
    "load_encounter": "spec",
    "make_encounter": "spec",
    "run_encounter": "run",
    "stored_timelines": "joint_file",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: ``framework --help`` reads this package."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
