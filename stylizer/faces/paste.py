"""Put a changed crop back into its photo, without a visible edge."""

import math

import numpy as np
from PIL import Image

from stylizer.faces import warp
from stylizer.faces.align import AlignedFace

_FULL, _ZERO = 0.68, 0.98  # where the mask begins to fall and where it ends, as a radius; the crop's border is 1
_ROUNDNESS = 4.0  # exponent of the superellipse: 2 = circle, higher = squarer


def paste(aligned: AlignedFace, crop: Image.Image) -> Image.Image:
    """Lay a crop over the photo that `aligned` was cut from, blended by a soft rounded square.

    Args:
        aligned: tells the photo and where in it the crop lies.
        crop: RGB, square, of any size (its whole extent corresponds to `aligned.crop`'s).
    Returns:
        RGB, the photo's size; pixels outside the crop's outline are the photo's own. Without a photo, `crop` itself.
    """
    if aligned.photo is None:
        return crop
    resized = warp.resizing(aligned.crop.size[0] / crop.size[0], aligned.crop.size[1] / crop.size[1])
    crop_to_photo = warp.compose(aligned.crop_to_photo, resized)
    left, top, right, bottom = warp.bounds(crop_to_photo, crop.size)
    x0, y0 = max(0, math.floor(left)), max(0, math.floor(top))
    x1, y1 = min(aligned.photo.size[0], math.ceil(right) + 1), min(aligned.photo.size[1], math.ceil(bottom) + 1)
    result = aligned.photo.convert("RGB")  # a copy, also of RGB
    if x1 <= x0 or y1 <= y0:
        return result
    region_to_crop = warp.compose(warp.invert(crop_to_photo), warp.translation(x0, y0))
    size_wh = (x1 - x0, y1 - y0)
    mask = warp.transform(_mask(crop.size[0]), region_to_crop, size_wh, Image.Resampling.BILINEAR)
    result.paste(warp.warp(crop.convert("RGB"), region_to_crop, size_wh), (x0, y0), mask)
    return result


def _mask(size: int) -> Image.Image:
    """ "L" mask in the crop's frame: 255 within, falling smoothly to 0 before the border.

    A superellipse, whose corners are round: a square's would show even when blurred.
    """
    position = np.abs((np.arange(size) + 0.5) / size * 2 - 1) ** _ROUNDNESS
    radius = (position[:, None] + position[None, :]) ** (1 / _ROUNDNESS)
    fall = np.clip((_ZERO - radius) / (_ZERO - _FULL), 0, 1)
    smooth = fall**3 * (fall * (fall * 6 - 15) + 10)  # smootherstep: no kink the eye could see
    return Image.fromarray(np.rint(smooth * 255).astype(np.uint8))
