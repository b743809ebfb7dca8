"""What fine-tuning compares pictures by: style without place, structure without tone, hue without light.

Feature maps are lists of (1, C, H, W), fine to coarse; every loss is a scalar, 0 for equal inputs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.networks.wavelet import haar

Grams = list[Tensor]
Bands = list[Tensor | None]
_FAINT = 0.01  # size of Haar coefficients below which their differences are not seen
RIM = 16  # pixels of a crop, as far as the padding at its border spoils what the features say
STRUCTURE_SIDE = 24  # maps are pooled to at most this side before places are compared
AXES, QUANTILES = 3, 256  # of colours that are compared as a distribution
OPPONENT = ((0.5, 0.5, 0.5), (2.0, -2.0, 0.0), (1.0, 1.0, -2.0))


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


def palette_distance(
    one: Tensor, one_region: Tensor, other: Tensor, other_region: Tensor, rng: torch.Generator
) -> Tensor:
    """Sliced Wasserstein distance of the colours of two regions, along a few random axes.

    Args:
        one, other: (1, 3, S, S) pictures. one_region, other_region: (1, 1, S, S), theirs; a place counts above 0.5.
        rng: draws the axes.
    Source: Rabin et al. 2011, Wasserstein barycenter and its application to texture mixing.
    """
    axes = F.normalize(torch.randn(AXES, 3, generator=rng), dim=1).to(one)
    levels = []
    for picture, region in ((one, one_region), (other, other_region)):
        colors = picture[0, :, region[0, 0] > 0.5]
        if colors.shape[1] < QUANTILES:
            return one.new_zeros(())
        ordered = (axes @ colors).sort(dim=1).values
        steps = (torch.arange(QUANTILES, device=one.device) + 0.5) / QUANTILES
        levels.append(ordered[:, (steps * (colors.shape[1] - 1)).long()])
    return (levels[0] - levels[1]).abs().mean()


def place_distance(ours: Tensor, theirs: Tensor) -> Tensor:
    """Euclidean distance of two maps' features at each place, (1, H, W).

    Not its square: where lines lie a little elsewhere in every face, squares give their mean, a blur.
    """
    return ((ours - theirs.float()).square().sum(1) + 1e-4).sqrt()


def weighted_mean(distances: Tensor, weight: Tensor) -> Tensor:
    """Mean of (1, H, W) distances under a (1, 1, S, S) weight."""
    area = F.interpolate(weight, size=distances.shape[-2:], mode="area")[:, 0]
    return (distances * area).sum() / area.sum().clamp_min(1e-6)


def color_distance(one: Tensor, other: Tensor, weight: Tensor | None = None, cells: tuple[int, ...] = (2, 8)) -> Tensor:
    """Mean absolute difference of lightness and, twice as much, of chroma, of colours averaged over cells.

    Summed over the sizes of the cells, in pixels.

    Args:
        one, other: (1, 3, S, S). weight: (1, 1, S, S); None: everywhere the same.
    """
    matrix = torch.tensor(OPPONENT, device=one.device)
    total = one.new_zeros(())
    for cell in cells:
        difference = torch.einsum("oc,nchw->nohw", matrix, F.avg_pool2d(one - other, cell)).abs().mean(1)
        total = total + (difference.mean() if weight is None else weighted_mean(difference, weight))
    return total


def coarse_distance(one: Tensor, other: Tensor, cell: int) -> Tensor:
    """Mean absolute difference of pictures averaged over cells of cell x cell pixels."""
    return F.l1_loss(F.avg_pool2d(one, cell), F.avg_pool2d(other, cell))


def bands(picture: Tensor, region: Tensor | None = None, skip: int = 0, upto: int = 3) -> Bands:
    """How large the details of a region are: quantiles of its Haar coefficients, (9, Q) per level, finest first.

    Args:
        picture: (1, 3, H, W), sides multiples of 1 << upto.
        region: (1, 1, S, S); a place counts above 0.5; None: everywhere.
        skip, upto: levels that are left out, and the last one.
    Returns:
        None for a level in which the region is too small.
    Source: Heeger & Bergen 1995, Pyramid-based texture analysis/synthesis.
    """
    result: Bands = []
    for level in range(upto):
        coefficients = haar(picture)
        picture = coefficients[:, :3] / 2
        if level < skip:
            continue
        flat = coefficients[0, 3:].flatten(1)
        if region is not None:
            flat = flat[:, F.interpolate(region, size=coefficients.shape[-2:], mode="area")[0, 0].flatten() > 0.5]
        if flat.shape[1] < QUANTILES:
            result.append(None)
            continue
        steps = (torch.arange(QUANTILES, device=flat.device) + 0.5) / QUANTILES
        result.append(flat.sort(dim=1).values[:, (steps * (flat.shape[1] - 1)).long()])
    return result


def bands_distance(ours: Bands, theirs: Bands) -> Tensor:
    """Sum over the levels of the mean difference of the quantiles, relative to the size of theirs.

    A few large coefficients are edges, many small ones a weave or a blur: features' means hardly tell these apart.
    """
    both = [(a, b) for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    return sum(((a - b).abs().mean() / (b.abs().mean() + _FAINT) for a, b in both), torch.zeros(()))


def fixed_pattern(picture: Tensor, levels: int = 3) -> Tensor:
    """How far the mean of the fine Haar bands is from zero, as in pictures: a grid shows in it.

    Args:
        picture: (1, 3, H, W), sides multiples of 1 << levels. levels: grids of 2, 4, .. 1 << levels px are seen.
    """
    total = picture.new_zeros(())
    for _ in range(levels):
        bands = haar(picture)
        total = total + bands[:, 3:].mean((2, 3)).abs().mean()
        picture = bands[:, :3] / 2
    return total


def lattice_distance(ours: Tensor, theirs: Tensor, levels: int = 3, cells: int = 8) -> Tensor:
    """How far the Haar coefficients of two pictures differ when averaged over neighbouring places: a mesh shows in it.

    Edges and grain have coefficients of either sign next to each other; a mesh has them all of one, place after place.

    Args:
        ours, theirs: (1, 3, H, W), sides multiples of 1 << levels.
        levels: meshes of 2, 4, .. 1 << levels px are seen. cells: places a side, over which is averaged.
    """
    picture, total = ours - theirs, ours.new_zeros(())
    for _ in range(levels):
        coefficients = haar(picture)
        total = total + F.avg_pool2d(coefficients[:, 3:], cells).abs().mean()
        picture = coefficients[:, :3] / 2
    return total
