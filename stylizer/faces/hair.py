"""Hair that a photo shows and a drawing of its face does not: where it is, and how it is coloured.

A generator knows heads that fit into its square: wide curls are cut, long hair ends at the border. What the photo
shows of them is found by colour (connected with the drawn hair, of the person, and unlike the ground behind) and gets
the drawing's colours under the photo's own strands.

Convention:
    Maps cover a canvas: the crop with a margin on all sides. Lengths are in sides of the crop; heights and columns are
    measured from the crop's upper left corner.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.imaging.masks import averaged, grown, shrunk, shrunk_softly

_COARSE = 8  # canvas pixels in one of the search
_RIM = 0.06  # width of the drawing's rim that tells what colour the hair has, and how strong its strokes are
_SOFT_RIM = 0.02  # of a drawing's edge, where its background shines through
_PALE = 0.03  # how much the rim tells of the colour, where there is hair within
_NEARER = 0.2  # of the distance of hair and face: so much nearer to the hair a colour surely is hair's
# Root mean square in [-1, 1]:
_UNLIKE = (0.3, 0.5)  # of the same hair up to the first, of something else from the second on
_CLEAR = 0.2  # so much nearer to the hair's colour than to the ground's is surely hair
_GROUND = (0.1, 0.4)  # hair and ground cannot be told apart below the first, and can above the second
_CERTAIN = (0.7, 1.0)  # of the segmentation
_AWAY = 0.95  # the same: surely ground
_FAR = 0.34  # how far hair is followed
_CHEEK, _NECK = 1.05, 0.6  # as a share of the jaw's width: beside the face, and below it
_TURN = 1.15  # over which share of these a face ends
_FACE = 0.3  # from the mouth up to the brows
_LOCK = 0.05  # height of the strip above the mouth that tells whether the hair is long
_LOCK_HALF = 0.016  # half the width of the thinnest lock there
_HIGHLIGHT = 0.03  # of hair is not wider than twice this
_FALL = (0.08, 0.3)  # how far below the mouth hair begins to fade, and over which length
_INSIDE = 0.9  # from this certainty on a drawn pixel is surely of the person, and its colour may be continued
_DETAIL = 0.025  # deviation of the blur that tells strands from colours
_CONTRAST = (0.5, 3.0)  # of strands, at least and at most, as a multiple of the photo's


@dataclass(frozen=True)
class HeadPlace:
    """Where a face lies in its crop: heights of mouth and chin, middle and half width of the jaw."""

    mouth: float
    chin: float
    middle: float
    half: float


@dataclass(frozen=True)
class Hair:
    """Maps (1, 1, S, S), 0 to 1.

    found: the photo's hair, where it is drawn too, without the face. rim: the drawn hair at the head's outline.
        within: what is drawn inside of that, without the face, but with a forehead that is bare. face: what is drawn of
        it. told_apart: where hair and the ground behind differ in colour at all.
    """

    found: Tensor
    rim: Tensor
    within: Tensor
    face: Tensor
    told_apart: Tensor


def find_hair(photo: Tensor, drawn: Tensor, person: Tensor, place: HeadPlace, size: int) -> Hair:
    """Where the photo's hair goes on beyond the drawing's.

    Args:
        photo: (1, 3, S, S) in [-1, 1]. drawn, person: (1, 1, S, S), 0 to 1: where the drawing shows its person, and the
            photo its own. size: of the crop, in the middle of S.
    """
    colours, known, sure = (F.interpolate(x, scale_factor=1 / _COARSE, mode="area") for x in (photo, drawn, person))
    places = (torch.arange(known.shape[-1]) + 0.5) / known.shape[-1]
    columns = (places - 0.5) * photo.shape[-1] / size + 0.5
    rows = columns[:, None]
    upper, down = rows < place.mouth, ((rows - place.mouth) / max(place.chin - place.mouth, 0.02)).clamp(0, 1)
    face = place.half * (_CHEEK + (_NECK - _CHEEK) * down.square())  # half of its width
    aside = torch.maximum(_step((columns - place.middle).abs() / face, 1, _TURN), 1.0 * (rows < place.mouth - _FACE))
    seen, known = known * upper, known * aside * upper
    rim = (known - shrunk_softly(known, round(_RIM * size / _COARSE))).clamp(0, 1) * sure
    colours, *likely = (
        averaged(x, 2) for x in (colours, filled(colours, rim), filled(colours, 1 - (2 * sure).clamp_max(1)))
    )
    to_hair, to_ground = (_distance(colours, each) for each in likely)
    told_apart = _step(_distance(*likely), *_GROUND)
    sure = ((sure - _CERTAIN[0]) / (_CERTAIN[1] - _CERTAIN[0])).clamp(0, 1)
    gate = sure * _step(-to_hair, -_UNLIKE[1], -_UNLIKE[0]) * _step(to_ground - to_hair, -_CLEAR / 2, _CLEAR / 2)
    steps = round(_FAR * size / _COARSE)
    hair = _led(known, gate * upper, steps)
    # Clothes are of the hair's colour often enough: below the mouth hair is followed only from drawn locks that come
    # down to it, and these are wider than an ear.
    locks = known * (rows > place.mouth - _LOCK)
    lock, highlight = (max(1, round(x * size / _COARSE)) for x in (_LOCK_HALF, _HIGHLIGHT))
    locks = F.max_pool2d(-F.max_pool2d(-locks, (1, 2 * lock + 1), 1, (0, lock)), (1, 2 * lock + 1), 1, (0, lock))
    hair = torch.maximum(hair, _led(locks, gate * ~upper.roll(-2, 0), steps))
    closed = shrunk(grown(hair, highlight), highlight)
    hair = averaged(smootherstep(closed * sure * 2 - 0.5), 1) * aside
    hair = hair * smootherstep(1 - (rows - place.mouth - _FALL[0]) / _FALL[1])
    inner, deep = (shrunk_softly(known, round(x * size / _COARSE)) for x in (_SOFT_RIM, _RIM))
    return Hair(*(_enlarged(x, photo) for x in (hair, rim * inner, known * deep, seen * (1 - aside), told_apart)))


def coloured_as_face(photo: Tensor, person: Tensor, face: Tensor) -> Tensor:
    """Where a photo is coloured as a face, and not as the ground behind: what is beside the face is an ear.

    Args:
        photo: (1, 3, S, S) in [-1, 1]. person, face: (1, 1, S, S), 0 to 1.
    Returns:
        (1, 1, S, S), 0 to 1.
    """
    colours, away, seen = (F.interpolate(x, scale_factor=1 / _COARSE, mode="area") for x in (photo, 1 - person, face))
    ground = _enlarged(filled(colours, away * (away > _AWAY)), photo)
    to_skin, to_ground = _distance(photo, _mean(colours, seen)), _distance(photo, ground)
    return _step(-to_skin, -_UNLIKE[1], -_UNLIKE[0]) * _step(to_ground - to_skin, 0, _CLEAR)


def continue_hair(drawing: Tensor, photo: Tensor, drawn: Tensor, person: Tensor, hair: Hair, *, size: int) -> Tensor:
    """The drawing, and around it its colours under the photo's strands, in the contrast of the drawing's own.

    Args:
        drawing, photo: (1, 3, S, S) in [-1, 1]. drawn: (1, 1, S, S), how far each pixel is the drawing's person.
            person: the same of the photo. hair: of the photo. size: of the crop.
    Returns:
        (1, 3, S, S); the drawing where `drawn` is 1, but for the edge that the photo's person goes beyond.
    """
    soft = max(1, round(_SOFT_RIM * size / 4))
    coarse, surplus, painted, rim, within, face, found = (
        F.interpolate(x, scale_factor=0.25, mode="area")
        for x in (drawn, (person - drawn).clamp_min(0), drawing * drawn, hair.rim, hair.within, hair.face, hair.found)
    )
    inner = shrunk_softly(coarse, soft)
    sure = ((inner - _INSIDE) / (1 - _INSIDE)).clamp(0, 1)
    painted = painted / coarse.clamp_min(1e-3)
    colours = torch.lerp(
        filled(painted, sure), filled(painted, _source(painted, sure * rim, sure * within, sure * face)), found
    )
    band = (inner - shrunk_softly(inner, round(_RIM * size / 4))).clamp(0, 1)
    colours, inner, band, beyond = (_enlarged(x, drawn) for x in (colours, inner, band, grown(surplus, 2 * soft)))
    strands, strokes = (
        _detail(x.mean(1, keepdim=True), where.clamp_min(1e-3), size)
        for x, where in ((photo, person), (drawing, drawn))
    )
    energies = [(x.square() * band * person * (inner > _INSIDE)).sum() for x in (strokes, strands)]
    contrast = (energies[0] / energies[1].clamp_min(1e-6)).sqrt().clamp(*_CONTRAST)
    return torch.lerp(colours + contrast * strands * person, drawing, torch.lerp(drawn, inner, smootherstep(beyond)))


def _source(colours: Tensor, rim: Tensor, within: Tensor, face: Tensor) -> Tensor:
    """Where the drawing tells the colour of hair: within, where it is coloured more as the rim than as the face.

    At its rim hair is thin, and paler than elsewhere; a forehead is bare, or hangs full of hair.
    """
    to_hair, to_face = (_distance(colours, _mean(colours, x)) for x in (rim, face))
    apart = max(float(_mean(to_face, rim)), 1e-3)
    return within * _step(to_face - to_hair, 0, _NEARER * apart) + _PALE * rim


def filled(colours: Tensor, weight: Tensor) -> Tensor:
    """Colours everywhere from colours where the weight is more than 0.

    Source: pull-push interpolation, Gortler et al. 1996, The Lumigraph, section 3.4.
    """
    weights, sums = [weight], [colours * weight]
    while weights[-1].shape[-1] > 1:
        weights.append(F.avg_pool2d(weights[-1], 2, ceil_mode=True))
        sums.append(F.avg_pool2d(sums[-1], 2, ceil_mode=True))
    result = sums[-1] / weights[-1].clamp_min(1e-6)
    for each, total in zip(weights[-2::-1], sums[-2::-1], strict=True):
        coarse = _enlarged(result, each)
        result = torch.lerp(coarse, total / each.clamp_min(1e-6), each.clamp(0, 1))
    return result


def smootherstep(x: Tensor) -> Tensor:
    """0 to 1, without a kink that the eye could see."""
    x = x.clamp(0, 1)
    return x**3 * (x * (x * 6 - 15) + 10)


def _step(x: Tensor, low: float, high: float) -> Tensor:
    return smootherstep((x - low) / (high - low))


def _mean(x: Tensor, weight: Tensor) -> Tensor:
    """(1, C, 1, 1)."""
    return (x * weight).sum((2, 3), keepdim=True) / weight.sum().clamp_min(1e-3)


def _distance(one: Tensor, other: Tensor) -> Tensor:
    """Root mean square over the channels."""
    return (one - other).square().mean(1, keepdim=True).sqrt()


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


def _led(source: Tensor, gate: Tensor, steps: int) -> Tensor:
    """What a source reaches through a gate, one pixel a step."""
    for _ in range(steps):
        source = torch.maximum(source, grown(source, 1) * gate)
    return source


def _detail(x: Tensor, weight: Tensor, size: int) -> Tensor:
    """What a blur takes away, beyond the weight's edge too."""
    return x - _blurred(x * weight, size) / _blurred(weight, size)


def _blurred(x: Tensor, size: int) -> Tensor:
    """Gaussian blur, computed at a quarter of the resolution."""
    sigma = _DETAIL * size / 4
    small = F.interpolate(x, scale_factor=0.25, mode="area")
    radius = max(1, round(3 * sigma))
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / max(sigma, 1e-3)) ** 2)
    taps = (taps / taps.sum()).expand(x.shape[1], 1, 1, -1)
    small = F.conv2d(F.pad(small, (radius, radius, 0, 0), mode="replicate"), taps, groups=x.shape[1])
    small = F.conv2d(F.pad(small, (0, 0, radius, radius), mode="replicate"), taps.mT, groups=x.shape[1])
    return _enlarged(small, x)
