"""MobileStyleGAN's synthesis network: styles to a 1024 px face.

Convention:
    `w_plus` is (N, num_ws, w_dim). Style 0 drives the first convolution (4 px); block i (feature maps of side
    8 << i) takes style 1+3i for its upsampling and first convolution and 2+3i for its second; 3+3i drove the block's
    own image head, which was pruned away: unused. The last style, num_ws-1, drives the image head.
    With a head (see `heads`), the parameter `skip` says how much of what is coarse in the image is that head's:
    0, as published, nothing; 1, in learned styles, all of it, so that the last blocks have to draw the details alone.
    (StyleGAN2's generator has such skip connections from each resolution's head to the next.)
Source: Belousov 2021, MobileStyleGAN (arXiv 2104.04767), distilled from StyleGAN2-FFHQ config-f; demodulation does
    not depend on the style there, so it is folded into the weights, and the noise is one constant map per layer.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylizer.backbones.base import Generator
from stylizer.backbones.mobilestylegan.heads import ImageHead
from stylizer.networks.wavelet import inverse_haar

NEGATIVE_SLOPE = 0.2
BASE_SIDE = 4
TAIL_MARGIN = 4  # pixels of a crop handed to `tail` that its zero padding spoils, whatever the starting block:
# each block's two 3x3 convolutions spoil 2 px of maps twice as fine: 1 + 1/2 + 1/4 + ... < 2; the skip spreads that
# by 4 px of the head's picture, 2 px of its maps

Offset = tuple[int, int]


class Modulation(nn.Module):
    """A style (N, w_dim) to one factor per channel (N, channels, 1, 1)."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(channels, w_dim) / w_dim)
        self.bias = nn.Parameter(torch.ones(channels))

    def forward(self, w: Tensor) -> Tensor:
        return F.linear(w, self.weight, self.bias)[:, :, None, None]


def _finish(x: Tensor, noise: Tensor, offset_yx: Offset) -> Tensor:
    """Add the part of the constant noise map that lies under x, then the non-linearity; changes x in place."""
    (top, left), (height, width) = offset_yx, x.shape[2:]
    noise = noise[:, :, top : top + height, left : left + width]
    if noise.shape[2:] != x.shape[2:]:
        raise ValueError(f"a crop of {height}x{width} px at {offset_yx} leaves the feature map")
    return F.leaky_relu_(x.add_(noise), NEGATIVE_SLOPE)


class FirstConv(nn.Module):
    """Modulated 3x3 convolution, constant noise, leaky ReLU."""

    noise: Tensor

    def __init__(self, channels: int, w_dim: int, side: int) -> None:
        super().__init__()
        self.modulation = Modulation(channels, w_dim)
        self.weight = nn.Parameter(torch.randn(channels, channels, 3, 3) / (9 * channels) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("noise", torch.zeros(1, 1, side, side))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = F.conv2d(x * self.modulation(w), self.weight, self.bias, padding=1)
        return _finish(x, self.noise, (0, 0))


class SeparableConv(nn.Module):
    """Modulated depthwise 3x3 and pointwise 1x1 convolution, constant noise, leaky ReLU."""

    noise: Tensor

    def __init__(self, channels_in: int, channels_out: int, w_dim: int, side: int) -> None:
        super().__init__()
        self.modulation = Modulation(channels_in, w_dim)
        self.depthwise = nn.Parameter(torch.randn(channels_in, 1, 3, 3) / 3)
        self.pointwise = nn.Parameter(torch.randn(channels_out, channels_in, 1, 1) / channels_in**0.5)
        self.bias = nn.Parameter(torch.zeros(channels_out))
        self.register_buffer("noise", torch.zeros(1, 1, side, side))

    def forward(self, x: Tensor, w: Tensor, offset_yx: Offset = (0, 0)) -> Tensor:
        x = F.conv2d(x * self.modulation(w), self.depthwise, padding=1, groups=x.shape[1])
        return _finish(F.conv2d(x, self.pointwise, self.bias), self.noise, offset_yx)


class Block(nn.Module):
    """Twice the side by inverse Haar transform, then two separable convolutions."""

    def __init__(self, channels_in: int, channels_out: int, w_dim: int, side: int) -> None:
        super().__init__()
        self.up = Modulation(channels_in, w_dim)
        self.conv1 = SeparableConv(channels_in // 4, channels_out, w_dim, side)
        self.conv2 = SeparableConv(channels_out, channels_out, w_dim, side)

    def forward(self, x: Tensor, styles: Tensor, offset_yx: Offset = (0, 0)) -> Tensor:
        """x (N, C, H, W), styles (N, 2, w_dim) -> (N, C', 2H, 2W); the offset is in pixels of the result."""
        x = inverse_haar(x * self.up(styles[:, 0]))
        x = self.conv1(x, styles[:, 0], offset_yx)
        x = self.conv2(x, styles[:, 1], offset_yx)
        return x


class ToRgb(nn.Module):
    """Modulated 1x1 convolution to the image's Haar bands, then the image of twice the side."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.modulation = Modulation(channels, w_dim)
        self.weight = nn.Parameter(torch.randn(12, channels, 1, 1) / channels**0.5)
        self.bias = nn.Parameter(torch.zeros(12))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return inverse_haar(F.conv2d(x * self.modulation(w), self.weight, self.bias))


def _enlarged(picture: Tensor, cell: int) -> Tensor:
    return F.interpolate(picture, scale_factor=cell, mode="bicubic")


class MobileGenerator(Generator):
    """Styles to a face; see the module's convention. The defaults are the published network (7.3 M weights).

    Args:
        channels: of each block's feature maps, coarse to fine; the image side is 16 << (len(channels) - 1).
        base_channels: of the learned 4 px constant.
        w_dim: length of one style.
    """

    def __init__(
        self,
        channels: Sequence[int] = (512, 512, 512, 512, 256, 128, 64),
        base_channels: int = 512,
        w_dim: int = 512,
    ) -> None:
        super().__init__()
        self.num_ws = 2 + 3 * len(channels)
        self.image_side = 2 * (2 * BASE_SIDE << (len(channels) - 1))
        self.constant = nn.Parameter(torch.randn(1, base_channels, BASE_SIDE, BASE_SIDE))
        self.conv = FirstConv(base_channels, w_dim, BASE_SIDE)
        pairs = zip((base_channels, *channels), channels, strict=False)
        self.blocks = nn.ModuleList(
            Block(before, after, w_dim, 2 * BASE_SIDE << index) for index, (before, after) in enumerate(pairs)
        )
        self.to_rgb = ToRgb(channels[-1], w_dim)
        self.head: ImageHead | None = None

    def add_skip(self, head: ImageHead) -> None:
        """Give the network a head of half the image's side or less, and the parameter `skip`, 0."""
        self.head = head
        self.skip = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, w_plus: Tensor) -> Tensor:
        """Styles (N, num_ws, w_dim) to images (N, 3, side, side), float32 RGB; about [-1, 1], not clamped.

        Raises:
            ValueError: the styles have another shape.
        """
        return self.tail(self._first(w_plus), w_plus, 0)

    def features(self, w_plus: Tensor, upto: int) -> Tensor:
        """The output of block `upto` (0 .. blocks-1): (N, channels[upto], 8 << upto, 8 << upto)."""
        if not 0 <= upto < len(self.blocks):
            raise ValueError(f"block {upto} does not exist; there are {len(self.blocks)}")
        return self._run(self._first(w_plus), w_plus, 0, upto + 1, (0, 0))

    def coarse(self, features: Tensor, w_plus: Tensor) -> Tensor:
        """As `Generator.coarse`, from the maps of any block up to the skip's."""
        assert self.head is not None
        block = (features.shape[-1] // (2 * BASE_SIDE)).bit_length() - 1
        picture: Tensor = self.head(self._run(features, w_plus, block + 1, self.head.block + 1, (0, 0)), w_plus)
        return picture

    def tail(self, x: Tensor, w_plus: Tensor, start: int, offset_yx: Offset = (0, 0)) -> Tensor:
        """Go on from the output of block `start - 1` to the image.

        Args:
            x: (N, channels[start - 1], h, w), the whole map or a rectangle cut out of it. Inside a rectangle's borders
                `TAIL_MARGIN` pixels are spoilt by zero padding (where they are not the map's own borders): cut
                `TAIL_MARGIN * scale` pixels from the image, scale = image side / map side.
            w_plus: (N, num_ws, w_dim).
            start: first block to run, 0 .. blocks (blocks: only the image head is left).
            offset_yx: the rectangle's top left corner, in pixels of the map.
        Returns:
            (N, 3, h * scale, w * scale).
        Raises:
            ValueError: no such block, the rectangle leaves the map, or the skip starts from an earlier block.
        """
        if not 0 <= start <= len(self.blocks):
            raise ValueError(f"block {start} does not exist; there are {len(self.blocks)}")
        if self.head is None or not bool(self.skip):
            image: Tensor = self.to_rgb(self._run(x, w_plus, start, len(self.blocks), offset_yx), w_plus[:, -1])
            return image
        middle = self.head.block + 1
        if start > middle:
            raise ValueError(f"the skip starts from block {middle - 1}; start at block {middle} at most")
        x = self._run(x, w_plus, start, middle, offset_yx)
        zoom = 1 << (middle - start)
        rest = self._run(x, w_plus, middle, len(self.blocks), (offset_yx[0] * zoom, offset_yx[1] * zoom))
        return self._with_skip(self.to_rgb(rest, w_plus[:, -1]), self.head(x, w_plus))

    def _with_skip(self, image: Tensor, coarse: Tensor) -> Tensor:
        cell = image.shape[-1] // coarse.shape[-1]
        rest = coarse - F.avg_pool2d(image, cell)
        # Enlarged twice, so that what was added, shrunk again, is the rest: once alone would blur it.
        rest = 2 * rest - F.avg_pool2d(_enlarged(rest, cell), cell)
        return image + self.skip * _enlarged(rest, cell)

    def _first(self, w_plus: Tensor) -> Tensor:
        if w_plus.ndim != 3 or w_plus.shape[1] != self.num_ws:
            raise ValueError(f"w_plus must be (N, {self.num_ws}, w_dim), got {tuple(w_plus.shape)}")
        x: Tensor = self.conv(self.constant.expand(w_plus.shape[0], -1, -1, -1), w_plus[:, 0])
        return x

    def _run(self, x: Tensor, w_plus: Tensor, start: int, stop: int, offset_yx: Offset) -> Tensor:
        top, left = offset_yx
        for index in range(start, stop):
            top, left = 2 * top, 2 * left
            styles = w_plus[:, 1 + 3 * index : 3 + 3 * index]
            x = self.blocks[index](x, styles, (top, left))
        return x
