"""Styles on the disk: which folders hold them, who may write when, and how nothing is ever left half-written.

    home/styles/<key>/style.safetensors.xz, card.json  one learned style; its name is in its card
    home/styles/.locks/<key>.lock                      held while a style is being trained
    home/styles/.locks/writing.lock                    held while anything here is written or renamed
    home/styles/.new/<key>/                            a style being written; whoever holds writing.lock owns this
    home/styles/.damaged/<key>/                        a style that could not be read, moved aside
    home/styles/.hub/                                  cards of the Hub that were read before
    presets_dir/<name>/                                the same two files; read only

Locks are the operating system's: a killed process gives them back. A style appears by one rename of its folder.
"""

import contextlib
import difflib
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from stylizer.backbones.registry import DEFAULT_BACKBONE
from stylizer.errors import StyleFileError, StyleNotFoundError, StylizerError
from stylizer.files import write_error
from stylizer.library.cards import card_of
from stylizer.library.names import is_clean, is_key
from stylizer.styles.style import CARD_FILE, TENSORS_FILE, backbone_of

THUMBNAIL = "thumbnail.webp"
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class StyleInfo:
    """One line of the list of styles.

    bytes: what its folder takes on the disk. thumbnail: a small picture of a face in this style, if there is one.
    backbone: name of the generator that it is a change of.
    """

    name: str
    key: str
    bytes: int
    preset: bool
    thumbnail: Path | None = None
    backbone: str = DEFAULT_BACKBONE


@dataclass(frozen=True)
class Place:
    """A folder that holds a style, and whether it is a preset's."""

    folder: Path
    preset: bool

    def name_and_key(self) -> tuple[str, str]:
        """A preset's name is its folder's. A learned style's key is its folder's, even where its card is unreadable."""
        try:
            card = card_of(self.folder)
        except StyleFileError:
            return "", "" if self.preset else self.folder.name
        if self.preset:
            return self.folder.name, card["key"]
        return card["name"] if is_clean(card["name"]) else "", self.folder.name

    def backbone(self) -> str:
        """Name of the generator that its card names; the default's where the card is unreadable."""
        with contextlib.suppress(StyleFileError):
            return backbone_of(card_of(self.folder))
        return DEFAULT_BACKBONE

    def stamp(self) -> tuple[tuple[int, int, int], ...] | None:
        """What differs once any of the files is another; None where one is missing."""
        try:
            found = [(self.folder / name).stat() for name in (CARD_FILE, TENSORS_FILE)]
        except OSError:
            return None
        return tuple((s.st_ino, s.st_size, s.st_mtime_ns) for s in found)

    def size(self) -> int:
        """Bytes that the folder's files take."""
        with contextlib.suppress(OSError):  # another process may remove it meanwhile
            return sum(f.stat().st_size for f in self.folder.iterdir() if f.is_file())
        return 0


class StyleStore:
    """The folders of one computer's styles.

    Args:
        folder: of the learned styles; made when needed.
        presets_dir: of the styles that come with the project; may be None or absent.
    """

    def __init__(self, folder: Path, presets_dir: Path | None) -> None:
        self.folder, self._presets_dir = folder, presets_dir
        if (folder / ".new").exists():
            self._sweep()

    def places(self) -> Iterator[Place]:
        """Every folder that holds a style, presets first."""
        yield from self._presets()
        if self.folder.is_dir():
            yield from (Place(f, False) for f in sorted(self.folder.iterdir()) if is_key(f.name))

    def place(self, key: str) -> Place | None:
        """Where the style with this key is; None: nowhere."""
        if preset := next((p for p in self._presets() if p.name_and_key()[1] == key), None):
            return preset
        folder = self.folder / key
        return Place(folder, False) if is_key(key) and folder.is_dir() else None

    def find(self, name_or_key: str) -> Place:
        """Where the style with this name or key is. Raises StyleNotFoundError, which names the closest matches."""
        wanted = unicodedata.normalize("NFC", name_or_key).strip()
        if found := next((p for p in self.places() if wanted and wanted in p.name_and_key()), None):
            return found
        names = sorted({info.name for info in self.list()})
        hint = f"there are {', '.join(names[:5])}{' and others' * (len(names) > 5)}." if names else "train one first."
        if close := difflib.get_close_matches(wanted, names, n=3, cutoff=0.5):
            hint = f"did you mean {' or '.join(close)}?"
        raise StyleNotFoundError(f"No style is called {name_or_key}; {hint}")

    def list(self) -> list[StyleInfo]:
        """Every style whose card can be read: presets first, then by name."""
        found = []
        for place in self.places():
            name, key = place.name_and_key()
            if name:
                thumbnail = place.folder / THUMBNAIL
                picture = thumbnail if thumbnail.is_file() else None
                found.append(StyleInfo(name, key, place.size(), place.preset, picture, place.backbone()))
        return sorted(found, key=lambda info: (not info.preset, info.name.casefold()))

    def _presets(self) -> Iterator[Place]:
        if self._presets_dir is not None and self._presets_dir.is_dir():
            yield from (Place(f, True) for f in sorted(self._presets_dir.iterdir()) if (f / CARD_FILE).is_file())

    def store(self, key: str, write: Callable[[Path], None]) -> Place:
        """Let a style be written, and put it in its place as a whole; the caller is `writing`.

        Raises:
            DiskFullError, OutputError: it cannot be written; nothing is left behind. What `write` raises.
        """
        target, unfinished = self.folder / key, self.folder / ".new" / key
        try:
            write(unfinished)
            unfinished.rename(target)
        except OSError as error:
            raise write_error(target, error) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return Place(target, False)

    def move_aside(self, place: Place) -> None:
        """Keep a damaged style where nobody looks for it. Raises DiskFullError, OutputError."""
        with self.writing():
            aside = self.folder / ".damaged" / place.folder.name
            shutil.rmtree(aside, ignore_errors=True)
            if place.folder.is_dir():  # else another process was first
                self._move(place.folder, aside)

    def remove(self, place: Place) -> None:
        """Delete a learned style, in one step for everybody else; the caller is `writing`.

        Raises:
            DiskFullError, OutputError: the folder cannot be changed.
        """
        doomed = self.folder / ".new" / place.folder.name
        self._move(place.folder, doomed)
        shutil.rmtree(doomed, ignore_errors=True)  # what a kill leaves here is swept later

    @staticmethod
    def _move(folder: Path, target: Path) -> None:
        try:
            target.parent.mkdir(exist_ok=True)
            folder.rename(target)
        except OSError as error:
            raise write_error(folder, error) from error

    @contextmanager
    def lock(self, key: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the right to train a style; other processes and threads that ask for the same key wait.

        Args:
            key: of the style.
            on_wait: called about four times a second while another holds it; what it raises ends the waiting.
        Raises:
            DiskFullError, OutputError: the lock file cannot be made.
        """
        lock = FileLock(self.folder / ".locks" / f"{key}.lock")
        while not self._acquired(lock, _POLL_SECONDS):
            if on_wait is not None:
                on_wait()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The right to write in the library. Anything unfinished found on entering is a killed process's: delete it."""
        with self.lock("writing"):
            shutil.rmtree(self.folder / ".new", ignore_errors=True)
            yield

    @staticmethod
    def _acquired(lock: BaseFileLock, seconds: float) -> bool:
        path = Path(lock.lock_file)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=seconds, poll_interval=0.05)
        except Timeout:
            return False
        except OSError as error:
            raise write_error(path, error) from error
        return True

    def _sweep(self) -> None:
        lock = FileLock(self.folder / ".locks" / "writing.lock")
        with contextlib.suppress(StylizerError):  # a cache that is read-only cannot be swept, and need not be
            if self._acquired(lock, 0):
                shutil.rmtree(self.folder / ".new", ignore_errors=True)
                lock.release()
