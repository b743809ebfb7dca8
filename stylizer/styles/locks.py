"""The hair of a drawing in a reference's colours: every strand where the person has it.

What was learned draws hair soft, and all alike, in locks that are a hand's. The person's own picture knows each strand,
curl and light, and no hand. So the mean of both is taken, place by place by its rank: the darkest strand gets the
example's darkest colour, what shines its lights. How much broad shine counts beside single strands is the example's
too: flat hair stays flat.

Source: Pitie, Kokaram & Dahyot 2007, Automated colour grading using colour distribution transfer (matching by rank).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.imaging.masks import shrunk, softened
from stylizer.imaging.strokes import along_lines, blurred

SIDE = 512  # of the pictures in which hair is looked at
# How far strands are followed, so that they are strokes of a hand, not single hairs: see `along_lines`.
_STROKES = (24.0, 5.0, 3.0)
_DRAWN_STROKES = (15.0, 3.0, 2.0)  # the same, of drawn hair at half of that side: its lines are longer than its noise
_LOCK = 4  # pixels, of a single hair and less than a lock: as what the person's light is seen
_EDGE = 2  # pixels of the masks: drawn hair is mixed with what is beside it
_BROAD = 24  # pixels, over which shine is broad
_SHADES = 96  # that are told apart
_PLAIN = 1e-2  # a smaller deviation of a range of 2 is none


@dataclass(frozen=True, eq=False)
class HairTones:
    """An example's hair: colours, (N, 3), from the darkest to the lightest; deviations of its broad lights and of its
    strands."""

    colours: Tensor
    broad: float
    fine: float

    @classmethod
    def of(cls, picture: Tensor, hair: Tensor) -> "HairTones":
        """From a (1, 3, S, S) picture, S about 512; hair: (1, 1, S, S), 0 or 1."""
        inside = hair[0, 0] > 0
        found = picture[0, :, inside]
        if not found.shape[1]:
            return cls(torch.zeros(0, 3), 0.0, 0.0)
        colours = F.adaptive_avg_pool1d(found[:, found.mean(0).argsort()][None], _SHADES)[0].T
        broad, fine = (each[0, 0, inside].std(correction=0) for each in _lights(picture.mean(1, keepdim=True), hair))
        return cls(colours, float(broad), float(fine))


@dataclass(frozen=True, eq=False)
class Locks:
    """Hair for a drawing.

    share: (1, 1, s, s), 0 to 1: how much of the drawing it takes the place of. light: (1, 1, S, S), see `both_lights`.
    tones: of the example.
    """

    share: Tensor
    light: Tensor
    tones: HairTones


def both_lights(own: Tensor, drawn: Tensor, hair: Tensor) -> Tensor:
    """The mean of a person's lights and of a drawing's, each of mean 0 and deviation 1 in the hair: (1, 1, S, S).

    Args:
        own: (1, 1, S, S), the lightness of the person's hair. drawn: (1, 3, S, S). hair: (1, 1, s, s), 0 to 1.
    """
    side, light = own.shape[-1], drawn.mean(1, keepdim=True)
    inner = shrunk((hair > 0.5).float(), _EDGE)
    inside, known = (F.interpolate(x, size=side, mode="bilinear", align_corners=False) for x in (hair, inner))
    if not bool((known > 0.5).any()):
        return own
    # Beside hair is skin or ground, which would be its lightest or its darkest strand all around.
    beyond = filled(F.interpolate(light, size=hair.shape[-1], mode="area"), inner)
    beyond = F.interpolate(beyond, size=side, mode="bilinear", align_corners=False)
    halved = F.avg_pool2d(torch.lerp(beyond, light, known), 2)
    strokes = F.interpolate(along_lines(halved, *_DRAWN_STROKES), size=side, mode="bilinear", align_corners=False)
    locks = blurred(own, _LOCK)
    return (_standard(locks, locks[inside > 0.5]) + _standard(strokes, strokes[inside > 0.5])) / 2


def laid_over(locks: Sequence[Locks], drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Locks over a drawing, later ones over earlier ones.

    Args:
        drawn: (1, 3, S, S).
    Returns:
        The hair, (1, 3, S, S), and how much of the drawing it takes the place of, (1, 1, S, S).
    """
    side, laid, total = drawn.shape[-1], drawn, drawn.new_zeros(1, 1, 1, 1)
    for lock in locks:
        share = F.interpolate(lock.share, size=side, mode="bilinear", align_corners=False)
        light = F.interpolate(lock.light, size=side, mode="bilinear", align_corners=False)
        total = (total + share).clamp_max(1)
        laid = torch.lerp(laid, _coloured(light, lock.tones, share), share / total.clamp_min(1e-6))
    return laid, total


def _coloured(light: Tensor, tones: HairTones, share: Tensor) -> Tensor:
    """Strands in the example's colours, by their rank: (1, 3, S, S); beyond them the mean of these."""
    hair = (share > share.max() / 2).float()
    inside = softened(hair, 1)[0, 0] > 0
    if not bool(hair.any()):
        return light.expand(-1, 3, -1, -1)
    broad, fine = (each[0, 0, inside] for each in _lights(along_lines(light, *_STROKES), hair))
    values = tones.broad * _standard(broad, broad) + tones.fine * _standard(fine, fine)
    place = values.argsort().argsort() * ((len(tones.colours) - 1) / max(1, len(values) - 1))
    low = place.long().clamp_max(len(tones.colours) - 2)
    result = tones.colours.mean(0)[None, :, None, None].repeat(1, 1, *light.shape[-2:])
    result[0, :, inside] = torch.lerp(tones.colours[low], tones.colours[low + 1], (place - low)[:, None]).T
    return result


def _lights(light: Tensor, hair: Tensor) -> tuple[Tensor, Tensor]:
    """The broad lights of hair, and what is finer: two (1, 1, S, S)."""
    broad = blurred(light * hair, _BROAD) / blurred(hair, _BROAD).clamp_min(1e-3)
    return broad, light - broad


def _standard(values: Tensor, among: Tensor) -> Tensor:
    """Of mean 0 and deviation 1 among some."""
    return (values - among.mean()) / among.std(correction=0).clamp_min(_PLAIN)
