"""Codes of people who do not exist, for looking at what a style makes of anybody."""

import torch
from torch import Tensor

from stylizer.settings import (
    COUNT_MAX,
    COUNT_MIN,
    SEED_MAX,
    TRUNCATION,
    TRUNCATION_MAX,
    TRUNCATION_MIN,
    check_range,
)
from stylizer.weights.load import Networks


@torch.no_grad()
def sample(networks: Networks, count: int, seed: int = 0, truncation: float = TRUNCATION) -> Tensor:
    """Codes of invented faces; the n-th one of a seed does not depend on how many there are.

    Args:
        count: how many, COUNT_MIN to COUNT_MAX. seed: another one gives other people.
        truncation: 0 gives the mean face only, 1 all that the generator knows (psi of StyleGAN's truncation trick).
    Returns:
        (count, num_ws, w_dim) float32 on the CPU.
    Raises:
        SettingsError: a number is out of its range.
    Source: Karras et al. 2019 (StyleGAN), section 4.2.
    """
    check_range("The number of people", count, COUNT_MIN, COUNT_MAX)
    check_range("The seed", seed, 0, SEED_MAX)
    check_range("The truncation", truncation, TRUNCATION_MIN, TRUNCATION_MAX)
    # All of them, however few are asked for: another batch would round otherwise.
    backbone, spec = networks.backbone, networks.spec
    z = torch.randn(COUNT_MAX, spec.w_dim, generator=torch.Generator().manual_seed(seed))
    mean = backbone.wspace.mean
    w = torch.lerp(mean, backbone.mapping(z.to(mean.device)), truncation)
    return w[:count, None].repeat(1, spec.num_ws, 1).cpu()
