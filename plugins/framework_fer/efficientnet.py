"""The network of the component ``effnet``: EfficientNet-Lite0 for small grey faces.

EfficientNet (Tan and Le 2019) without squeeze-and-excitation and with ReLU6 ("Lite", Google 2020).
The stem reads one grey channel. Names of the layers are ours; ``framework_training.fer.initial``
maps the published ImageNet weights onto them.
"""

from __future__ import annotations

from torch import Tensor, nn

from framework_fer.votes import OUTPUTS

# (expansion, channels, repeats, stride, kernel) of EfficientNet-B0, which Lite0 shares.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
STEM = 32
HEAD = 1280
EPSILON = 1e-3
"""Of the batch normalisations, as in the published weights."""


def _normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=EPSILON, momentum=0.05)


def _same_padding(kernel: int, stride: int) -> nn.ZeroPad2d:
    """TensorFlow's "same" padding of an even-sized picture, for which the weights were trained."""
    total = kernel - stride
    return nn.ZeroPad2d((total // 2, total - total // 2, total // 2, total - total // 2))


class InvertedResidual(nn.Module):
    """Expansion 1 x 1, depthwise k x k, linear projection 1 x 1 (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, kernel: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        layers: list[tuple[str, nn.Module]] = []
        if expansion != 1:
            layers += [
                ("expand", nn.Conv2d(inputs, inner, 1, bias=False)),
                ("bn0", _normalisation(inner)),
                ("act0", nn.ReLU6()),
            ]
        layers += [
            ("pad", _same_padding(kernel, stride)),
            ("depthwise", nn.Conv2d(inner, inner, kernel, stride, groups=inner, bias=False)),
            ("bn1", _normalisation(inner)),
            ("act1", nn.ReLU6()),
            ("project", nn.Conv2d(inner, outputs, 1, bias=False)),
            ("bn2", _normalisation(outputs)),
        ]
        self.layers = nn.Sequential()
        for name, layer in layers:
            self.layers.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return x + out if self.shortcut else out


class EfficientNetLite(nn.Module):
    """Grey face (n, 1, side, side) in, logits (n, classes) out; ``side`` 32 or more.

    Args:
        classes: length of the logits.
        dropout: share of the pooled features that training leaves out.
    """

    def __init__(self, classes: int = OUTPUTS, dropout: float = 0.3) -> None:
        super().__init__()
        self.stem_pad = _same_padding(3, 2)
        self.stem = nn.Conv2d(1, STEM, 3, 2, bias=False)
        self.stem_bn = _normalisation(STEM)
        blocks: list[nn.Module] = []
        channels = STEM
        for expansion, outputs, repeats, stride, kernel in STAGES:
            for index in range(repeats):
                step = stride if index == 0 else 1
                blocks.append(InvertedResidual(channels, outputs, expansion, step, kernel))
                channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Conv2d(channels, HEAD, 1, bias=False)
        self.head_bn = _normalisation(HEAD)
        self.act = nn.ReLU6()
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(HEAD, classes)

    def features(self, x: Tensor) -> Tensor:
        """Pooled features (n, 1280)."""
        x = self.blocks(self.act(self.stem_bn(self.stem(self.stem_pad(x)))))
        out: Tensor = self.act(self.head_bn(self.head(x))).mean(dim=(2, 3))
        return out

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.drop(self.features(x)))
        return logits
