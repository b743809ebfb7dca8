"""Archives of pictures, read without unpacking them to the disk.

Nothing in an archive is believed: a name that leads out of it, a link, and a file that unfolds beyond all measure are
told as faults of that file, and the others are read.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from stylizer.errors import PictureError
from stylizer.files import clean_characters

MEMBER_BYTES_MAX = 500_000_000  # of a file in an archive, unfolded
MEMBERS_MAX = 2_000_000
_RATIO_MAX, _RATIO_FROM = 100, 50_000_000  # unfolded to folded bytes, of what unfolds to more than so many
_ZIP, _TAR = (".zip",), (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_BROKEN = (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error, NotImplementedError, RuntimeError)
# RuntimeError is zipfile's word for a password, NotImplementedError for an unknown compression.


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive.

    name: with forward slashes; "" where the archive as a whole is at fault. size: bytes, unfolded. modified: its
    checksum or time. fault: one sentence where it must not or cannot be read, else "".
    """

    name: str
    size: int = 0
    modified: str = ""
    fault: str = ""


def is_archive(path: Path) -> bool:
    """Whether a file is called like an archive that can be read."""
    return path.name.lower().endswith(_ZIP + _TAR)


def members(path: Path) -> Iterator[Member]:
    """The files of an archive, each name once; a damaged archive ends with a nameless fault."""
    given: set[str] = set()
    try:
        for member in _zipped(path) if _is_zip(path) else _tarred(path):
            if member.name in given:
                continue
            given.add(member.name)
            yield member
            if len(given) >= MEMBERS_MAX:
                yield Member("", fault=f"{_shown(path.name)} holds more than {MEMBERS_MAX} files; divide it.")
                return
    except _BROKEN:
        yield Member("", fault=f"{_shown(path.name)} is damaged or no archive; make or download it again.")


class ArchiveReader:
    """Reads members of archives; keeps the last archive open, as the next member is usually in it, too."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._zip: zipfile.ZipFile | None = None
        self._tar: tarfile.TarFile | None = None

    def read(self, path: Path, member: str) -> bytes:
        """The bytes of a member.

        Raises:
            PictureError: it is gone, damaged, or larger than `MEMBER_BYTES_MAX`.
        """
        name = _shown(member)
        try:
            with self._open_member(path, member) as file:
                content = file.read(MEMBER_BYTES_MAX + 1)
        except KeyError as error:
            raise PictureError(f"{name} is no longer in {_shown(path.name)}; run the same command again.") from error
        except _BROKEN as error:
            self.close()
            raise PictureError(f"{name} cannot be read from {_shown(path.name)}; make the archive again.") from error
        if len(content) > MEMBER_BYTES_MAX:
            raise PictureError(f"{name} {_too_large()}")
        return content

    def close(self) -> None:
        """Close the archive that is open."""
        for archive in (self._zip, self._tar):
            if archive is not None:
                archive.close()
        self._path = self._zip = self._tar = None

    def _open_member(self, path: Path, member: str) -> IO[bytes]:
        if path != self._path:
            self.close()
            self._zip = zipfile.ZipFile(path) if _is_zip(path) else None
            self._tar = None if self._zip else tarfile.open(path)  # noqa: SIM115 - open until the next archive
            self._path = path
        if self._zip is not None:
            return self._zip.open(self._zip_name(member))
        return self._from_tar(path, member)

    def _zip_name(self, member: str) -> str:
        assert self._zip is not None
        if member in self._zip.NameToInfo:
            return member
        return next(name for name in [*self._zip.NameToInfo, ""] if name.replace("\\", "/") == member or not name)

    def _from_tar(self, path: Path, member: str) -> IO[bytes]:
        """Looked for from where the last one was, then from the start: a compressed archive is unfolded once."""
        for _ in range(2):
            assert self._tar is not None
            while (info := self._tar.next()) is not None:
                self._tar.members = []  # type: ignore[attr-defined]  # else it remembers all
                if info.isreg() and info.name.removeprefix("./") == member:
                    file = self._tar.extractfile(info)
                    assert file is not None
                    return file
            self._tar.close()
            self._tar = tarfile.open(path)  # noqa: SIM115 - open until the next archive
        raise KeyError(member)


def _is_zip(path: Path) -> bool:
    return path.name.lower().endswith(_ZIP)


def _zipped(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in sorted(archive.NameToInfo.values(), key=lambda info: info.filename):
            if info.is_dir():
                continue
            name = info.filename.replace("\\", "/")
            fault = _fault(name, info.file_size)
            if not fault and info.flag_bits & 1:
                fault = f"{_shown(name)} is locked by a password; unlock the archive first."
            if not fault and info.file_size > max(_RATIO_FROM, _RATIO_MAX * info.compress_size):
                fault = f"{_shown(name)} unfolds to {info.file_size / 1e6:.0f} MB, as no picture does; it is left out."
            yield Member(name, info.file_size, f"{info.CRC:08x}", fault)


def _tarred(path: Path) -> Iterator[Member]:
    """In the archive's own order, in which it is read fastest."""
    with tarfile.open(path) as archive:
        while (info := archive.next()) is not None:
            archive.members = []  # type: ignore[attr-defined]  # else it remembers all
            name = info.name.removeprefix("./")
            if info.isdir():
                continue
            fault = _fault(name, info.size)
            if not info.isreg():
                fault = f"{_shown(name)} is a link or a device, no file; put the file itself into the archive."
            yield Member(name, info.size, str(info.mtime), fault)


def _fault(name: str, size: int) -> str:
    parts = name.split("/")
    if not name or parts[0] == "" or ".." in parts or ":" in parts[0] or "\0" in name:
        return f"{_shown(name)} leads out of its archive; make the archive again, with plain names."
    return f"{_shown(name)} {_too_large()}" if size > MEMBER_BYTES_MAX else ""


def _too_large() -> str:
    return f"is larger than {MEMBER_BYTES_MAX // 10**6} MB; take it out of the archive."


def _shown(name: str) -> str:
    return clean_characters(name)[:100] or "A file"
