"""The finish of a drawing: what a reference's hand draws in lines is drawn in lines, without noise across them.

Fine-tuning keeps the mean of many strokes; what is left of single ones is scratched: noise beside and along the lines,
weakest at a few pixels. A drawn or painted reference has little of that: smoothed along its own lines it stays what it
is, a halftone, stones or a pencil's grain do not. So a reference says by itself how far pictures in its style are
smoothed along theirs.

Source: Kyprianidis & Kang 2011, Image and video abstraction by coherence-enhancing filtering (a smoothing along lines,
and a sharpening across them).
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_EYE, RIGHT_EYE
from stylizer.imaging.masks import softened
from stylizer.imaging.strokes import along_lines, crisp
from stylizer.imaging.tensors import resized, to_image, to_tensor
from stylizer.styles.features import around_lips
from stylizer.styles.looks import ramp
from stylizer.styles.regions import face_regions_of

_SIDE = 512  # of the pictures that are smoothed: of finer things no learned style has more than noise
# Pixels of these: how far a line is followed, over what its direction is sought, from one counted place to the next.
_FACE, _AROUND = (10.0, 3.0, 2.0), (30.0, 6.0, 4.0)  # hair is drawn in long locks, faces and ears in short lines
_CRISP = (1.2, 2.5, 3, 40.0)  # pixels of the picture, and of it over which its direction is sought; turns; gain
_GRAIN, _LINES = 0.33, 0.4  # coherences: of a grain, which is to stay, and of lines
_LIDS = (0.85, 0.9)  # half axes of an eye that stays as it is, over those of its outline: a catchlight is no line
_LIPS = 0.3  # how much of lips stays as it is, as they are modelled more than drawn
_SOFT = 4  # pixels of the small picture to each side, over which twice that begins
_RIM = 8  # the same, around a face
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
    before, after = (x - resized(F.avg_pool2d(x, 2), _SIDE) for x in (light, along_lines(light, *_FACE)))
    whole = float((before.square() * weight).mean())
    return min(max(float((before * after * weight).mean()) / whole, 0.0), 1.0) if whole > _FEWEST else 1.0


@torch.no_grad()
def in_lines(drawn: Image.Image, mesh_xyz: Points | None, amount: float, *, hair_follows: bool = False) -> Image.Image:
    """A drawing smoothed along its lines, with crisp edges; what lies between the lids stays as it is.

    Args:
        drawn: a square. mesh_xyz: (468, 3), of its face, in its pixels; None: no face is seen.
        amount: 0 = the picture as it is, to 1.
        hair_follows: hair is drawn in locks afterwards; else it is smoothed further than a face.
    """
    if amount <= 0:
        return drawn
    picture, side = to_tensor(drawn), drawn.width
    small, share = F.interpolate(picture, size=_SIDE, mode="area"), torch.full((1, 1, _SIDE, _SIDE), min(amount, 1.0))
    smooth = along_lines(small, *_FACE)
    if mesh_xyz is not None:
        if not hair_follows:
            face = softened(face_regions_of(mesh_xyz, side, _SIDE).face, _RIM)
            smooth = torch.lerp(along_lines(small, *_AROUND), smooth, face)
        place = mesh_xyz * (_SIDE / side)
        lips = softened(around_lips(place, _SIDE), _SOFT)
        share = share * (1 - torch.maximum(_between_lids(place), _LIPS * lips))
    smooth = F.interpolate(smooth, size=side, mode="bicubic", align_corners=False)
    return to_image(torch.lerp(picture, crisp(smooth, *_CRISP), resized(share, side)).clamp(-1, 1))


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
    return softened(torch.from_numpy(inside)[None, None], _SOFT)
