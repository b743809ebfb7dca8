"""A style on its way: the bytes of its two files, from the Hub or in one `.stylizer` file, not trusted until checked.

A `.stylizer` file is a zip of exactly style.safetensors.xz and card.json, stored without compression: the first is
compressed already, and nothing in it can unfold to more than its own size.
"""

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from stylizer.errors import StyleFileError
from stylizer.files import write_atomically
from stylizer.styles.style import CARD_BYTES_MAX, CARD_FILE, TENSORS_BYTES_MAX, TENSORS_FILE

SUFFIX = ".stylizer"
_LIMITS = {CARD_FILE: CARD_BYTES_MAX, TENSORS_FILE: TENSORS_BYTES_MAX}
_FILE_BYTES_MAX = sum(_LIMITS.values()) + 4096  # the zip's own headers


@dataclass(frozen=True)
class StyleArchive:
    """The content of card.json and of style.safetensors.xz."""

    card: bytes
    tensors: bytes


def read_archive(folder: Path) -> StyleArchive:
    """The two files of a stored style. Raises StyleFileError: one is missing or too large."""
    contents = {}
    for name, limit in _LIMITS.items():
        try:
            with (folder / name).open("rb") as file:
                contents[name] = file.read(limit + 1)
        except OSError as error:
            raise StyleFileError(f"The stored style {folder.name} has no {name}; train it again.") from error
        if len(contents[name]) > limit:
            raise StyleFileError(f"The stored style {folder.name} is too large; train it again.")
    return StyleArchive(contents[CARD_FILE], contents[TENSORS_FILE])


def write_file(archive: StyleArchive, path: Path) -> None:
    """Write a `.stylizer` file, whole or not at all; the same archive gives the same bytes.

    Raises:
        DiskFullError, OutputError: it cannot be written.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        file.writestr(zipfile.ZipInfo(CARD_FILE), archive.card)
        file.writestr(zipfile.ZipInfo(TENSORS_FILE), archive.tensors)
    write_atomically(path, buffer.getvalue())


def read_file(path: Path) -> StyleArchive:
    """Open a `.stylizer` file. Sizes are looked at before anything is read, and no name in it is ever used as a path.

    Raises:
        StyleFileError: it is missing, or no such file. What is in it is not checked yet.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise StyleFileError(f"{path.name} cannot be read ({error.strerror}); choose a {SUFFIX} file.") from error
    try:
        return _opened(content)
    except Exception as error:  # what zipfile raises on bytes that mean harm is not listed anywhere
        why = f" ({error})" if isinstance(error, StyleFileError) else ""
        raise StyleFileError(f"{path.name} is not a style's file{why}; export the style again.") from error


def _opened(content: bytes) -> StyleArchive:
    if len(content) > _FILE_BYTES_MAX:
        raise StyleFileError("it is too large")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        found = archive.infolist()
        if sorted(info.filename for info in found) != sorted(_LIMITS):
            raise StyleFileError("it holds other files than a style's")
        for info in found:
            if info.file_size > _LIMITS[info.filename] or info.compress_type != zipfile.ZIP_STORED:
                raise StyleFileError(f"{info.filename} in it is too large")
        return StyleArchive(archive.read(CARD_FILE), archive.read(TENSORS_FILE))
