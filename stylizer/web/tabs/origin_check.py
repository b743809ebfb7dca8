"""The tab "Was this made here?": the mark and the note that every result carries, in anybody's picture."""

from typing import Any

import gradio as gr

from stylizer.serving.origin import describe_origin
from stylizer.serving.values import path_of, sentence
from stylizer.web import theme
from stylizer.web.services import Services
from stylizer.web.tab import QUEUED, Tab
from stylizer.web.widgets import Updates, notice, upload


class OriginCheckTab(Tab):
    """A picture goes in, one sentence comes out."""

    id = "origin"
    title = "Was this made here?"

    def build(self) -> None:
        """Put the widgets into the present container."""
        about = "Looks for the invisible mark and the note that every picture made here carries."
        gr.HTML(theme.hint(about), padding=False)
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                self.picture = upload("A picture", "check")
            with gr.Column(min_width=320):
                self.answer = notice("check-answer")

    def bind(self, services: Services) -> None:
        """Tie the upload to its handler."""
        self._services = services
        self.picture.change(services.lanes.decode(self.check), self.picture, self.answer, **QUEUED)

    def check(self, picture: Any) -> Updates:
        """What the picture says of where it was made."""
        try:
            path = path_of(picture)
            if path is None:
                return {self.answer: ""}
            words, made_here = describe_origin(self._services.stylizer, path)
        except Exception as error:
            return {self.answer: theme.note(sentence(error), "error")}
        return {self.answer: theme.note(words, "done" if made_here else "")}

    @property
    def uploads(self) -> list[Any]:
        """The widgets that take files of the visitor."""
        return [self.picture]

    def cleared(self) -> Updates:
        """Without the visitor's picture."""
        return {self.picture: None, self.answer: ""}
