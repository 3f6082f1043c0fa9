"""The 29-convolution residual network of the component ``resnet``.

The layout is that of dlib's face recognition network (King, "High Quality Face Recognition with
Deep Metric Learning", 2017), itself a ResNet-34 (He et al. 2016) with half the layers and half the
channels. Shortcuts are identities, averaged and padded with zero channels where the resolution
halves ("option A" of He et al.). Keeping the layout lets training start from weights that already
know faces. The component holds two of them, see :class:`FaceResNetPair`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from framework_fer.votes import HEADS, OUTPUTS

STAGES = ((32, 3, 1), (64, 4, 2), (128, 3, 2), (256, 3, 2), (256, 1, 2))
"""Channels, blocks and stride of the first block, stage by stage."""


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions and an identity shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.extra_channels = outputs - inputs
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1 if stride == 1 else 0, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        # Padding right and below only keeps the sampling points of the original network, whose
        # strided layers have no padding, and gives the size of the 2 x 2 average of the shortcut.
        inner = x if self.stride == 1 else functional.pad(x, (0, 1, 0, 1))
        inner = torch.relu(self.bn1(self.conv1(inner)))
        inner = self.bn2(self.conv2(inner))
        if self.stride == 2:
            x = functional.avg_pool2d(x, 2, 2)
        if self.extra_channels > 0:
            x = functional.pad(x, (0, 0, 0, 0, 0, self.extra_channels))
        return torch.relu(inner + x)


class FaceResNet(nn.Module):
    """Grey face (n, 1, side, side) in, logits (n, classes) out; ``side`` a multiple of 16.

    Args:
        classes: length of the logits.
        dropout: share of the pooled features that training leaves out.
    """

    def __init__(self, classes: int = OUTPUTS, dropout: float = 0.3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, STAGES[0][0], 7, 2, 3, bias=False)
        self.bn = nn.BatchNorm2d(STAGES[0][0])
        blocks: list[nn.Module] = []
        channels = STAGES[0][0]
        for outputs, count, stride in STAGES:
            for index in range(count):
                blocks.append(ResidualBlock(channels, outputs, stride if index == 0 else 1))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, classes)

    def features(self, x: Tensor) -> Tensor:
        """Pooled features (n, 256)."""
        x = torch.relu(self.bn(self.conv(x)))
        x = functional.max_pool2d(functional.pad(x, (0, 1, 0, 1)), 3, 2)
        out: Tensor = self.blocks(x).mean(dim=(2, 3))
        return out

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.drop(self.features(x)))
        return logits

    def convolutions(self) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """Every convolution with its normalisation, from the input to the output."""
        pairs = [(self.conv, self.bn)]
        for block in self.blocks:
            assert isinstance(block, ResidualBlock)
            pairs += [(block.conv1, block.bn1), (block.conv2, block.bn2)]
        return pairs


class FaceResNetPair(nn.Module):
    """Two networks trained apart; the answer is the mean of their log-probabilities, head by head.

    A deep ensemble (Lakshminarayanan et al., NeurIPS 2017) of two in one network. Either sees the
    face and its mirror image: an expression means the same in a mirror, so the pair also averages
    what a network would answer to one side only, and nobody has to call it twice.

    Args:
        classes, dropout: see :class:`FaceResNet`.
    """

    def __init__(self, classes: int = OUTPUTS, dropout: float = 0.3) -> None:
        super().__init__()
        self.first = FaceResNet(classes, dropout)
        self.second = FaceResNet(classes, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Grey face (n, 1, side, side) in, log-probabilities (n, classes), not normalised, out."""
        both = torch.cat([x, x.flip(3)])
        answers = torch.stack([self.first(both), self.second(both)])
        heads = [functional.log_softmax(answers[:, :, head], dim=2) for head in HEADS]
        # networks, the face and its mirror image, faces, classes
        out: Tensor = torch.cat(heads, dim=2).reshape(2, 2, -1, OUTPUTS).mean(dim=(0, 1))
        return out
