"""The release gate: may this covered recording leave the house?

It trusts nobody: it looks at the covered file itself, whatever tool made it, and compares it with
the original. Six questions, each of which can fail the release:

1. Is a face of the original recognisable anywhere in the covered file, in any frame, or in the mean
   of a track?
2. Is it recognisable at its place once a blur is undone?
3. Does the detail of a face come through at the place and time where it was?
4. Is there anything that the original does not show?
5. Is there metadata that says when, where or with what it was recorded?
6. Is there sound?
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from framework_verify.container import metadata_left
    from framework_verify.gate import Finding, Verification, verify

__all__ = ["Finding", "Verification", "metadata_left", "verify"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: ``framework --help`` reads this package."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "container" if name == "metadata_left" else "gate"
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
