from __future__ import annotations

from tests.pipeline.conftest import clip, parts

__all__ = ["clip", "parts"]
