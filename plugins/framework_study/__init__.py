"""From one recording to a study: many encounters, on one machine or many, that stop and go on."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework_study.items import Item, read_items
    from framework_study.layout import Layout
    from framework_study.run import StudyResult, run_study
    from framework_study.spec import StudyConfig, load_config
    from framework_study.status import StudyStatus, study_status

__all__ = [
    "Item",
    "Layout",
    "StudyConfig",
    "StudyResult",
    "StudyStatus",
    "load_config",
    "read_items",
    "run_study",
    "study_status",
]

_HOME = {
    "Item": "items",
    "Layout": "layout",
    "StudyConfig": "spec",
    "StudyResult": "run",
    "StudyStatus": "status",
    "load_config": "spec",
    "read_items": "items",
    "run_study": "run",
    "study_status": "status",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: ``framework --help`` reads this package."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
