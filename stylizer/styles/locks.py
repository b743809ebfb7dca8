"""The hair of a drawing in a reference's colours: every strand where the person has it.

What was learned draws hair soft, and all alike, in locks that are a hand's. The person's own picture knows each lock,
curl and light, and no hand. So the mean of both is taken, in strokes along its strands. A pen's single hairs are in
neither: they are drawn anew along the same lines, as noise becomes streaks. Broad shine, locks and single hairs count
as much as in the example: flat hair stays flat, what is drawn hair by hair is drawn so. Then each place gets its colour
by its rank: the darkest strand the example's darkest, what shines its lights.

Source: Pitie, Kokaram & Dahyot 2007, Automated colour grading using colour distribution transfer (matching by rank);
Cabral & Leedom 1993, Imaging vector fields using line integral convolution (of noise).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.imaging.masks import grown, shrunk
from stylizer.imaging.strokes import along_lines, blurred
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.hair_masks import HAIRLINE, hair_light
from stylizer.styles.mesh_warp import Points
from stylizer.styles.person import Person

SIDE = 512  # of the pictures in which an example's hair is looked at
_WIDTHS = (2, 6, 24)  # pixels of these: strands, locks, waves; what is broader is shine
_WORK = 1024  # the largest side of pictures in which hair is drawn
# Pixels of that, see `along_lines`: strokes of a hand, as long as a lock; first shorter ones, or these would be dotted.
_STROKES = ((8.0, 6.0, 2.0), (20.0, 12.0, 5.0), (100.0, 24.0, 8.0))
_HAIR = 2  # pixels of that: how wide a single hair is
_HAIRS = (0.7, 0.3, 0.0, 0.0)  # share of the variance that single hairs have, from the finest lights to the broadest
_AROUND, _CELL = 16, 8  # pixels of that: lines of hair go on so far beside it; of which cells are looked at
_LEARNED = 0.3  # how much the drawing's strokes count beside the person's strands
_EDGE = 4  # pixels of _WORK: drawn hair is mixed with what is beside it
_SHADES = 96  # that are told apart
_ALIKE, _SHIFTS = 0.15, 6  # of a range of 2: how far colours lie apart that are one; steps towards the most of them
_SURE = 0.9  # so much hair: its lights are not its neighbours'
_SAME = 1e-9  # two levels of a plain lock
_FINE, _NEARBY, _FAR = 2, 8, 2.0  # of _WIDTHS: what is fine; pixels of SIDE; deviations that count
_PLAIN = 1e-2  # a smaller deviation of a range of 2 is none


@dataclass(frozen=True, eq=False)
class HairTones:
    """An example's hair.

    colours: (N, 3), from the darkest to the lightest. deviations: of its lights, from the finest to the broadest.
    gathered: by how much, in logarithms, fine lights are stronger where the broad ones are a deviation lighter: inked
        hair shows single hairs where it shines, pencilled hair where it lies in the shade.
    """

    colours: Tensor
    deviations: tuple[float, ...]
    gathered: float = 0.0

    @classmethod
    def of(cls, picture: Tensor, hair: Tensor) -> "HairTones":
        """From a (1, 3, SIDE, SIDE) picture; hair: (1, 1, SIDE, SIDE), 0 or 1."""
        inside = hair[0, 0] > 0
        found = picture[0, :, inside]
        if not found.shape[1]:
            return cls(torch.zeros(0, 3), (0.0,) * (len(_WIDTHS) + 1))
        shades = found[:, found.mean(0).argsort()].tensor_split(_SHADES, 1)
        colours = torch.stack([_most(shade) for shade in shades if shade.shape[1]])
        lights = _lights(picture.mean(1, keepdim=True), hair)
        deviations = tuple(float(each[0, 0, inside].std(correction=0)) for each in lights)
        return cls(colours, deviations, _gathered(lights, hair))


@dataclass(frozen=True)
class Locks:
    """Hair for a drawing: an example's tones, and how much of the drawing it takes the place of, 0 to 1."""

    tones: HairTones
    share: float


@torch.no_grad()
def with_locks(locks: Sequence[Locks], drawn: Image.Image, mesh_xyz: Points, person: Person) -> Image.Image:
    """A drawing with the hair of examples, the later ones laid over the earlier.

    Args:
        drawn: a square, as large as the person's picture. mesh_xyz: (468, 3), of its face, in its pixels.
    """
    if not locks:
        return drawn
    side, picture = min(drawn.width, _WORK), to_tensor(drawn)
    hair = person.hair_with(mesh_xyz)
    if not bool((hair > _SURE).any()):
        return drawn
    coarse = F.interpolate(hair, size=person.picture.shape[-1], mode="area")
    own = hair_light(person.full, person.hair, person.bare, picture, coarse)
    own, small, mask = (F.interpolate(x, size=side, mode="area") for x in (own, picture, hair))
    # What was learned may have skin where a fringe hangs, and its hairline higher.
    bare = grown(torch.maximum(person.fringe, person.bare), HAIRLINE)
    bare = F.interpolate(bare, size=side, mode="bilinear", align_corners=False)
    laid, total = small, 0.0
    lights, hairs = (_lights(each, (mask > 0.5).float()) for each in strands(own, small, mask, bare))
    for each in locks:
        total = min(total + each.share, 1.0)
        laid = torch.lerp(laid, _coloured(lights, hairs, each.tones, mask), each.share / total)
    laid = F.interpolate(laid, size=drawn.width, mode="bilinear", align_corners=False)
    return to_image(torch.lerp(picture, laid, total * hair).clamp(-1, 1))


def strands(own: Tensor, drawn: Tensor, hair: Tensor, bare: Tensor) -> tuple[Tensor, Tensor]:
    """A person's lights and a drawing's in hair, both of deviation 1, together, in strokes; and single hairs along
    them: (1, 1, S, S) each.

    Args:
        own: (1, 1, S, S), the lightness of the person's hair. drawn: (1, 3, S, S). hair: (1, 1, S, S), 0 to 1. bare:
            likewise, where the drawing may have none.
    """
    core, side = hair[0, 0] > _SURE, own.shape[-1]
    known = shrunk(((hair > 0.5) & (bare < 0.5)).float(), max(1, _EDGE * side // _WORK))
    light = drawn.mean(1, keepdim=True)
    # Beside hair is skin or ground, which would be its lightest or its darkest strand all around.
    beyond = F.interpolate(
        filled(F.avg_pool2d(light, 4), (F.avg_pool2d(known, 4) == 1).float()), size=side, mode="bilinear"
    )
    light = torch.lerp(beyond, light, known)
    both = torch.cat([_standard(own, core) + _LEARNED * _standard(light, core), _noise(side).to(light)], 1)
    scale, coarse = side / _WORK, F.max_pool2d(hair, _CELL, ceil_mode=True)
    here = F.interpolate(grown(coarse, _AROUND // _CELL), scale_factor=_CELL)[..., :side, :side] > 0
    for length, spread, stride in _STROKES:
        step = max(1.0, stride * scale)
        both = along_lines(both, length * scale, spread * scale, step, guide=both[:, :1], where=here)
    return both[:, :1], both[:, 1:]


def _noise(side: int) -> Tensor:
    """The same for everybody: the same picture has the same bits. (1, 1, side, side), as fine as a hair."""
    fine = torch.randn(1, 1, _WORK // _HAIR, _WORK // _HAIR, generator=torch.Generator().manual_seed(0))
    return F.interpolate(fine, size=side, mode="bilinear", align_corners=False)


def _coloured(lights: Sequence[Tensor], hairs: Sequence[Tensor], tones: HairTones, hair: Tensor) -> Tensor:
    """Strands in the example's colours, by their rank: (1, 3, S, S); beyond them the mean of these.

    Args:
        lights, hairs: see `_lights`, of what `strands` gave.
    """
    inside, core = hair[0, 0] > 0, hair[0, 0] > _SURE
    parts = [
        deviation * (math.sqrt(1 - share) * _standard(light, core) + math.sqrt(share) * _standard(single, core))
        for deviation, share, light, single in zip(tones.deviations, _HAIRS, lights, hairs, strict=True)
    ]
    fine, broad = _fine_and_broad(parts)
    strength = (tones.gathered * _standard(broad, core).clamp(-_FAR, _FAR)).exp()
    values = (broad + strength * fine)[0, 0, inside]
    ranks = torch.linspace(0, len(values) - 1, len(tones.colours)).round().long()
    levels = values.sort().values[ranks]  # as many of the strands lie between two of these as between two others
    low = torch.bucketize(values, levels[1:-1], right=True)
    share = ((values - levels[low]) / (levels[low + 1] - levels[low]).clamp_min(_SAME)).clamp(0, 1)
    result = tones.colours.mean(0)[None, :, None, None].repeat(1, 1, *hair.shape[-2:])
    result[0, :, inside] = torch.lerp(tones.colours[low], tones.colours[low + 1], share[:, None]).T
    return result


def _gathered(lights: Sequence[Tensor], hair: Tensor) -> float:
    """See `HairTones.gathered`; the slope of a regression."""
    inside = hair[0, 0] > 0
    fine, broad = _fine_and_broad(lights)
    energy = blurred(fine.square() * hair, _NEARBY) / blurred(hair, _NEARBY).clamp_min(1e-3)
    strength = (energy[0, 0][inside].clamp_min(0).sqrt() + _PLAIN).log()
    return float((_standard(broad, inside)[0, 0][inside] * (strength - strength.mean())).mean())


def _fine_and_broad(lights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """What `_lights` gave, together again in two: (1, 1, S, S) each."""
    return torch.stack(list(lights[:_FINE])).sum(0), torch.stack(list(lights[_FINE:])).sum(0)


def _most(colours: Tensor) -> Tensor:
    """What most of (3, n) colours are like, (3,): white and magenta that are as light make no pink.

    Source: Comaniciu & Meer 2002, Mean shift: a robust approach toward feature space analysis, from the mean.
    """
    found = colours.mean(1)
    for _ in range(_SHIFTS):
        away = (colours - found[:, None]).square().sum(0)
        weights = torch.exp(-away / (2 * _ALIKE**2))
        found = (colours * weights).sum(1) / weights.sum().clamp_min(1e-12)
    return found


def _lights(light: Tensor, hair: Tensor) -> list[Tensor]:
    """The lights of hair, each wider than the one before: (1, 1, S, S) each, together what they were."""
    rest, found, side = light, [], light.shape[-1]
    coarse, inside = (F.interpolate(x, size=SIDE, mode="area") for x in (light, hair))
    for width in _WIDTHS:
        coarse = blurred(coarse * inside, width) / blurred(inside, width).clamp_min(1e-3)
        low = F.interpolate(coarse, size=side, mode="bilinear", align_corners=False)
        found.append(rest - low)
        rest = low
    return [*found, rest]


def _standard(values: Tensor, core: Tensor) -> Tensor:
    """(1, 1, S, S), of mean 0 and deviation 1 in a core, (S, S)."""
    among = values[0, 0, core]
    return (values - among.mean()) / among.std(correction=0).clamp_min(_PLAIN)
