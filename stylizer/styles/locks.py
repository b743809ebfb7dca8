"""Painted hair laid along the hair of a drawing: long strands, in the colours of the example's hair.

What is painted with pieces of an example has its hues in the right places, and strokes as short as the pieces. So it is
smoothed along the drawn strands, gets strands of its own, as strong as the example's, and the example's colours with
all of their range, which smoothing had taken: its lights lie where the person's own hair shines.

Source: Cabral & Leedom 1993, Imaging vector fields using line integral convolution (strands: noise along lines).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.imaging.masks import shrunk
from stylizer.imaging.palette import with_colours_of
from stylizer.imaging.strokes import along_lines, blurred

# Pixels at a side of 512: how far a line is followed, over what its direction is sought, from one counted place to the
# next; of what was painted, and of strands, which need nearly every pixel.
_PAINTED, _STRANDS = (48.0, 7.0, 6.0), (30.0, 14.0, 1.5)
_LIGHTS, _OWN_LIGHTS = (1, 12), 0.6  # pixels of a lock's lights, fine and coarse; how much of the drawing's these keep
_COARSE, _SOFTENED = 2.5, 0.7  # pixels over which painted strokes give way to strands; how far they do
_WIDE, _BROAD = 2.0, 4  # how strong strands of two pixels are beside those of one; pixels that no strand has
_SURE, _BORDER = 8, 2  # pixels from an outline on, whose lines are hair's; whose paint is
_FILL = 6  # pixels over which paint goes on beyond
_END, _UNEVEN = 4.0, 0.125  # pixels over which hair ends; by how much of its share a strand ends sooner or later
_MOST = 2.0  # deviations of strands that count: within, hair has no holes
_STEEP, _NONE = 2.5, 0.02  # how soon a strand ends; less share is no hair
_TONES = 0.5  # how much of the way to the colours of the example's hair painted hair goes
# The person's own lights: followed as above; how much of the way to the example's colours of such a light hair goes;
# how far strands count as lights, in deviations; shades of hair that are told apart; a smaller deviation is no shine.
_SHINE, _GLOSS, _THIN, _SHADES, _NO_SHINE = (24.0, 7.0, 4.0), 0.7, 0.5, 96, 1e-2
_DEVIATION = 1.4826  # of a normal distribution, in median deviations


@dataclass(frozen=True, eq=False)
class Locks:
    """Hair that was painted for a drawing.

    picture: (1, 3, s, s) in [-1, 1]. share: (1, 1, s, s), 0 to 1: how much of the drawing it takes the place of.
    colours: (N, 3), of the example's hair. strands: how strong its strands are, a deviation of lightness.
    light: (1, 1, s, s), of the person's own hair, and beyond it as near its border.
    """

    picture: Tensor
    share: Tensor
    colours: Tensor
    strands: float
    light: Tensor


def strength_of_strands(picture: Tensor, hair: Tensor) -> float:
    """How far hair is lighter or darker, from one strand to the next: a deviation, of a range of 2.

    Of most of it: a few lights in plain hair are no strands.

    Args:
        picture: (1, 3, S, S). hair: (S, S) bool.
    """
    light = picture.mean(1, keepdim=True)
    found = (light - blurred(light, 2 * _COARSE))[0, 0, hair]
    return _DEVIATION * float((found - found.median()).abs().median()) if len(found) else 0.0


def laid_over(locks: Sequence[Locks], drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Locks along the lines of a drawing, one over the other.

    Args:
        drawn: (1, 3, S, S), S about 512.
    Returns:
        The hair, (1, 3, S, S), and how much of the drawing it takes the place of, (1, 1, S, S).
    """
    laid, total = drawn, drawn.new_zeros(1, 1, 1, 1)
    for lock in locks:
        share = F.interpolate(lock.share, size=drawn.shape[-1], mode="bilinear", align_corners=False)
        most = share.max().clamp_min(1e-6)
        hair = (share > most / 2).float()
        strands = _strands(drawn, shrunk(hair, _SURE))
        ends = most * _ending_in(strands, share / most, hair)
        total = (total + ends).clamp_max(1)
        laid = torch.lerp(laid, _laid_along(lock, drawn, hair, strands), ends / total.clamp_min(1e-6))
    return laid, total


def _laid_along(lock: Locks, drawn: Tensor, hair: Tensor, strands: Tensor) -> Tensor:
    """A lock along the lines of a drawing, with most of the drawing's lights and darks."""
    painted, known = F.interpolate(lock.picture, size=drawn.shape[-1], mode="area"), shrunk(hair, _BORDER)
    beyond = blurred(painted * known, _FILL) / blurred(known, _FILL).clamp_min(1e-4)
    laid = along_lines(torch.lerp(beyond, painted, known), *_PAINTED, guide=drawn)
    lights = [x.mean(1, keepdim=True) for x in (drawn, laid)]
    ours, theirs = (blurred(x, _LIGHTS[0]) - blurred(x, _LIGHTS[1]) for x in lights)
    laid = laid + _OWN_LIGHTS * (ours - theirs)
    laid = torch.lerp(laid, blurred(laid, _COARSE), _SOFTENED) + lock.strands * strands
    laid = _glossy(laid, lock, drawn, hair, strands)
    # At half of the resolution: two pixels that hardly differ may be moved far apart.
    coarse, inside = F.avg_pool2d(laid, 2), F.max_pool2d(hair, 2)
    here = coarse[0, :, inside[0, 0] > 0].T
    change = torch.zeros_like(coarse)
    change[0, :, inside[0, 0] > 0] = (with_colours_of(here, lock.colours) - here).T
    change, weight = (
        F.interpolate(x, size=laid.shape[-1], mode="bilinear", align_corners=False) for x in (change, inside)
    )
    return laid + _TONES * change / weight.clamp_min(1e-6)


def _glossy(laid: Tensor, lock: Locks, drawn: Tensor, hair: Tensor, strands: Tensor) -> Tensor:
    """Hair whose lights and darks are the person's: where their hair shines, it has the example's lights."""
    inside = hair[0, 0] > 0
    if not bool(inside.any()) or not len(lock.colours):
        return laid
    light = F.interpolate(lock.light, size=drawn.shape[-1], mode="bicubic", align_corners=False)
    shine = along_lines(light, *_SHINE, guide=drawn)[0, 0, inside]
    shine = (shine - shine.mean()) / shine.std().clamp_min(_NO_SHINE) + _THIN * strands[0, 0, inside]
    shades = F.adaptive_avg_pool1d(lock.colours[lock.colours.mean(1).argsort()].T[None], _SHADES)[0].T
    place = shine.argsort().argsort() * ((_SHADES - 1) / max(1, len(shine) - 1))
    low = place.long().clamp_max(_SHADES - 2)
    colours = torch.lerp(shades[low], shades[low + 1], (place - low)[:, None])
    result = laid.clone()
    result[0, :, inside] = torch.lerp(laid[0, :, inside], colours.T, _GLOSS)
    return result


def _strands(drawn: Tensor, hair: Tensor) -> Tensor:
    """Noise along the lines of drawn hair and beyond it, of deviation 1: (1, 1, S, S). The same at every call."""
    generator, side = torch.Generator().manual_seed(0), drawn.shape[-1]
    fine, wide = (torch.randn(1, 1, n, n, generator=generator) for n in (side, side // 2))
    noise = fine + _WIDE * F.interpolate(wide, size=side, mode="bilinear", align_corners=False)
    lines = along_lines(noise, *_STRANDS, guide=drawn, where=hair)
    lines = lines - blurred(lines, _BROAD)
    return lines / lines.std().clamp_min(1e-6)


def _ending_in(strands: Tensor, share: Tensor, hair: Tensor) -> Tensor:
    """A share of hair, 0 to 1, that does not end in a line, as a cap does, but in single strands.

    hair: where it surely is. Other hair, some of which is seen through, stays as soft as it is.
    """
    near = blurred(hair, _END)
    sharp = _STEEP * (blurred(share, _END) - 0.5) + 0.5
    uneven = sharp + _STEEP * _UNEVEN * strands.clamp(-_MOST, _MOST)
    return torch.lerp(share, uneven, (near > _NONE).float()).clamp(0, 1)
