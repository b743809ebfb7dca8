"""Where styles are kept: presets that come with the project, and a cache that is addressed by content.

    home/styles/<key>/style.safetensors.xz, card.json  one learned style; its name is in its card
    home/styles/.locks/<key>.lock                      held while a style is being trained
    home/styles/.locks/writing.lock                    held while anything here is written or renamed
    home/styles/.new/<key>/                            a style being written; whoever holds writing.lock owns this
    home/styles/.damaged/<key>/                        a style that could not be read, moved aside
    presets_dir/<name>/                                the same two files; read only

Locks are the operating system's: a killed process gives them back. A style appears by one rename of its folder.
"""

import contextlib
import difflib
import logging
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from filelock import BaseFileLock, FileLock, Timeout

from stylizer.errors import SettingsError, StyleFileError, StyleNotFoundError, StylizerError
from stylizer.keys import KEY_DIGITS
from stylizer.runtime import home_dir
from stylizer.style import Style, load_style, read_card, save_style, write_card, write_error

log = logging.getLogger(__name__)

NAME_LENGTH_MAX = 64
THUMBNAIL = "thumbnail.webp"
_KEY = re.compile(rf"[0-9a-f]{{{KEY_DIGITS}}}")
_POLL_SECONDS = 0.25


@dataclass(frozen=True)
class StyleInfo:
    """One line of the list of styles.

    bytes: what its folder takes on the disk. thumbnail: a small picture of a face in this style, if there is one.
    """

    name: str
    key: str
    bytes: int
    preset: bool
    thumbnail: Path | None = None


def clean_name(name: str) -> str:
    """Turn what a user typed into a name that is safe in file names everywhere; letters of any script stay.

    Raises:
        SettingsError: nothing is left, or the name looks like a key.
    """
    text = unicodedata.normalize("NFC", name)
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    text = re.sub(r'[/\\<>:"|?*\x00-\x1f]+', "-", text)
    text = re.sub(r"\s+", " ", text)[:NAME_LENGTH_MAX].strip(" .-")
    if not any(c.isalnum() for c in text):
        raise SettingsError(f"{name!r} cannot be a style's name; choose one with at least one letter or digit.")
    if _KEY.fullmatch(text):
        raise SettingsError(f"{name} looks like a style's key; choose a name in words.")
    return text


def default_name(picture: object, key: str) -> str:
    """A file's name without folder and ending; for anything else, the first digits of the key."""
    try:
        return clean_name(Path(picture).stem if isinstance(picture, (str, Path)) else key[:8])
    except SettingsError:
        return key[:8]


def _is_clean(name: str) -> bool:
    with contextlib.suppress(SettingsError):
        return clean_name(name) == name
    return False


class Library:
    """All styles that this computer knows.

    Args:
        home: the cache folder of the whole product; made when needed.
        presets_dir: folder of the styles that come with the project; may be None or absent.
        base_hash: of the generator in use; None loads styles of any base.
        shapes: as for `load_style`; None loads styles of any shape.
    """

    def __init__(
        self,
        home: Path,
        presets_dir: Path | None = None,
        base_hash: str | None = None,
        shapes: Mapping[str, torch.Size] | None = None,
    ) -> None:
        self._folder = home / "styles"
        self._presets_dir = presets_dir
        self._base_hash, self._shapes = base_hash, shapes
        if (self._folder / ".new").exists():
            self._sweep()

    def get(self, key: str) -> Style | None:
        """The style with this key, or None. One that is damaged is moved aside, with a logged warning, and is None."""
        for folder, preset in self._folders():
            if self._card_name_and_key(folder, preset)[1] != key:
                continue
            try:
                return self._load(folder, preset)
            except StyleFileError as error:
                log.warning("%s It is taken as missing.", error)
                if not preset:
                    self._move_aside(folder)
        return None

    def find(self, name_or_key: str) -> Style:
        """The style with this name or key.

        Raises:
            StyleNotFoundError: none; the message names the closest matches.
            StyleFileError: there is one, but it is damaged or was made for another base network.
        """
        wanted = unicodedata.normalize("NFC", name_or_key).strip()
        for folder, preset in self._folders():
            if wanted and wanted in self._card_name_and_key(folder, preset):
                return self._load(folder, preset)
        names = sorted({info.name for info in self.list()})
        close = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5) or names[:5]
        hint = f"did you mean {' or '.join(close)}?" if close else "train one first."
        raise StyleNotFoundError(f"No style is called {name_or_key}; {hint}")

    def put(self, style: Style) -> Style:
        """Store a style under its key. Where there is one already, that one stays.

        Returns:
            The style as stored, its numbers rounded: the one that was there first, or this one, under a free name
            where its own is taken (a training of minutes must not be lost over a name).
        Raises:
            StyleFileError: the style holds NaN or infinite weights.
            DiskFullError, OutputError: it cannot be written; nothing is left behind.
        """
        if not _KEY.fullmatch(style.key):
            raise ValueError(f"{style.key!r} is not a key made by style_key")
        with self._writing():
            target, unfinished = self._folder / style.key, self._folder / ".new" / style.key
            if target.exists():
                return self._load(target, False)
            style = replace(style, name=self.free_name(style.name))
            try:
                save_style(style, unfinished)
                unfinished.rename(target)
            except OSError as error:
                raise write_error(target, error) from error
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            return self._load(target, False)

    def list(self) -> list[StyleInfo]:
        """Every style whose card can be read: presets first, then by name."""
        found = []
        for folder, preset in self._folders():
            name, key = self._card_name_and_key(folder, preset)
            if name:
                size, thumbnail = sum(f.stat().st_size for f in folder.iterdir() if f.is_file()), folder / THUMBNAIL
                found.append(StyleInfo(name, key, size, preset, thumbnail if thumbnail.is_file() else None))
        return sorted(found, key=lambda info: (not info.preset, info.name.casefold()))

    def name(self, key: str, name: str) -> bool:
        """Give a learned style a name; False: it is a preset, which keeps its own.

        Raises:
            SettingsError: the name is unusable, or another style has it.
            StyleNotFoundError: no learned style has this key.
        """
        name = clean_name(name)
        if any(preset and self._card_name_and_key(folder, preset)[1] == key for folder, preset in self._folders()):
            return False
        with self._writing():
            self.check_name(name, key)
            folder = self._folder / key
            if not _KEY.fullmatch(key) or not folder.is_dir():
                raise StyleNotFoundError(f"No learned style has the key {key}; list the styles to see what there is.")
            card = read_card(folder)
            if card["name"] != name:
                write_card(folder, {**card, "name": name})
        return True

    def check_name(self, name: str, key: str) -> None:
        """Raise SettingsError where a style with another key has this name."""
        if any(info.name == name and info.key != key for info in self.list()):
            raise SettingsError(f"Another style is already called {name}; choose another name.")

    def free_name(self, wanted: str) -> str:
        """`wanted`, made safe; with -2, -3 ... behind it where a style has that name already."""
        name, taken = clean_name(wanted), {info.name for info in self.list()}
        return next(n for i in range(1, len(taken) + 2) if (n := name if i == 1 else f"{name}-{i}") not in taken)

    @contextmanager
    def lock(self, key: str, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the right to train a style; other processes and threads that ask for the same key wait.

        Args:
            key: of the style.
            on_wait: called about four times a second while another holds it; what it raises ends the waiting.
        Raises:
            DiskFullError, OutputError: the lock file cannot be made.
        """
        lock = FileLock(self._folder / ".locks" / f"{key}.lock")
        while not self._acquired(lock, _POLL_SECONDS):
            if on_wait is not None:
                on_wait()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """The right to write in the library. Anything unfinished found on entering is a killed process's: delete it."""
        with self.lock("writing"):
            shutil.rmtree(self._folder / ".new", ignore_errors=True)
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
        lock = FileLock(self._folder / ".locks" / "writing.lock")
        with contextlib.suppress(StylizerError):  # a cache that is read-only cannot be swept, and need not be
            if self._acquired(lock, 0):
                shutil.rmtree(self._folder / ".new", ignore_errors=True)
                lock.release()

    def _move_aside(self, folder: Path) -> None:
        with self._writing():
            aside = self._folder / ".damaged" / folder.name
            shutil.rmtree(aside, ignore_errors=True)
            try:
                aside.parent.mkdir(exist_ok=True)
                folder.rename(aside)
            except OSError as error:
                raise write_error(folder, error) from error

    def _folders(self) -> Iterator[tuple[Path, bool]]:
        """Every folder that holds a style, and whether it is a preset."""
        if self._presets_dir is not None and self._presets_dir.is_dir():
            yield from ((f, True) for f in sorted(self._presets_dir.iterdir()) if (f / "card.json").is_file())
        if self._folder.is_dir():
            yield from ((f, False) for f in sorted(self._folder.iterdir()) if _KEY.fullmatch(f.name))

    def _card_name_and_key(self, folder: Path, preset: bool) -> tuple[str, str]:
        """A preset's name is its folder's. A learned style's key is its folder's, even where its card is unreadable."""
        try:
            card = read_card(folder)
        except StyleFileError:
            return "", "" if preset else folder.name
        if preset:
            return folder.name, card["key"]
        return card["name"] if _is_clean(card["name"]) else "", folder.name

    def _load(self, folder: Path, preset: bool) -> Style:
        style = load_style(folder, self._base_hash, self._shapes)
        if preset:
            return replace(style, name=folder.name)
        if style.key != folder.name or not _is_clean(style.name):
            raise StyleFileError(f"The stored style {folder.name} is another one ({style.key}); train it again.")
        return style


def open_library(
    home: Path | None = None, base_hash: str | None = None, shapes: Mapping[str, torch.Size] | None = None
) -> Library:
    """The styles below `home`, with the presets that lie beside the package; needs no networks."""
    presets = Path(__file__).resolve().parent.parent / "styles"
    return Library(home or home_dir(), presets if presets.is_dir() else None, base_hash, shapes)
