"""Live: cover a camera's picture while it comes, with a bounded delay, and store nothing raw."""

from framework.live.options import LiveOptions
from framework.live.run import LiveResult, run_live

__all__ = ["LiveOptions", "LiveResult", "run_live"]
