"""The network that students and upscalers are trained against: it tells drawn pictures from those they should be."""

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Adversary(nn.Module):
    """Scores patches: (N, 3, H, W) to (N, kinds, H / 8, W / 8), more for what is not drawn by the one that learns.

    Args:
        channels: of the first layer.
        kinds: of pictures, each with scores of its own; the layers before are shared.
    Source: patches judged one by one as Isola et al. 2017 (pix2pix); spectral normalisation as Miyato et al. 2018;
        a score for each kind as StarGAN v2 (Choi et al. 2020).
    """

    def __init__(self, channels: int = 32, kinds: int = 1) -> None:
        super().__init__()
        c = channels
        sizes = [(3, c, 3, 1), (c, 2 * c, 4, 2), (2 * c, 4 * c, 4, 2), (4 * c, 4 * c, 4, 2), (4 * c, 4 * c, 3, 1)]
        layers: list[nn.Module] = []
        for inputs, outputs, side, stride in sizes:
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, side, stride, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(4 * c, kinds, 3, padding=1)))

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture)  # type: ignore[no-any-return]


def fooled(scores: Tensor) -> Tensor:
    """What the one that learns descends: low where its pictures' scores are those of originals. A number."""
    return F.softplus(-scores).mean()


def mistaken(real: Tensor, drawn: Tensor) -> Tensor:
    """What the adversary descends: high where it takes one for the other. A number."""
    return fooled(real) + F.softplus(drawn).mean()
