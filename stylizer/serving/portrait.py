"""What a session keeps of its last portrait: small values, and files that go when the session goes."""

import contextlib
import secrets
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylizer.files import clean_file_name
from stylizer.serving.work import Drawn

if TYPE_CHECKING:
    from stylizer.evaluation.score import Score
    from stylizer.provenance.notes import Origin

SWEEP_SECONDS = 600  # between two looks for what is too old
SESSION_SECONDS = 3600  # after that long without a change, a session starts afresh and its files go
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


@dataclass(frozen=True)
class PortraitSession:
    """A portrait and the folder of its files. score: of the portrait as it is now, once it has been judged."""

    drawn: Drawn
    folder: Path
    score: "Score | None" = None

    def shown(self, image: Image.Image, origin: "Origin | None" = None) -> str:
        """A file that a browser shows quickly. origin: of what is drawn; None: it is only cut out of a photo."""
        return show(image, self.folder, origin)

    def full(self) -> str:
        """The portrait as a PNG file at full resolution, named for the visitor's download folder."""
        from stylizer.provenance.notes import save_result  # brings torch along: not at the page's start

        folder = self.folder / secrets.token_hex(8)
        folder.mkdir()
        path = folder / clean_file_name(f"portrait-{self.drawn.style_name}.png", bytes_max=_NAME_BYTES_MAX)
        save_result(self.drawn.image, path, self.drawn.origin)
        return str(path)

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


def open_session(drawn: Drawn, base: Path) -> PortraitSession:
    """Keep a portrait in a new folder below `base`."""
    _forget_old(base)
    return PortraitSession(drawn, Path(tempfile.mkdtemp(dir=base)))


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
