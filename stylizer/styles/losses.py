"""What fine-tuning compares pictures by: style without place, structure without tone, hue without light.

Feature maps are lists of (1, C, H, W), fine to coarse; every loss is a scalar, 0 for equal inputs.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.networks.wavelet import haar

Grams = list[Tensor]
RIM = 16  # pixels of a crop, as far as the padding at its border spoils what the features say
STRUCTURE_SIDE = 24  # maps are pooled to at most this side before places are compared
LIGHTNESS = (0.6, 1.0)  # how far lightness takes part in the palette, inside and outside the face; chroma counts one


def unit(maps: list[Tensor]) -> list[Tensor]:
    """Every place's features scaled to length one, as LPIPS does: contrast no longer counts."""
    return [F.normalize(x, dim=1) for x in maps]


def inner(maps: list[Tensor]) -> list[Tensor]:
    """A crop's feature maps, each half the side of the one before, without the rim that its border has spoilt."""
    return [x[..., rim:-rim, rim:-rim] for x, rim in ((x, RIM >> level) for level, x in enumerate(maps))]


def grams(maps: list[Tensor], region: Tensor | None = None) -> Grams:
    """Which features occur together, (C, C) per map, averaged over a (1, 1, S, S) region in [0, 1] or everywhere.

    Source: Gatys et al. 2016, Image style transfer using convolutional neural networks, equation 3.
    """
    result = []
    for x in maps:
        flat = x.flatten(2)[0]
        if region is None:
            result.append(flat @ flat.T / flat.shape[1])
        else:
            weight = F.interpolate(region, size=x.shape[-2:], mode="area").flatten(2)[0]
            result.append((flat * weight) @ flat.T / weight.sum())
    return result


def gram_distance(ours: Grams, theirs: Grams) -> Tensor:
    """Sum over the maps of 1 - cosine: plain differences mostly follow the exposure."""
    pairs = zip(ours, theirs, strict=True)
    return torch.stack([1 - F.cosine_similarity(a.flatten(), b.flatten(), dim=0) for a, b in pairs]).sum()


def self_similarity(maps: list[Tensor]) -> list[Tensor]:
    """Which places of a picture resemble each other, (P, P) cosines in [-1, 1] per map.

    Source: Shechtman & Irani 2007; as a structure loss Kolkin et al. 2019 (STROTSS), section 2.2.
    """
    result = []
    for x in maps:
        flat = F.adaptive_avg_pool2d(x, min(STRUCTURE_SIDE, x.shape[-1])).flatten(2)[0]
        flat = F.normalize(flat - flat.mean(1, keepdim=True), dim=0)
        result.append(flat.T @ flat)
    return result


def local_dissimilarity(one: Tensor, other: Tensor, mask: Tensor, window: int = 15) -> Tensor:
    """1 - local normalised cross-correlation of lightness: shapes may change their tone, not their place.

    Args:
        one, other: (1, 3, S, S). mask: (1, 1, S, S) weights. window: side of the neighbourhood in pixels.
    """

    def blur(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, window, 1, window // 2, count_include_pad=False)

    a, b = (x.mean(1, keepdim=True) for x in (one, other))
    a, b = a - blur(a), b - blur(b)
    correlation = blur(a * b) / (blur(a * a) * blur(b * b) + 1e-5).sqrt()
    return ((1 - correlation) * mask).sum() / mask.sum()


def palette_distance(one: Tensor, other: Tensor, region: Tensor, rng: torch.Generator) -> Tensor:
    """Sliced Wasserstein distance of colours along one random axis, inside a region and outside it.

    Inside, the axis is mostly one of chroma, so that a palette is taken on without everybody getting one complexion.

    Args:
        one, other: (1, 3, S, S) pictures. region: (1, 1, S, S), 0 or 1. rng: draws the axis.
    Source: Rabin et al. 2011, Wasserstein barycenter and its application to texture mixing.
    """
    angle = 2 * math.pi * float(torch.rand(1, generator=rng))
    light = (2 * float(torch.rand(1, generator=rng)) - 1) / 3
    red_green, blue_yellow = 0.5 * math.cos(angle), 0.25 * math.sin(angle)
    chroma = torch.tensor((red_green + blue_yellow, blue_yellow - red_green, -2 * blue_yellow), device=one.device)
    total = one.new_zeros(())
    for mask, share in zip((region[0, 0] > 0.5, region[0, 0] <= 0.5), LIGHTNESS, strict=True):
        axis = (chroma + share * light)[:, None]
        ours, theirs = ((axis * x[0, :, mask]).sum(0).sort().values for x in (one, other))
        total = total + (ours - theirs).abs().mean()
    return total


def coarse_distance(one: Tensor, other: Tensor, cell: int) -> Tensor:
    """Mean absolute difference of pictures averaged over cells of cell x cell pixels."""
    return F.l1_loss(F.avg_pool2d(one, cell), F.avg_pool2d(other, cell))


def fixed_pattern(picture: Tensor) -> Tensor:
    """How far the mean of the fine Haar bands is from zero, as in pictures: a grid of 2 or 4 px shows in it."""
    bands = haar(picture)
    coarser = haar(bands[:, :3] / 2)
    return bands[:, 3:].mean((2, 3)).abs().mean() + coarser[:, 3:].mean((2, 3)).abs().mean()
