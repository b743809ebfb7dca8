"""Networks that enlarge a picture four times: a light one for CPUs, and SRResNet as it was published.

Both take and give RGB in [-1, 1] and any size from one pixel on.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALE = 4  # output pixels for one input pixel, along each side
_CUBIC = -0.5  # Keys' coefficient: what MATLAB and Pillow use (torch's own bicubic has -0.75)
WINDOW = 4  # side of the squares of features whose means the gates see
SLOPE = 0.1  # of the activation below zero
TAPS = 5  # input pixels that the 4 phases of a bicubic enlargement by 4 reach, along each side


class LightUpscaler(nn.Module):
    """A light network that adds detail to a bicubic enlargement, and starts as that enlargement.

    All convolutions work at the input's size. A block is two 3x3 convolutions whose result is weighted, pixel by pixel
    and channel by channel, by gates that are seen at a quarter of the size: there a 3x3 window costs a sixteenth and
    reaches four times as far. The enlargement itself is a fixed convolution, so everything is one graph of plain
    operations. With 48 channels and 5 blocks: 244 thousand parameters, 15 thousand million multiplications and
    additions for 256 x 256 pixels.

    Args:
        channels: of the features; multiples of 16 suit the vector units of CPUs.
        blocks: how many.
    Source: the modulation by features of a coarser scale follows SAFMN (Sun et al. 2023, arXiv 2302.13800), here
        with one coarse scale and plain convolutions; upsampling by pixel shuffle is ESPCN's (Shi et al. 2016, arXiv
        1609.05158).
    """

    margin = 16  # pixels around a place that it sees; what is farther away changes no value by a tenth of 1 in 255
    window = WINDOW  # sides are multiples of this where it works; others are filled up
    bicubic: Tensor

    def __init__(self, channels: int = 48, blocks: int = 5) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, channels, 3, padding=1)
        self.blocks = nn.Sequential(*[_GatedBlock(channels) for _ in range(blocks)])
        self.tail = nn.Conv2d(channels, 3 * SCALE**2, 3, padding=1)
        self.register_buffer("bicubic", _bicubic_kernel(), persistent=False)
        nn.init.zeros_(self.tail.weight)
        assert self.tail.bias is not None
        nn.init.zeros_(self.tail.bias)

    def forward(self, picture: Tensor) -> Tensor:
        """Enlarge four times.

        Args:
            picture: (N, 3, H, W) RGB in [-1, 1], H and W at least 1, float32 (or what `.to` made of the network).
        Returns:
            (N, 3, 4 H, 4 W), not clamped.
        """
        height, width = picture.shape[-2:]
        # To whole windows of the gates, at the right and below.
        whole = F.pad(picture, (0, -width % WINDOW, 0, -height % WINDOW), mode="replicate")
        return self.finish(whole, self.detail(whole))[..., : SCALE * height, : SCALE * width]

    def detail(self, picture: Tensor) -> Tensor:
        """What the network adds to the bicubic enlargement: nearly all of the work, which bfloat16 is good enough for.

        Args:
            picture: (N, 3, H, W), H and W multiples of 4.
        Returns:
            (N, 48, H, W), the 16 places of each pixel in three colours.
        """
        x = self.head(picture)
        return self.tail(self.blocks(x) + x)  # type: ignore[no-any-return]

    def finish(self, picture: Tensor, detail: Tensor) -> Tensor:
        """The bicubic enlargement and the detail; in float32, as the 8 bits of bfloat16 would be seen.

        Returns:
            (N, 3, 4 H, 4 W).
        """
        with torch.autocast(picture.device.type, enabled=False):
            enlarged = F.conv2d(F.pad(picture, (TAPS // 2,) * 4, mode="replicate"), self.bicubic)
        return F.pixel_shuffle(enlarged + detail, SCALE)


class SRResNet(nn.Module):
    """The generator of SRGAN, as published: 16 residual blocks of 64 channels, 1.55 million parameters.

    Batch statistics are used in training mode, running ones in evaluation mode.

    Args:
        channels: of the features. blocks: how many residual blocks. The published sizes are the defaults.
    Source: Ledig et al. 2017 (arXiv 1609.04802), figure 4. The published network reads [0, 1] and draws [-1, 1]; this
        one reads [-1, 1] too, which only changes its first layer's weights and bias.
    """

    margin, window = 24, 1  # as of `LightUpscaler`

    def __init__(self, channels: int = 64, blocks: int = 16) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Conv2d(3, channels, 9, padding=4), nn.PReLU())
        self.blocks = nn.Sequential(*[_ResidualBlock(channels) for _ in range(blocks)])
        self.merge = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels))
        doublings = [_doubling(channels) for _ in range(SCALE.bit_length() - 1)]
        self.enlarge = nn.Sequential(*doublings)
        self.tail = nn.Conv2d(channels, 3, 9, padding=4)

    def forward(self, picture: Tensor) -> Tensor:
        """Enlarge four times.

        Args:
            picture: (N, 3, H, W) RGB in [-1, 1], H and W at least 1.
        Returns:
            (N, 3, 4 H, 4 W), not clamped.
        """
        x = self.head(picture)
        x = x + self.merge(self.blocks(x))
        return self.tail(self.enlarge(x))  # type: ignore[no-any-return]


NETWORKS: dict[str, type[LightUpscaler] | type[SRResNet]] = {"light": LightUpscaler, "srresnet": SRResNet}


class _GatedBlock(nn.Module):
    """x + conv(act(conv(x))) * gate; the gate, 0 to 2, is seen in the features' means over 4 x 4 pixels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.gate = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels), nn.Conv2d(channels, channels, 1)
        )
        self.act = nn.LeakyReLU(SLOPE)
        nn.init.kaiming_normal_(self.first.weight, SLOPE)
        nn.init.kaiming_normal_(self.second.weight, 1.0)
        with torch.no_grad():
            self.second.weight.mul_(0.5)  # so that a few blocks in a row do not let the features grow

    def forward(self, x: Tensor) -> Tensor:
        gate = 2 * torch.sigmoid(self.gate(F.avg_pool2d(x, WINDOW)))
        detail = self.second(self.act(self.first(x)))
        return x + detail * F.interpolate(gate, scale_factor=float(WINDOW), mode="nearest")  # type: ignore[no-any-return]


class _ResidualBlock(nn.Module):
    """Convolution, BN, PReLU, convolution, BN, and the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.PReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)  # type: ignore[no-any-return]


def _doubling(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4 * channels, 3, padding=1), nn.PixelShuffle(2), nn.PReLU())


def _bicubic_kernel() -> Tensor:
    """(48, 3, 5, 5): the enlargement by 4 as a convolution whose 16 outputs a colour are the phases of a pixel."""
    phase = torch.arange(SCALE, dtype=torch.float64)
    centre = (phase + 0.5) / SCALE - 0.5  # of an output pixel, in input pixels from its input pixel's centre
    t = (centre[:, None] - (torch.arange(TAPS) - TAPS // 2)).abs()
    near = (_CUBIC + 2) * t**3 - (_CUBIC + 3) * t**2 + 1
    far = _CUBIC * (t**3 - 5 * t**2 + 8 * t - 4)
    taps = torch.where(t <= 1, near, torch.where(t < 2, far, torch.zeros_like(t)))
    kernel = torch.zeros(3, SCALE, SCALE, 3, TAPS, TAPS, dtype=torch.float64)
    for colour in range(3):
        kernel[colour, :, :, colour] = torch.einsum("ay,bx->abyx", taps, taps)
    return kernel.reshape(3 * SCALE**2, 3, TAPS, TAPS).float()
