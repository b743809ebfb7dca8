"""Was this picture made here? One sentence, for anybody's picture."""

from typing import Any

import gradio as gr

from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.values import path_of, sentence
from stylizer.web.pictures import picture
from stylizer.web.theme import label, note


def lay_out_check() -> tuple[gr.Image, gr.HTML]:
    """The box, in the present column."""
    with gr.Accordion("Was this made here?", open=False, elem_id="check-box"):
        gr.HTML('<p class="hint">Looks for the mark and the note that every result carries.</p>', padding=False)
        given = picture("A picture", "check", ["upload", "clipboard"])
        said = gr.HTML("", elem_id="check-said", padding=False)
    return given, said


class OriginCheck:
    """Over a stylizer, whose styles have names."""

    def __init__(self, stylizer: Engine | LazyStylizer) -> None:
        self._stylizer = stylizer

    def inspect(self, given: Any) -> str:
        """What the picture tells of itself."""
        from stylizer.imaging.decoding import open_picture_safely
        from stylizer.provenance.notes import inspect_picture
        from stylizer.provenance.report import describe_finding  # brings torch along: not at the page's start

        try:
            path = path_of(given)
            if path is None:
                return ""
            found = inspect_picture(path, open_picture_safely)
            styles = loaded(self._stylizer).styles() if found.made_here else []
            name = next((label(style.name) for style in styles if found.is_of(style.key)), None)
            return note(describe_finding("This picture", found, name), "done" if found.made_here else "")
        except Exception as error:
            return note(sentence(error), "error")
