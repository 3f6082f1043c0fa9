"""The same functions with fewer operations, for inference.

Nothing here is learned or approximate: the layers of a trained network are rewritten into others
that compute the same values (up to rounding).

* A batch norm after a convolution is part of it: g (Wx + b - m)/s + c = (gW/s) x + g (b - m)/s + c.
* Doubling pixels and convolving with 3x3 is a transposed convolution of stride 2 whose 4x4 kernel
  is the 3x3 one summed over the doubled pixels: 4 products for each output instead of 9, and the
  enlarged picture is never stored.
* A 7x7 convolution with 3 outputs leaves most of a vector unit idle. One with 12 outputs, an 8x8
  kernel and stride 2 computes four neighbouring pixels at once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from framework_fomm.model import (
    Decoder,
    Fomm,
    Generator,
    Hourglass,
    ResBlock,
    SameBlock,
    UpBlock,
)


class DoublingConv(nn.Module):
    """:class:`UpBlock` with its batch norm folded, as one transposed convolution."""

    def __init__(self, block: UpBlock) -> None:
        super().__init__()
        weight = block.conv.weight.detach()  # (out, in, 3, 3)
        outputs, inputs = weight.shape[:2]
        # a transposed convolution runs the kernel the other way round
        flipped = weight.flip(-1, -2).transpose(0, 1).reshape(-1, 1, 3, 3)
        kernel = F.conv2d(flipped, torch.ones(1, 1, 2, 2), padding=1)
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
        self.conv.weight = nn.Parameter(kernel.reshape(inputs, outputs, 4, 4), requires_grad=False)
        assert block.conv.bias is not None
        self.conv.bias = nn.Parameter(block.conv.bias.detach().clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.conv(x), inplace=True)


class FourPixelConv(nn.Module):
    """A convolution with odd kernel, 'same' padding and few outputs, two by two pixels at once."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        weight = conv.weight.detach()
        outputs, inputs, size = weight.shape[:3]
        wide = weight.new_zeros(outputs, 2, 2, inputs, size + 1, size + 1)
        for dy in (0, 1):
            for dx in (0, 1):
                wide[:, dy, dx, :, dy : dy + size, dx : dx + size] = weight
        assert conv.bias is not None
        self.conv = nn.Conv2d(inputs, 4 * outputs, size + 1, stride=2, padding=size // 2)
        self.conv.weight = nn.Parameter(wide.flatten(0, 2), requires_grad=False)
        bias = conv.bias.detach().repeat_interleave(4)
        self.conv.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.pixel_shuffle(self.conv(x), 2)


def side_by_side(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """Two convolutions of one input as one; a single output costs as much as sixteen."""
    assert first.bias is not None and second.bias is not None
    both = nn.Conv2d(
        first.in_channels,
        first.out_channels + second.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        padding=first.padding,  # type: ignore[arg-type]
    )
    weight = torch.cat([first.weight, second.weight]).detach()
    both.weight = nn.Parameter(weight, requires_grad=False)
    both.bias = nn.Parameter(torch.cat([first.bias, second.bias]).detach(), requires_grad=False)
    return both


def fold_batch_norm(model: nn.Module) -> None:
    """Fold every batch norm that follows a convolution into it, in place. Evaluation mode only."""
    for module in model.modules():
        if isinstance(module, SameBlock) and isinstance(module.norm, nn.BatchNorm2d):
            _fold(module.conv, module.norm)
            module.norm = nn.Identity()  # type: ignore[assignment]
        elif isinstance(module, ResBlock) and isinstance(module.norm2, nn.BatchNorm2d):
            _fold(module.conv1, module.norm2)  # norm1 stands before a ReLU and has to stay
            module.norm2 = nn.Identity()  # type: ignore[assignment]


def _fold(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None and norm.running_var is not None
    assert conv.bias is not None
    with torch.no_grad():
        gain = norm.weight.double() * torch.rsqrt(norm.running_var.double() + norm.eps)
        bias = (conv.bias.double() - norm.running_mean.double()) * gain + norm.bias.double()
        weight = conv.weight.double() * gain[:, None, None, None]
        conv.weight = nn.Parameter(weight.to(conv.weight.dtype), requires_grad=False)
        conv.bias = nn.Parameter(bias.to(conv.bias.dtype), requires_grad=False)


def _doubling_pays(block: UpBlock) -> bool:
    """Deep in a hourglass a picture is a few pixels and time goes into reading the weights."""
    return block.conv.in_channels * block.conv.out_channels <= 1 << 18


def specialise(model: Fomm, dtype: torch.dtype = torch.float32) -> None:
    """Rewrite a float32 model on the CPU for inference, in place.

    Args:
        dtype: of the convolutions. The remaining batch norms stay in float32.
    """
    fold_batch_norm(model)
    with torch.no_grad():
        for module in list(model.modules()):
            if isinstance(module, Generator | Decoder):
                module.up_blocks = nn.ModuleList(
                    DoublingConv(block)
                    if isinstance(block, UpBlock) and _doubling_pays(block)
                    else block
                    for block in module.up_blocks
                )
        dense = model.generator.dense_motion_network
        dense.both = side_by_side(dense.mask, dense.occlusion)
        if isinstance(model.generator.final, nn.Conv2d):
            model.generator.final = FourPixelConv(model.generator.final)  # type: ignore[assignment]
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.to(dtype)
        if isinstance(module, Generator | Hourglass):
            # sampling returns channels first; turned round once, not at each layer that follows
            module.layout = torch.channels_last
