"""Files that are there whole or not at all."""

import contextlib
import errno
import os
from pathlib import Path

from stylizer.errors import DiskFullError, OutputError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a kill or a full disk leaves the old content or the new, never a part.

    Raises:
        DiskFullError: no room left. OutputError: any other reason.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> DiskFullError | OutputError:
    """The user's words for a failed write."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFullError(f"There is no room left on the disk for {path}; make room and run the same again.")
    return OutputError(f"{path} cannot be written ({error.strerror or error}); check its folder's permissions.")
