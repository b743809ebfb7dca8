"""The finish of a drawing: what a reference's hand draws in lines is drawn in lines, without noise across them.

Fine-tuning keeps the mean of many strokes; what is left of single ones is scratched: noise beside and along the lines,
weakest at a few pixels. A drawn or painted reference has little of that: smoothed along its own lines it stays what it
is, a halftone, stones or a pencil's grain do not. So a reference says by itself how far pictures in its style are
smoothed along theirs.

Source: Kyprianidis & Kang 2011, Image and video abstraction by coherence-enhancing filtering (a smoothing along lines,
and a sharpening across them).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_EYE, RIGHT_EYE
from stylizer.imaging.palette import with_colours_of
from stylizer.imaging.strokes import along_lines, blurred, crisp
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.looks import ramp
from stylizer.styles.regions import face_regions_of

_SIDE = 512  # of the pictures that are smoothed: of finer things no learned style has more than noise
# Pixels of these: how far a line is followed, over what its direction is sought, from one counted place to the next.
_FACE, _AROUND = (10.0, 3.0, 2.0), (30.0, 6.0, 4.0)  # hair is drawn in long locks, a face in short lines
_LOCKS = (48.0, 7.0, 4.0)  # the same numbers for hair that was painted anew
_LIGHTS, _OWN_LIGHTS = (1, 12), 0.6  # pixels of a lock's lights, fine and coarse; how much of the drawing's these keep
_CRISP = (1.2, 2.5, 3, 40.0)  # pixels of the picture, and of it over which its direction is sought; turns; gain
_CONTOURS = (1.0, 4.0, 8, 10.0)  # the same of the small picture, around the face, to which no example is lent
_CONTOUR_WIDTH = 4.0  # pixels of it: half of a soft contour's
_CONTOUR, _HAIR_CONTOUR = 8, 6  # pixels of that picture: what of a face, and of painted hair, is its contour
_HAIR = 0.3  # of the largest share: more is hair
_TONES = 0.8  # how much of the way to the colours of the example's hair painted hair goes
_GRAIN, _LINES = 0.33, 0.4  # coherences: of a grain, which is to stay, and of lines
_LIDS = (0.85, 0.9)  # half axes of an eye that stays as it is, over those of its outline: a catchlight is no line
_SOFT = 9  # pixels of the small picture, over which that begins
_RIM = 17  # the same, around a face
_FEWEST = 1e-9  # mean square of details: a plain picture has none

Points = NDArray[np.float64]


@torch.no_grad()
def coherence(picture: Tensor, region: Tensor) -> float:
    """How much of a picture's finest details runs in lines: 0 noise, 1 all of it.

    Args:
        picture: (1, 3, S, S) in [-1, 1]. region: (1, 1, s, s), 0 to 1: where it is asked.
    """
    light = F.interpolate(picture, size=_SIDE, mode="area").mean(1, keepdim=True)
    weight = F.interpolate(region, size=_SIDE, mode="bilinear", align_corners=False)
    weight[..., 0] = weight[..., -1] = weight[..., 0, :] = weight[..., -1, :] = 0.0
    before, after = (x - _resized(F.avg_pool2d(x, 2), _SIDE) for x in (light, along_lines(light, *_FACE)))
    whole = float((before.square() * weight).mean())
    return min(max(float((before * after * weight).mean()) / whole, 0.0), 1.0) if whole > _FEWEST else 1.0


@dataclass(frozen=True, eq=False)
class Locks:
    """Hair that was painted for a drawing.

    picture: (1, 3, s, s) in [-1, 1]. share: (1, 1, s, s), 0 to 1: how much of the drawing it takes the place of.
    colours: (N, 3), of the example's hair.
    """

    picture: Tensor
    share: Tensor
    colours: Tensor


@torch.no_grad()
def in_lines(drawn: Image.Image, mesh_xyz: Points | None, amount: float, locks: Sequence[Locks] = ()) -> Image.Image:
    """A drawing smoothed along its lines, further outside of the face; what lies between the lids stays as it is.

    Around the face, soft contours become hard ones: those of ears, of hair, of a collar.

    Args:
        drawn: a square. mesh_xyz: (468, 3), of its face, in its pixels; None: no face is seen.
        amount: 0 = the picture as it is, to 1.
        locks: take the place of the drawn hair, whose lines they follow and whose light they keep; later ones are
            laid over earlier ones.
    """
    if amount <= 0 and not locks:
        return drawn
    picture, side = to_tensor(drawn), drawn.width
    small, share = F.interpolate(picture, size=_SIDE, mode="area"), torch.full((1, 1, 1, 1), min(amount, 1.0))
    smooth, inner = along_lines(small, *_FACE), torch.zeros(1, 1, _SIDE, _SIDE)
    if mesh_xyz is not None:
        face = face_regions_of(mesh_xyz, side, _SIDE).face
        inner = _inside(face, _CONTOUR)
        smooth = torch.lerp(along_lines(small, *_AROUND), smooth, _soft(face, _RIM))
        share = share * (1 - _resized(_between_lids(mesh_xyz * (_SIDE / side)), side))
    if locks:
        hair, lent = _laid_over(locks, small)
        smooth, share = torch.lerp(smooth, hair, lent), torch.maximum(share, _resized(lent, side))
        inner = torch.maximum(inner, _inside((lent > _HAIR * lent.max()).float(), _HAIR_CONTOUR))
    smooth = torch.lerp(crisp(smooth, *_CONTOURS, wide=_CONTOUR_WIDTH / _CONTOURS[0]), smooth, inner)
    smooth = F.interpolate(smooth, size=side, mode="bicubic", align_corners=False)
    smooth = crisp(smooth, *_CRISP)
    return to_image(torch.lerp(picture, smooth, share.expand(1, 1, side, side)).clamp(-1, 1))


def _laid_over(locks: Sequence[Locks], drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Locks one over the other, and how much of the drawing all of them take the place of."""
    laid, total = drawn, drawn.new_zeros(1, 1, 1, 1)
    for lock in locks:
        share = F.interpolate(lock.share, size=_SIDE, mode="bilinear", align_corners=False)
        total = (total + share).clamp_max(1)
        laid = torch.lerp(laid, _laid_along(lock, drawn, share), share / total.clamp_min(1e-6))
    return laid, total


def _laid_along(lock: Locks, drawn: Tensor, share: Tensor) -> Tensor:
    """A lock smoothed along the lines of a drawing, with most of its own lights and darks, in the example's colours."""
    laid = along_lines(F.interpolate(lock.picture, size=_SIDE, mode="area"), *_LOCKS, guide=drawn)
    lights = [x.mean(1, keepdim=True) for x in (drawn, laid)]
    ours, theirs = (blurred(x, _LIGHTS[0]) - blurred(x, _LIGHTS[1]) for x in lights)
    laid = laid + _OWN_LIGHTS * (ours - theirs)
    inside = share[0, 0] > share.max() / 2
    change = torch.zeros_like(laid)
    change[0, :, inside] = (with_colours_of(laid[0, :, inside].T, lock.colours) - laid[0, :, inside].T).T
    # Neighbours' changes are averaged: two pixels that hardly differ may be moved far apart.
    change, weight = (F.avg_pool2d(x, 3, 1, 1) for x in (change, inside[None, None].float()))
    return laid + _TONES * change / weight.clamp_min(1e-6)


def share_in_lines(coherence_of_reference: float) -> float:
    """How far drawings in a reference's style are smoothed along their lines, 0 to 1."""
    return ramp(coherence_of_reference, _GRAIN, _LINES)


def _between_lids(mesh: Points) -> Tensor:
    """1 inside the eyes, softly to 0: (1, 1, side, side); mesh: in pixels of these."""
    x, y = np.arange(_SIDE)[None] + 0.5, np.arange(_SIDE)[:, None] + 0.5
    inside = np.zeros((_SIDE, _SIDE), np.float32)
    for eye in (LEFT_EYE, RIGHT_EYE):
        low, high = mesh[eye, :2].min(0), mesh[eye, :2].max(0)
        middle, half = (low + high) / 2, np.maximum((high - low) / 2 * np.array(_LIDS), 1.0)
        inside[((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 < 1] = 1.0
    return _soft(torch.from_numpy(inside)[None, None], _SOFT)


def _inside(mask: Tensor, rim: int) -> Tensor:
    return _soft(-F.max_pool2d(-mask, 2 * rim + 1, 1, rim), _SOFT)


def _soft(mask: Tensor, width: int) -> Tensor:
    for _ in range(2):
        mask = F.avg_pool2d(mask, width, 1, width // 2)
    return mask


def _resized(picture: Tensor, side: int) -> Tensor:
    return F.interpolate(picture, size=side, mode="bilinear", align_corners=False)
