"""Files that are there whole or not at all, and names that are safe to store and to show."""

import contextlib
import errno
import os
import re
import unicodedata
import uuid
from collections.abc import Iterator
from pathlib import Path

from stylizer.errors import DiskFullError, OutputError

FILE_NAME_BYTES_MAX = 240  # file systems allow 255 bytes; the rest is for a suffix that a browser may add
_FORBIDDEN = re.compile(r'[/\\<>:"|?*]+')  # separators, and what Windows refuses
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # devices on Windows, with any suffix


def write_atomically(path: Path, content: bytes, *, make_folder: bool = True) -> None:
    """Write a file so that a kill, a full disk or another writer leaves one whole content, never a part.

    The content goes to a new file in the same folder, is flushed to the disk (fsync), and takes the name in one step.
    After a power cut the file holds the old content or the new one. Each call has a temporary name of its own, of 22
    bytes whatever the length of `path`'s, so that threads and processes may write the same path at the same time: the
    last one stays.

    Args:
        make_folder: make the folders above where they are missing; else a missing folder is an OutputError.
    Raises:
        DiskFullError: no room left. OutputError: any other reason.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex[:16]}.part")
    try:
        if make_folder:
            path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def files_below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All files in a folder and in those in it, each with what the system says of it, links not followed.

    Others may write, move and remove meanwhile: what has gone when its turn comes is left out.
    """
    for root, _, names in os.walk(folder):  # whose errors are passed over; those of Path.rglob end it
        for path in (Path(root, name) for name in names):
            with contextlib.suppress(OSError):
                yield path, path.lstat()


def write_error(path: Path, error: OSError) -> DiskFullError | OutputError:
    """What to tell the user of a failed write."""
    if is_disk_full(error):
        return DiskFullError(f"There is no room left on the disk for {path}; make room and run the same again.")
    reason = error.strerror or type(error).__name__
    return OutputError(f"{path} cannot be written ({reason}); choose another place, or check the folder's permissions.")


def is_disk_full(error: OSError) -> bool:
    """Whether an error of the file system means that there is no room left."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def clean_characters(text: str) -> str:
    """A text on one line, without the characters that hide or reorder others; letters of any script stay.

    Control and format characters (right-to-left overrides, zero-width joiners), line breaks, lone surrogates and
    unassigned code points become spaces; runs of spaces become one. What separates folders, or is refused by
    Windows in a file's name, becomes a hyphen.
    """
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return re.sub(r"\s+", " ", _FORBIDDEN.sub("-", text)).strip()


def clean_file_name(name: str, default: str = "picture", bytes_max: int = FILE_NAME_BYTES_MAX) -> str:
    """A file name from a stranger, made safe to store and to show.

    Args:
        name: a file name; of a path, the last part is taken (after either kind of slash).
        default: the stem where nothing usable is left.
        bytes_max: length of the result in UTF-8, at least 16; the stem is cut, the suffix stays.
    Returns:
        One line without control, format or reserved characters that does not begin with a dot.
    """
    text = clean_characters(re.split(r"[/\\]", name)[-1])
    stem, dot, suffix = text.rpartition(".")
    if not dot or not suffix.isalnum() or len(suffix.encode()) > 10:
        stem, dot, suffix = text, "", ""
    stem = stem.strip(" .-")
    ending = f"{dot}{suffix}"
    room = max(bytes_max - len(ending.encode()), 1)
    stem = stem.encode()[:room].decode("utf-8", "ignore").strip(" .-")
    if not any(c.isalnum() for c in stem):
        stem = default
    return f"_{stem}{ending}" if _RESERVED.fullmatch(stem + ending) else stem + ending
