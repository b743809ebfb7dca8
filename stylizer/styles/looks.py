"""A face drawn as a reference draws faces, with what is its own laid over: glasses, a beard, a gaze, wrinkles, teeth.

As the natural face in the reference's place is to the drawn one, so is this face to what is made of it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.styles.regions import FaceRegions

# How much of what is a face's own it gets, and from what difference of lightness on (the range is 2): for a drawing
# that has nothing of its natural face's light and shade, and for one that follows it like a photo.
_DRAWN_LOOKS, _PAINTED_LOOKS = (0.7, 0.22), (0.9, 0.06)
_DRAWN, _PAINTED = 0.4, 0.85  # correlations of a reference's light and shade with its natural face's
_HAND, _PHOTO = 0.58, 0.75  # such correlations: the hand alone makes the face, or the reference is as good as a photo
_DETAILS = 13  # cells a side; what is coarser than these is light, not looks
_SAME_SKIN = 0.65  # a face that is so many times as light as the natural one, or lighter, is drawn as light as it
_LIGHTEST = 0.015  # of a face: places whose mean is as light as teeth are


def with_own_looks(
    target: Tensor, own: Tensor, natural: Tensor, regions: FaceRegions, *, depth: Tensor, likeness: float
) -> Tensor:
    """A target with what a face has and the natural one in the reference's place has not.

    Args:
        target, own, natural: (1, 3, S, S): the drawn face, this one and the natural one, all three lying alike.
        regions: of them. depth: see `depth_of`. likeness: see `correlation`.
    """
    share = ramp(likeness, _DRAWN, _PAINTED)
    amount, least = ((1 - share) * a + share * b for a, b in zip(_DRAWN_LOOKS, _PAINTED_LOOKS, strict=True))
    difference = details(own) - details(natural)
    looks = amount * difference.sign() * (difference.abs() - least).clamp_min(0)
    dressed = torch.lerp(target, (target + 1) * depth - 1, regions.face) + looks * regions.face
    # An open mouth shows the own teeth, as light as the target's lightest places.
    light = _lightest(target, regions.face) / _lightest(own.mean(1, keepdim=True), regions.face)
    teeth = (own.mean(1, keepdim=True) + 1) * light - 1
    return torch.lerp(dressed, teeth, regions.mouth).clamp(-1, 1)


def depth_of(own: Tensor, natural: Tensor, regions: FaceRegions) -> Tensor:
    """(1, 1, 1, 1): how many times as light a face is to be drawn: dark skin stays darker than the natural face's.

    The root, as a drawing has less room than nature; what differs little is light, not complexion.
    """
    weight = regions.face * (1 - regions.parts)
    levels = [((x.mean(1, keepdim=True) + 1) * weight).sum() / weight.sum().clamp_min(1e-6) for x in (own, natural)]
    ratio = (levels[0] / levels[1].clamp_min(1e-3)).clamp(0.2, 1.0)
    return (ratio / _SAME_SKIN).clamp_max(1.0).sqrt().reshape(1, 1, 1, 1)


def painted(likeness: float) -> float:
    """How far a reference is its natural face in paint, 0 to 1: what is drawn there is the sitter's, not the hand's."""
    return ramp(likeness, _HAND, _PHOTO)


def details(picture: Tensor) -> Tensor:
    """(1, 1, S, S): the lightness, without what is as coarse as light and shade."""
    light = picture.mean(1, keepdim=True)
    coarse = F.interpolate(light, size=_DETAILS, mode="area")
    return light - F.interpolate(coarse, size=light.shape[-1], mode="bicubic", align_corners=False)


def correlation(one: Tensor, other: Tensor, weight: Tensor) -> float:
    """Of two pictures' light and shade, -1 to 1."""
    a, b = (details(x) * weight for x in (one, other))
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (a.square().sum() * b.square().sum()).sqrt().clamp_min(1e-6))


def _lightest(picture: Tensor, region: Tensor) -> Tensor:
    """(1, C, 1, 1): mean light, from 0 on, of the lightest places of a region."""
    inside = picture[0, :, region[0, 0] > 0.5] + 1
    count = max(1, int(_LIGHTEST * inside.shape[1]))
    lightest = inside[:, inside.mean(0).topk(count).indices] if inside.shape[1] else inside.new_ones(len(inside), 1)
    return lightest.mean(1).clamp_min(0.05).reshape(1, -1, 1, 1)


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
