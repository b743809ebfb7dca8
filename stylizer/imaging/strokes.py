"""Smooths a picture along its lines: strands and folds become strokes, noise across them goes.

Source: Cabral & Leedom 1993, Imaging vector fields using line integral convolution; along the smoothed structure
tensor's minor direction, as Kyprianidis & Kang 2011, Image and video abstraction by coherence-enhancing filtering.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def along_lines(picture: Tensor, length: float, spread: float, stride: float = 2.0) -> Tensor:
    """Every place becomes the mean of the line through it.

    Args:
        picture: (1, C, H, W). length: how far a line is followed to each side, in pixels.
        spread: neighbourhood in which one direction is sought, in pixels (a Gaussian's deviation).
        stride: pixels from one place on a line to the next that is counted.
    Returns:
        (1, C, H, W).
    """
    direction, grid = _directions(picture, spread), _places(picture)
    height, width = picture.shape[-2:]
    scale = picture.new_tensor([2 * stride / width, 2 * stride / height])
    total, weights = picture.clone(), 1.0
    steps = max(1, round(length / stride))
    for side in (1.0, -1.0):
        here, heading = grid, side * direction
        for step in range(steps):
            here = here + heading.permute(0, 2, 3, 1) * scale
            weight = 0.5 + 0.5 * math.cos(math.pi * (step + 1) / (steps + 1))
            total = total + weight * _at(picture, here)
            weights += weight
            ahead = _at(direction, here)
            ahead = ahead * _dot(ahead, heading).sign()  # a line has no direction of its own
            heading = torch.where((ahead != 0).any(1, keepdim=True), ahead, heading)
            heading = heading / _dot(heading, heading).sqrt().clamp_min(1e-12)
    return total / weights


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Of vectors (1, 2, H, W): (1, 1, H, W). Plain products: reductions over so few are many times slower."""
    return one[:, :1] * other[:, :1] + one[:, 1:] * other[:, 1:]


def _directions(picture: Tensor, spread: float) -> Tensor:
    """Unit vectors along the lines, x and y: (1, 2, H, W)."""
    light = F.pad(picture.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = light[..., 1:-1, 2:] - light[..., 1:-1, :-2]
    down = light[..., 2:, 1:-1] - light[..., :-2, 1:-1]
    xx, xy, yy = blurred(torch.cat([across * across, across * down, down * down], 1), spread).unbind(1)
    angle = 0.5 * torch.atan2(2 * xy, xx - yy)  # of the steepest change
    return torch.stack([-angle.sin(), angle.cos()], 1)


def blurred(x: Tensor, spread: float) -> Tensor:
    """Three box filters, about a Gaussian of this deviation in pixels: (1, C, H, W) to the same."""
    reach = max(1, round(spread))
    for _ in range(3):
        x = F.pad(x, (reach,) * 4, mode="replicate")
        for box in ((2 * reach + 1, 1), (1, 2 * reach + 1)):
            x = F.avg_pool2d(x, box, 1)
    return x


def _places(picture: Tensor) -> Tensor:
    """Every pixel's own place, as `grid_sample` takes it: (1, H, W, 2)."""
    height, width = picture.shape[-2:]
    y, x = ((torch.arange(n, device=picture.device) + 0.5) * (2 / n) - 1 for n in (height, width))
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None]


def _at(picture: Tensor, places: Tensor) -> Tensor:
    return F.grid_sample(picture, places, padding_mode="border", align_corners=False)
