"""What is around a face, as the reference's artist might have drawn it: hair, neck, clothes and ground.

No place of them corresponds to one of the reference. But each kind has its own there, and the invented picture knows
where strands, folds and shadows lie. So lightness keeps its places and takes the reference's distribution, level of
detail by level of detail (few strong lines, or many faint ones); hues follow the lightness, as they do in the
reference. Bare skin gets the colours that the face's skin of the same lightness has got.
"""

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.styles.regions import Regions

if TYPE_CHECKING:
    from stylizer.styles.pairs import Reference

_LEVELS = 5  # of details that are matched, each twice as coarse as the one before
_STRONGER = 2.5  # times at most that details get stronger: noise is not to become a pattern
_ROUNDS = 2  # of matching the levels, then the whole
_QUANTILES, _SAMPLES = 256, 16384  # the quantiles are of so many places at most
_USUAL = (0.2, 0.8)  # quantiles of a ground's lightness, between which it is no stray lock or line
_SHADES = 24  # of skin or of a kind, whose colours are looked up
_SKIN_SIDE, _SKIN_NOISE, _SKIN_ALIKE, _DARKEST = 64, 0.01, 4.0, 0.35  # as `regions` grows long hair
_HAIR_MIN = 0.015  # of the picture
_FEWEST = 16  # values with a distribution
_FEW = 400  # pixels: of less nothing is known


@torch.no_grad()
def surroundings(
    full: Tensor, own: Tensor, target: Tensor, *, weight: Tensor, regions: Regions, reference: "Reference"
) -> Tensor:
    """A picture with all but its face as the reference has it: (1, 3, side, side).

    Args:
        full: (1, 3, side, side), the invented picture; own: (1, 3, S, S), the same. target: (1, 3, S, S), its face as
            the reference's hand draws it; weight: (1, 1, S, S), where that is known. regions: of the picture.
    """
    person = 1 - regions.ground
    skin = skin_of(own, regions, person)
    rest = (person - regions.face - regions.hair).clamp_min(0)
    above, bare = _above_body(regions), skin_like(full, own, target, weight)
    hair, ground = apart(reference.small, reference.regions)
    theirs, anywhere = 1 - reference.regions.ground, torch.ones_like(person)
    kinds = (  # here, there, and what stands in where the reference has nothing of the kind
        (regions.hair + rest * (1 - skin) * above, hair, (person, theirs), None),
        (rest * (1 - skin) * (1 - above), reference.regions.body, (person, theirs), None),
        (regions.ground, ground, (anywhere, anywhere), _USUAL),
    )
    weights, drawn = [rest * skin + regions.face], [bare]
    for here, there, instead, usual in kinds:
        made = _drawn_like(full, here, reference.full, there, usual)
        made = _drawn_like(full, instead[0], reference.full, instead[1], None) if made is None else made
        weights.append(here)
        drawn.append(bare if made is None else made)
    shares = torch.cat(weights, 1)
    shares = _grown(shares / shares.sum(1, keepdim=True).clamp_min(1e-3), full)
    return sum((shares[:, i : i + 1] * each for i, each in enumerate(drawn)), torch.zeros_like(full)).clamp(-1, 1)


def _drawn_like(
    full: Tensor, here: Tensor, reference: Tensor, there: Tensor, usual: tuple[float, float] | None
) -> Tensor | None:
    if float(here.sum()) < 1:
        return full
    return drawn_like(full, _grown(here, full), reference, _grown(there, full), usual)


def drawn_like(
    picture: Tensor, region: Tensor, reference: Tensor, theirs: Tensor, usual: tuple[float, float] | None = None
) -> Tensor | None:
    """A region of a picture with the other's details, lightness and hues, at its own places.

    Args:
        picture, reference: (1, 3, S, S) in [-1, 1]. region, theirs: (1, 1, S, S), 0 to 1.
        usual: quantiles of the reference's lightness between which places count.
    Returns:
        (1, 3, S, S), of which the region counts; None where a region is too small.
    Source: Heeger & Bergen 1995, Pyramid-based texture analysis/synthesis, begun at a picture instead of noise.
    """
    light, wanted, there = picture.mean(1, keepdim=True), reference.mean(1, keepdim=True), theirs > 0.5
    if int((region > 0.5).sum()) < _FEW or int(there.sum()) < _FEW:
        return None
    if usual is not None:
        least, most = _quantiles(wanted[there])[[int(_QUANTILES * each) for each in usual]]
        there = there & (wanted >= least) & (wanted <= most)
    for _ in range(_ROUNDS):
        light = _detailed(light, region, wanted, there.float(), _LEVELS)
        light = _matched(light, region, wanted, there.float())
    result, changed, hues_at = picture.clone(), (region > 0)[0, 0], _hues(reference, there)
    lights = light[0, 0][changed]
    result[0, :, changed] = lights + _looked_up(lights, *hues_at)
    return result


def skin_like(picture: Tensor, own: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """A picture in the colours that a face got, each shade as that shade of the face.

    Args:
        picture: (1, 3, S, S). own, target: (1, 3, s, s), the face before and after; weight: (1, 1, s, s).
    """
    inside = weight[0, 0] > 0.5
    if int(inside.sum()) < _FEW:
        return picture
    shades, colors = own.mean(1)[0][inside], target[0][:, inside]
    order = shades.argsort()
    cells = torch.tensor_split(order, _SHADES)
    at = torch.stack([shades[cell].mean() for cell in cells])
    got = torch.stack([colors[:, cell].mean(1) for cell in cells])
    got = F.avg_pool1d(F.pad(got.T[None], (2, 2), mode="replicate"), 5, 1)[0]
    return _looked_up(picture.mean(1).flatten(), at, got).reshape(picture.shape)


def skin_of(picture: Tensor, regions: Regions, person: Tensor) -> Tensor:
    """Where a photo shows bare skin around the face: (1, 1, S, S), 0 to 1; person: likewise."""
    side = regions.face.shape[-1]
    small, face, parts, room = (
        F.interpolate(x, size=_SKIN_SIDE, mode="area") for x in (picture, regions.face, regions.parts, person)
    )
    tint = (small + 1.05) / (small + 1.05).mean(1, keepdim=True)
    known = ((face > 0.9) & (parts < 0.3)).float()
    mean = (tint * known).sum((2, 3), keepdim=True) / known.sum().clamp_min(1)
    away = (tint - mean).square().sum(1, keepdim=True)
    usual = (away * known).sum() / known.sum().clamp_min(1)
    light = small.mean(1, keepdim=True) + 1
    level = (light * known).sum() / known.sum().clamp_min(1)
    alike = (away < _SKIN_ALIKE * (usual + _SKIN_NOISE)) & (light > _DARKEST * level) & (room > 0.5)
    grown, alike = (face > 0.5).float(), alike.float()
    for _ in range(_SKIN_SIDE):
        grown = torch.maximum((face > 0.5).float(), F.max_pool2d(grown, 3, 1, 1) * alike)
    return F.interpolate(F.avg_pool2d(grown, 3, 1, 1), size=side, mode="bilinear", align_corners=False)


def apart(picture: Tensor, regions: Regions) -> tuple[Tensor, Tensor]:
    """Hair and ground of a drawing, with the locks that were taken for ground: two (1, 1, S, S), 0 to 1.

    Args:
        picture: (1, 3, S, S).
    """
    known, ground = (regions.hair > 0.8).float(), (regions.ground > 0.5).float()
    if float(known.mean()) < _HAIR_MIN or float(ground.mean()) < _HAIR_MIN:
        return regions.hair, regions.ground
    hair_color, ground_color = (picture[0][:, each[0, 0] > 0.5].median(1).values for each in (known, ground))
    to_hair, to_ground = (
        (picture - color[None, :, None, None]).square().sum(1, keepdim=True) for color in (hair_color, ground_color)
    )
    alike = (to_hair < to_ground).float() * ground
    grown = (regions.hair > 0.5).float()
    for _ in range(picture.shape[-1] // 3):
        grown = torch.maximum(grown, F.max_pool2d(grown, 5, 1, 2) * alike)
    locks = grown * ground
    return torch.maximum(regions.hair, locks), regions.ground * (1 - F.max_pool2d(locks, 5, 1, 2))


def _above_body(regions: Regions) -> Tensor:
    """1 above the chin's height, else 0: (1, 1, S, 1)."""
    rows = torch.arange(regions.face.shape[-2], device=regions.face.device)
    chin = rows[(regions.face[0, 0].amax(1) > 0.5)].amax() if bool((regions.face > 0.5).any()) else rows[-1]
    return (rows < chin).float()[None, None, :, None]


def _grown(mask: Tensor, picture: Tensor) -> Tensor:
    return F.interpolate(mask, size=picture.shape[-1], mode="bilinear", align_corners=False)


def _detailed(light: Tensor, here: Tensor, wanted: Tensor, there: Tensor, levels: int) -> Tensor:
    """A masked lightness with the other's distribution at each level of detail: (1, 1, S, S), as all of them."""
    if levels == 0:
        return _matched(light, here, wanted, there)
    (low, low_here), (low_wanted, low_there) = _halved(light, here), _halved(wanted, there)
    details = light - _grown(low, light)
    matched = _matched(details, here, wanted - _grown(low_wanted, wanted), there)
    matched = matched.sign() * torch.minimum(matched.abs(), _STRONGER * details.abs())
    return _grown(_detailed(low, low_here, low_wanted, low_there, levels - 1), light) + matched


def _halved(picture: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Of half the side, without what the mask leaves out, as far as that can be."""
    share = F.avg_pool2d(mask, 2)
    inside = F.avg_pool2d(picture * mask, 2) / share.clamp_min(1e-3)
    return torch.where(share > 0, inside, F.avg_pool2d(picture, 2)), share


def _quantiles(values: Tensor) -> Tensor:
    ordered = values[:: max(1, len(values) // _SAMPLES)].sort().values
    steps = (torch.arange(_QUANTILES, device=values.device) + 0.5) / _QUANTILES
    return ordered[(steps * (len(ordered) - 1)).long()]


def _matched(ours: Tensor, here: Tensor, theirs: Tensor, there: Tensor) -> Tensor:
    """Values with the distribution, in a region, of others in theirs; where that has too few they stay as they are.

    Args:
        here, there: (1, 1, S, S); above 0.5 a place is of the region, above 0 it is changed with it.
    """
    inside, known = ours[here > 0.5], theirs[there > 0.5]
    if len(inside) < _FEWEST or len(known) < _FEWEST:
        return ours
    result, changed = ours.clone(), here > 0
    result[changed] = _looked_up(ours[changed], _quantiles(inside), _quantiles(known)[None])[0]
    return result


def _hues(reference: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Shades of a region, and what is to be added to each to be of its hue: (n,) and (3, n)."""
    level = reference.mean(1, keepdim=True)
    shades, hues = level[there], (reference - level)[0][:, there[0, 0]]
    cells = torch.tensor_split(shades.argsort(), _SHADES)
    at = torch.stack([shades[cell].mean() for cell in cells])
    return at, torch.stack([hues[:, cell].mean(1) for cell in cells], 1)


def _looked_up(x: Tensor, at: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear: (n,) through points at (m,), rising, with (C, m) values, to (C, n)."""
    right = torch.searchsorted(at.contiguous(), x.contiguous()).clamp(1, len(at) - 1)
    left = right - 1
    share = ((x - at[left]) / (at[right] - at[left]).clamp_min(1e-6)).clamp(0, 1)
    return torch.lerp(values[:, left], values[:, right], share)
