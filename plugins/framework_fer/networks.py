"""The architectures by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from framework.errors import UserError
from framework_fer.votes import OUTPUTS

if TYPE_CHECKING:
    from torch import nn

ARCHITECTURES = ("face-resnet29", "face-resnet29-pair", "efficientnet-lite0")
"""What a weight file may say it is for, and what training takes after ``--architecture``."""


def build_network(architecture: str, dropout: float = 0.0) -> nn.Module:
    """A network with random weights that answers with the logits of :mod:`framework_fer.votes`.

    Raises:
        UserError: a name that is not in :data:`ARCHITECTURES`.
    """
    if architecture == "face-resnet29":
        from framework_fer.resnet import FaceResNet

        return FaceResNet(OUTPUTS, dropout)
    if architecture == "face-resnet29-pair":
        from framework_fer.resnet import FaceResNetPair

        return FaceResNetPair(OUTPUTS, dropout)
    if architecture == "efficientnet-lite0":
        from framework_fer.efficientnet import EfficientNetLite

        return EfficientNetLite(OUTPUTS, dropout)
    raise UserError(f"architecture {architecture!r}: expected one of {', '.join(ARCHITECTURES)}")
