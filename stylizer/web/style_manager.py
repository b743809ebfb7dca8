"""What the box "My styles" does: rename, delete, files in and out, and the Hub."""

import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr

from stylizer.errors import InputError, SettingsError
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.portrait import PortraitSession, SessionFiles
from stylizer.serving.values import path_of, sentence
from stylizer.web.screen import Updates
from stylizer.web.style_manager_box import StyleManagerBox
from stylizer.web.theme import note

if TYPE_CHECKING:
    from stylizer.library.library import Library

_NONE = "Choose a style first."
_PRESET = "This style came with the program; it stays as it is."
TAKEN_PER_HOUR = 60  # files of strangers, all together: each stays on the disk


class StyleManager:
    """Over a stylizer and the box. shared: strangers use the page, too; nothing that is another's can be changed."""

    def __init__(self, stylizer: Engine | LazyStylizer, box: StyleManagerBox, saved: gr.Dropdown, shared: bool) -> None:
        self._stylizer, self._box, self._saved, self._shared = stylizer, box, saved, shared
        self._taken: deque[float] = deque(maxlen=TAKEN_PER_HOUR)  # when

    def choose(self, key: str | None, portrait: PortraitSession | None) -> Updates:
        """Another style was chosen: what was said of the last one goes."""
        has_reference = (
            portrait is not None and portrait.drawn.style_key == key and portrait.drawn.reference is not None
        )
        updates = {self._box.with_reference: gr.update(visible=has_reference, value=False)}
        if isinstance(self._stylizer, LazyStylizer) and not self._stylizer.ready:
            return updates
        style = next((one for one in loaded(self._stylizer).styles() if one.key == key), None)
        own = style is not None and not style.preset
        hub = self._library.hub
        return {
            **updates,
            self._box.name: style.name if style is not None else "",
            **{button: gr.update(interactive=own) for button in (self._box.rename, self._box.delete)},
            self._box.sure: gr.update(visible=False),
            self._box.sure_of: None,
            self._box.file: gr.update(visible=False, value=None),
            self._box.hub_box: gr.update(visible=hub is not None),
            self._box.publish: gr.update(
                value=f"Share as “{style.name}” in {hub.repo}" if hub and style else "Share on the Hub",
                interactive=own,
            ),
        }

    def rename(self, key: str | None, name: str) -> Updates:
        """Give the chosen style a name."""

        def work() -> Updates:
            self._change()
            if not self._library.name(_given(key), name):
                raise SettingsError(_PRESET)
            return self._said("Renamed.")

        return self._report_errors(work)

    def ask(self, key: str | None) -> Updates:
        """The first click on Delete asks."""

        def work() -> Updates:
            self._change()
            style = loaded(self._stylizer).find_style(_given(key))
            sure = gr.update(visible=True, value=f"Yes, delete “{style.name}” for good")
            return {self._box.sure: sure, self._box.sure_of: style.key}

        return self._report_errors(work)

    def delete(self, sure_of: str | None) -> Updates:
        """The second click deletes, and only what was asked about."""

        def work() -> Updates:
            self._change()
            if not self._library.remove(_given(sure_of)):
                raise SettingsError(_PRESET)
            return {**self._said("Deleted."), self._box.sure: gr.update(visible=False), self._box.sure_of: None}

        return self._report_errors(work)

    def export(self, key: str | None, files: SessionFiles) -> Updates:
        """A file of the chosen style, to be downloaded."""
        from stylizer.library.exchange import export_style  # brings torch along: not at the page's start

        def work() -> Updates:
            path = export_style(self._library, _given(key), files.folder())
            label = f"Download {path.name} ({path.stat().st_size / 1e6:.1f} MB)"
            return {**self._said(""), self._box.file: gr.update(visible=True, value=str(path), label=label)}

        return self._report_errors(work)

    def take_in(self, file: Any) -> Updates:
        """A file that somebody made."""
        from stylizer.library.exchange import import_style  # as above

        def work() -> Updates:
            path = path_of(file)
            if path is None:
                raise InputError("Add a .stylizer file first.")
            if self._shared and len(self._taken) == TAKEN_PER_HOUR and time.monotonic() - self._taken[0] < 3600:
                raise SettingsError("Many style files were taken in here within the hour; try again later.")
            style = import_style(self._library, path)
            self._taken.append(time.monotonic())
            said = self._said(f"“{style.name}” is now among the styles.")
            return {**said, self._box.incoming: None, self._saved: gr.update(value=style.key)}

        return self._report_errors(work)

    def publish(self, key: str | None, with_reference: bool, portrait: PortraitSession | None) -> Updates:
        """Share the chosen style; its reference only where the visitor said so."""
        from stylizer.library.exchange import publish  # as above

        def work() -> Updates:
            self._change()
            style_manager = portrait is not None and portrait.drawn.style_key == _given(key)
            reference = portrait.drawn.reference if with_reference and style_manager and portrait is not None else None
            new = publish(self._library, _given(key), reference=reference)
            return self._said("It is now shared." if new else "The Hub has it already.")

        return self._report_errors(work)

    def search(self, text: str) -> Updates:
        """What there is on the Hub."""
        from stylizer.library.exchange import search  # as above

        def work() -> Updates:
            found = [style for style in search(self._library, text) if not style.here]
            choices = [(f"{style.name} ({style.bytes / 1e6:.1f} MB)", style.key) for style in found]
            said = "" if found else "Nothing there that is not here already."
            shown = gr.update(visible=bool(found), choices=choices, value=found[0].key if found else None)
            return {**self._said(said), self._box.found: shown, self._box.pull: gr.update(visible=bool(found))}

        return self._report_errors(work)

    def pull(self, key: str | None) -> Updates:
        """Get one of them."""
        from stylizer.library.exchange import pull  # as above

        def work() -> Updates:
            style = pull(self._library, _given(key))
            said = self._said(f"“{style.name}” is now among the styles.")
            return {**said, self._saved: gr.update(value=style.key)}

        return self._report_errors(work)

    @property
    def _library(self) -> "Library":
        return loaded(self._stylizer).library

    def _change(self) -> None:
        """Also where somebody calls what the page does not offer."""
        if self._shared:
            raise SettingsError("On a page that others use, too, styles are not changed.")

    def _said(self, text: str) -> Updates:
        return {self._box.said: note(text, "done")}

    def _report_errors(self, work: Callable[[], Updates]) -> Updates:
        try:
            return work()
        except Exception as error:
            return {self._box.said: note(sentence(error), "error")}


def _given(key: str | None) -> str:
    if not key:
        raise InputError(_NONE)
    return key
