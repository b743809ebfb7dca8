"""Where the command line writes: folders made, inputs never overwritten, names that do not collide."""

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from stylizer.errors import OutputError

_STEM_BYTES_MAX = 100  # of each half of a file name; file systems allow 255 in all


class OutputNames:
    """Names of output files: <target>_<style>.png; never an input's, nor one given before.

    Args:
        folder: they lie in.
        style: the second half of the names.
        inputs: files that must not be overwritten.
    """

    def __init__(self, folder: Path, style: str, inputs: Iterable[Path]) -> None:
        self._folder, self._style, self._inputs = folder, _shortened(style), list(inputs)
        self._given: set[str] = set()

    def next(self, target: Path) -> Path:
        """The output for a target; with _2, _3 ... where targets share a stem."""
        stem = f"{_shortened(target.stem)}_{self._style}"
        candidates = (f"{stem}.png" if n == 1 else f"{stem}_{n}.png" for n in itertools.count(1))
        name = next(name for name in candidates if self._is_free(name))
        self._given.add(name.casefold())
        return self._folder / name

    def _is_free(self, name: str) -> bool:
        # Some file systems do not tell upper case from lower case.
        return name.casefold() not in self._given and not any(is_same(self._folder / name, i) for i in self._inputs)


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


def check_output(path: Path, photo: Path) -> None:
    """Raise OutputError if a file cannot be written, or is the photo itself; done before the work, not after it."""
    if is_same(path, photo):
        raise OutputError(f"{path} is the photo itself; choose another file for --out.")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; choose a file for --out.")
    if path.suffix.lower() != ".png":
        raise OutputError(f"{path} does not end in .png; choose a PNG file for --out.")
    make_folder(path.parent)


def is_same(one: Path, other: Path) -> bool:
    """Whether both paths lead to the same existing file."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _shortened(stem: str) -> str:
    return os.fsencode(stem)[:_STEM_BYTES_MAX].decode("utf-8", "ignore")
