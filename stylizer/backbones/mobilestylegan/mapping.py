"""The mapping network: a standard normal z to a style w."""

import torch.nn.functional as F
from torch import Tensor, nn

NEGATIVE_SLOPE = 0.2
EPSILON = 1e-8


class MappingNetwork(nn.Module):
    """Normalise z to unit mean square, then `layers` fully connected layers with leaky ReLU.

    Weights are at their true scale: the learning-rate multiplier and the gain sqrt(2) of the original are folded in.
    Source: Karras et al. 2019 (StyleGAN), section 2; weights of StyleGAN2-FFHQ as shipped with MobileStyleGAN.
    """

    def __init__(self, w_dim: int = 512, layers: int = 8) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(w_dim, w_dim) for _ in range(layers))

    def forward(self, z: Tensor) -> Tensor:
        """Map z (N, w_dim) ~ N(0, 1) to w (N, w_dim), float32."""
        x = z * (z.square().mean(1, keepdim=True) + EPSILON).rsqrt()
        for layer in self.layers:
            x = F.leaky_relu(layer(x), NEGATIVE_SLOPE)
        return x
