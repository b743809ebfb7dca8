"""What is around a face, as the reference's artist might have drawn it: hair, neck, clothes and ground.

No place of them corresponds to one of the reference. But each kind has its own there, and the invented picture knows
where strands, folds and shadows lie. So lightness keeps its places and takes the reference's distribution, level of
detail by level of detail (few strong lines, or many faint ones); hues follow the lightness, as they do in the
reference. Bare skin gets the colours that the face's skin of the same lightness has got.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.imaging.masks import grown, joined, softened
from stylizer.imaging.strokes import along_lines
from stylizer.styles.hair_masks import PERHAPS, scalp_of, skin_by_colour, surely_hair
from stylizer.styles.regions import Regions, skin_of

_LEVELS = 5  # of details that are matched, each twice as coarse as the one before
_STROKE, _SPREAD = 16, 4  # pixels of a picture of half the side: how long a stroke is, and as what it is seen
_STRONGER = 2.5  # times at most that strands and folds get stronger in a round
_STRONGER_FACE = 1.5  # the same, of a face's features
_ROUNDS = 2  # of matching the levels, then the whole
_QUANTILES, _SAMPLES = 256, 16384  # the quantiles are of so many places at most
_USUAL = (0.2, 0.8)  # quantiles of a ground's lightness, between which it is no stray lock or line
_SHADES = 24  # of skin or of a kind, whose colours are looked up
_HAIR_MIN = 0.015  # of the picture
# Pixels of the masks: so near to a face, and to what is coloured as skin there or is a scalp, hair is mixed with skin.
_NEAR_SKIN, _MIXED, _FADING = 16, 4, 7
_SHINING = 0.3  # so likely is skin
_ROUNDS_OF_MEANS, _ONE_COLOR, _PLAIN = 8, 0.4, 0.02  # of two-means; more variance left: one colour; of all: a plain
_FEWEST = 16  # values with a distribution
_FEW = 400  # pixels: of less nothing is known


@torch.no_grad()
def surroundings(
    full: Tensor, own: Tensor, target: Tensor, *, weight: Tensor, regions: Regions, hand: "Hand", painted: float = 0.0
) -> Tensor:
    """A picture with all but its face as a reference has it: (1, 3, side, side).

    The face has the colours of bare skin; as far as the reference is painted like a photo, it is its own, in the
    reference's distributions too.

    Args:
        full: (1, 3, side, side), the invented picture; own: (1, 3, S, S), the same. target: (1, 3, S, S), its face as
            the reference's hand draws it; weight: (1, 1, S, S), where that is known. regions: of the picture.
        hand: the reference's. painted: see `looks.painted`, 0 to 1.
    """
    photo, full = full, _in_strokes(full)
    person = 1 - regions.ground
    skin = skin_of(own, regions, person)
    scalp = scalp_of(own, regions)
    bald = softened(scalp, 1)
    like_skin, rest = skin_by_colour(own, regions), (person - regions.face - regions.hair).clamp_min(0)
    above, bare = _above_body(regions), skin_like(full, own, target, weight)
    beside = rest * (1 - skin) * above * (1 - like_skin)
    hair, below = regions.hair * (1 - bald) + beside, rest * (1 - skin) * (1 - above)
    # What is between hair and the skin that shines through it would be hair of the lightest colour.
    mixed = grown(grown(regions.face, _NEAR_SKIN) * (like_skin > _SHINING).float(), _MIXED)
    unmixed = (hair > 0.5).float() * (1 - mixed) * (1 - grown(scalp, _FADING))
    kinds = (
        (hair, hand.hair, person, _continued(full, own, unmixed), _STRONGER),
        (below, hand.body, person, full, _STRONGER),
        (regions.ground, hand.ground, torch.ones_like(person), full, 1.0),
    )
    face = hand.face.given_to(photo, _enlarged(regions.face, full), _STRONGER_FACE) if painted > 0 else None
    own_face = regions.face * (0.0 if face is None else 1.0)
    skins = rest - beside - below + regions.hair * bald + regions.face
    weights, drawn = [skins - own_face, own_face], [bare, bare if face is None else face]
    for here, appearance, instead, seen, stronger in kinds:
        if float(here.sum()) < 1:
            continue
        made = appearance.given_to(seen, _enlarged(here, full), stronger)
        if made is None:  # the reference has nothing of the kind
            made = hand.all_of_it.given_to(full, _enlarged(instead, full), stronger)
        weights.append(here)
        drawn.append(bare if made is None else made)
    shares = torch.cat(weights, 1)
    shares = _enlarged(shares / shares.sum(1, keepdim=True).clamp_min(1e-3), full)
    return sum((shares[:, i : i + 1] * each for i, each in enumerate(drawn)), torch.zeros_like(full)).clamp(-1, 1)


@dataclass(frozen=True, eq=False)
class Appearance:
    """How a region of a picture looks, wherever in it.

    lights: quantiles of its lightness. levels: those of its details, fine to coarse, and of the rest. Both (Q,); None:
    too small to say. hues_at: shades of it, (n,), and what is to be added to each to be of its hue, (3, n).

    Source: Heeger & Bergen 1995, Pyramid-based texture analysis/synthesis.
    """

    lights: Tensor | None
    levels: list[Tensor | None]
    hues_at: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, picture: Tensor, region: Tensor, usual: tuple[float, float] | None = None) -> "Appearance":
        """Read from a region.

        Args:
            picture: (1, 3, S, S) in [-1, 1]. region: (1, 1, S, S), 0 to 1.
            usual: quantiles of its lightness between which places count.
        """
        light, inside = picture.mean(1, keepdim=True), region > 0.5
        if int(inside.sum()) < _FEW:
            return cls(None, [], (light[0, 0, 0, :0], picture[0, :, 0, :0]))
        if usual is not None:
            least, most = _quantiles(light[inside])[[int(_QUANTILES * each) for each in usual]]
            inside = inside & (light >= least) & (light <= most)
        levels, rest, mask = [], light, inside.float()
        for _ in range(_LEVELS):
            low, low_mask = _halved(rest, mask)
            levels.append(_quantiles_in(rest - _enlarged(low, rest), mask))
            rest, mask = low, low_mask
        return cls(_quantiles_in(light, inside.float()), [*levels, _quantiles_in(rest, mask)], _hues(picture, inside))

    def given_to(self, picture: Tensor, region: Tensor, stronger: float = 1.0) -> Tensor | None:
        """A picture whose region looks like this, its lights, strands and lines where they are.

        Args:
            picture: (1, 3, S, S). region: (1, 1, S, S), 0 to 1.
            stronger: times at most that details get stronger in each of the rounds: noise is not to become a pattern.
        Returns:
            (1, 3, S, S); None where one of the two regions is too small.
        """
        if self.lights is None or int((region > 0.5).sum()) < _FEW:
            return None
        light = picture.mean(1, keepdim=True)
        for _ in range(_ROUNDS if stronger > 1 else 1):
            light = _matched(self._detailed(light, region, 0, stronger), region, self.lights)
        result, changed = picture.clone(), (region > 0)[0, 0]
        lights = light[0, 0][changed]
        result[0, :, changed] = lights + looked_up(lights, *self.hues_at)
        return result

    def _detailed(self, light: Tensor, region: Tensor, level: int, stronger: float) -> Tensor:
        """A lightness with this distribution at each level of detail, from a level on: (1, 1, S, S)."""
        if level == _LEVELS:
            return _matched(light, region, self.levels[level])
        low, low_region = _halved(light, region)
        details = light - _enlarged(low, light)
        matched = _matched(details, region, self.levels[level])
        matched = matched.sign() * torch.minimum(matched.abs(), stronger * details.abs())
        return _enlarged(self._detailed(low, low_region, level + 1, stronger), light) + matched


@dataclass(frozen=True, eq=False)
class Hand:
    """How a reference has its face, what is around that, and the person as a whole."""

    face: Appearance
    hair: Appearance
    body: Appearance
    ground: Appearance
    all_of_it: Appearance

    @classmethod
    def of(cls, full: Tensor, small: Tensor, regions: Regions) -> "Hand":
        """full: (1, 3, side, side), small: (1, 3, S, S), the reference; regions: of the small one."""
        hair, ground = apart(small, regions)
        hair = hair * torch.maximum(surely_hair(small, regions), (regions.hair <= PERHAPS).float())
        return cls(
            face=Appearance.of(full, _enlarged(regions.face, full)),
            hair=Appearance.of(full, _enlarged(hair, full)),
            body=Appearance.of(full, _enlarged(regions.body, full)),
            ground=Appearance.of(full, _enlarged(_main_color(small, ground), full), _USUAL),
            all_of_it=Appearance.of(full, _enlarged(1 - regions.ground, full)),
        )


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
    return looked_up(picture.mean(1).flatten(), at, got).reshape(picture.shape)


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
    locks = joined((regions.hair > 0.5).float(), alike, picture.shape[-1] // 3, rim=2) * ground
    return torch.maximum(regions.hair, locks), regions.ground * (1 - grown(locks, 2))


def _main_color(picture: Tensor, region: Tensor) -> Tensor:
    """A region without the lesser of two colours, where it has two: what is where between them is not to be guessed."""
    inside = region > 0.5
    if int(inside.sum()) < _FEW:
        return region
    colors = picture[0][:, inside[0, 0]]
    order = colors.mean(0).argsort()
    middles = torch.stack([colors[:, order[int(share * (len(order) - 1))]] for share in (0.1, 0.9)], 1)
    for _ in range(_ROUNDS_OF_MEANS):
        away = (picture[0][:, None] - middles[..., None, None]).square().sum(0)
        second = away[1] < away[0]
        sides = [inside[0, 0] & ~second, inside[0, 0] & second]
        if not all(bool(side.any()) for side in sides):
            return region
        middles = torch.stack([picture[0][:, side].mean(1) for side in sides], 1)
    within = float(away.amin(0)[inside[0, 0]].mean())
    whole = float((colors - colors.mean(1, keepdim=True)).square().sum(0).mean())
    if within > _ONE_COLOR * whole or whole < _PLAIN:
        return region
    main = max(sides, key=lambda side: int(side.sum()))
    return region * main[None, None]


def _continued(full: Tensor, own: Tensor, known: Tensor) -> Tensor:
    """A picture, (1, 3, side, side), as it is known, (1, 1, S, S); what is not goes on as beside it. own: it, small."""
    return torch.lerp(_enlarged(filled(own, known), full), full, _enlarged(softened(known, 1), full))


def _in_strokes(picture: Tensor) -> Tensor:
    """A photo as a brush would have it: a hand draws locks and folds, not single hairs."""
    small = F.interpolate(picture, size=picture.shape[-1] // 2, mode="area")
    return _enlarged(along_lines(small, _STROKE, _SPREAD), picture)


def _above_body(regions: Regions) -> Tensor:
    """1 above the chin's height, else 0: (1, 1, S, 1)."""
    rows = torch.arange(regions.face.shape[-2], device=regions.face.device)
    chin = rows[(regions.face[0, 0].amax(1) > 0.5)].amax() if bool((regions.face > 0.5).any()) else rows[-1]
    return (rows < chin).float()[None, None, :, None]


def _enlarged(mask: Tensor, picture: Tensor) -> Tensor:
    return F.interpolate(mask, size=picture.shape[-1], mode="bilinear", align_corners=False)


def _halved(picture: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Of half the side, without what the mask leaves out, as far as that can be."""
    share = F.avg_pool2d(mask, 2)
    inside = F.avg_pool2d(picture * mask, 2) / share.clamp_min(1e-3)
    return torch.where(share > 0, inside, F.avg_pool2d(picture, 2)), share


def _quantiles(values: Tensor) -> Tensor:
    ordered = values[:: max(1, len(values) // _SAMPLES)].sort().values
    steps = (torch.arange(_QUANTILES, device=values.device) + 0.5) / _QUANTILES
    return ordered[(steps * (len(ordered) - 1)).long()]


def _quantiles_in(values: Tensor, region: Tensor) -> Tensor | None:
    inside = values[region > 0.5]
    return _quantiles(inside) if len(inside) >= _FEWEST else None


def _matched(ours: Tensor, region: Tensor, theirs: Tensor | None) -> Tensor:
    """Values with another distribution in a region; where that has too few they stay as they are.

    Args:
        region: (1, 1, S, S); above 0.5 a place is of the region, above 0 it is changed with it. theirs: quantiles.
    """
    inside = _quantiles_in(ours, region)
    if inside is None or theirs is None:
        return ours
    result, changed = ours.clone(), region > 0
    result[changed] = looked_up(ours[changed], inside, theirs[None])[0]
    return result


def _hues(reference: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
    """Shades of a region, and what is to be added to each to be of its hue: (n,) and (3, n)."""
    level = reference.mean(1, keepdim=True)
    shades, hues = level[there], (reference - level)[0][:, there[0, 0]]
    cells = torch.tensor_split(shades.argsort(), _SHADES)
    at = torch.stack([shades[cell].mean() for cell in cells])
    return at, torch.stack([hues[:, cell].mean(1) for cell in cells], 1)


def looked_up(x: Tensor, at: Tensor, values: Tensor) -> Tensor:
    """Piecewise linear: (n,) through points at (m,), rising, with (C, m) values, to (C, n)."""
    right = torch.searchsorted(at.contiguous(), x.contiguous()).clamp(1, len(at) - 1)
    left = right - 1
    share = ((x - at[left]) / (at[right] - at[left]).clamp_min(1e-6)).clamp(0, 1)
    return torch.lerp(values[:, left], values[:, right], share)
