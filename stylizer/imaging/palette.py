"""Moves one set of colours onto another: their whole distribution, not its mean alone.

Source: Pitie, Kokaram & Dahyot 2007, Automated colour grading using colour distribution transfer (along random
directions in turn, in each of which the values are matched by their rank).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_TURNS = 6  # bases of three directions; more change nothing to see
_FEWEST = 64  # colours that make a distribution


@torch.no_grad()
def with_colours_of(colours: Tensor, wanted: Tensor) -> Tensor:
    """Colours that are distributed as the wanted ones are; what was darker or redder than others stays so.

    Args:
        colours: (N, 3). wanted: (M, 3), any M.
    Returns:
        (N, 3); the colours as they are where either are fewer than 64. The same bits at every call.
    """
    if min(len(colours), len(wanted)) < _FEWEST:
        return colours
    generator = torch.Generator().manual_seed(0)
    for _ in range(_TURNS):
        base = torch.linalg.qr(torch.randn(3, 3, generator=generator)).Q.to(colours)
        ours, theirs = colours @ base, (wanted @ base).sort(0).values
        ranks = ours.argsort(0)
        levels = F.interpolate(theirs.T[None], size=len(ours), mode="linear", align_corners=True)[0].T
        colours = torch.empty_like(ours).scatter_(0, ranks, levels) @ base.T
    return colours
