"""Where a portrait shows face, hair, body and ground: soft masks, for losses that compare like with like."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from stylizer.faces.mesh_parts import INNER_LIPS, LEFT_BROW, LEFT_EYE, LIPS, NOSE, OVAL, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.masks import grown, joined
from stylizer.networks.wavelet import haar

# How far a part reaches around its middle, in distances of the eyes.
_PARTS = ((LEFT_EYE, 0.30), (RIGHT_EYE, 0.30), (LEFT_BROW, 0.25), (RIGHT_BROW, 0.25), (LIPS, 0.36), (NOSE[:5], 0.25))
_HAIRLINE = 40  # a side holds so many widths of the seam between the mesh's outline and what is surely hair
_GROWING_SIDE, _HAIR_MIN = 64, 40  # of the picture in which long hair is sought; so many pixels of hair must be known
_ALIKE, _HAIR_NOISE = 2.5, 0.02  # how many times the hair's own mean square of colours still is hair
_STRANDS = 0.8  # times as rough as skin is hair at least; set by eye on the fifteen references, of which one is bald
_OTHER_COLOR = 0.4  # mean difference, of a range of 2
_SKIN_SIDE, _SKIN_NOISE, _SKIN_ALIKE, _DARKEST = 64, 0.01, 4.0, 0.35  # as long hair is grown
OPEN_MOUTH = 0.0006  # of the picture: a smaller opening of the lips is none

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FaceRegions:
    """Masks of a face, each (1, 1, side, side) from 0 to 1.

    face: inside the mesh's outline. parts: 1 in the middle of eyes, brows, nose and mouth.
    inner: inside the outlines of eyes and lips. mouth: between the lips, where that is open; else 0.
    """

    face: Tensor
    parts: Tensor
    inner: Tensor
    mouth: Tensor


@dataclass(frozen=True, eq=False)
class Regions(FaceRegions):
    """Masks of a portrait, each (1, 1, side, side) from 0 to 1: its face's, and what is around that.

    hair: the rest of the person above the eyes, and what of it below is as that is and joined to it.
    body: the rest below the chin; ears are of no region. ground: what is not of the person.
    """

    hair: Tensor
    body: Tensor
    ground: Tensor


def face_regions_of(points_xyz: Points, crop_side: int, side: int) -> FaceRegions:
    """The regions of a face whose mesh, (468, 3), lies so in a crop of `crop_side` pixels; side: of the masks."""
    points = (points_xyz[:, :2] + 0.5) * (side / crop_side)
    mouth = polygon(points[INNER_LIPS], side, side / 128)
    if _area(points[INNER_LIPS]) < OPEN_MOUTH * side**2:  # drawn, an outline is never thinner than a pixel
        mouth = torch.zeros_like(mouth)
    outlines = [polygon(points[outline], side, side / 256) for outline in (LEFT_EYE, RIGHT_EYE, LIPS)]
    face = polygon(points[OVAL], side, side / 100)
    return FaceRegions(face, _parts(points, side), torch.stack(outlines).sum(0), mouth)


def regions_of(points_xyz: Points, person: Tensor, picture: Tensor, crop_side: int, side: int) -> Regions:
    """The regions of a face whose mesh is known.

    Args:
        points_xyz: (468, 3), positions in a crop of `crop_side` pixels.
        person: (1, 1, S, S), 0 to 1, of the same crop. picture: (1, 3, S, S), that crop.
        side: of the masks.
    """
    points = (points_xyz[:, :2] + 0.5) * (side / crop_side)
    person = F.interpolate(person, size=(side, side), mode="bilinear", align_corners=False)
    inside = face_regions_of(points_xyz, crop_side, side)
    face = inside.face
    seam = side // _HAIRLINE
    outside = person * (1 - grown(face, seam))
    rows = torch.arange(side, dtype=torch.float32)[:, None] + 0.5
    eyes = float(points[LEFT_EYE + RIGHT_EYE, 1].mean())
    over_eyes = outside * torch.sigmoid((eyes - rows) * (128 / side))[None, None]
    hair = torch.maximum(over_eyes, outside * _long_hair(picture, over_eyes, outside, face))
    below = torch.sigmoid((rows - float(points[152, 1])) * (128 / side))[None, None]
    return Regions(**vars(inside), hair=hair, body=(outside - hair) * below, ground=1 - person)


def _long_hair(picture: Tensor, hair: Tensor, outside: Tensor, face: Tensor) -> Tensor:
    """Where the person's surroundings are as the hair is, and joined to it: (1, 1, side, side), 0 to 1."""
    parts = (F.interpolate(x, size=_GROWING_SIDE, mode="area") for x in (picture, hair, outside, face))
    colors, known, room, skin = parts
    known, skin = (known > 0.5).float(), (skin > 0.5).float()
    if float(known.sum()) < _HAIR_MIN:
        return torch.zeros_like(hair)

    def away_from(region: Tensor) -> Tensor:
        mean = (colors * region).sum((2, 3), keepdim=True) / region.sum()
        return (colors - mean).square().sum(1, keepdim=True)

    away = away_from(known)
    usual = (away * known).sum() / known.sum()
    alike = (away < torch.minimum(_ALIKE * (usual + _HAIR_NOISE), away_from(skin))).float() * (room > 0.5)
    found = joined(known, alike, _GROWING_SIDE)
    return F.interpolate(F.avg_pool2d(found, 3, 1, 1), size=hair.shape[-1], mode="bilinear", align_corners=False)


def has_hair(picture: Tensor, regions: Regions) -> bool:
    """Whether what lies above a natural face is hair: of another colour, or with strands.

    A scalp is of the face's colour, and smoother.

    Args:
        picture: (1, 3, S, S), a photo or as good as one. regions: its own.
    """
    details = haar(picture)[:, 3:].abs().mean(1, keepdim=True)

    def roughness(region: Tensor) -> Tensor:
        inside = (F.interpolate(region, size=details.shape[-2:], mode="area") > 0.8).float()
        return (details * inside).sum() / inside.sum().clamp_min(1)

    def color(region: Tensor) -> Tensor:
        return (picture * region).sum((2, 3)) / region.sum().clamp_min(1e-6)

    skin = regions.face * (1 - regions.parts)
    if bool((color(regions.hair) - color(skin)).abs().mean() > _OTHER_COLOR):
        return True
    return bool(roughness(regions.hair) > _STRANDS * roughness(skin))


def skin_of(picture: Tensor, regions: Regions, person: Tensor) -> Tensor:
    """Where a photo shows bare skin around the face: (1, 1, S, S), 0 to 1; person: likewise."""
    side = regions.face.shape[-1]
    small, face, parts, room = (
        F.interpolate(x, size=_SKIN_SIDE, mode="area") for x in (picture, regions.face, regions.parts, person)
    )
    tint = (small + 1.05) / (small + 1.05).mean(1, keepdim=True)
    known = ((face > 0.9) & (parts < 0.3)).float()
    mean = (tint * known).sum((2, 3), keepdim=True) / known.sum().clamp_min(1)
    away = (tint - mean).square().sum(1, keepdim=True)
    usual = (away * known).sum() / known.sum().clamp_min(1)
    light = small.mean(1, keepdim=True) + 1
    level = (light * known).sum() / known.sum().clamp_min(1)
    alike = (away < _SKIN_ALIKE * (usual + _SKIN_NOISE)) & (light > _DARKEST * level) & (room > 0.5)
    found = joined((face > 0.5).float(), alike.float(), _SKIN_SIDE)
    return F.interpolate(F.avg_pool2d(found, 3, 1, 1), size=side, mode="bilinear", align_corners=False)


def polygon(points: Points, side: int, blur: float) -> Tensor:
    """(1, 1, side, side): 1 inside an outline, (n, 2) in pixels, 0 outside; blur: deviation of its edge, in pixels."""
    chart = Image.new("L", (side, side))
    ImageDraw.Draw(chart).polygon([tuple(point) for point in points], fill=255)
    pixels = np.asarray(chart.filter(ImageFilter.GaussianBlur(blur)), np.float32)
    return torch.from_numpy(pixels / 255)[None, None]


def _area(outline: Points) -> float:
    x, y = outline.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def _parts(points: Points, side: int) -> Tensor:
    unit = float(np.linalg.norm(points[RIGHT_EYE].mean(0) - points[LEFT_EYE].mean(0)))
    steps = np.arange(side) + 0.5
    chart = np.zeros((side, side))
    for indices, reach in _PARTS:
        x, y = points[indices].mean(0)
        away = np.square(steps - x)[None] + np.square(steps - y)[:, None]
        chart = np.maximum(chart, np.exp(-away / (reach * unit) ** 2))
    return torch.from_numpy(chart.astype(np.float32))[None, None]
