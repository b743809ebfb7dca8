"""StyleGAN2's discriminator: how real a picture looks, and the features that tell it.

Source: Karras et al. 2020 (arXiv 1912.04958): residual networks, and the standard deviation over a group of pictures.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from stylizer.backbones.base import FeatureNetwork
from stylizer.backbones.stylegan2.layers import (
    CHANNELS_MOST,
    CHANNELS_TOTAL,
    EPSILON,
    Activation,
    EqualConv,
    EqualLinear,
    blur,
    channels_at,
)

GROUP = 4  # pictures whose deviation is taken
TAPS = (1, 3, 4, 5)  # the layers whose outputs JoJoGAN compares: maps of 512, 128, 64 and 32 px of a 1024 px picture


class _Blur(nn.Module):
    """Before a convolution of step 2: pads so that its result has half the side."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self._padding = (kernel + 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        return blur(x, self._padding)


def _conv(inputs: int, outputs: int, kernel: int, *, down: bool = False, is_active: bool = True) -> nn.Sequential:
    """[blur,] convolution [, bias and leaky ReLU]."""
    layers: list[nn.Module] = [_Blur(kernel)] if down else []
    layers.append(EqualConv(inputs, outputs, kernel, down))
    return nn.Sequential(*layers, *([Activation(outputs)] if is_active else []))


class _Block(nn.Module):
    """Two convolutions beside a 1x1 one; half the side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, inputs, 3)
        self.conv2 = _conv(inputs, outputs, 3, down=True)
        self.skip = _conv(inputs, outputs, 1, down=True, is_active=False)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = (self.conv2(self.conv1(x)) + self.skip(x)) * 0.5**0.5
        return result


class Discriminator(FeatureNetwork):
    """Pictures to how real each looks; the defaults are the published network.

    Args:
        side: of the pictures, a power of two from 8. channels, channels_total: as for `StyleGan2Generator`.
    """

    def __init__(
        self, side: int = 1024, *, channels: int = CHANNELS_MOST, channels_total: int = CHANNELS_TOTAL
    ) -> None:
        super().__init__()
        maps = [channels_at(side >> step, channels, channels_total) for step in range((side // 4).bit_length())]
        self.is_checkpointed = False
        blocks = (_Block(before, after) for before, after in pairwise(maps))
        self.convs = nn.Sequential(_conv(3, maps[0], 1), *blocks)
        self.final_conv = _conv(maps[-1] + 1, maps[-1], 3)
        self.final_linear = nn.Sequential(
            EqualLinear(maps[-1] * 16, maps[-1], is_active=True), EqualLinear(maps[-1], 1)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, side, side) in [-1, 1] to (N, 1); N is at most 4, or a multiple of it."""
        x = self.convs(pictures)
        count, _, height, width = x.shape
        groups = x.unflatten(0, (min(count, GROUP), -1))
        deviation = (groups.var(0, unbiased=False) + EPSILON).sqrt().mean((1, 2, 3))
        spread = deviation.repeat(min(count, GROUP)).view(-1, 1, 1, 1).expand(-1, 1, height, width)
        result: Tensor = self.final_linear(self.final_conv(torch.cat([x, spread], 1)).flatten(1))
        return result

    def features(self, pictures: Tensor, taps: Sequence[int] = TAPS) -> list[Tensor]:
        """What these layers give of (N, 3, side, side) pictures, in their order; later layers are not run.

        Args:
            taps: ascending; 0 is the first convolution, the k-th block halves the side for the k-th time. Those that a
                small network lacks are left out.
        """
        x, found = pictures, []
        for index in range(min(max(taps) + 1, len(self.convs))):
            layer = self.convs[index]
            is_checkpointed = self.is_checkpointed and torch.is_grad_enabled()
            x = checkpoint(layer, x, use_reentrant=False) if is_checkpointed else layer(x)
            if index in taps:
                found.append(x)
        return found
