"""What a session keeps of its last portrait, and the bounds of that: in memory, and of files on the disk."""

import contextlib
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cachetools import LRUCache
from PIL import Image

from stylizer.errors import InputError
from stylizer.files import clean_file_name, files_below
from stylizer.serving.work import Drawn
from stylizer.settings import UPSCALE_PIXELS_SERVED_MAX

if TYPE_CHECKING:
    from stylizer.evaluation.score import Score
    from stylizer.provenance.notes import Origin

SWEEP_SECONDS = 600  # between two looks for what is too old
SESSION_SECONDS = 3600  # after that long without a change, a session starts afresh and its files go
MAX_DISK_BYTES = 2 << 30  # of the files of all sessions together; the oldest go first
MAX_MEMORY_BYTES = 2 << 30  # of the portraits of all sessions together; those unused for longest go first
MAX_SESSIONS = 256  # that have a portrait in memory
NOT_KEPT = "The portrait is no longer kept; press Stylize again."
TOO_LARGE_TO_ENLARGE = "The whole photo has {} x {} px already; draw the portrait alone, and enlarge that."
_RESULTS_KEPT = 3  # redrawn pictures: a browser may still load the one before
_PICTURES_KEPT = 24  # other pictures of a portrait: crops, and invented people
_DOWNLOADS_KEPT = 2
_NAME_BYTES_MAX = 100  # of the download's name
_SHOWN_QUALITY = 92  # of the JPEG files that the browser shows; the download is a lossless PNG


class SessionFiles:
    """The folder of a session for pictures that are shown in passing; made when it is first needed.

    Args:
        base: where it is made.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._folder: Path | None = None

    def folder(self) -> Path:
        """The folder; it exists."""
        if self._folder is None or not self._folder.exists():
            self._folder = Path(tempfile.mkdtemp(dir=self._base))
        return self._folder

    def remove(self) -> None:
        """Delete the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class _RecentFiles:
    """The newest files of one kind, each with the picture that it holds; older ones are deleted.

    Args:
        count: how many are kept.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._files: deque[tuple[weakref.ref[Image.Image], Path]] = deque()  # what is shown no more may go

    def get(self, image: Image.Image, write: Callable[[], Path]) -> Path:
        """The file of a picture; written where there is none yet."""
        with self._lock:
            for known, path in self._files:
                if known() is image and path.exists():
                    return path
            path = write()
            self._files.append((weakref.ref(image), path))
            while len(self._files) > self._count:
                _, old = self._files.popleft()
                old.unlink(missing_ok=True)
            return path


@dataclass(frozen=True)
class PortraitFiles:
    """The files of one portrait, however often it is redrawn; their number is bounded."""

    results: _RecentFiles = field(default_factory=lambda: _RecentFiles(_RESULTS_KEPT))
    before: _RecentFiles = field(default_factory=lambda: _RecentFiles(1))
    pictures: _RecentFiles = field(default_factory=lambda: _RecentFiles(_PICTURES_KEPT))
    downloads: _RecentFiles = field(default_factory=lambda: _RecentFiles(_DOWNLOADS_KEPT))
    enlarged: _RecentFiles = field(default_factory=lambda: _RecentFiles(1))


@dataclass(frozen=True)
class PortraitSession:
    """A portrait and the folder of its files.

    score: of the portrait as it is now, once it has been judged. files: shared by all redrawn versions.
    """

    drawn: Drawn
    folder: Path
    score: "Score | None" = None
    files: PortraitFiles = field(default_factory=PortraitFiles, compare=False)

    def shown(self, image: Image.Image, origin: "Origin | None" = None) -> str:
        """A JPEG file that a browser shows quickly; the same one where this very picture was shown before.

        Args:
            origin: of what is drawn; None: it is only cut out of a photo.
        Raises:
            InputError: the session's files were deleted meanwhile.
        """
        files = self.files.pictures
        if image is self.drawn.image:
            files = self.files.results
        elif image is self.drawn.before:
            files = self.files.before
        self._check()
        return str(files.get(image, lambda: Path(show(image, self.folder, origin))))

    def full(self) -> str:
        """The portrait as a PNG file at full resolution, named for the visitor's download folder.

        It is written when it is asked for, not at every redraw: it takes a second and several megabytes.

        Raises:
            InputError: the session's files were deleted meanwhile.
        """
        self._check()
        return str(self.files.downloads.get(self.drawn.image, lambda: self._write_png(self.drawn.image)))

    def enlarged(self, upscale: Callable[[Image.Image], Image.Image]) -> str:
        """The portrait four times as wide and high, as a PNG file.

        Args:
            upscale: enlarges it.
        Raises:
            InputError: the session's files were deleted meanwhile; a whole photo of too many pixels.
        """
        self._check()
        width, height = self.drawn.image.size
        if width * height > UPSCALE_PIXELS_SERVED_MAX:
            raise InputError(TOO_LARGE_TO_ENLARGE.format(width, height))
        return str(self.files.enlarged.get(self.drawn.image, lambda: self._write_png(upscale(self.drawn.image), "-4x")))

    def _check(self) -> None:
        if not self.folder.exists():
            raise InputError(NOT_KEPT)

    def _write_png(self, image: Image.Image, suffix: str = "") -> Path:
        from stylizer.provenance.notes import save_result  # brings torch along: not at the page's start

        folder = self.folder / secrets.token_hex(8)
        folder.mkdir()
        path = folder / clean_file_name(f"portrait-{self.drawn.style_name}{suffix}.png", bytes_max=_NAME_BYTES_MAX)
        save_result(image, path, self.drawn.origin)
        return path

    def remove(self) -> None:
        """Delete the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def show(image: Image.Image, folder: Path, origin: "Origin | None" = None) -> str:
    """Write a JPEG file of a random name into a folder; what is drawn says so in its note and its watermark."""
    path = folder / f"{secrets.token_hex(16)}.jpg"
    if origin is None:
        image.convert("RGB").save(path, quality=_SHOWN_QUALITY)
    else:
        from stylizer.provenance.notes import save_result  # brings torch along: not at the page's start

        save_result(image, path, origin)
    return str(path)


@dataclass(frozen=True)
class _Held:
    bytes: int
    drop: Callable[[], None]


class _LeastRecentlyUsed(LRUCache[int, _Held]):
    def popitem(self) -> tuple[int, _Held]:
        key, held = super().popitem()
        held.drop()
        return key, held


class SessionMemory:
    """Bounds what the sessions of a page hold in memory: those unused for longest lose their portrait first.

    Sessions are made up by whoever calls, so there may be any number of them. Safe to use from any thread.

    Args:
        max_bytes: of pictures, of all sessions together.
        max_sessions: that hold a portrait.
    """

    def __init__(self, max_bytes: int = MAX_MEMORY_BYTES, max_sessions: int = MAX_SESSIONS) -> None:
        self._lock = threading.RLock()
        self._max_bytes, self._max_sessions = max_bytes, max_sessions
        self._held = _LeastRecentlyUsed(max_bytes, getsizeof=lambda held: held.bytes)

    @property
    def bytes(self) -> int:
        """What is held now."""
        return int(self._held.currsize)

    def hold(self, owner: object, drawn: Drawn, drop: Callable[[], None]) -> None:
        """Note that a session holds a portrait, in place of what it held before.

        Args:
            owner: the session's object; it must live as long as it holds the portrait.
            drop: makes the session let go of it; called when others need the room.
        """
        with self._lock:
            self.release(owner)
            while len(self._held) >= self._max_sessions:
                self._held.popitem()
            self._held[id(owner)] = _Held(min(picture_bytes(drawn), self._max_bytes), drop)

    def touch(self, owner: object) -> None:
        """Note that a session has just used its portrait."""
        with self._lock:
            self._held.get(id(owner))

    def release(self, owner: object) -> None:
        """Note that a session holds nothing any more."""
        with self._lock:
            self._held.pop(id(owner), None)


def picture_bytes(drawn: Drawn) -> int:
    """The bytes of all pictures of a portrait in memory; one that is there twice counts once."""
    aligned = drawn.mixer.aligned
    pictures = (drawn.image, drawn.crop, drawn.before, drawn.inverted, drawn.reference, aligned.crop, aligned.photo)
    distinct = {id(picture): picture for picture in pictures if picture is not None}
    return sum(one.width * one.height * len(one.getbands()) for one in distinct.values())


def open_session(drawn: Drawn, base: Path, max_bytes: int = MAX_DISK_BYTES) -> PortraitSession:
    """Keep a portrait in a new folder below `base`; the oldest folders go where all take more than `max_bytes`."""
    return PortraitSession(drawn, make_room(base, max_bytes))


def make_room(base: Path, max_bytes: int = MAX_DISK_BYTES) -> Path:
    """A new folder below `base`; the oldest folders go where all take more than `max_bytes`."""
    _forget_old(base)
    _bound_disk(base, max_bytes)
    return Path(tempfile.mkdtemp(dir=base))


def sweep(base: Path, closing: threading.Event) -> None:
    """Delete what is too old, again and again, until the program ends."""
    while not closing.wait(SWEEP_SECONDS) and base.exists():
        _forget_old(base)


def _forget_old(base: Path) -> None:
    """What programs asked for has no session that would remove it: its time is simply up."""
    for folder in base.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > SESSION_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _bound_disk(base: Path, max_bytes: int) -> None:
    """Delete the oldest folders below `base` until all files there take no more than this."""
    folders = []
    for folder in base.iterdir():
        with contextlib.suppress(OSError):
            size = sum(status.st_size for _, status in files_below(folder))
            folders.append((folder.stat().st_mtime, size, folder))
    total = sum(size for _, size, _ in folders)
    for _, size, folder in sorted(folders, key=lambda one: one[0]):
        if total <= max_bytes:
            return
        shutil.rmtree(folder, ignore_errors=True)
        total -= size
