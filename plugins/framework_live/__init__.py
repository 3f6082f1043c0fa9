"""Live: cover a camera's frames while they come, with a bounded delay, and store nothing raw."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework_live.options import LiveOptions
    from framework_live.run import LiveResult, run_live

__all__ = ["LiveOptions", "LiveResult", "run_live"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: ``framework --help`` reads this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "options" if name == "LiveOptions" else "run"
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
