"""Masks grown, shrunk and softened by boxes, side by side: a box of N by N costs 2N, not its N x N."""

import torch
import torch.nn.functional as F
from torch import Tensor


def grown(mask: Tensor, rim: int) -> Tensor:
    """The most within `rim` pixels to each side of every place: (1, C, H, W) to the same."""
    rows = F.max_pool2d(mask, (1, 2 * rim + 1), 1, (0, rim))
    return F.max_pool2d(rows, (2 * rim + 1, 1), 1, (rim, 0))


def shrunk(mask: Tensor, rim: int) -> Tensor:
    """The least within `rim` pixels to each side of every place; nothing lies beyond the picture's border."""
    return -grown(-mask, rim)


def joined(start: Tensor, through: Tensor, steps: int, rim: int = 1) -> Tensor:
    """A mask, and what of another one is joined to it, at most so many steps of `rim` pixels away; both 0 or 1."""
    found = start
    for _ in range(steps):
        found = torch.maximum(start, grown(found, rim) * through)
    return found


def grown_softly(x: Tensor, rim: int) -> Tensor:
    """`grown`, its edge softened by as much."""
    return averaged(grown(x, rim), rim)


def shrunk_softly(x: Tensor, rim: int) -> Tensor:
    """`shrunk`, its edge softened by as much."""
    return -grown_softly(-x, rim)


def averaged(x: Tensor, reach: int, times: int = 1, mode: str = "replicate") -> Tensor:
    """Box filters over `reach` pixels to each side, so many one after the other: (1, C, H, W) to the same.

    One convolution along rows and one along columns stand for all of them.

    Args:
        mode: what lies beyond the border, as `torch.nn.functional.pad` names it; "constant" is nothing.
    """
    channels, box = x.shape[1], x.new_full((1, 1, 2 * reach + 1), 1 / (2 * reach + 1))
    taps = box
    for _ in range(times - 1):
        taps = F.conv1d(taps, box, padding=2 * reach)
    radius = times * reach
    taps = taps[:, None].expand(channels, 1, 1, -1)
    padded = F.pad(x, (radius,) * 4, mode=mode)
    return F.conv2d(F.conv2d(padded, taps, groups=channels), taps.mT, groups=channels)


def softened(mask: Tensor, reach: int) -> Tensor:
    """A mask whose border is soft over twice `reach` pixels to each side; beyond the picture it is 0."""
    return averaged(mask, reach, 2, "constant")


def along_edges(mask: Tensor, picture: Tensor, reach: int, contrast: float) -> Tensor:
    """A small mask as large as a picture, its edges led to those of the picture nearby.

    Source: He, Sun & Tang 2013, Guided image filtering, equations 5, 6 and 8; the linear models are found small, as in
    He & Sun 2015, Fast guided filter.

    Args:
        mask: (1, 1, s, s). picture: (1, 1, S, S), in lightness. reach: in pixels of the mask, to each side.
        contrast: variance of the picture that is an edge; where it varies less, the mask is only averaged.
    Returns:
        (1, 1, S, S).
    """
    guide = F.interpolate(picture, size=mask.shape[-2:], mode="area")
    means = averaged(torch.cat([guide, mask, guide * mask, guide * guide], 1), reach)
    light, found, both, square = means.chunk(4, 1)
    slope = (both - light * found) / (square - light * light + contrast)
    model = averaged(torch.cat([slope, found - slope * light], 1), reach)
    slope, offset = F.interpolate(model, size=picture.shape[-2:], mode="bilinear", align_corners=False).chunk(2, 1)
    return slope * picture + offset
