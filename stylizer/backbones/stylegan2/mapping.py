"""StyleGAN2's mapping network: a standard normal z to a style w."""

import torch
from torch import Tensor, nn

from stylizer.backbones.stylegan2.layers import EPSILON, EqualLinear

LAYERS, RATE = 8, 0.01


class _Normalise(nn.Module):
    """To unit mean square."""

    def forward(self, z: Tensor) -> Tensor:
        return z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPSILON)


class MappingNetwork(nn.Module):
    """Normalises z, then `layers` fully connected layers with leaky ReLU, of learning rate 0.01.

    Source: Karras et al. 2019 (StyleGAN), section 2.
    """

    def __init__(self, w_dim: int = 512, layers: int = LAYERS) -> None:
        super().__init__()
        self.style = nn.Sequential(
            _Normalise(), *(EqualLinear(w_dim, w_dim, rate=RATE, is_active=True) for _ in range(layers))
        )

    def forward(self, z: Tensor) -> Tensor:
        """Map z (N, w_dim) ~ N(0, 1) to w (N, w_dim), float32."""
        w: Tensor = self.style(z)
        return w
