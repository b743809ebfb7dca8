"""Whose machine this is and where things lie on it; nothing heavy is imported for the answer."""

import os
from pathlib import Path

from platformdirs import PlatformDirs

from stylizer.errors import OutputError

PERSISTENT = Path("/data")  # where a Space has its persistent storage, when it was given one
PACKAGE = Path(__file__).resolve().parent
STUDENT_FILE = PACKAGE / "weights" / "student.safetensors"
"""The shared network of `stylizer.live`; where it is missing, nothing is drawn live."""


def on_space() -> bool:
    """Whether this process runs as a Hugging Face Space."""
    return bool(os.environ.get("SPACE_ID"))


def on_zero_gpu() -> bool:
    """Whether it is a Space that borrows a GPU for single calls (ZeroGPU), instead of having one."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in {"1", "t", "true"}


def has_student() -> bool:
    """Whether the shared network of `stylizer.live` comes with this installation."""
    return STUDENT_FILE.is_file()


def presets_dir() -> Path:
    """The folder of the presets and their example pictures, in an installed package or beside it in a checkout."""
    installed = PACKAGE / "presets"
    return installed if installed.is_dir() else PACKAGE.parent / "styles"


def checkout_dir() -> Path:
    """The folder that holds the package: the root of the repository where this runs from a checkout."""
    return PACKAGE.parent


def home_dir() -> Path:
    """The folder for weights and styles; it may not exist.

    It is the first of: STYLIZER_HOME; on a Hugging Face Space with persistent storage, a folder in that, because all
    else is lost there at every restart; the platform's cache folder, as platformdirs knows it: $XDG_CACHE_HOME/stylizer
    or ~/.cache/stylizer on Linux, ~/Library/Caches/stylizer on macOS, %LOCALAPPDATA%\\stylizer on Windows.

    Raises:
        OutputError: the user has no home folder and STYLIZER_HOME is not set.
    """
    if chosen := os.environ.get("STYLIZER_HOME", "").strip():
        try:
            return Path(chosen).expanduser().absolute()
        except RuntimeError as error:
            raise _no_home() from error
    if on_space() and PERSISTENT.is_dir() and os.access(PERSISTENT, os.W_OK):
        return PERSISTENT / "stylizer"
    try:
        cache = cache_dirs().user_cache_path
    except (KeyError, ValueError, RuntimeError) as error:  # by system and version of platformdirs
        raise _no_home() from error
    if cache.parts[0].startswith("~"):  # as older versions leave it
        raise _no_home()
    return cache.absolute()


def cache_dirs() -> PlatformDirs:
    """This program's folders, without an author's name above them and without "Cache" below them on Windows."""
    return PlatformDirs("stylizer", appauthor=False, opinion=False)


def _no_home() -> OutputError:
    return OutputError("No home folder is known; set STYLIZER_HOME to a folder for weights and styles.")
