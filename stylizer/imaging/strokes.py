"""Smooths a picture along its lines, and sharpens it across: strands and folds become strokes, noise goes.

Source: Cabral & Leedom 1993, Imaging vector fields using line integral convolution; along the smoothed structure
tensor's minor direction, and with a shock filter across (Osher & Rudin 1990, Feature-oriented image enhancement using
shock filters), as Kyprianidis & Kang 2011, Image and video abstraction by coherence-enhancing filtering.
"""

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.imaging.masks import averaged

_WIDE = 5  # pixels: what is wider is blurred at half of the resolution
_SMOOTH = (0.22, 0.56, 0.22)  # what a shock filter leaves has stairs


def along_lines(
    picture: Tensor,
    length: float,
    spread: float,
    stride: float = 2.0,
    *,
    guide: Tensor | None = None,
    where: Tensor | None = None,
) -> Tensor:
    """Every place becomes the mean of the line through it.

    Args:
        picture: (1, C, H, W). length: how far a line is followed to each side, in pixels.
        spread: neighbourhood in which one direction is sought, in pixels (a Gaussian's deviation).
        stride: pixels from one place on a line to the next that is counted.
        guide: (1, C, H, W), the picture whose lines are followed; default `picture`.
        where: (1, 1, H, W), bool; the other places stay as they are, and cost nothing. Default: everywhere.
    Returns:
        (1, C, H, W).
    """
    direction, places = _along(_tensor(picture if guide is None else guide, spread)), _places(picture)
    height, width = picture.shape[-2:]
    scale, steps = picture.new_tensor([2 * stride / width, 2 * stride / height]), max(1, round(length / stride))
    both = torch.cat([direction, picture], 1)  # looked up at the same places
    if where is None:
        return _followed(both, both, places, steps, scale)
    here = where[0, 0]
    result = picture.clone()
    result[:, :, here] = _followed(both, both[:, :, here][:, :, None], places[:, here][:, None], steps, scale)[:, :, 0]
    return result


def _followed(both: Tensor, begin: Tensor, places: Tensor, steps: int, scale: Tensor) -> Tensor:
    """Means along lines.

    Args:
        both: (1, 2 + C, H, W), the direction and the picture. begin: (1, 2 + C, h, w), the same at the places, (1, h,
            w, 2), where lines begin. steps: to each side. scale: (2,), of one step.
    Returns:
        (1, C, h, w).
    """
    total, weights = begin[:, 2:].clone(), 1.0
    for side in (1.0, -1.0):
        here, heading = places, side * begin[:, :2]
        for step in range(steps):
            here = here + heading.permute(0, 2, 3, 1) * scale
            weight = 0.5 + 0.5 * math.cos(math.pi * (step + 1) / (steps + 1))
            found = _at(both, here)
            ahead = found[:, :2]
            total = total + weight * found[:, 2:]
            weights += weight
            ahead = ahead * _dot(ahead, heading).sign()  # a line has no direction of its own
            heading = torch.where((ahead != 0).any(1, keepdim=True), ahead, heading)
            heading = heading / _dot(heading, heading).sqrt().clamp_min(1e-12)
    return total / weights


def _dot(one: Tensor, other: Tensor) -> Tensor:
    """Of vectors (1, 2, H, W): (1, 1, H, W). Plain products: reductions over so few are many times slower."""
    return one[:, :1] * other[:, :1] + one[:, 1:] * other[:, 1:]


def crisp(picture: Tensor, reach: float, spread: float, turns: int, gain: float) -> Tensor:
    """Soft edges become edges: across its lines, every place is drawn towards the darker or the lighter side it is on.

    Args:
        picture: (1, C, H, W). reach: of a turn, in pixels. spread: as of `along_lines`.
        gain: of the second derivative across a line, above whose inverse a place goes all the way.
    Returns:
        (1, C, H, W).
    """
    height, width = picture.shape[-2:]
    grid, small = _places(picture), F.interpolate(picture, scale_factor=0.5, mode="area")
    along = _along(F.interpolate(x, size=(height, width), mode="bilinear") for x in _tensor(small, spread / 2))
    across = torch.stack([-along[:, 1], along[:, 0]], -1) * picture.new_tensor([2 * reach / width, 2 * reach / height])
    near, far = (grid - across, grid + across), (grid - 2 * across, grid + 2 * across)
    for _ in range(turns):
        light = F.avg_pool2d(picture.mean(1, keepdim=True), 3, 1, 1, count_include_pad=False)
        bent = torch.tanh(gain * (_at(light, far[0]) + _at(light, far[1]) - 2 * light))
        sides = [_at(picture, place) for place in near]
        levels = [side.mean(1, keepdim=True) for side in (*sides, picture)]
        dark = torch.where(levels[0] < levels[1], sides[0], sides[1])
        dark = torch.where(torch.minimum(*levels[:2]) < levels[2], dark, picture)
        bright = torch.where(levels[0] > levels[1], sides[0], sides[1])
        bright = torch.where(torch.maximum(*levels[:2]) > levels[2], bright, picture)
        picture = torch.lerp(picture, torch.where(bent > 0, dark, bright), bent.abs())
    taps, channels = picture.new_tensor(_SMOOTH).expand(picture.shape[1], 1, 1, -1), picture.shape[1]
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    return F.conv2d(F.conv2d(padded, taps, groups=channels), taps.mT, groups=channels)


def _along(tensor: Iterable[Tensor]) -> Tensor:
    """Unit vectors along the lines of a structure tensor, which `_tensor` gives."""
    xx, xy, yy = tensor
    angle = 0.5 * torch.atan2(2 * xy, xx - yy)  # of the steepest change
    return torch.cat([-angle.sin(), angle.cos()], 1)


def _tensor(picture: Tensor, spread: float) -> tuple[Tensor, Tensor, Tensor]:
    """The structure tensor's xx, xy and yy, (1, 1, H, W) each."""
    light = F.pad(picture.mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = light[..., 1:-1, 2:] - light[..., 1:-1, :-2]
    down = light[..., 2:, 1:-1] - light[..., :-2, 1:-1]
    products = torch.cat([across * across, across * down, down * down], 1)
    xx, xy, yy = blurred(products, spread).chunk(3, 1)
    return xx, xy, yy


def blurred(x: Tensor, spread: float) -> Tensor:
    """Three box filters, about a Gaussian of this deviation in pixels: (1, C, H, W) to the same."""
    reach = max(1, round(spread))
    if reach <= _WIDE:
        return averaged(x, reach, 3)
    height, width = x.shape[-2:]
    halved = F.avg_pool2d(F.pad(x, (0, width % 2, 0, height % 2), mode="replicate"), 2)
    wide = F.interpolate(averaged(halved, reach // 2, 3), scale_factor=2, mode="bilinear", align_corners=False)
    return wide[..., :height, :width]


def _places(picture: Tensor) -> Tensor:
    """Every pixel's own place, as `grid_sample` takes it: (1, H, W, 2)."""
    height, width = picture.shape[-2:]
    y, x = ((torch.arange(n, device=picture.device) + 0.5) * (2 / n) - 1 for n in (height, width))
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None]


def _at(picture: Tensor, places: Tensor) -> Tensor:
    return F.grid_sample(picture, places, padding_mode="border", align_corners=False)
