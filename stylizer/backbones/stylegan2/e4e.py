"""e4e: an encoder for StyleGAN2, which looks at a face and gives its code near W.

An IR-SE50 network (ArcFace's) with a head per style. The first head gives one w, the others what their styles differ
from it: the coarse ones look at maps of 16 px, the middle ones at 32 px, the fine ones at 64 px, which a feature
pyramid joins.
Source: Tov et al. 2021, Designing an Encoder for StyleGAN Image Manipulation (arXiv 2102.02766); Richardson et al.
    2021, pSp (arXiv 2008.00951). The parameters' names are those of the public checkpoints, without "encoder.".
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylizer.backbones.stylegan2.layers import EqualLinear
from stylizer.networks.encoder import PictureEncoder

INPUT_SIDE = 256
CHANNELS = (64, 128, 256, 512)
UNITS = (3, 4, 14, 3)  # of each stage; each stage halves the side
REDUCTION = 16  # of the squeeze
COARSE, MIDDLE = 3, 7  # first styles whose heads look at the middle and at the fine maps


class _SqueezeExcite(nn.Module):
    """Scales each channel by what all of them say on average."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, max(channels // REDUCTION, 1), 1, bias=False)
        self.fc2 = nn.Conv2d(max(channels // REDUCTION, 1), channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class _Unit(nn.Module):
    """An improved residual unit."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self._stride = stride
        if inputs != outputs:
            self.shortcut_layer = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            _SqueezeExcite(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = (
            self.shortcut_layer(x) if hasattr(self, "shortcut_layer") else x[:, :, :: self._stride, :: self._stride]
        )
        result: Tensor = self.res_layer(x) + shortcut
        return result


class _Head(nn.Module):
    """Maps of a side to one vector: convolutions of step 2 until one pixel is left."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        steps = side.bit_length() - 1
        layers = [layer for _ in range(steps) for layer in (nn.Conv2d(channels, channels, 3, 2, 1), nn.LeakyReLU())]
        self.convs = nn.Sequential(*layers)
        self.linear = EqualLinear(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear(self.convs(x).flatten(1))
        return result


class E4eEncoder(PictureEncoder):
    """A face of 256 px to its code; the defaults are the published network.

    Args:
        num_ws: of a code. channels: of the four stages; the last is w_dim, too.
    """

    input_side = INPUT_SIDE
    latent_avg: Tensor

    def __init__(self, num_ws: int = 18, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.num_ws, self.w_dim = num_ws, (w_dim := channels[-1])
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, channels[0], 3, 1, 1, bias=False), nn.BatchNorm2d(channels[0]), nn.PReLU(channels[0])
        )
        units: list[nn.Module] = []
        self._last: list[int] = []  # of each stage
        for before, after, count in zip((channels[0], *channels), channels, UNITS, strict=False):
            units += [_Unit(before, after, 2), *(_Unit(after, after, 1) for _ in range(count - 1))]
            self._last.append(len(units) - 1)
        self.body = nn.Sequential(*units)
        sides = [INPUT_SIDE >> (4 if style < COARSE else 3 if style < MIDDLE else 2) for style in range(num_ws)]
        self.styles = nn.ModuleList(_Head(w_dim, side) for side in sides)
        self.latlayer1 = nn.Conv2d(channels[2], w_dim, 1)
        self.latlayer2 = nn.Conv2d(channels[1], w_dim, 1)
        self.register_buffer("latent_avg", torch.zeros(num_ws, w_dim))

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, 256, 256) aligned faces in [-1, 1] to codes (N, num_ws, w_dim)."""
        x, maps = self.input_layer(pictures), []
        for index, unit in enumerate(self.body):
            x = unit(x)
            if index in self._last[1:]:
                maps.append(x)
        fine, middle, coarse = maps
        middle = _enlarged(coarse, middle) + self.latlayer1(middle)
        fine = _enlarged(middle, fine) + self.latlayer2(fine)
        seen = [coarse if style < COARSE else middle if style < MIDDLE else fine for style in range(len(self.styles))]
        answers = torch.stack([head(x) for head, x in zip(self.styles, seen, strict=True)], 1)
        first = answers[:, :1]
        return torch.cat([first, first + answers[:, 1:]], 1) + self.latent_avg


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=True)
