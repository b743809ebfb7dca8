"""What StyleGAN2's networks are made of, in plain PyTorch: equalised layers, blurs, modulated convolutions.

Convention:
    Weights are stored with unit variance and scaled when they are used ("equalised learning rate"), so that one
    learning rate suits all of them. Attributes have the names of the public PyTorch checkpoints' keys.
Source: Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN (arXiv 1912.04958), section 2 and
    appendix B.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

NEGATIVE_SLOPE = 0.2
GAIN = 2**0.5  # of the leaky ReLU: keeps the variance
EPSILON = 1e-8
BLUR = (1.0, 3.0, 3.0, 1.0)  # binomial: each way, before it is normalised
CHANNELS_MOST, CHANNELS_TOTAL = 512, 1024 * 32  # configuration F: of maps, and times their side

Offset = tuple[int, int]


def channels_at(side: int, most: int = CHANNELS_MOST, total: int = CHANNELS_TOTAL) -> int:
    """Channels of the feature maps of a side."""
    return min(most, total // side)


def activate(x: Tensor) -> Tensor:
    """Leaky ReLU that keeps the variance."""
    return GAIN * F.leaky_relu(x, NEGATIVE_SLOPE)


def blur_kernel() -> Tensor:
    """(4, 4), of sum 1."""
    taps = torch.tensor(BLUR) / sum(BLUR)
    return taps[:, None] * taps[None]


def blur(x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Blur each channel on its own, with zeros around.

    Args:
        x: (N, C, H, W). padding: pixels on each side, 0 to 2.
        gain: times each direction's kernel: 2 makes up for the zeros of an upsampling by 2.
    Returns:
        (N, C, H + 2 padding - 3, W + 2 padding - 3).
    """
    channels = x.shape[1]
    taps = x.new_tensor(BLUR) * (gain / sum(BLUR))
    x = F.conv2d(x, taps.view(1, 1, 4, 1).expand(channels, -1, -1, -1), padding=(padding, 0), groups=channels)
    return F.conv2d(x, taps.view(1, 1, 1, 4).expand(channels, -1, -1, -1), padding=(0, padding), groups=channels)


def upsample(x: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C, 2H, 2W): zeros between the pixels, then the blur."""
    channels = x.shape[1]
    kernel = (4 * blur_kernel()).to(x).expand(channels, 1, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)


class EqualLinear(nn.Module):
    """Fully connected, equalised.

    Args:
        rate: learning-rate multiplier of weight and bias. bias: its start.
        is_active: whether the leaky ReLU follows.
    """

    def __init__(self, inputs: int, outputs: int, *, rate: float = 1.0, bias: float = 0.0, is_active: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self._scale, self._rate, self._is_active = rate / math.sqrt(inputs), rate, is_active

    def forward(self, x: Tensor) -> Tensor:
        x = F.linear(x, self.weight * self._scale, self.bias * self._rate)
        return activate(x) if self._is_active else x


class EqualConv(nn.Module):
    """Convolution without a bias, equalised; with `down`, its input was blurred and padded, and its step is 2."""

    def __init__(self, inputs: int, outputs: int, kernel: int, down: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self._scale = 1 / math.sqrt(inputs * kernel**2)
        self._stride, self._padding = (2, 0) if down else (1, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self._scale, stride=self._stride, padding=self._padding)


class Activation(nn.Module):
    """Adds a bias to each channel, then the leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return activate(x + self.bias[:, None, None])


class ModulatedConv(nn.Module):
    """A convolution whose input channels a style scales, and whose output channels are brought back to unit variance.

    Scaling the maps instead of the weights is the same, and needs no weights of each picture's own.

    Args:
        up: the result has twice the side (transposed convolution, then the blur).
        demodulate: bring the output channels back; a layer that draws colours does not.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, w_dim: int, *, up: bool = False, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, kernel, kernel))
        self.modulation = EqualLinear(w_dim, inputs, bias=1.0)
        self._scale, self._padding = 1 / math.sqrt(inputs * kernel**2), kernel // 2
        self._up, self._demodulate = up, demodulate

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x (N, inputs, H, W), w (N, w_dim) to (N, outputs, H, W), or twice H and W."""
        style: Tensor = self.modulation(w)
        weight = self.weight[0] * self._scale
        x = x * style[:, :, None, None]
        if self._up:
            x = blur(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=2.0)
        else:
            x = F.conv2d(x, weight, padding=self._padding)
        if self._demodulate:
            energy = F.linear(style.square(), weight.square().sum((2, 3)))
            x = x * (energy + EPSILON).rsqrt()[:, :, None, None]
        return x


class NoiseStrength(nn.Module):
    """How much of the noise map is added to all channels."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor, offset_yx: Offset) -> Tensor:
        """noise: (1, 1, S, S), of which the part is taken that lies under x."""
        (top, left), (height, width) = offset_yx, x.shape[2:]
        part = noise[:, :, top : top + height, left : left + width]
        if part.shape[2:] != x.shape[2:]:
            raise ValueError(f"a crop of {height}x{width} px at {offset_yx} leaves the feature map")
        return x + self.weight * part


class StyledConv(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, w_dim: int, *, up: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, w_dim, up=up)
        self.noise = NoiseStrength()
        self.activate = Activation(outputs)

    def forward(self, x: Tensor, w: Tensor, noise: Tensor, offset_yx: Offset = (0, 0)) -> Tensor:
        """The offset is in pixels of the result."""
        result: Tensor = self.activate(self.noise(self.conv(x, w), noise, offset_yx))
        return result


class ToRgb(nn.Module):
    """Modulated 1x1 convolution to colours."""

    def __init__(self, channels: int, w_dim: int) -> None:
        super().__init__()
        self.conv = ModulatedConv(channels, 3, 1, w_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """x (N, channels, H, W) to (N, 3, H, W)."""
        result: Tensor = self.conv(x, w) + self.bias
        return result
