"""``none``: no protection. The floor of privacy, and the ceiling of utility, in a benchmark."""

from __future__ import annotations

from framework.spec import BuildContext
from framework.types import Frame, Image, Tracks
from framework_redact.config import NoneOptions


class NoAnonymizer:
    """Copies each frame. Announced as ``unprotected``, so that nothing takes its output for
    covered."""

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        """A copy of the frame, faces and all."""
        return frame.bgr.copy()

    def reset(self) -> None:
        """Nothing is kept between frames."""


def build(options: NoneOptions, context: BuildContext) -> NoAnonymizer:
    """Factory named in the component's description."""
    return NoAnonymizer()
