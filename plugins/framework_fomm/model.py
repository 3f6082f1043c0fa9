"""First Order Motion Model for image animation (Siarohin et al., NeurIPS 2019), in reading order.

    keypoint detector   image -> K keypoints p_k with local affine maps J_k            section 3.1
    dense motion        source, p and J of source and driving frame -> backward flow   eq. 4, 5
    generator           source features warped by the flow, masked where occluded      eq. 6

With ``FommConfig()`` the modules have the names and shapes of the authors' ``vox-256`` checkpoint
and compute the same numbers. The switches from ``blend_output`` on are additions that are off in
the official layout.

Conventions: images are (n, 3, h, w) float, RGB, in [0, 1]; coordinates are (x, y) in [-1, 1] with
-1 and 1 at the centres of the outermost pixels; ``n`` batch, ``K`` keypoints, ``C`` channels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from framework_fomm.creases import Creases
from framework_fomm.exact import FACE_POINTS, through_keypoints
from framework_fomm.followers import WIDTHS, Followers
from framework_fomm.outline import COUNT, follow_skull


@dataclass(frozen=True)
class FommConfig:
    """Size and switches of the network; the defaults are the authors' ``vox-256`` configuration.

    A hourglass of ``blocks`` levels has ``min(max_features, expansion * 2**level)`` channels.
    """

    image_size: int = 256  # side of the square image, pixels; divisible by 2**generator_down_blocks
    num_kp: int = 10

    kp_scale: float = 0.25  # the detector sees the image at this scale (1 / integer)
    kp_expansion: int = 32
    kp_max_features: int = 1024
    kp_blocks: int = 5
    kp_padding: int = 0  # of the 7x7 heads; 0 means that no keypoint comes near the border
    kp_temperature: float = 0.1

    motion_scale: float = 0.25  # resolution of the flow relative to the image (1 / integer)
    motion_expansion: int = 64
    motion_max_features: int = 1024
    motion_blocks: int = 5
    heatmap_variance: float = 0.01  # of the keypoint Gaussians, in units of the [-1, 1] square

    generator_expansion: int = 64
    generator_max_features: int = 512
    generator_down_blocks: int = 2
    generator_bottleneck_blocks: int = 6

    # The authors' code names no value: it was written when PyTorch's default was True, and its
    # coordinate grid assumes True. Under today's default (False) the same code samples elsewhere.
    align_corners: bool = True

    # output = occlusion * warped source + (1 - occlusion) * decoded, skips warped likewise at every
    # level of the decoder (Siarohin et al., CVPR 2021). Sharp from the first training step.
    blend_output: bool = False
    # > 0: add -|z - p_k|^2 / (2 sigma^2) to the logit of keypoint k's motion, and a constant to the
    # logit of the background, so that each motion starts out local to its keypoint. 0: off.
    mask_prior_sigma: float = 0.0
    mask_prior_background: float = -4.0
    # keypoints 28.. and all jacobians follow a similarity fitted to the skull's keypoints, for
    # networks taught the 33 places of framework_training.fomm.landmarks
    rigid_outline: bool = False
    # the flow is corrected to lead from each keypoint of the face exactly to its place in the
    # source, on a grid of the image's size (framework_fomm.exact); needs the same 33 places
    exact_keypoints: bool = False
    # with exact_keypoints: the flow also leads through places that go along with the keypoints
    followers: bool = False
    # > 0: the moved source is lit as its expression asks for, by ratio images of this size
    # (framework_fomm.creases); needs the same 33 places and blend_output
    crease_size: int = 0
    # how much stronger than fitted the light is drawn, once trained: regression on places that are
    # found with an error shrinks it
    crease_strength: float = 1.0

    def __post_init__(self) -> None:
        for name in ("kp_scale", "motion_scale"):
            inverse = 1.0 / getattr(self, name) if getattr(self, name) > 0 else 0.5
            if abs(inverse - round(inverse)) > 1e-6:
                raise ValueError(f"{name} must be 1 / integer, got {getattr(self, name)}")
        for switch in ("rigid_outline", "exact_keypoints"):
            if getattr(self, switch) and self.num_kp != COUNT:
                raise ValueError(f"{switch} needs {COUNT} keypoints, got {self.num_kp}")
        if self.followers and not self.exact_keypoints:
            raise ValueError("followers needs exact_keypoints")
        if self.crease_size and not (self.exact_keypoints and self.blend_output):
            raise ValueError("crease_size needs exact_keypoints and blend_output")
        for name, scale, blocks in (
            ("kp", self.kp_scale, self.kp_blocks),
            ("motion", self.motion_scale, self.motion_blocks),
            ("generator", 1.0, self.generator_down_blocks),
        ):
            if round(self.image_size * scale) % 2**blocks:
                raise ValueError(
                    f"{name}: {self.image_size} px at scale {scale} can't be halved {blocks} times"
                )

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> FommConfig:
        """Build from plain values (JSON); an unknown name raises ``ValueError``."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown model settings: {', '.join(unknown)}")
        return cls(**values)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON, accepted by :meth:`from_dict`."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Keypoints:
    """``value`` (n, K, 2) positions in [-1, 1]; ``jacobian`` (n, K, 2, 2) local affine maps."""

    value: Tensor
    jacobian: Tensor

    def __getitem__(self, index: slice | Tensor) -> Keypoints:
        return Keypoints(self.value[index], self.jacobian[index])

    def expand(self, n: int) -> Keypoints:
        """Repeat a batch of one ``n`` times without copying."""
        return Keypoints(self.value.expand(n, -1, -1), self.jacobian.expand(n, -1, -1, -1))


def joined(keypoints: Sequence[Keypoints]) -> Keypoints:
    """Several batches as one."""
    return Keypoints(
        torch.cat([k.value for k in keypoints]), torch.cat([k.jacobian for k in keypoints])
    )


@dataclass(frozen=True)
class SourceFeatures:
    """Everything of a source image that doesn't depend on the driving frame."""

    image: Tensor  # (n, 3, s, s), or larger with ``detail``
    small: Tensor  # (n, 3, s * motion_scale, same)
    levels: tuple[Tensor, ...]  # finest first; all levels with blend_output, else only the coarsest

    def expand(self, n: int) -> SourceFeatures:
        """Repeat a batch of one ``n`` times without copying."""
        return SourceFeatures(
            self.image.expand(n, -1, -1, -1),
            self.small.expand(n, -1, -1, -1),
            tuple(level.expand(n, -1, -1, -1) for level in self.levels),
        )


@dataclass(frozen=True)
class Motion:
    """The dense motion between a driving frame and a source, at ``motion_scale``."""

    # (n, h, w, 2) where in the source each pixel comes from, in [-1, 1]; of the image's size with
    # ``exact_keypoints``
    grid: Tensor
    occlusion: Tensor  # (n, 1, h, w) 1 = the warped source is to be trusted, 0 = inpaint
    mask: Tensor  # (n, K + 1, h, w) weight of the background's and each keypoint's motion
    deformed: Tensor  # (n, K + 1, 3, h, w) the source under each motion alone


@dataclass(frozen=True)
class Animation:
    """``image`` (n, 3, s, s) in [0, 1] and the motion that made it."""

    image: Tensor
    motion: Motion


# --- coordinates ---------------------------------------------------------------------------------


def coordinate_grid(height: int, width: int, like: Tensor) -> Tensor:
    """(h, w, 2) coordinates (x, y) of the pixel centres, corners at exactly -1 and 1."""
    x = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype)
    y = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)


def gaussian_heatmaps(points: Tensor, height: int, width: int, variance: float) -> Tensor:
    """(n, K, 2) points -> (n, K, h, w): exp(-|z - p_k|^2 / (2 variance)), eq. 17."""
    dx, dy = axis_offsets(points, height, width)
    # separable: h + w exponentials for each keypoint instead of h * w
    return torch.exp(-0.5 * dy.square() / variance) * torch.exp(-0.5 * dx.square() / variance)


def axis_offsets(points: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """(n, K, 2) points -> z - p_k along x (n, K, 1, w) and along y (n, K, h, 1)."""
    grid = coordinate_grid(height, width, points)
    dx = grid[0, :, 0] - points[..., 0, None]
    dy = grid[:, 0, 1] - points[..., 1, None]
    return dx[:, :, None, :], dy[:, :, :, None]


def without_autocast(like: Tensor) -> torch.autocast:
    """Keeps coordinates in float32 where autocast would multiply them in half precision."""
    return torch.autocast(like.device.type, enabled=False)


def inverse_2x2(matrices: Tensor) -> Tensor:
    """Inverse of (..., 2, 2) matrices in closed form: many times faster than LAPACK on a batch."""
    a, b, c, d = matrices.flatten(-2).unbind(-1)
    determinant = a * d - b * c
    adjugate = torch.stack([d, -b, -c, a], -1).view(matrices.shape)
    return adjugate / determinant[..., None, None]


def relative_motion(source: Keypoints, driving: Keypoints, initial: Keypoints) -> Keypoints:
    """Move the source by what the driver moved since its initial frame.

    value = p_S + p_D - p_D0; jacobian = J_D J_D0^-1 J_S (section 3.4). All batches must broadcast.
    """
    change = driving.jacobian @ inverse_2x2(initial.jacobian)
    return Keypoints(
        source.value + driving.value - initial.value,
        change @ source.jacobian,
    )


# --- building blocks -----------------------------------------------------------------------------


class SameBlock(nn.Module):
    """convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)), inplace=True)


class DownBlock(SameBlock):
    """:class:`SameBlock`, then the mean of every 2x2 pixels: (n, C, h, w) -> (n, C', h/2, w/2)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(super().forward(x), 2)


class UpBlock(SameBlock):
    """Every pixel doubled, then :class:`SameBlock`: (n, C, h, w) -> (n, C', 2h, 2w)."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class ResBlock(nn.Module):
    """Pre-activation residual block, (n, C, h, w) -> the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(channels)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(F.relu(self.norm1(x), inplace=True))
        change: Tensor = self.conv2(F.relu(self.norm2(out), inplace=True))
        return x + change


class AntiAliasDownsample(nn.Module):
    """Gaussian blur with sigma (1/scale - 1) / 2, then every (1/scale)-th pixel."""

    weight: Tensor

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.step = round(1 / scale)
        sigma = (1 / scale - 1) / 2
        self.radius = round(4 * sigma)
        x = torch.arange(2 * self.radius + 1, dtype=torch.float32) - self.radius
        line = torch.exp(-x.square() / (2 * max(sigma, 1e-6) ** 2))
        kernel = torch.outer(line, line)
        kernel = kernel / kernel.sum()
        self.register_buffer("weight", kernel.expand(channels, 1, -1, -1).clone())

    def forward(self, x: Tensor) -> Tensor:
        if self.step == 1:
            return x
        # stride does the picking: the blurred pixels in between are never needed
        return F.conv2d(
            x, self.weight.to(x.dtype), stride=self.step, padding=self.radius, groups=x.shape[1]
        )


class Encoder(nn.Module):
    """(n, width[0] or inputs, h, w) -> the picture itself and every halved level of it."""

    def __init__(self, inputs: int, width: list[int]) -> None:
        super().__init__()
        ins = [inputs, *width[1:-1]]
        self.down_blocks = nn.ModuleList(map(DownBlock, ins, width[1:]))

    @property
    def dtype(self) -> torch.dtype:
        """What the convolutions compute in; inference may have lowered it."""
        first: nn.Module = self.down_blocks[0]
        return next(first.parameters()).dtype

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = [x]
        for down in self.down_blocks:
            levels.append(down(levels[-1]))
        return levels


class Decoder(nn.Module):
    """The levels of :class:`Encoder`, coarsest last -> (n, width[0] + inputs, h, w)."""

    def __init__(self, width: list[int]) -> None:
        super().__init__()
        # every level but the coarsest arrives with its skip concatenated
        ins = [width[-1], *(2 * channels for channels in width[-2:0:-1])]
        self.up_blocks = nn.ModuleList(map(UpBlock, ins, width[-2::-1]))

    def forward(self, levels: list[Tensor]) -> Tensor:
        out = levels[-1]
        for up, skip in zip(self.up_blocks, levels[-2::-1], strict=True):
            out = torch.cat([up(out), skip], dim=1)
        return out


class Hourglass(nn.Module):
    """U-Net whose decoder concatenates its skips; out has ``expansion + inputs`` channels."""

    layout = torch.preserve_format  # of the tensors inside; inference may change it

    def __init__(self, expansion: int, inputs: int, blocks: int, max_features: int) -> None:
        super().__init__()
        width = [min(max_features, expansion * 2**level) for level in range(blocks + 1)]
        self.encoder = Encoder(inputs, width)
        self.decoder = Decoder(width)
        self.out_channels = width[0] + inputs

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(self.encoder.dtype).to(memory_format=self.layout)  # faster than at once
        out: Tensor = self.decoder(self.encoder(x))
        return out  # (n, expansion + inputs, h, w)


# --- keypoint detector ---------------------------------------------------------------------------


class KeypointDetector(nn.Module):
    """Image -> keypoints: soft-argmax of K heatmaps, and a jacobian pooled under each of them."""

    def __init__(self, config: FommConfig) -> None:
        super().__init__()
        self.config = config
        self.predictor = Hourglass(config.kp_expansion, 3, config.kp_blocks, config.kp_max_features)
        channels = self.predictor.out_channels
        self.kp = nn.Conv2d(channels, config.num_kp, 7, padding=config.kp_padding)
        self.jacobian = nn.Conv2d(channels, 4 * config.num_kp, 7, padding=config.kp_padding)
        # Training starts from J = identity everywhere: pure translation of each keypoint.
        nn.init.zeros_(self.jacobian.weight)
        self.jacobian.bias = nn.Parameter(torch.eye(2).flatten().repeat(config.num_kp))
        if config.kp_scale != 1:
            self.down = AntiAliasDownsample(3, config.kp_scale)

    def heatmaps(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, 3, s, s) -> features (n, C, h, w) and heatmaps (n, K, h', w') that sum to 1 each."""
        small = self.down(image) if self.config.kp_scale != 1 else image
        features = self.predictor(small)
        logits = self.kp(features).float()  # (n, K, h', w'); softmax over all positions of a map
        heat = F.softmax(logits.flatten(2) / self.config.kp_temperature, dim=2)
        return features, heat.view_as(logits)

    def pool(self, features: Tensor, heat: Tensor) -> Keypoints:
        """Mean position under each heatmap, and the jacobian averaged with the same weights."""
        n, k, height, width = heat.shape
        grid = coordinate_grid(height, width, heat)
        with without_autocast(heat):
            value = torch.einsum("nkhw,hwc->nkc", heat, grid)
            if self.config.rigid_outline:  # the learned jacobians would go unused
                value, turn = follow_skull(value)
                return Keypoints(value, turn[:, None].expand(-1, k, -1, -1))
        maps = self.jacobian(features).float().view(n, k, 4, height, width)
        with without_autocast(heat):
            jacobian = torch.einsum("nkhw,nkchw->nkc", heat, maps).view(n, k, 2, 2)
        return Keypoints(value, jacobian)

    def forward(self, image: Tensor) -> Keypoints:
        return self.pool(*self.heatmaps(image))


# --- dense motion --------------------------------------------------------------------------------


class DenseMotion(nn.Module):
    """Combines K local affine motions and the still background into one flow and occlusion map."""

    def __init__(self, config: FommConfig) -> None:
        super().__init__()
        self.config = config
        self.hourglass = Hourglass(
            config.motion_expansion,
            (config.num_kp + 1) * 4,  # per motion: one heatmap channel, three of the warped source
            config.motion_blocks,
            config.motion_max_features,
        )
        channels = self.hourglass.out_channels
        self.mask = nn.Conv2d(channels, config.num_kp + 1, 7, padding=3)
        self.occlusion = nn.Conv2d(channels, 1, 7, padding=3)
        self.both: nn.Module | None = None  # mask and occlusion in one convolution, for inference
        self.followers = Followers() if config.followers else None
        if config.motion_scale != 1:
            self.down = AntiAliasDownsample(3, config.motion_scale)

    def shrink(self, image: Tensor) -> Tensor:
        """(n, 3, s, s) -> (n, 3, h, w) at ``motion_scale``."""
        small: Tensor = self.down(image) if self.config.motion_scale != 1 else image
        return small

    def sparse_motions(self, source: Keypoints, driving: Keypoints, h: int, w: int) -> Tensor:
        """(n, K + 1, h, w, 2): T_k(z) = p_S,k + J_S,k J_D,k^-1 (z - p_D,k), eq. 4; T_0(z) = z."""
        grid = coordinate_grid(h, w, driving.value)
        offset = grid - driving.value[:, :, None, None]  # (n, K, h, w, 2)
        with without_autocast(offset):
            jacobian = source.jacobian @ inverse_2x2(driving.jacobian)  # (n, K, 2, 2)
            moved = torch.einsum("nkab,nkhwb->nkhwa", jacobian, offset)
        moved = moved + source.value[:, :, None, None]
        return torch.cat([grid.expand(moved.shape[0], 1, h, w, 2), moved], dim=1)

    def forward(self, small: Tensor, source: Keypoints, driving: Keypoints) -> Motion:
        n, _, h, w = small.shape
        k = self.config.num_kp
        variance = self.config.heatmap_variance
        heat = gaussian_heatmaps(driving.value, h, w, variance) - gaussian_heatmaps(
            source.value, h, w, variance
        )  # (n, K, h, w), eq. 17
        heat = F.pad(heat, (0, 0, 0, 0, 1, 0))  # the background has an empty heatmap
        motions = self.sparse_motions(source, driving, h, w)
        # The K + 1 warped copies side by side in the grid instead of in the batch: the source is
        # not repeated, (n, 3, h, w) sampled at (n, (K + 1) h, w).
        deformed = F.grid_sample(
            small,
            motions.view(n, (k + 1) * h, w, 2),
            align_corners=self.config.align_corners,
        )
        deformed = deformed.view(n, 3, k + 1, h, w).transpose(1, 2)  # (n, K + 1, 3, h, w)
        stacked = torch.cat([heat[:, :, None].to(deformed.dtype), deformed], dim=2)
        features = self.hourglass(stacked.reshape(n, -1, h, w))
        if self.both is None:
            logits, occlusion = self.mask(features).float(), self.occlusion(features).float()
        else:
            logits, occlusion = self.both(features).float().split((k + 1, 1), dim=1)
        if self.config.mask_prior_sigma > 0:
            logits = logits + self._prior(driving.value, h, w)
        mask = F.softmax(logits, dim=1)  # (n, K + 1, h, w)
        with without_autocast(mask):
            flow = torch.einsum("nkhw,nkhwc->nhwc", mask, motions)  # eq. 5
            if self.config.exact_keypoints:
                flow = self._through_keypoints(flow, source.value, driving.value)
        return Motion(flow, torch.sigmoid(occlusion), mask, deformed)

    def _through_keypoints(self, flow: Tensor, source: Tensor, driving: Tensor) -> Tensor:
        start, end = source[:, :FACE_POINTS], driving[:, :FACE_POINTS]
        if self.followers is None:
            return through_keypoints(flow, start, end, self.config.image_size)
        start = torch.cat([start, self.followers(source)], 1)
        end = torch.cat([end, self.followers(driving)], 1)
        return through_keypoints(flow, start, end, self.config.image_size, WIDTHS)

    def _prior(self, points: Tensor, h: int, w: int) -> Tensor:
        """(n, K + 1, h, w) to be added to the mask's logits."""
        dx, dy = axis_offsets(points, h, w)
        local = -(dx.square() + dy.square()) / (2 * self.config.mask_prior_sigma**2)
        return F.pad(local, (0, 0, 0, 0, 1, 0), value=self.config.mask_prior_background)


# --- generator -----------------------------------------------------------------------------------


class Generator(nn.Module):
    """Encoder, warp by the dense motion, occlusion, decoder."""

    layout = torch.preserve_format  # of what was warped; inference may change it

    def __init__(self, config: FommConfig) -> None:
        super().__init__()
        self.config = config
        self.dense_motion_network = DenseMotion(config)
        levels = config.generator_down_blocks
        width = [
            min(config.generator_max_features, config.generator_expansion * 2**level)
            for level in range(levels + 1)
        ]
        self.first = SameBlock(3, width[0], kernel=7)
        self.down_blocks = nn.ModuleList(DownBlock(width[i], width[i + 1]) for i in range(levels))
        self.up_blocks = nn.ModuleList(
            UpBlock(width[i + 1], width[i]) for i in reversed(range(levels))
        )
        self.bottleneck = nn.Sequential()
        for i in range(config.generator_bottleneck_blocks):
            self.bottleneck.add_module(f"r{i}", ResBlock(width[levels]))
        self.final = nn.Conv2d(width[0], 3, 7, padding=3)
        self.creases = (
            Creases(config.crease_size, config.crease_strength) if config.crease_size else None
        )

    def encode(self, source: Tensor, detail: Tensor | None = None) -> SourceFeatures:
        """Features of a source image (n, 3, s, s); computed once, however many frames follow.

        ``detail`` is the same image at a higher resolution. With ``blend_output`` what the flow
        merely moves is then taken from there, and the result has that resolution.
        """
        levels = [self.first(source.to(self.first.conv.weight.dtype))]
        for down in self.down_blocks:
            levels.append(down(levels[-1]))
        if not self.config.blend_output:
            levels = levels[-1:]
        small = self.dense_motion_network.shrink(source)
        image = source if detail is None or not self.config.blend_output else detail
        return SourceFeatures(image, small, tuple(level.float() for level in levels))  # for warp

    def warp(self, x: Tensor, motion: Motion, dtype: torch.dtype = torch.float32) -> Tensor:
        """Sample (n, C, h, w) where the flow points (grid resized to h, w); the result's dtype."""
        # Coordinates count pixel centres from -1 to 1. Resized by the authors' rule an identity
        # flow is magnified by about 1 %; with the blend, that would blur every pixel that stays.
        exact = self.config.blend_output and self.config.align_corners
        grid = _resize(motion.grid.permute(0, 3, 1, 2), x, exact).permute(0, 2, 3, 1)
        # always sampled in float32: eight bits of mantissa can't address the pixels of a row
        out = F.grid_sample(x.float(), grid, align_corners=self.config.align_corners)
        # both at once would be slower than one after the other
        return out.to(dtype).to(memory_format=self.layout)

    def _blend(self, warped: Tensor, decoded: Tensor, motion: Motion) -> Tensor:
        occlusion = _resize(motion.occlusion, warped).to(decoded.dtype).expand_as(decoded)
        # broadcast over channels that come last, lerp would take four times as long
        occlusion = occlusion.to(memory_format=self.layout)
        return torch.lerp(decoded, warped.to(decoded.dtype), occlusion)

    def render(self, features: SourceFeatures, source: Keypoints, driving: Keypoints) -> Animation:
        """Animate encoded sources; every batch has the same n (``expand`` repeats a single one)."""
        motion = self.dense_motion_network(features.small, source, driving)
        dtype = self.first.conv.weight.dtype
        warped = self.warp(features.levels[-1], motion, dtype)
        out = self.bottleneck(warped * _resize(motion.occlusion, warped).to(warped.dtype))  # eq. 6
        for index, up in enumerate(self.up_blocks):
            if self.config.blend_output:
                if index > 0:  # the coarsest level is warped already
                    warped = self.warp(features.levels[-(index + 1)], motion, dtype)
                out = self._blend(warped, out, motion)
            out = up(out)
        if self.config.blend_output:
            out = self._blend(self.warp(features.levels[0], motion, dtype), out, motion)
        image = torch.sigmoid(self.final(out).float())
        if self.config.blend_output:
            moved = self.warp(features.image, motion)
            if self.creases is not None:
                with without_autocast(moved):
                    moved = self.creases(moved, source.value, driving.value)
            image = self._blend(moved, _resize(image, moved), motion)
        return Animation(image, motion)

    def forward(self, source_image: Tensor, source: Keypoints, driving: Keypoints) -> Animation:
        return self.render(self.encode(source_image), source, driving)


def _resize(x: Tensor, like: Tensor, align_corners: bool = False) -> Tensor:
    """Bilinear to the height and width of ``like``."""
    if x.shape[-2:] == like.shape[-2:]:
        return x
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=align_corners)


# --- the whole -----------------------------------------------------------------------------------


class Fomm(nn.Module):
    """Keypoint detector and generator; the two entries of a checkpoint."""

    def __init__(self, config: FommConfig) -> None:
        super().__init__()
        self.config = config
        self.kp_detector = KeypointDetector(config)
        self.generator = Generator(config)

    def forward(self, source: Tensor, driving: Tensor) -> Animation:
        """Absolute motion: put the driving frame's pose on the source; both (n, 3, s, s)."""
        result: Animation = self.generator(
            source, self.kp_detector(source), self.kp_detector(driving)
        )
        return result
