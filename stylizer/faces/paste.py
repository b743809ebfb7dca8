"""Put a drawn face back into its photo: head, hair and neck are drawn, the background and the clothes stay the photo's.

A drawn crop differs from the photo's in more than style: the generator invents a background and clothes, and its hair
ends elsewhere. So the drawing is laid over the photo's own person only, and fades out below the chin. Where the photo
shows hair but the drawing does not, or where hair leaves the crop, the drawing's colours are continued under the
photo's own strands.

Convention:
    The canvas is the crop with a margin on all sides; everything is computed in its frame.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces import warp
from stylizer.faces.align import AlignedFace
from stylizer.faces.hair import HeadPlace, coloured_as_face, continue_hair, find_hair, smootherstep
from stylizer.imaging.masks import grown_softly
from stylizer.imaging.tensors import to_image, to_tensor

Segmenter = Callable[[Tensor], Tensor]
"""(1, 3, 256, 256) RGB in [-1, 1] -> (1, 1, 256, 256), 0 = background to 1 = person."""

_SEGMENTER_SIDE = 256
_QUICK_SIDE = 128  # of a mask that is needed many times a second
# Where the drawing begins to fade and where it ends, as a radius (the crop's border is 1), and the superellipse's
# exponent (2 = circle, higher = squarer): laid over the photo itself, and over its own continued colours.
_OVER_PHOTO, _OVER_COLOURS = (0.68, 0.98, 4.0), (0.80, 0.99, 6.0)
_EDGE = (0.5, 0.9)  # of the segmentation: below is background, above is person
_BELIEVED = 0.15  # a segmentation that finds so much more person than is drawn found somebody else, or a shadow
# In crop sides:
_MARGIN = 0.375  # of the canvas around the crop
_REACH, _LITTLE = 0.035, 0.008  # how far the photo's hair may stand beyond the drawing's; where it is not believed
_EARS, _EAR_SOFT = 0.36, 0.03  # height above the mouth up to which ears are, and its uncertainty
_EAR_ROOT = 0.85  # of half of the jaw's width: where ears may begin
_FADE = 0.34  # over which the drawing's colours fade beyond the crop
_CHIN, _MOUTH, _JAW = 0.79, 0.68, (0.28, 0.72)  # of FFHQ's mean face
_NECK_LENGTH = 0.13  # below the chin
# Length of the fade beside the neck, from the mouth on: where hair is not told from shoulders, and where it is.
_SHOULDERS, _BARE_SHOULDERS = 0.14, 0.06


def paste(
    aligned: AlignedFace,
    crop: Image.Image,
    segment: Segmenter | None = None,
    inverted: Image.Image | None = None,
) -> Image.Image:
    """Lay a crop over the photo that `aligned` was cut from.

    Args:
        aligned: tells the photo and where in it the crop lies.
        crop: RGB, square, of any size (its whole extent corresponds to `aligned.crop`'s).
        segment: finds the person; None blends a soft rounded square, background included.
        inverted: the crop without a style, which a segmentation understands better than a drawing; default `crop`.
    Returns:
        RGB, the photo's size; pixels far outside the crop are the photo's own. Without a photo, `crop` itself.
    """
    if aligned.photo is None:
        return crop
    crop = crop.convert("RGB")
    size = crop.size[0]
    resized = warp.resizing(aligned.crop.size[0] / size, aligned.crop.size[1] / size)
    crop_to_photo = warp.compose(aligned.crop_to_photo, resized)
    if segment is None:
        return _laid_over(aligned.photo, crop, _border(size, *_OVER_PHOTO), crop_to_photo)
    pad = round(_MARGIN * size)
    canvas_to_photo = warp.compose(crop_to_photo, warp.translation(-pad, -pad))
    photo = warp.warp(aligned.photo, canvas_to_photo, (size + 2 * pad, size + 2 * pad))
    drawing = F.pad(_person(inverted or crop, size, segment), (pad, pad, pad, pad), mode="replicate")
    inside = F.pad(_border(size, *_OVER_COLOURS), (pad, pad, pad, pad))
    person = _person(photo, size + 2 * pad, segment)
    close = F.pad(_person(aligned.crop, size, segment), (pad, pad, pad, pad))  # finer, but of the crop only
    person = torch.lerp(person, (person + close) / 2, inside)
    place, seen, drawn = _head_place(aligned), to_tensor(photo), drawing * inside
    hair = find_hair(seen, drawn, person, place, size)
    laid = continue_hair(F.pad(to_tensor(crop), (pad, pad, pad, pad)), seen, drawn, person, hair, size=size)
    ears = _beside_face(place, size, pad)
    sure = torch.maximum(hair.told_apart, ears)
    near = _reached(drawing, person, inside, sure, size) * _above_shoulders(place, size, pad, _BARE_SHOULDERS)
    certain = torch.lerp(2 * person - 1, person, hair.told_apart)  # a glow would show most in the dark
    certain = torch.maximum(certain, ears * coloured_as_face(seen, person, hair.face))
    mask = smootherstep(certain) * torch.maximum(near * inside, hair.found) * _beyond(size, pad)
    return _laid_over(aligned.photo, to_image(laid), mask, canvas_to_photo)


def quick_mask(aligned: AlignedFace, segment: Segmenter | None = None, side: int = _QUICK_SIDE) -> Tensor:
    """Where a drawing of this crop is laid over the photo, found in some milliseconds: the person down to the chin.

    Args:
        side: of the mask, which covers the crop.
    Returns:
        (1, 1, side, side), 0 to 1; 0 at the crop's border.
    """
    mask = _border(side, *_OVER_PHOTO) * _above_shoulders(_head_place(aligned), side, 0, _SHOULDERS)
    return mask if segment is None else mask * smootherstep(_person(aligned.crop, side, segment))


def lay_quickly(aligned: AlignedFace, drawing: Image.Image, mask: Tensor) -> Image.Image:
    """The photo with a drawing of its crop laid over it, without the continued hair of `paste`.

    Args:
        aligned: with its photo.
        drawing: RGB, of the crop's size.
        mask: as of `quick_mask`, smaller than the crop.
    """
    assert aligned.photo is not None
    result = aligned.photo.convert("RGB")  # a copy, also of RGB
    size = drawing.size
    alpha = _grey(F.interpolate(mask, size=size[::-1], mode="bilinear", align_corners=False))
    if (seen := alpha.getbbox()) is None:
        return result
    box = (max(seen[0] - 1, 0), max(seen[1] - 1, 0), min(seen[2] + 1, size[0]), min(seen[3] + 1, size[1]))
    picture = drawing.convert("RGB").crop(box)
    picture.putalpha(alpha.crop(box))  # one resampling for both
    to_photo = warp.compose(aligned.crop_to_photo, warp.translation(box[0], box[1]))
    if region := _region(aligned.photo, picture, to_photo):
        corner, region_to_picture, size_wh = region
        laid = quick_transform(picture, region_to_picture, size_wh)
        result.paste(laid, corner, laid)
    return result


def quick_transform(source: Image.Image, out_to_source: warp.Affine, size_wh: tuple[int, int]) -> Image.Image:
    """`warp.warp` for many times a second: bilinear, without averaging, black beyond the source."""
    return warp.transform(source, out_to_source, size_wh, Image.Resampling.BILINEAR)


def _laid_over(photo: Image.Image, picture: Image.Image, mask: Tensor, picture_to_photo: warp.Affine) -> Image.Image:
    """The photo with a picture over it; only the part that the picture covers is computed."""
    result = photo.convert("RGB")  # a copy, also of RGB
    if region := _region(photo, picture, picture_to_photo):
        corner, region_to_picture, size_wh = region
        laid = warp.transform(_grey(mask), region_to_picture, size_wh, Image.Resampling.BILINEAR)
        result.paste(warp.warp(picture, region_to_picture, size_wh), corner, laid)
    return result


def _region(
    photo: Image.Image, picture: Image.Image, picture_to_photo: warp.Affine
) -> tuple[tuple[int, int], warp.Affine, tuple[int, int]] | None:
    """The part of a photo that a picture covers: its corner, its map to the picture, its size; None: there is none."""
    left, top, right, bottom = warp.bounds(picture_to_photo, picture.size)
    x0, y0 = max(0, math.floor(left)), max(0, math.floor(top))
    x1, y1 = min(photo.size[0], math.ceil(right) + 1), min(photo.size[1], math.ceil(bottom) + 1)
    if x1 <= x0 or y1 <= y0:
        return None
    return (x0, y0), warp.compose(warp.invert(picture_to_photo), warp.translation(x0, y0)), (x1 - x0, y1 - y0)


def _grey(mask: Tensor) -> Image.Image:
    """A mask, (1, 1, H, W), 0 to 1, as a picture."""
    return Image.fromarray(np.rint(mask[0, 0].numpy() * 255).astype(np.uint8))


@torch.no_grad()
def _person(picture: Image.Image, size: int, segment: Segmenter) -> Tensor:
    """(1, 1, size, size): where a picture shows a person, 0 to 1."""
    small = picture.convert("RGB").resize((_SEGMENTER_SIDE, _SEGMENTER_SIDE), Image.Resampling.BOX)
    found = F.interpolate(segment(to_tensor(small)), size=(size, size), mode="bilinear", align_corners=False)
    return ((found - _EDGE[0]) / (_EDGE[1] - _EDGE[0])).clamp(0, 1)


def _reached(drawing: Tensor, person: Tensor, inside: Tensor, sure: Tensor, size: int) -> Tensor:
    """Where the drawing's person is, and somewhat beyond: there, what the photo shows is hair or ears of the same head.

    sure: (1, 1, S, S), where the segmentation is believed.
    """
    small = F.interpolate(drawing, scale_factor=0.125, mode="area")
    above = slice(0, (drawing.shape[2] - size) // 2 + round(_MOUTH * size))  # below, clothes differ from the photo's
    surplus, own = (x[:, :, above].sum() for x in ((person - drawing).clamp_min(0) * inside, drawing * inside))
    radii = (max(1, round(far * size / 8)) for far in (_LITTLE, _REACH))
    near = torch.cat([grown_softly(small, radius) for radius in radii], 1)
    little, reach = F.interpolate(near, size=drawing.shape[-2:], mode="bilinear", align_corners=False).chunk(2, 1)
    return torch.maximum(little, reach * sure) if surplus < _BELIEVED * own else little


def _beyond(size: int, pad: int) -> Tensor:
    """1 in the crop, falling to 0 around it."""
    steps = torch.arange(-pad, size + pad) + 0.5
    outside = torch.maximum(-steps, steps - size).clamp_min(0) / (_FADE * size)
    return smootherstep(1 - torch.hypot(outside[:, None], outside[None, :]))[None, None]


def _head_place(aligned: AlignedFace) -> HeadPlace:
    mouth, chin, (left, right) = _MOUTH, _CHIN, _JAW
    if aligned.landmarks_xy is not None:
        points = aligned.landmarks_xy / aligned.crop.size[0]
        chin, mouth, left, right = (float(points[n]) for n in ((8, 1), (57, 1), (3, 0), (13, 0)))
    return HeadPlace(mouth, chin, (left + right) / 2, max((right - left) / 2, 0.05))


def _beside_face(place: HeadPlace, size: int, pad: int) -> Tensor:
    """1 where ears are, which may stand out further than they are drawn."""
    steps = (torch.arange(-pad, size + pad) + 0.5) / size
    high, low = (smootherstep((x + _EAR_SOFT) / _EAR_SOFT) for x in (steps - place.mouth + _EARS, place.mouth - steps))
    outside = smootherstep(((steps - place.middle).abs() / place.half - _EAR_ROOT) / (1 - _EAR_ROOT))
    return ((high * low)[:, None] * outside[None, :])[None, None]


def _above_shoulders(place: HeadPlace, size: int, pad: int, fade: float) -> Tensor:
    """1 down to the chin and 0 where the neck ends; beside the neck, where shoulders are, it falls earlier."""
    steps = (torch.arange(-pad, size + pad) + 0.5) / size
    neck = smootherstep(1 - (steps - place.chin) / _NECK_LENGTH)[:, None]
    beside = smootherstep(1 - (steps - place.mouth) / fade)[:, None]
    column = smootherstep(1.25 - (steps - place.middle).abs() / place.half)[None, :]
    return torch.lerp(beside, torch.maximum(neck, beside), column)[None, None]


def _border(size: int, full: float, zero: float, roundness: float) -> Tensor:
    """(1, 1, size, size): 1 within, falling smoothly to 0 before the crop's border.

    A superellipse, whose corners are round: a square's would show even when blurred.
    """
    position = ((torch.arange(size) + 0.5) / size * 2 - 1).abs() ** roundness
    radius = (position[:, None] + position[None, :]) ** (1 / roundness)
    return smootherstep((zero - radius) / (zero - full))[None, None]
