"""Where pictures show hair, and how light it is there."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.imaging.masks import averaged, grown, joined, shrunk, softened
from stylizer.imaging.strokes import blurred
from stylizer.styles.regions import Regions, skin_of

AREAS = ("hair", "skin", "body", "ground")
FEWEST = 0.02  # of a crop: so much must be hair, to be an example
_MARGIN, _NEAR = 6, 4  # pixels of the masks: what is surely of a region; how far drawn hair may lie beside its place
_SPREAD, _NOWHERE = 0.003, 4.0  # mean square of a region's colours at least; of one that is not there
# Mean squares by which a colour still is the ground's, or the skin's in a shadow, and by which a region is not as hair.
_ALIKE, _SHADED, _APART = 0.04, 0.15, 0.04
PERHAPS = 0.3  # so much of the region is hair, if its colour does not say no
_SURE = 0.9
_MOSTLY = 0.6  # of the surroundings of a place of the example must be hair
# Pixels of the masks: half the width of a parting; beyond a forehead its skin shines through; above a face it ends.
_PARTING, _MIXED, _FOREHEAD = 4, 7, 44
_RIM, _STRAND = 6, 8  # of a mask: drawn hair's outline; of a picture: wider than a strand
HAIRLINE = 12  # pixels of the masks: a drawn hairline lies off the person's by so much at most
_BLEED = 5  # the same: how far the colour of skin beside hair reaches into it
_DRAWN = 0.4  # how strong drawn strands are beside the person's


def hair_by_colour(picture: Tensor, regions: Regions) -> Tensor:
    """Where a picture shows hair near its region: coloured more as the middle of the hair than as that of the rest.

    Regions that were found in another picture of the person, or roughly, lie beside the drawn hair.

    Args:
        picture: (1, 3, S, S). regions: of any side.
    Returns:
        (1, 1, s, s) of the regions' side, 0 to 1.
    """
    colours = blurred(F.interpolate(picture, size=regions.hair.shape[-1], mode="area"), 1)
    likely = [_likely(colours, mask) for mask in (regions.hair, regions.face, regions.ground)]
    hair = torch.sigmoid((likely[0] - torch.maximum(likely[1], likely[2])).clamp(-30, 30))
    return grown(regions.hair, _NEAR) * hair


def surely_hair(picture: Tensor, regions: Regions) -> Tensor:
    """(1, 1, s, s), 0 or 1: what of a reference's picture is an example of hair; the arguments of `hair_by_colour`.

    All of the region, in all of its colours, but for what is coloured as the face or the ground, where these differ
    from hair at all.
    """
    colours = blurred(F.interpolate(picture, size=regions.hair.shape[-1], mode="area"), 1)
    hair, (to_hair, _) = (regions.hair > PERHAPS).float(), _away(colours, regions.hair)
    for mask, alike in ((regions.face, _SHADED), (regions.ground, _ALIKE)):
        distance, _ = _away(colours, mask)
        mean = (colours * hair).sum((2, 3), keepdim=True) / hair.sum().clamp_min(1)
        apart = float((mean - (colours * mask).sum((2, 3), keepdim=True) / mask.sum().clamp_min(1)).square().mean())
        hair = hair * (1 - float(apart > _APART) * ((distance < alike) & (distance < to_hair)).float())
    return (F.avg_pool2d(hair, 5, 1, 2) > _MOSTLY).float()


def skin_by_colour(picture: Tensor, regions: Regions) -> Tensor:
    """Where a picture, (1, 3, s, s) of the regions' side, is coloured more as the face than as the hair: 0 to 1."""
    hair, face = (_likely(blurred(picture, 1), mask) for mask in (regions.hair, regions.face))
    return torch.sigmoid((face - hair).clamp(-30, 30))


def scalp_of(picture: Tensor, regions: Regions) -> Tensor:
    """Where a person's skin shows, joined to the face, whatever its regions say: (1, 1, s, s), 0 or 1.

    A parting, which is narrow, is of the hair; so is its shine.

    Args:
        picture: (1, 3, s, s), of the regions' side.
    """
    skin = skin_of(picture, regions, 1 - regions.ground) * skin_by_colour(picture, regions)
    skin = skin * (1 - hair_by_colour(picture, regions))
    skin = grown(shrunk((skin > 0.5).float(), _PARTING), _PARTING)
    near = grown((regions.face > 0.5).float(), _MIXED)
    return joined(near, skin, _FOREHEAD // 2, rim=2) * skin


def bare_skin_of(picture: Tensor, regions: Regions) -> Tensor:
    """Where a person shows bare skin, ears, neck and a high forehead too: (1, 1, s, s), 0 to 1.

    Args:
        picture: (1, 3, s, s), of the regions' side.
    """
    skin = skin_of(picture, regions, 1 - regions.ground) * (1 - regions.hair)
    return torch.maximum(skin, softened(scalp_of(picture, regions), 1)) * (1 - regions.ground)


def areas_of(regions: Regions, skin: Tensor, hair: Tensor, ground: Tensor) -> Tensor:
    """Of which of the AREAS each place is: (1, 4, s, s), 0 or 1. What is of none is hair, which hides it."""
    hair = (hair > 0.5).float()
    skin = (skin > 0.5).float() * (1 - hair)
    ground = (ground > 0.5).float() * (1 - hair - skin)
    body = (regions.body > 0.5).float() * (1 - hair - skin - ground)
    return torch.cat([1 - skin - body - ground, skin, body, ground], 1)


def hair_light(picture: Tensor, own: Tensor, bare: Tensor, drawn: Tensor, hair: Tensor) -> Tensor:
    """The lightness of a person's hair, (1, 1, S, S); where there is none, as nearby, with the strands of a drawing.

    Args:
        picture: (1, 3, S, S). own, bare: (1, 1, s, s), where it shows hair, and skin.
        drawn: (1, 3, S, S), the same person, with hair elsewhere; hair: (1, 1, s, s), of that.
    """
    skin = (bare > PERHAPS).float()
    known = (own > _SURE).float() * (1 - grown(skin, _BLEED))
    hairy = shrunk((hair > PERHAPS).float(), _RIM) * (1 - grown(skin, HAIRLINE))
    light, strands = picture.mean(1, keepdim=True), drawn.mean(1, keepdim=True)
    light = _without_what_shines_through(light, known)
    beyond = filled(F.interpolate(light, size=own.shape[-1], mode="area"), shrunk(known, 1))
    beyond, known, inside = (
        F.interpolate(x, size=light.shape[-1], mode="bilinear", align_corners=False)
        for x in (beyond, softened(known, 1), softened(hairy, 1))
    )
    return torch.lerp(beyond + _DRAWN * inside * (strands - blurred(strands, _STRAND)), light, known)


def _without_what_shines_through(light: Tensor, hair: Tensor) -> Tensor:
    """Thin hair beside skin or ground shows these, which is no shine: (1, 1, S, S), there no lighter than most hair."""
    inner = shrunk(hair, HAIRLINE)
    if not bool(inner.any()):
        return light
    small = F.interpolate(light, size=hair.shape[-1], mode="area")
    usual = float((small * inner).sum() / inner.sum())
    share = F.interpolate(1 - averaged(inner, HAIRLINE // 2), size=light.shape[-1], mode="bilinear")
    return torch.lerp(light, light.clamp_max(usual), share)


def _likely(colours: Tensor, mask: Tensor) -> Tensor:
    """Logarithms of how likely colours are those of the middle of a mask, but for a constant."""
    distance, spread = _away(colours, mask)
    return -distance / (2 * spread) - 0.5 * math.log(spread)


def _away(colours: Tensor, mask: Tensor) -> tuple[Tensor, float]:
    """How far colours are from the mean of the middle of a mask, (1, 1, s, s), and what that is there on average.

    Mean squares over the channels.
    """
    middle = (shrunk(mask, _MARGIN) > _SURE).float()
    count = middle.sum()
    if not bool(count):
        return torch.full_like(mask, _NOWHERE), _SPREAD
    mean = (colours * middle).sum((2, 3), keepdim=True) / count
    distance = (colours - mean).square().mean(1, keepdim=True)
    return distance, max(float((distance * middle).sum() / count), _SPREAD)
