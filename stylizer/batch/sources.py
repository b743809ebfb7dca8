"""What a batch is given: files, folders, globs, archives and lists become a row of single inputs."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from stylizer.batch import archives, lists
from stylizer.files import clean_characters

PICTURE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jfif", ".png", ".webp", ".avif", ".heic", ".heif", ".tif", ".tiff", ".bmp", ".gif")
)
VIDEO_SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"))
_WILD = frozenset("*?[")
_SYSTEM_FOLDERS = frozenset(("__MACOSX",))
Kind = Literal["picture", "video"]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells without reading a file whether it changed.

    size: bytes. modified: a time, or a checksum that an archive holds; only ever compared.
    """

    size: int
    modified: str


@dataclass(frozen=True, slots=True)
class Source:
    """One input of a batch.

    name: what the manifest calls it, no other input has it. place: folders and file, from the folder or archive that
    was given on; results lie there too. path: the file, absolute; of a member, its archive. member: the name within
    the archive, or "". fault: one sentence where it cannot be used, else "".
    """

    name: str
    place: str
    path: Path
    member: str = ""
    kind: Kind = "picture"
    fault: str = ""
    stamp: Stamp | None = None

    @property
    def identity(self) -> tuple[Path, str]:
        """The same for whatever way led to this file."""
        return self.path, self.member


@dataclass(frozen=True, slots=True)
class Wanted:
    """A source, and what a list asks of it: the name of a style, and which faces; "" where it says nothing."""

    source: Source
    style: str = ""
    faces: str = ""


def find_sources(inputs: Iterable[str], out: Path) -> Iterator[Wanted]:
    """All inputs, in the order in which they were given; within folders and archives by name.

    Args:
        inputs: paths of files, folders, archives (.zip, .tar ...) and lists (.csv, .jsonl), or globs.
        out: the folder of the results, which are no inputs.
    Returns:
        What cannot be used is among them, with its fault. Hidden files, and files in folders and archives that are not
        called like a picture or a video, are left out.
    """
    for text in inputs:
        yield from _given(text, out.absolute())


def file_source(path: Path, name: str, place: str) -> Source:
    """The source of a file that was named."""
    kind: Kind = "video" if path.suffix.lower() in VIDEO_SUFFIXES else "picture"
    path = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps "..", and resolve follows links
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        why = "does not exist; check the path." if missing else "cannot be read; check the path and its permissions."
        return Source(name, place, path, kind=kind, fault=f"{clean_characters(path.name)} {why}")
    if not path.is_file():
        return Source(name, place, path, kind=kind, fault=f"{clean_characters(path.name)} is not a file; name one.")
    return Source(name, place, path, kind=kind, stamp=Stamp(found.st_size, str(found.st_mtime_ns)))


def _given(text: str, out: Path) -> Iterator[Wanted]:
    path = Path(text)
    if not os.path.lexists(path) and _WILD & set(text):
        yield from _glob(text, out)
    elif path.is_dir():
        yield from _folder(path, out)
    elif archives.is_archive(path) and path.is_file():
        yield from _archive(path)
    elif lists.is_list(path) and path.is_file():
        yield from _list(path)
    else:
        yield Wanted(file_source(path, path.as_posix(), path.name))


def _glob(text: str, out: Path) -> Iterator[Wanted]:
    root = Path(*_fixed(Path(text)))
    found = sorted(glob.glob(text, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
    if not found:
        fault = "No file fits this pattern; check it."
        yield Wanted(Source(text, text, Path(text).absolute(), fault=fault))
    for name in found:
        path = Path(name)
        if path.is_dir() or archives.is_archive(path) or lists.is_list(path):
            continue  # "**" gives the folders as well as their files
        if path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES and out not in path.absolute().parents:
            yield Wanted(file_source(path, path.as_posix(), path.relative_to(root).as_posix()))


def _fixed(pattern: Path) -> Iterator[str]:
    """The parts of a pattern before its first wild one."""
    for part in pattern.parts[:-1]:
        if _WILD & set(part):
            return
        yield part


def _folder(folder: Path, out: Path) -> Iterator[Wanted]:
    unread: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in _SYSTEM_FOLDERS and (Path(root) / name).absolute() != out
        )
        for name in sorted(files):
            path = Path(root) / name
            if not name.startswith(".") and path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES:
                yield Wanted(file_source(path, path.as_posix(), path.relative_to(folder).as_posix()))
    for error in unread:
        place = Path(str(error.filename))
        fault = f"The folder {clean_characters(place.name)} cannot be read ({error.strerror}); check its permissions."
        yield Wanted(Source(place.as_posix(), place.name, place.absolute(), fault=fault))


def _archive(path: Path) -> Iterator[Wanted]:
    for member in archives.members(path):
        suffix = PurePosixPath(member.name).suffix.lower()
        hidden = any(part.startswith(".") or part in _SYSTEM_FOLDERS for part in member.name.split("/") if part != "..")
        if member.name and (hidden or suffix not in PICTURE_SUFFIXES | VIDEO_SUFFIXES):
            continue
        kind: Kind = "video" if suffix in VIDEO_SUFFIXES else "picture"
        name = f"{path.as_posix()}/{member.name}" if member.name else path.as_posix()
        stamp = None if member.fault else Stamp(member.size, member.modified)
        place = member.name or path.name
        yield Wanted(Source(name, place, path.absolute(), member.name, kind, member.fault, stamp))


def _list(path: Path) -> Iterator[Wanted]:
    for row in lists.rows(path):
        name = f"{path.as_posix()}:{row.line}" if row.line else path.as_posix()
        if row.fault:
            yield Wanted(Source(name, path.name, path.absolute(), fault=row.fault))
            continue
        file = path.parent / row.input
        place = row.input if not Path(row.input).is_absolute() else file.name
        yield Wanted(file_source(file, file.as_posix(), place), row.style, row.faces)
