"""Pictures as files: PNG, JPEG or WebP, without metadata of the source."""

from io import BytesIO
from pathlib import Path

from PIL import Image

from stylizer.errors import OutputError
from stylizer.files import write_atomically
from stylizer.imaging.convert import over_white

_SAVE_OPTIONS: dict[str, tuple[str, dict[str, object]]] = {
    ".png": ("PNG", {"compress_level": 4}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95, "method": 4}),
}


def save_picture(image: Image.Image, path: str | Path) -> None:
    """Write a picture as PNG, JPEG or WebP by the path's suffix, whole or not at all, without metadata.

    Raises:
        OutputError: unknown suffix, no such folder, no permission. DiskFullError: no room.
    """
    path = Path(path)
    write_atomically(path, encode_picture(image, path), make_folder=False)


def encode_picture(image: Image.Image, path: Path, **metadata: object) -> bytes:
    """A picture as the bytes of a PNG, JPEG or WebP file, by the path's suffix; nothing is written.

    Transparency is kept where the format has it, and is laid over white in a JPEG.

    Args:
        metadata: what Pillow's writer of that format takes, such as exif and xmp. Nothing else is in the file.
    Raises:
        OutputError: unknown suffix, or too large for the format.
    """
    if path.suffix.lower() not in _SAVE_OPTIONS:
        raise OutputError(f"{path.name} names no picture format; end the name in .png, .jpg or .webp.")
    kind, options = _SAVE_OPTIONS[path.suffix.lower()]
    if image.mode == "RGBA" and kind == "JPEG":
        image = over_white(image)
    bare = image.copy() if image.mode in ("RGB", "L", "RGBA") else image.convert("RGB")
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
