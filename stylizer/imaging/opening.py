"""Pictures in: anything a user may bring -> 8-bit sRGB of bounded size."""

import contextlib
import os
import struct
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from PIL import Image, ImageFile

from stylizer.errors import PictureError
from stylizer.files import clean_characters
from stylizer.forks import ForkLock
from stylizer.imaging.arrays import from_array, is_array
from stylizer.imaging.convert import to_srgb
from stylizer.settings import (
    PICTURE_BYTES_MAX,
    PICTURE_PIXELS_KEPT,
    PICTURE_PIXELS_MAX,
    PICTURE_RATIO_MAX,
    PICTURE_SIDE_MIN,
)

# Formats that people use, and no other: each decoder is code that a stranger's file runs. Some hold the interpreter
# lock for seconds (JPEG 2000), one would start another program (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "TIFF", "BMP", "GIF")
_READABLE = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF"
_ACCEPTED = "a path, the bytes of a file, an open binary file, a Pillow image, a numpy array or a torch tensor"
SHRUNK_BY = "shrunk_by"
_ORIENTATION_TAG = 0x0112
_NAME_LENGTH_SHOWN = 100
_warning_filters = ForkLock()  # warnings.catch_warnings changes filters that all threads share

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    PictureSource = (
        str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | NDArray[Any] | Tensor
    )
else:  # torch is not imported for the sake of a name
    PictureSource = Any


def open_picture(source: PictureSource, *, pixels_max: int = PICTURE_PIXELS_MAX, as_is: bool = False) -> Image.Image:
    """Read a picture as upright 8-bit sRGB.

    The camera's orientation is applied, transparency is laid over white, 16-bit, integer and float grey are scaled
    to 8 bit, CMYK and embedded colour profiles are converted to sRGB, an animation gives its first frame. A picture
    of more than `PICTURE_PIXELS_KEPT` pixels is shrunk by 2, 4, ...; while it is decoded where the format can.

    Args:
        source: a path, the bytes of a file, an open binary file, a Pillow image, a numpy array or a torch tensor (see
            `arrays.from_array`); left unchanged. Files are JPEG, PNG, WebP, HEIC, AVIF, TIFF, BMP or GIF.
        pixels_max: of a file, by its header.
        as_is: any shape from one pixel on is taken, and transparency is kept.
    Returns:
        RGB picture (RGBA where transparency is kept) without metadata, within the limits of `settings`. Where it was
        shrunk, `info[SHRUNK_BY]` says how many of the file's pixels became one, along a side.
    Raises:
        PictureError: missing, unreadable, damaged, of an unknown format, or beyond the limits of `settings`; what the
            header tells is checked before anything is decoded.
    """
    name = name_of(source)
    with contextlib.ExitStack() as stack:
        if is_array(source):
            image = from_array(source)
        elif isinstance(source, Image.Image):
            image = source
        else:
            image = _open_file(_file_of(source, name, stack), name, stack)
        _check_size(image.size, name, pixels_max, any_shape=as_is)
        try:
            return _decode(image, may_change=image is not source, keep_alpha=as_is)
        except MemoryError as error:
            raise PictureError(f"{name} does not fit into memory; make it smaller.") from error
        except Exception as error:  # a damaged file makes decoders raise nearly anything
            raise PictureError(f"{name} is damaged or cut short; export or download it again.") from error


def _decode(image: Image.Image, may_change: bool, keep_alpha: bool) -> Image.Image:
    """may_change: the picture is nobody else's, and may be decoded at a smaller size."""
    factor, longest = _factor_for(image.size), max(image.size)
    if factor > 1 and may_change and isinstance(image, ImageFile.ImageFile):
        image.draft(image.mode, (image.width // factor, image.height // factor))  # where the format can shrink
    image.load()
    if image.width * image.height > PICTURE_PIXELS_MAX:  # a container may hold another size than it says
        raise ValueError("larger than its header says")
    # Some formats are turned by Pillow as they are loaded, and say after it that they are upright.
    picture = to_srgb(image, _factor_for(image.size), _orientation(image), keep_alpha)
    if factor > 1:
        picture.info[SHRUNK_BY] = longest / max(picture.size)
    return picture


def _orientation(image: Image.Image) -> int:
    """As EXIF counts it; 1 is upright."""
    try:
        with _quiet():
            orientation = image.getexif().get(_ORIENTATION_TAG)
    except Exception:  # metadata nobody can read says nothing about orientation; the pixels are fine
        return 1
    return orientation if isinstance(orientation, int) else 1


def _factor_for(size: tuple[int, int]) -> int:
    """The power of two that both sides are to be divided by."""
    factor = 1
    while -(-size[0] // factor) * -(-size[1] // factor) > PICTURE_PIXELS_KEPT:
        factor *= 2
    return factor


def name_of(source: object) -> str:
    """What a sentence calls a picture: its file's name, without characters that hide or reorder others."""
    if isinstance(source, str | os.PathLike):
        name: object = os.fspath(source)
    else:
        name = getattr(source, "filename", None) or getattr(source, "name", None)
    if not isinstance(name, str | Path) or not str(name):
        return "The picture"
    return clean_characters(Path(name).name or str(name))[:_NAME_LENGTH_SHOWN] or "The picture"


def _file_of(source: object, name: str, stack: contextlib.ExitStack) -> BinaryIO:
    """The open, seekable file of a path, bytes or a file."""
    try:
        if isinstance(source, bytes | bytearray | memoryview):
            return BytesIO(source)
        if isinstance(source, str | os.PathLike):
            path = Path(source)
            if path.exists() and not path.is_file():  # opening a pipe or a device could wait for ever
                raise PictureError(f"{name} is not a file; name a picture file.")
            return cast(BinaryIO, stack.enter_context(path.open("rb")))
        if not callable(getattr(source, "read", None)):
            raise PictureError(f"A {type(source).__name__} is no picture; give {_ACCEPTED}.")
        file = cast(BinaryIO, source)
        if isinstance(file.read(0), str):
            raise PictureError(f'{name} is open as text; open it with the mode "rb".')
        if callable(getattr(file, "seekable", None)) and file.seekable():
            return file
        content = file.read(PICTURE_BYTES_MAX + 1)
        if len(content) > PICTURE_BYTES_MAX:
            raise PictureError(f"{name} is larger than {PICTURE_BYTES_MAX // 10**6} MB; make it smaller.")
        return BytesIO(content)
    except FileNotFoundError as error:
        raise PictureError(f"{name} does not exist; check the path.") from error
    except PermissionError as error:
        raise PictureError(f"{name} may not be read; check the file's permissions.") from error
    except (OSError, ValueError) as error:  # a closed file, a path with a null byte
        raise PictureError(f"{name} cannot be read; check that it is there and open.") from error


def _open_file(file: BinaryIO, name: str, stack: contextlib.ExitStack) -> Image.Image:
    """Read the header only."""
    try:
        with _quiet():
            image = _identify(file)
    except MemoryError:
        raise
    except Exception as error:  # header parsers, too, raise nearly anything
        raise PictureError(f"{name} is damaged or cut short; export or download it again.") from error
    if image is None:
        raise PictureError(f"{name} is not a picture that can be read; use a {_READABLE} file.")
    return stack.enter_context(image)


def _identify(file: BinaryIO) -> ImageFile.ImageFile | None:
    """The picture in a file, its header read, by one of `FORMATS`; None where it is none of them.

    As `Image.open`, without its limit of pixels: the limits here are our own, and a host program's are left alone.
    """
    Image.init()
    file.seek(0)
    prefix = file.read(16)
    for factory, accept in _openers():
        answer = not accept or accept(prefix)
        if not prefix or not answer or isinstance(answer, str):  # the text says that this Pillow lacks the format
            continue
        file.seek(0)
        with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):
            return cast(ImageFile.ImageFile, factory(file, ""))
    return None


def _openers() -> Iterator[tuple[Any, Any]]:
    """What makes a picture of a file, and what looks at the first 16 bytes, by format."""
    for kind in FORMATS:
        if kind == "HEIF":
            # Not registered with Pillow: that would change what a host program can open.
            from pillow_heif.as_plugin import HeifImageFile

            yield HeifImageFile, _is_heif
        elif kind in Image.OPEN:
            yield Image.OPEN[kind]


def _is_heif(prefix: bytes) -> bool:
    """Whether a file begins as those of iPhones (HEVC in a HEIF container) do."""
    return prefix[4:8] == b"ftyp" and prefix[8:12] in {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Pillow warns of odd metadata and of many pixels; the limits here are our own."""
    with _warning_filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_size(size: tuple[int, int], name: str, pixels_max: int, any_shape: bool) -> None:
    width, height = size
    if width * height > pixels_max:
        limit = f"{pixels_max / 10**6:g} megapixels"
        raise PictureError(f"{name} is too large ({width} x {height} px); use a picture of at most {limit}.")
    if any_shape:
        return
    if min(size) < PICTURE_SIDE_MIN:
        raise PictureError(
            f"{name} is too small ({width} x {height} px); "
            f"use a picture of at least {PICTURE_SIDE_MIN} px on each side."
        )
    if max(size) > PICTURE_RATIO_MAX * min(size):
        raise PictureError(
            f"{name} is too long and narrow ({width} x {height} px); cut out the part with the face "
            f"(at most {PICTURE_RATIO_MAX} times as long as wide)."
        )
