"""Choosing a style that is there already: the gallery and the list beside it say the same."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.values import sentence
from stylizer.web.chooser import FROM_LIBRARY, FROM_PICTURE
from stylizer.web.controls import NO_OTHER
from stylizer.web.inputs import Inputs
from stylizer.web.layout import Outputs
from stylizer.web.placeholder import plain_tile
from stylizer.web.screen import Updates
from stylizer.web.theme import label, note

_LOADING = "The styles appear here as soon as the networks are there."


class StyleGallery:
    """Over a stylizer and the page's widgets."""

    def __init__(self, stylizer: Engine | LazyStylizer, inputs: Inputs, outputs: Outputs) -> None:
        self._stylizer, self._in, self._out = stylizer, inputs, outputs

    def arrive(self, source: str, reference: Any, saved: str | None, other: str | None) -> Updates:
        """The first look: the styles that are there, if there are any; else a picture of one's own.

        Called until the networks are there; who has begun with a picture meanwhile is not disturbed.
        """
        if isinstance(self._stylizer, LazyStylizer) and not self._stylizer.ready:
            return {self._out.note: gr.skip()}
        updates: Updates = {self._out.clock: gr.update(active=False), **self.fill(saved, other)}
        if source == FROM_PICTURE and not reference and updates.get(self._out.keys):
            updates |= {self._in.source: FROM_LIBRARY, **self._boxes(FROM_LIBRARY)}
        return updates

    def choose_source(self, source: str, saved: str | None, other: str | None) -> Updates:
        """Show the upload or the styles."""
        updates = self._boxes(source)
        return updates | self.fill(saved, other) if source == FROM_LIBRARY else updates

    def fill(self, saved: str | None, other: str | None) -> Updates:
        """The styles that there are now; what is chosen stays chosen."""
        try:
            styles = list(loaded(self._stylizer).styles())
        except Exception as error:
            return {self._out.note: note(sentence(error), "error")}
        choices, keys = [(label(style.name), style.key) for style in styles], tuple(style.key for style in styles)
        chosen = saved if saved in keys else (keys[0] if keys else None)
        pictures = [(str(s.thumbnail) if s.thumbnail else plain_tile(s.key), label(s.name)) for s in styles]
        shown = gr.update(visible=bool(keys), value=pictures, selected_index=self._place(keys, chosen))
        return {
            self._in.saved: gr.update(choices=choices, value=chosen),
            self._in.other: gr.update(
                choices=[("None", NO_OTHER), *choices], value=other if other in keys else NO_OTHER
            ),
            self._out.beside.style_gallery: shown,
            self._out.beside.try_all: gr.update(visible=bool(keys)),
            self._out.keys: keys,
        }

    def click(self, keys: Sequence[str], event: gr.SelectData) -> Updates:
        """A click on a tile chooses its style."""
        known = isinstance(event.index, int) and event.index < len(keys)
        return {self._in.saved: keys[event.index] if known else gr.skip()}

    def mark(self, keys: Sequence[str], saved: str | None) -> Updates:
        """The tile of the style that the list says."""
        return {self._out.beside.style_gallery: gr.update(selected_index=self._place(keys, saved))}

    def _boxes(self, source: str) -> Updates:
        from_library = source == FROM_LIBRARY
        return {
            self._out.beside.picture_box: gr.update(visible=not from_library),
            self._out.beside.library_box: gr.update(visible=from_library),
        }

    @staticmethod
    def _place(keys: Sequence[str], key: str | None) -> int | None:
        return keys.index(key) if key in keys else None
