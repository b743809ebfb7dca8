"""The hair of a drawing in a reference's colours: every strand where the person has it.

What was learned draws hair soft, and all alike, in locks that are a hand's. The person's own picture knows each strand,
curl and light, and no hand. So the mean of both is taken, in strokes along its strands. Broad shine, locks and single
strands count as much as in the example: flat hair stays flat, what is drawn hair by hair is drawn so. Then each place
gets its colour by its rank: the darkest strand the example's darkest, what shines its lights.

Source: Pitie, Kokaram & Dahyot 2007, Automated colour grading using colour distribution transfer (matching by rank).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.imaging.masks import shrunk
from stylizer.imaging.strokes import along_lines, blurred
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.hair_masks import hair_light
from stylizer.styles.person import Person

SIDE = 512  # of the pictures in which an example's hair is looked at
_WIDTHS = (2, 6, 24)  # pixels of these: strands, locks, waves; what is broader is shine
_WORK = 1024  # the largest side of pictures in which hair is drawn
# Pixels of that, see `along_lines`: strokes of a hand, as long as a lock; first short ones, or these would be dotted.
_SHORT, _LONG = (8.0, 5.0, 2.0), (80.0, 8.0, 8.0)
_LEARNED = 0.3  # how much the drawing's strokes count beside the person's strands
_EDGE = 4  # pixels of _WORK: drawn hair is mixed with what is beside it
_SHADES = 96  # that are told apart
_SURE = 0.9  # so much hair: its lights are not its neighbours'
_PLAIN = 1e-2  # a smaller deviation of a range of 2 is none


@dataclass(frozen=True, eq=False)
class HairTones:
    """An example's hair: colours, (N, 3), from the darkest to the lightest; deviations of its lights, from the finest
    to the broadest."""

    colours: Tensor
    deviations: tuple[float, ...]

    @classmethod
    def of(cls, picture: Tensor, hair: Tensor) -> "HairTones":
        """From a (1, 3, SIDE, SIDE) picture; hair: (1, 1, SIDE, SIDE), 0 or 1."""
        inside = hair[0, 0] > 0
        found = picture[0, :, inside]
        if not found.shape[1]:
            return cls(torch.zeros(0, 3), (0.0,) * (len(_WIDTHS) + 1))
        colours = F.adaptive_avg_pool1d(found[:, found.mean(0).argsort()][None], _SHADES)[0].T
        lights = _lights(picture.mean(1, keepdim=True), hair)
        return cls(colours, tuple(float(each[0, 0, inside].std(correction=0)) for each in lights))


@dataclass(frozen=True)
class Locks:
    """Hair for a drawing: an example's tones, and how much of the drawing it takes the place of, 0 to 1."""

    tones: HairTones
    share: float


@torch.no_grad()
def with_locks(locks: Sequence[Locks], drawn: Image.Image, person: Person) -> Image.Image:
    """A drawing with the hair of examples, the later ones laid over the earlier.

    Args:
        drawn: a square, as large as the person's picture.
    """
    if not locks:
        return drawn
    side, picture = min(drawn.width, _WORK), to_tensor(drawn)
    hair = person.hair_with(picture)
    if not bool((hair > _SURE).any()):
        return drawn
    coarse = F.interpolate(hair, size=person.picture.shape[-1], mode="area")
    own = hair_light(person.full, person.regions, picture, coarse)
    own, small, mask = (F.interpolate(x, size=side, mode="area") for x in (own, picture, hair))
    light, laid, total = strands(own, small, mask), small, 0.0
    for each in locks:
        total = min(total + each.share, 1.0)
        laid = torch.lerp(laid, _coloured(light, each.tones, mask), each.share / total)
    laid = F.interpolate(laid, size=drawn.width, mode="bilinear", align_corners=False)
    return to_image(torch.lerp(picture, laid, total * hair).clamp(-1, 1))


def strands(own: Tensor, drawn: Tensor, hair: Tensor) -> Tensor:
    """A person's lights and a drawing's in hair, both of deviation 1, together, in strokes: (1, 1, S, S).

    Args:
        own: (1, 1, S, S), the lightness of the person's hair. drawn: (1, 3, S, S). hair: (1, 1, S, S), 0 to 1.
    """
    core, side = hair[0, 0] > _SURE, own.shape[-1]
    light, known = drawn.mean(1, keepdim=True), shrunk((hair > 0.5).float(), max(1, _EDGE * side // _WORK))
    # Beside hair is skin or ground, which would be its lightest or its darkest strand all around.
    beyond = F.interpolate(
        filled(F.avg_pool2d(light, 4), (F.avg_pool2d(known, 4) == 1).float()), size=side, mode="bilinear"
    )
    light = torch.lerp(beyond, light, known)
    both = _standard(own, core) + _LEARNED * _standard(light, core)
    scale = side / _WORK
    for length, spread, stride in (_SHORT, _LONG):
        both = along_lines(both, length * scale, spread * scale, max(1.0, stride * scale))
    return both


def _coloured(light: Tensor, tones: HairTones, hair: Tensor) -> Tensor:
    """Strands in the example's colours, by their rank: (1, 3, S, S); beyond them the mean of these."""
    inside, core = hair[0, 0] > 0, hair[0, 0] > _SURE
    parts = _lights(light, (hair > 0.5).float())
    values = torch.stack(
        [
            deviation * _standard(part, core)[0, 0, inside]
            for deviation, part in zip(tones.deviations, parts, strict=True)
        ]
    ).sum(0)
    place = values.argsort().argsort() * ((len(tones.colours) - 1) / max(1, len(values) - 1))
    low = place.long().clamp_max(len(tones.colours) - 2)
    result = tones.colours.mean(0)[None, :, None, None].repeat(1, 1, *light.shape[-2:])
    result[0, :, inside] = torch.lerp(tones.colours[low], tones.colours[low + 1], (place - low)[:, None]).T
    return result


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
