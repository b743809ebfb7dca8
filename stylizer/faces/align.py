"""Cut a face out of a photo as FFHQ's faces were cut: upright, centred, the head filling a square.

Convention:
    Positions are (x, y) in pixels, origin at the top left; pixel (0, 0) has its *centre* at (0, 0), in the photo and
    in the crop alike (see `warp`). `crop_to_photo` is a 2x3 float64 affine map with
    photo_xy = crop_to_photo[:, :2] @ crop_xy + crop_to_photo[:, 2].
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stylizer.faces import warp
from stylizer.faces.boxes import Box
from stylizer.faces.ffhq import CROP_SIZE, crop_affine, usual_box
from stylizer.faces.finder import Face

# Blurs of mirrored pixels: sigma, and the distance over which it fades in, as fractions of the side (FFHQ: 0.02, 0.1).
_BLURS = ((0.02, 0.1), (0.06, 0.3))
_AROUND = 16  # pixels of a photo that are enlarged around what the crop shows, so that no border is seen

Enlarge = Callable[[Image.Image], Image.Image]


class _Finder(Protocol):
    def find(self, photo: Image.Image) -> list[Face]: ...
    def landmarks(self, photo: Image.Image, box_xyxy: Box) -> NDArray[np.float32]: ...


@dataclass(frozen=True, eq=False)
class AlignedFace:
    """A face, cut out of a photo.

    crop: RGB, size x size.
    crop_to_photo: (2, 3) float64, positions in the crop -> positions in the photo (convention: see the module).
    landmarks_xy: (68, 2) float32, positions in the crop; None where they are unknown.
    photo: the RGB picture that the crop comes from; None where it was a crop already.
    face: index of the face in the photo, 0 = the largest.
    notes: sentences about what was decided for the user, such as which of several faces was taken.
    """

    crop: Image.Image
    crop_to_photo: NDArray[np.float64]
    landmarks_xy: NDArray[np.float32] | None
    photo: Image.Image | None
    face: int = 0
    notes: tuple[str, ...] = ()


def align(
    photo: Image.Image, face: Face, index: int = 0, size: int = CROP_SIZE, enlarge: Enlarge | None = None
) -> AlignedFace:
    """Warp a photo so that the face fills a square crop.

    Args:
        photo: RGB picture, any size.
        face: as found in this photo; `landmarks_xy` decide alone.
        index: of the face in the photo, only kept for the record.
        size: crop side in pixels.
        enlarge: makes a picture larger by a whole factor; the crop is then cut out of the enlarged face. None: pixels
            between the photo's are interpolated.
    Returns:
        AlignedFace; beyond the photo's borders the crop shows the photo's mirror image, fading into a blur.
    Raises:
        DegenerateFaceError: eyes and mouth (nearly) coincide.
    Source: Karras et al. 2019 (FFHQ), appendix: dataset alignment.
    """
    crop_to_photo = crop_affine(face.landmarks_xy, size)
    return AlignedFace(
        crop=cut(photo, crop_to_photo, size, enlarge),
        crop_to_photo=crop_to_photo,
        landmarks_xy=warp.apply(warp.invert(crop_to_photo), face.landmarks_xy).astype(np.float32),
        photo=photo,
        face=index,
        notes=face.notes,
    )


def cut(
    photo: Image.Image, crop_to_photo: warp.Affine, size: int = CROP_SIZE, enlarge: Enlarge | None = None
) -> Image.Image:
    """The crop that lies here in a photo; see `align` for what it shows beyond the photo's borders."""
    crop = _warped(photo, crop_to_photo, size, enlarge)
    if _lies_inside(crop_to_photo, photo.size, size):
        return crop
    return _feathered(crop, outside(crop_to_photo, photo.size, size))


def _warped(photo: Image.Image, crop_to_photo: warp.Affine, size: int, enlarge: Enlarge | None) -> Image.Image:
    if enlarge is None:
        return warp.warp(photo, crop_to_photo, (size, size))
    left, top, right, bottom = warp.bounds(crop_to_photo, (size, size))
    x, y = max(0, int(left) - _AROUND), max(0, int(top) - _AROUND)
    region = photo.crop((x, y, min(photo.width, int(right) + _AROUND), min(photo.height, int(bottom) + _AROUND)))
    large = enlarge(region)
    to_large = warp.resizing(large.width / region.width, large.height / region.height)
    return warp.warp(large, warp.compose(to_large, warp.compose(warp.translation(-x, -y), crop_to_photo)), (size, size))


def _lies_inside(crop_to_photo: warp.Affine, photo_wh: tuple[int, int], size: int) -> bool:
    left, top, right, bottom = warp.bounds(crop_to_photo, (size, size))
    return left >= -0.5 and top >= -0.5 and right <= photo_wh[0] - 0.5 and bottom <= photo_wh[1] - 0.5


def outside(crop_to_photo: warp.Affine, photo_wh: tuple[int, int], size: int = CROP_SIZE) -> NDArray[np.float32]:
    """How far each pixel of a crop lies beyond the photo's borders.

    Returns:
        (size, size) float32, in crop pixels; 0 where the crop shows the photo itself.
    """
    steps = np.arange(size)
    columns, rows = crop_to_photo[:, :1] * steps, crop_to_photo[:, 1:2] * steps
    x, y = (columns[:, None, :] + rows[:, :, None] + crop_to_photo[:, 2, None, None]).astype(np.float32)
    width, height = photo_wh
    beyond_x = np.maximum(np.maximum(-0.5 - x, x - (width - 0.5)), 0)
    beyond_y = np.maximum(np.maximum(-0.5 - y, y - (height - 0.5)), 0)
    return np.asarray(np.maximum(beyond_x, beyond_y) / warp.scale_of(crop_to_photo), np.float32)


def _feathered(crop: Image.Image, beyond: NDArray[np.float32]) -> Image.Image:
    """Blur what is mirrored, the more the farther out, so that a face at the border does not get a twin.

    FFHQ's own faces were padded so, with two differences: no pixel of the photo itself is touched, and the farthest
    pixels fade into a wider blur, not into the median colour, which would tint plain backgrounds.
    """
    if beyond.max() <= 0:
        return crop
    pixels = np.asarray(crop, np.float32)
    for sigma, width in _BLURS:
        blurred = np.asarray(crop.filter(ImageFilter.GaussianBlur(sigma * crop.size[0])), np.float32)
        weight = np.clip(beyond / (width * crop.size[0]), 0, 1)[..., None]
        pixels = pixels + (blurred - pixels) * weight
    return Image.fromarray(np.rint(pixels).astype(np.uint8))


def already_aligned(picture: Image.Image, finder: _Finder | None = None, size: int = CROP_SIZE) -> AlignedFace:
    """Take a picture as a crop already: its central square, resized.

    Args:
        picture: RGB, a face that fills it as in FFHQ; what is not square is cut off evenly on both sides.
        finder: gives the landmarks: of the face it finds where FFHQ's faces are, else of that place itself.
    Returns:
        AlignedFace with `photo` None: there is nothing to paste it back into.
    """
    side = min(picture.size)
    left, top = (picture.size[0] - side) // 2, (picture.size[1] - side) // 2
    square = picture.crop((left, top, left + side, top + side))
    crop = square.resize((size, size), Image.Resampling.LANCZOS)
    crop_to_photo = warp.compose(warp.translation(left, top), warp.resizing(side / size, side / size))
    landmarks = None if finder is None else _landmarks_of_crop(crop, finder)
    return AlignedFace(crop, crop_to_photo, landmarks, photo=None)


def _landmarks_of_crop(crop: Image.Image, finder: _Finder) -> NDArray[np.float32]:
    usual = usual_box(crop.size[0])
    x, y = (usual[0] + usual[2]) / 2, (usual[1] + usual[3]) / 2
    for face in finder.find(crop):
        left, top, right, bottom = face.box_xyxy
        if left < x < right and top < y < bottom and right - left > 0.25 * crop.size[0]:
            return face.landmarks_xy
    return finder.landmarks(crop, usual)
