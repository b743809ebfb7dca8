"""Random people in the style of the last portrait: what it makes of anybody."""

from typing import Any

import gradio as gr

from stylizer.errors import InputError
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.portrait import PortraitSession
from stylizer.serving.render_request import wanted_style
from stylizer.serving.values import number, sentence
from stylizer.settings import COUNT
from stylizer.web.layout import Outputs
from stylizer.web.screen import Updates
from stylizer.web.theme import note

_SIDE = 512  # pixels of the pictures in the gallery


class People:
    """Over a stylizer and the page's widgets."""

    def __init__(self, stylizer: Engine | LazyStylizer, outputs: Outputs) -> None:
        self._stylizer, self._out = stylizer, outputs

    def invent(self, portrait: PortraitSession | None, seed: Any, truncation: Any) -> Updates:
        """Fill the gallery with invented faces, styled as the last portrait is."""
        from stylizer.provenance.notes import origin_of  # brings torch along: not at the page's start

        try:
            if portrait is None or not portrait.folder.exists():
                raise InputError("The portrait is no longer kept; press Stylize again.")
            engine = loaded(self._stylizer)
            render_request = portrait.drawn.render_request
            style, settings = wanted_style(engine, portrait.drawn.style_key, render_request), render_request.settings
            which = int(number(seed, "seed", 0))
            faces = engine.invent(style, COUNT, settings, seed=which, truncation=number(truncation, "variety"))
            origin = origin_of(style, "nobody")
            shown = [portrait.shown(face.resize((_SIDE, _SIDE)), origin) for face in faces]
        except Exception as error:
            return {self._out.note: note(sentence(error), "error")}
        return {self._out.people: gr.update(visible=True, value=shown)}
