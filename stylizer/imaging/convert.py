"""Decoded pixels of any mode, depth and colour profile -> upright 8-bit sRGB."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms

_STRIP_PIXELS = 4_000_000  # converted at a time; bounds the memory beside the decoded picture and the result
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_srgb(image: Image.Image, factor: int = 1, orientation: int = 1, keep_alpha: bool = False) -> Image.Image:
    """Convert a picture to upright 8-bit sRGB, a strip of rows at a time.

    Transparency is laid over white; 16-bit, integer and float grey are scaled to
    8 bit; CMYK and embedded ICC profiles are converted to sRGB.

    Args:
        image: decoded picture of any mode; left unchanged.
        factor: shrink both sides by this integer, each result pixel the mean of factor x factor.
        orientation: of the picture, as EXIF counts it; 1, and anything beyond 2..8, is upright.
        keep_alpha: transparency is kept instead, and the colours are as they are beneath it (deep grey loses it).
    Returns:
        RGB picture without metadata; RGBA where transparency is kept.
    """
    if keep_alpha and image.has_transparency_data and not _is_deep(image):
        layered = image.convert("RGBA")
        alpha, colours = layered.getchannel("A"), layered.convert("RGB")
        colours.info = {key: value for key, value in image.info.items() if key == "icc_profile"}
        result = to_srgb(colours, factor, orientation)
        alpha = _reduced(alpha, factor)
        transpose = _ORIENTATIONS.get(orientation)
        result.putalpha(alpha if transpose is None else alpha.transpose(transpose))
        return result
    convert = _conversion(image)
    width, height = image.size
    rows = max(_STRIP_PIXELS // width // factor, 1) * factor
    if rows >= height:
        result = _reduced(convert(image), factor)
    else:
        result = Image.new("RGB", (-(-width // factor), -(-height // factor)))
        for top in range(0, height, rows):
            strip = image.crop((0, top, width, min(top + rows, height)))
            result.paste(_reduced(convert(strip), factor), (0, top // factor))
    transpose = _ORIENTATIONS.get(orientation)
    result = result if transpose is None else result.transpose(transpose)
    result.info = {}
    return result


@dataclass(frozen=True)
class _Conversion:
    """What the whole picture decides for each of its strips.

    grey_range: of deep grey, the values that become 0 and 255; None for other modes.
    inverted: CMYK values mean their opposite.
    """

    grey_range: tuple[float, float] | None
    inverted: bool
    transform: ImageCms.ImageCmsTransform | None
    transform_mode: str

    def __call__(self, strip: Image.Image) -> Image.Image:
        """A strip as RGB, a new picture."""
        if self.grey_range is not None:
            flat = _to_8_bit(strip, self.grey_range)
        elif strip.has_transparency_data:
            flat = over_white(strip)
        else:
            flat = ImageChops.invert(strip) if self.inverted else strip
        if self.transform is not None:
            flat = flat if flat.mode == self.transform_mode else flat.convert(self.transform_mode)
            converted = ImageCms.applyTransform(flat, self.transform)
            assert converted is not None  # it is, unless done in place
            return converted
        return flat.convert("RGB")


def _is_deep(image: Image.Image) -> bool:
    """Whether it is grey of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _conversion(image: Image.Image) -> _Conversion:
    deep = _is_deep(image)
    # Pillow inverts every CMYK JPEG, but only Adobe's are stored inverted.
    inverted = image.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info
    if deep or image.mode in ("1", "L", "LA", "La"):
        mode = "L"  # so that a grey colour profile fits
    elif image.mode in ("CMYK", "LAB") and not image.has_transparency_data:
        mode = image.mode
    else:
        mode = "RGB"
    profile = image.info.get("icc_profile")
    transform = _transform_of(profile, mode) if isinstance(profile, bytes) and profile else None
    return _Conversion(_grey_range(image) if deep else None, inverted, transform, mode)


def _transform_of(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From an ICC profile to sRGB; None where the profile is unusable, of another kind of colour, or sRGB itself.

    Whether it is sRGB is seen by what it does to colours, whatever it is called.
    """
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode in ("RGB", "L"):
            probe = _colour_cube().convert(mode)
            converted = ImageCms.applyTransform(probe, transform)
            if converted is None:
                return None
            change = np.asarray(converted, np.int16) - np.asarray(probe.convert("RGB"), np.int16)
            if np.abs(change).max() <= 1:  # rounding
                return None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return transform


def _colour_cube(steps: int = 16) -> Image.Image:
    """Every combination of `steps` values of red, green and blue."""
    values = np.linspace(0, 255, steps).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(values, values, values, indexing="ij"), -1)
    return Image.fromarray(cube.reshape(steps, steps * steps, 3))


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    return image if factor == 1 else image.reduce(factor)


def over_white(image: Image.Image) -> Image.Image:
    """A picture with transparency, laid over white; grey stays grey, so that a grey colour profile still fits."""
    grey = image.mode in ("L", "LA", "La", "1")
    layered = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    white.alpha_composite(layered)
    return white.convert("L" if grey else "RGB")


def _grey_range(image: Image.Image) -> tuple[float, float]:
    """Of deep grey: the smallest usual range that holds it: 0 to 1 (float only), 255 or 65535, else its own."""
    if image.mode.startswith("I;16"):
        return 0.0, 65535.0
    rows = max(_STRIP_PIXELS // image.width, 1)
    low, high = np.inf, -np.inf
    for top in range(0, image.height, rows):
        values = _values(image.crop((0, top, image.width, min(top + rows, image.height))))
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    usual = [top for top in (1.0, 255.0, 65535.0) if high <= top and not (top == 1.0 and image.mode == "I")]
    return (0.0, usual[0]) if low >= 0 and usual else (low, high)


def _values(image: Image.Image) -> NDArray[np.float32]:
    return np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0, neginf=0)


def _to_8_bit(image: Image.Image, grey_range: tuple[float, float]) -> Image.Image:
    low, high = grey_range
    values = _values(image)
    scaled = (values - low) * (255 / max(high - low, 1e-12))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        scaled[values == transparent] = 255
    return Image.fromarray(np.rint(scaled).clip(0, 255).astype(np.uint8))
