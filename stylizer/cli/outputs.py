"""Where the command line writes: folders made, nothing overwritten by accident, names that do not collide."""

import itertools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from stylizer.errors import OutputError
from stylizer.files import clean_characters

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")  # that a result can be written as
_OTHER_SUFFIXES = (".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif", ".jp2", ".jfif")
_STEM_BYTES_MAX = 100  # of each half of a file name; file systems allow 255 in all


class OutputNames:
    """Names of output files: <target>_<style>.png; never an input's, one given before, or an existing file's.

    Args:
        folder: they lie in.
        style: the second half of the names.
        inputs: files that must not be overwritten, whatever `overwrite` says.
        overwrite: existing files may be replaced; without it the name gets _2, _3 ... behind it.
    """

    def __init__(self, folder: Path, style: str, inputs: Iterable[Path], overwrite: bool = False) -> None:
        self._folder, self._style, self._inputs = folder, _shortened(style), list(inputs)
        self._overwrite = overwrite
        self._given: set[str] = set()

    def next(self, target: Path) -> Path:
        """The output for a target; with _2, _3 ... where the plain name is not free."""
        stem = f"{_shortened(target.stem)}_{self._style}"
        candidates = (f"{stem}.png" if n == 1 else f"{stem}_{n}.png" for n in itertools.count(1))
        name = next(name for name in candidates if self._is_free(name))
        self._given.add(name.casefold())
        return self._folder / name

    def _is_free(self, name: str) -> bool:
        path = self._folder / name
        # Some file systems do not tell upper case from lower case.
        if name.casefold() in self._given or any(is_same(path, given) for given in self._inputs):
            return False
        return self._overwrite or not os.path.lexists(path)


class OutputFile:
    """The one file that was named, as `check_output` has accepted it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def next(self, _target: Path) -> Path:
        """The file."""
        return self._path


def is_picture_file(path: Path) -> bool:
    """Whether --out means a picture's file: it ends like one, and is no folder."""
    return path.suffix.lower() in {*PICTURE_SUFFIXES, *_OTHER_SUFFIXES} and not path.is_dir()


def make_folder(folder: Path) -> None:
    """Raise OutputError unless the folder is there, or can be made, and can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {folder} cannot be made ({error.strerror}); choose another for --out."
        ) from error
    if not os.access(folder, os.W_OK):
        raise OutputError(f"The folder {folder} cannot be written; choose another for --out.")


def check_output(
    path: Path, inputs: Iterable[Path], overwrite: bool, suffixes: Sequence[str] = PICTURE_SUFFIXES
) -> None:
    """Raise OutputError if a picture's or video's file cannot be written there; done before the work, not after it.

    Args:
        path: a file; its folder is made.
        inputs: files that it must not be, whatever `overwrite` says.
        overwrite: an existing file may be replaced.
        suffixes: that the file may have.
    """
    if any(is_same(path, given) for given in inputs):
        raise OutputError(f"{path} is an input itself; choose another file for --out.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; choose a file for --out.")
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path} does not end in {', '.join(suffixes)}; choose such a file for --out.")
    check_free(path, overwrite)
    make_folder(path.parent)


def check_free(path: Path, overwrite: bool) -> None:
    """Raise OutputError if something is there that must not be replaced."""
    if not overwrite and os.path.lexists(path):
        raise OutputError(f"{path} is there already; choose another file for --out, or add --overwrite.")


def is_same(one: Path, other: Path) -> bool:
    """Whether both paths lead to the same existing file."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _shortened(stem: str) -> str:
    """A part of a file name without characters that hide or reorder others, in no more than so many bytes."""
    return clean_characters(stem).encode()[:_STEM_BYTES_MAX].decode("utf-8", "ignore") or "picture"
