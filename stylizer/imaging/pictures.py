"""Pictures in and out: any file a user may bring -> 8-bit RGB, pictures <-> tensors, atomic saving."""

import contextlib
import threading
import uuid
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms
from torch import Tensor

from stylizer.errors import OutputError, PictureError

MIN_SIDE = 64
MAX_PIXELS = 100_000_000

# Only formats that Pillow decodes by itself: EPS, for one, would start Ghostscript on a stranger's file.
READABLE = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM", "TGA", "ICO")
_SAVE_OPTIONS: dict[str, tuple[str, dict[str, object]]] = {
    ".png": ("PNG", {"compress_level": 4}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95, "method": 4}),
}
_ORIENTATION_TAG = 0x0112
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_warning_filters = threading.Lock()  # warnings.catch_warnings changes filters that all threads share

PictureSource = str | Path | bytes | BinaryIO | Image.Image


def open_picture(source: PictureSource) -> Image.Image:
    """Read a picture of nearly any kind as upright 8-bit RGB.

    The camera's orientation is applied, transparency is laid over white, 16-bit, integer and float grey are scaled
    to 8 bit, CMYK and embedded colour profiles are converted to sRGB, an animation gives its first frame.

    Args:
        source: a path, the bytes of a file, an open binary file, or a Pillow image (left unchanged).
    Returns:
        RGB image without metadata, at least 64 px on its shorter side and at most 100 megapixels.
    Raises:
        PictureError: missing, unreadable, damaged, too small or too large (known before anything is decoded).
    """
    name = _name_of(source)
    with contextlib.ExitStack() as stack:
        image = source if isinstance(source, Image.Image) else _open_file(source, name, stack)
        _check_size(image, name)
        try:
            return _decode(image)
        except MemoryError as error:
            raise PictureError(f"{name} does not fit into memory; make it smaller.") from error
        except Exception as error:  # a damaged file makes decoders raise nearly anything
            raise PictureError(f"{name} is damaged or cut short; export or download it again.") from error


def to_tensor(image: Image.Image) -> Tensor:
    """Pixels as numbers: (1, 3, H, W) float32, RGB, 0 -> -1 and 255 -> 1, on the CPU."""
    pixels = torch.from_numpy(np.array(image.convert("RGB")))
    return (pixels.permute(2, 0, 1)[None].float() / 127.5 - 1).contiguous()


def to_image(tensor: Tensor) -> Image.Image:
    """Numbers as pixels; the inverse of `to_tensor` to the bit.

    Args:
        tensor: (1, 3, H, W) or (3, H, W), RGB, [-1, 1] (values beyond are clamped), any device and float type.
    Raises:
        ValueError: another shape.
    """
    if tensor.dim() == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.dim() != 3 or tensor.shape[0] != 3:
        raise ValueError(f"expected one RGB picture, (1, 3, H, W) or (3, H, W), not {tuple(tensor.shape)}")
    pixels = ((tensor.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())


def save_picture(image: Image.Image, path: str | Path) -> None:
    """Write a picture whole or not at all, as PNG, JPEG or WebP by the path's suffix, without metadata.

    Raises:
        OutputError: unknown suffix, no such folder, no permission, no room.
    """
    path = Path(path)
    write_whole(encode_picture(image, path), path)


def write_whole(data: bytes, path: Path) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputError: no such folder, no permission, no room.
    """
    temporary = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise OutputError(f"{path} cannot be written ({reason}); choose another place or make room there.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def encode_picture(image: Image.Image, path: Path, **metadata: object) -> bytes:
    """A picture as the bytes of a PNG, JPEG or WebP file, by the path's suffix; nothing is written.

    Args:
        metadata: what Pillow's writer of that format takes, such as exif and xmp. Nothing else is in the file.
    Raises:
        OutputError: unknown suffix, or too large for the format.
    """
    if path.suffix.lower() not in _SAVE_OPTIONS:
        raise OutputError(f"{path.name} names no picture format; end the name in .png, .jpg or .webp.")
    kind, options = _SAVE_OPTIONS[path.suffix.lower()]
    bare = image.copy() if image.mode in ("RGB", "L") else image.convert("RGB")
    bare.info = {}  # else Pillow would copy colour profile, comment and EXIF of the source into the file
    buffer = BytesIO()
    try:
        bare.save(buffer, kind, **options, **metadata)
    except (OSError, ValueError) as error:
        width, height = image.size
        raise OutputError(
            f"{path.name} cannot be written as {kind} at {width} x {height} px; choose another format, such as .png."
        ) from error
    return buffer.getvalue()


def _name_of(source: PictureSource) -> str:
    if isinstance(source, str | Path):
        return Path(source).name or str(source)
    name = getattr(source, "filename", None) or getattr(source, "name", None)
    return Path(name).name if isinstance(name, str | Path) and str(name) else "The picture"


def _open_file(source: str | Path | bytes | BinaryIO, name: str, stack: contextlib.ExitStack) -> Image.Image:
    """Read the header only."""
    try:
        file: BinaryIO
        if isinstance(source, bytes):
            file = BytesIO(source)
        elif isinstance(source, str | Path):
            if Path(source).exists() and not Path(source).is_file():  # opening a pipe or a device could wait for ever
                raise PictureError(f"{name} is not a file; name a picture file.")
            file = cast(BinaryIO, stack.enter_context(Path(source).open("rb")))  # noqa: SIM115 - closed by the stack
        else:
            file = source if source.seekable() else BytesIO(source.read())
        Image.init()  # else Pillow knows only its five commonest formats and trips over the others' names
        formats = [kind for kind in READABLE if kind in Image.OPEN]
        with _quiet():
            return stack.enter_context(Image.open(file, formats=formats))
    except FileNotFoundError as error:
        raise PictureError(f"{name} does not exist; check the path.") from error
    except PermissionError as error:
        raise PictureError(f"{name} may not be read; check the file's permissions.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise PictureError(f"{name} is too large; use a picture of at most 100 megapixels.") from error
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # header parsers, too, raise nearly anything
        raise PictureError(f"{name} is not a picture that can be read; use a JPEG, PNG or WebP file.") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns from 89 megapixels on, and of odd metadata; the limits here are our own."""
    with _warning_filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_size(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PictureError(f"{name} is too large ({width} x {height} px); use a picture of at most 100 megapixels.")
    if min(width, height) < MIN_SIDE:
        raise PictureError(
            f"{name} is too small ({width} x {height} px); use a picture of at least {MIN_SIDE} px on each side."
        )


def _decode(image: Image.Image) -> Image.Image:
    image.load()
    upright = _upright(image)
    profile = image.info.get("icc_profile")
    if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
        upright = _deep_grey_to_8_bit(upright)
    elif upright.has_transparency_data:
        upright = _over_white(upright)
    elif upright.mode == "CMYK" and image.format in ("JPEG", "MPO") and "adobe" not in image.info:
        upright = ImageChops.invert(upright)  # Pillow inverts every CMYK JPEG, but only Adobe's are stored inverted
    if profile:
        upright = _to_srgb(upright, profile)
    rgb = upright.convert("RGB")
    if rgb is image:
        rgb = image.copy()
    rgb.info = {}
    return rgb


def _upright(image: Image.Image) -> Image.Image:
    try:
        with _quiet():
            orientation = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # metadata nobody can read says nothing about orientation; the pixels are fine
        return image
    transpose = _ORIENTATIONS.get(orientation) if isinstance(orientation, int) else None
    return image if transpose is None else image.transpose(transpose)


def _over_white(image: Image.Image) -> Image.Image:
    """Grey stays grey, so that a grey colour profile still fits."""
    grey = image.mode in ("L", "LA", "La", "1")
    layered = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    white.alpha_composite(layered)
    return white.convert("L" if grey else "RGB")


def _deep_grey_to_8_bit(image: Image.Image) -> Image.Image:
    """Scale deep grey from the smallest usual range that holds it: 1 (float only), 255, 65535, else its own."""
    values: NDArray[np.float32] = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0, neginf=0)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I;16"):
        low, high = 0.0, 65535.0
    else:
        usual = [top for top in (1.0, 255.0, 65535.0) if high <= top and not (top == 1.0 and image.mode == "I")]
        if low >= 0 and usual:
            low, high = 0.0, usual[0]
    scaled = (values - low) * (255 / max(high - low, 1e-12))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        scaled[values == transparent] = 255
    return Image.fromarray(np.rint(scaled).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert by the embedded profile where it is usable, else give the image back as it is."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower() and image.mode == "RGB":
            return image
        if image.mode not in ("RGB", "L", "CMYK", "LAB"):
            image = image.convert("RGB")
        converted = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return image if converted is None else converted
