"""A style on its way: the bytes of its two files, from the Hub or in one `.stylizer` file, not trusted until checked.

A `.stylizer` file is a zip of exactly style.safetensors.xz and card.json, stored without compression: the first is
compressed already, and nothing in it can unfold to more than its own size. It is a zip and nothing else: not a byte
before, between or after the members, so that no other program can take the same file for a page or a script.
"""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from stylizer.backbones.packing import with_example
from stylizer.errors import StyleFileError
from stylizer.files import write_atomically
from stylizer.styles.style import CARD_BYTES_MAX, CARD_FILE, TENSORS_BYTES_MAX, TENSORS_FILE, card_bytes

SUFFIX = ".stylizer"
_LIMITS = {CARD_FILE: CARD_BYTES_MAX, TENSORS_FILE: TENSORS_BYTES_MAX}
_FILE_BYTES_MAX = sum(_LIMITS.values()) + 4096  # the zip's own headers
# Records of the zip format, PKWARE's APPNOTE 4.3.7, 4.3.12 and 4.3.16.
_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")


@dataclass(frozen=True)
class StyleArchive:
    """The content of card.json and of style.safetensors.xz."""

    card: bytes
    tensors: bytes

    def with_example(self, example: Mapping[str, Tensor], **facts: Any) -> "StyleArchive":
        """The style with another example, of `Example.to_tensors`, and these facts in its card; its change stays.

        Raises:
            ValueError, lzma.LZMAError: it is no packed style.
        """
        tensors = with_example(self.tensors, example)
        card = {**json.loads(self.card), **facts, "sha256": hashlib.sha256(tensors).hexdigest()}
        return StyleArchive(card_bytes(card), tensors)

    def without_example(self) -> "StyleArchive":
        """The style without the face of its reference, for those who may not have that; the archive is sound."""
        return self.with_example({})


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
    """Open a `.stylizer` file. No more than a style's size is read, and no name in it is ever used as a path.

    Raises:
        StyleFileError: it is missing, or not exactly what `write_file` writes. The members are not checked yet.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise StyleFileError(f"{path.name} cannot be read ({error.strerror}); choose a {SUFFIX} file.") from error
    try:
        return _opened(content)
    except StyleFileError as error:
        raise StyleFileError(f"{path.name} is not a style's file ({error}); export the style again.") from error


def _opened(content: bytes) -> StyleArchive:
    """The members of an archive. Read here by hand: zipfile skips what lies before a zip, and walks long directories.

    Raises:
        StyleFileError: a phrase for the reason.
    """
    if len(content) > _FILE_BYTES_MAX:
        raise StyleFileError("it is too large")
    members: dict[str, bytes] = {}
    headers: list[tuple[bytes, int, int, int]] = []  # name, checksum, size, offset
    position = 0
    for _ in _LIMITS:
        name, checksum, data = _member(content, position)
        if name.decode() in members:
            raise StyleFileError("it holds other files than a style's")
        members[name.decode()] = data
        headers.append((name, checksum, len(data), position))
        position += _LOCAL.size + len(name) + len(data)
    directory = position
    for name, checksum, size, offset in headers:
        signature, _, _, *facts, _, _, found_at = _fields(_CENTRAL, content, position)
        position += _CENTRAL.size
        # Flags, method, checksum, sizes and lengths; the times and the attributes may be any.
        expected = [0, 0, checksum, size, size, len(name), 0, 0, 0]
        if signature != b"PK\1\2" or [*facts[:2], *facts[4:]] != expected or found_at != offset:
            raise StyleFileError("its list of files is not that of a style")
        if content[position : position + len(name)] != name:
            raise StyleFileError("its list of files is not that of a style")
        position += len(name)
    end = _END.pack(b"PK\5\6", 0, 0, len(headers), len(headers), position - directory, directory, 0)
    if content[position:] != end:
        raise StyleFileError("it holds more than a style")
    return StyleArchive(members[CARD_FILE], members[TENSORS_FILE])


def _member(content: bytes, position: int) -> tuple[bytes, int, bytes]:
    """Name, checksum and data of the member that begins here. Raises StyleFileError."""
    signature, _, flags, method, _, _, checksum, packed, size, name_length, extra = _fields(_LOCAL, content, position)
    if signature != b"PK\3\4":
        raise StyleFileError(
            "it does not begin with a style" if position == 0 else "it holds other files than a style's"
        )
    start = position + _LOCAL.size + name_length
    name = content[position + _LOCAL.size : start]
    limit = _LIMITS.get(name.decode("ascii", "replace"))
    if limit is None:
        raise StyleFileError("it holds other files than a style's")
    if method != zipfile.ZIP_STORED or flags or extra or packed != size:
        raise StyleFileError(f"{name.decode()} in it is compressed or marked, which a style's is not")
    if size > limit:
        raise StyleFileError(f"{name.decode()} in it is too large")
    data = content[start : start + size]
    if len(data) < size or zlib.crc32(data) != checksum:
        raise StyleFileError(f"{name.decode()} in it is damaged")
    return name, checksum, data


def _fields(record: struct.Struct, content: bytes, position: int) -> tuple[Any, ...]:
    """A record of the zip format. Raises StyleFileError: the file ends before it does."""
    if position + record.size > len(content):
        raise StyleFileError("it is cut off")
    return record.unpack_from(content, position)
