"""Random people in the style of the last portrait."""

from typing import Any

import gradio as gr

from stylizer.serving.people import invent_people
from stylizer.serving.values import sentence
from stylizer.serving.visitor import Visitor
from stylizer.settings import TRUNCATION
from stylizer.web.services import Services
from stylizer.web.tab import QUEUED, PageState
from stylizer.web.theme import note
from stylizer.web.widgets import Updates


class PeoplePanel:
    """The accordion "Random people in this style"."""

    def __init__(self, page: PageState) -> None:
        self._page = page

    def build(self) -> None:
        """Put the widgets into the present container."""
        with gr.Accordion("Random people in this style", open=False, visible=False, elem_id="people-box") as self.box:
            with gr.Row():
                self.seed = gr.Number(
                    0, label="Seed", info="Another crowd", precision=0, min_width=100, elem_id="people-seed"
                )
                self.truncation = gr.Slider(
                    0,
                    1,
                    value=TRUNCATION,
                    step=0.05,
                    label="Variety",
                    info="0 is the mean face",
                    buttons=[],
                    min_width=180,
                )
            self.invent_button = gr.Button("Invent six people", size="sm", elem_id="invent")
            self.people = gr.Gallery(
                show_label=False,
                visible=False,
                interactive=False,
                columns=3,
                height="auto",
                object_fit="cover",
                buttons=["download", "fullscreen"],
                elem_id="people",
            )

    def bind(self, services: Services, *, news: gr.HTML) -> None:
        """Tie the button to its handler. news: the line of news."""
        self._services, self._news = services, news
        given, shown = [self._page.visitor, self.seed, self.truncation], [self.people, news]
        self.invent_button.click(services.lanes.draw(self.invent), given, shown, **{**QUEUED, "show_progress": "full"})

    def invent(self, visitor: Visitor, seed: Any, truncation: Any) -> Updates:
        """Fill the gallery with invented faces, styled as the last portrait is."""
        try:
            people = invent_people(self._services.engine, visitor.portrait, seed, truncation)
        except Exception as error:
            return {self._news: note(sentence(error), "error")}
        return {self.people: gr.update(visible=True, value=people)}

    def renewed(self) -> Updates:
        """There is a new portrait: nobody was invented in its style yet."""
        return {self.box: gr.update(visible=True), self.people: gr.update(visible=False, value=None)}

    def cleared(self) -> Updates:
        """There is no portrait."""
        return {self.box: gr.update(visible=False), self.people: gr.update(visible=False, value=None)}
