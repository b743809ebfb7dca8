"""What a visitor can do with the learned styles: rename, delete, files in and out, and the Hub."""

import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylizer.errors import InputError, SettingsError
from stylizer.serving.engine import Engine, LazyStylizer, loaded

if TYPE_CHECKING:
    from stylizer.library.exchange import SharedStyle
    from stylizer.library.library import Library, StyleInfo
    from stylizer.styles.style import Style

CHOOSE_FIRST = "Choose a style first."
IS_PRESET = "This style came with the program; it stays as it is."
SHARED_PAGE = "On a page that others use, too, styles are not changed."
TAKEN_PER_HOUR = 60  # files of strangers, all together: each stays on the disk


class StyleLibraryService:
    """Over a stylizer's library.

    Args:
        shared: strangers use the page, too: nothing that is another's can be changed or published, and only so many
            files are taken in.

    Every method raises a StylizerError whose text is one sentence for the visitor. Keys may be None or "" where
    nothing is chosen.
    """

    def __init__(self, stylizer: Engine | LazyStylizer, shared: bool) -> None:
        self._stylizer, self._shared = stylizer, shared
        self._taken: deque[float] = deque(maxlen=TAKEN_PER_HOUR)  # when each file was taken in

    @property
    def library(self) -> "Library":
        """The library itself, after waiting for the networks."""
        return loaded(self._stylizer).library

    @property
    def repository(self) -> str | None:
        """The Hub repository that is set up, if any."""
        hub = self.library.hub
        return hub.repo if hub is not None else None

    def find(self, key: str | None) -> "StyleInfo | None":
        """What is known of a style; None where there is none."""
        return next((style for style in loaded(self._stylizer).styles() if style.key == key), None)

    def rename(self, key: str | None, name: str) -> None:
        """Give a style another name."""
        self._refuse_strangers()
        if not self.library.name(_given(key), name):
            raise SettingsError(IS_PRESET)

    def deletable(self, key: str | None) -> str:
        """The name of a style that may be deleted."""
        self._refuse_strangers()
        style = self.find(_given(key))
        if style is None:
            raise InputError(CHOOSE_FIRST)
        if style.preset:
            raise SettingsError(IS_PRESET)
        return style.name

    def delete(self, key: str | None) -> None:
        """Delete a style for good."""
        self._refuse_strangers()
        if not self.library.remove(_given(key)):
            raise SettingsError(IS_PRESET)

    def export(self, key: str | None, folder: Path) -> Path:
        """Write a `.stylizer` file of a style into a folder."""
        from stylizer.library.exchange import export_style  # brings torch along: not at the page's start

        return export_style(self.library, _given(key), folder)

    def take_in(self, file: Path | None) -> "Style":
        """Store the style of a `.stylizer` file."""
        from stylizer.library.exchange import import_style  # as above

        if file is None:
            raise InputError("Add a .stylizer file first.")
        if self._shared and len(self._taken) == TAKEN_PER_HOUR and time.monotonic() - self._taken[0] < 3600:
            raise SettingsError("Many style files were taken in here within the hour; try again later.")
        style = import_style(self.library, file)
        self._taken.append(time.monotonic())
        return style

    def publish(self, key: str | None, reference: Image.Image | None) -> bool:
        """Share a style on the Hub, with a small picture of its reference if one is given; False: it is there."""
        from stylizer.library.exchange import publish  # as above

        self._refuse_strangers()
        return publish(self.library, _given(key), reference=reference)

    def search(self, text: str) -> "list[SharedStyle]":
        """The styles on the Hub that are not here yet."""
        from stylizer.library.exchange import search  # as above

        return [style for style in search(self.library, text) if not style.here]

    def pull(self, key: str | None) -> "Style":
        """Get a style from the Hub."""
        from stylizer.library.exchange import pull  # as above

        return pull(self.library, _given(key))

    def _refuse_strangers(self) -> None:
        """Also where somebody calls what the page does not offer."""
        if self._shared:
            raise SettingsError(SHARED_PAGE)


def _given(key: str | None) -> str:
    if not key:
        raise InputError(CHOOSE_FIRST)
    return key
