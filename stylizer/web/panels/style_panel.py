"""Where the style comes from: the styles that there are, or pictures of the visitor's own."""

from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.serving import marking
from stylizer.serving.learning_cost import learning_cost
from stylizer.serving.portrait import show
from stylizer.serving.stylize_form import FROM_LIBRARY, FROM_PICTURE
from stylizer.serving.values import path_of, sentence
from stylizer.serving.visitor import Visitor
from stylizer.serving.work import Marks
from stylizer.settings import QUICK_STEPS, THOROUGH_STEPS, TrainSettings
from stylizer.web.panels.style_list import StyleList
from stylizer.web.services import Services
from stylizer.web.tab import QUEUED, QUICK, PageState
from stylizer.web.theme import hint, note
from stylizer.web.widgets import Updates, examples_of, picture, upload


class StylePanel:
    """The style's column of a portrait."""

    def __init__(self, page: PageState, references: Path) -> None:
        self._page, self._references = page, references
        self.list = StyleList("style-", columns=3)

    def build(self) -> None:
        """Put the widgets into the present container."""
        self.source = gr.Radio(
            [("Ready styles", FROM_LIBRARY), ("My own picture", FROM_PICTURE)],
            value=FROM_PICTURE,
            label="Where the style comes from",
            show_label=False,
            container=False,
            elem_id="source",
        )
        with gr.Column(visible=False) as self.library_box:
            self.list.build()
            self.try_all = gr.Button("Try all styles on my photo", size="sm", elem_id="try-all")
        with gr.Column(visible=True) as self.picture_box:
            self.reference = upload("Style picture", "reference")
            self.marked = picture("The face as marked", "marked", height=150, visible=False)
            examples_of(self._references, self.reference, "Or try one of these")
            with gr.Accordion("More pictures of this style", open=False, elem_id="more-box"):
                gr.HTML(hint("By the same hand, each with one face."), padding=False)
                self.more = gr.File(
                    label="More pictures",
                    file_count="multiple",
                    file_types=["image"],
                    type="filepath",
                    height=150,
                    buttons=[],
                    elem_id="more",
                )
            self.pace = gr.Radio(
                [("Learn it quickly", QUICK_STEPS), ("Thoroughly: a firmer hand", THOROUGH_STEPS)],
                value=TrainSettings().iterations,
                label="How long to learn",
                show_label=False,
                container=False,
                elem_id="pace",
            )
            self.cost = gr.HTML("", elem_id="cost", padding=False)
        self.marks = gr.State(())

    @property
    def form(self) -> dict[str, Any]:
        """The fields of `StylizeForm` that are here."""
        return {
            "source": self.source,
            "reference": self.reference,
            "more": self.more,
            "saved": self.list.chosen,
            "marks": self.marks,
        }

    def bind(self, services: Services, *, by_hand: gr.Checkbox, iterations: gr.Number, news: gr.HTML) -> None:
        """Tie the widgets' events to handlers.

        Args:
            by_hand: whether the visitor marks the face. iterations: of learning. news: the line of news.
        """
        self._services, self._news = services, news
        self.list.bind(services)
        page, boxes = self._page, [self.source, self.library_box, self.picture_box]
        filled = [*self.list.filled, self.try_all, news]
        now = [page.styles_changed, self.source, self.reference, self.list.chosen]
        page.styles_changed.change(services.lanes.quick(self.refresh), now, [*boxes, *filled], **QUEUED)
        page.style_to_use.change(self.use, page.style_to_use, [*boxes, self.list.chosen], **QUEUED)
        self.source.input(
            services.lanes.quick(self.choose_source), [self.source, self.list.chosen], [*boxes, *filled], **QUEUED
        )
        self.pace.input(lambda steps: steps, self.pace, iterations, **QUICK)
        costs: list[Any] = [iterations, self.reference, self.more]
        changes: list[Any] = [page.styles_changed.change, *(widget.change for widget in costs)]
        gr.on(changes, self.say_cost, costs, self.cost, **QUICK)
        marked = [self.marks, self.marked, news]
        clicked = [page.visitor, by_hand, self.marks, self.reference]
        self.reference.select(services.lanes.decode(self.add_mark), clicked, marked, **QUICK)
        by_hand.input(self.begin_marks, by_hand, marked, **QUICK)
        self.reference.change(self.renew_marks, by_hand, marked, **QUICK)

    def refresh(self, changed: int, source: str, reference: Any, chosen: str | None) -> Updates:
        """There are other styles than before. The first time, who has not begun with a picture is shown them."""
        updates = self._fill(chosen)
        first_look = changed == 1 and source == FROM_PICTURE and not reference
        return {**updates, **self.show_source(FROM_LIBRARY)} if first_look and updates.get(self.list.keys) else updates

    def choose_source(self, source: str, chosen: str | None) -> Updates:
        """Show the upload or the styles."""
        return {**self.show_source(source), **(self._fill(chosen) if source == FROM_LIBRARY else {})}

    def show_source(self, source: str) -> Updates:
        """The upload or the styles, and the choice between them."""
        from_library = source == FROM_LIBRARY
        return {
            self.source: source,
            self.picture_box: gr.update(visible=not from_library),
            self.library_box: gr.update(visible=from_library),
        }

    def use(self, wanted: tuple[int, str]) -> Updates:
        """Choose a style that is there already."""
        return {**self.show_source(FROM_LIBRARY), self.list.chosen: wanted[1]}

    def say_cost(self, iterations: Any, reference: Any, more: Any) -> Updates:
        """What the style in the form would cost, before it is learned."""
        cost = learning_cost(self._services.stylizer, iterations, bool(reference) + len(more or ()))
        return {self.cost: hint(cost)}

    def begin_marks(self, by_hand: bool) -> Updates:
        """The box was ticked or cleared: no marks yet."""
        asked = note(marking.instruction(()), "busy", 0.0) if by_hand else ""
        return {**self._unmarked(), self._news: asked}

    def renew_marks(self, by_hand: bool) -> Updates:
        """There is another picture: no marks yet; what was said of it stays, unless it has to be marked."""
        return self.begin_marks(True) if by_hand else self._unmarked()

    def add_mark(self, visitor: Visitor, by_hand: bool, marks: Marks, reference: Any, event: gr.SelectData) -> Updates:
        """A click on the style picture; after the third, the face is shown as it will be used."""
        path = path_of(reference)
        if not by_hand or path is None or not isinstance(event.index, (list, tuple)):
            return {self.marks: marks}
        marks = marking.add_mark(marks, *event.index)
        if marking.next_part(marks) is not None:
            asked = note(marking.instruction(marks), "busy", len(marks) / len(marking.PARTS))
            return {self.marks: marks, self._news: asked}
        try:
            crop = marking.marked_face(self._services.engine, path, marks)
        except Exception as error:
            again = note(f"{sentence(error)} Click one eye again.", "error")
            return {**self._unmarked(), self._news: again}
        return {
            self.marks: marks,
            self.marked: gr.update(visible=True, value=show(crop, visitor.files.folder())),
            self._news: note(marking.MARKED, "done"),
        }

    def cleared(self) -> Updates:
        """Without the visitor's pictures."""
        return {self.reference: None, self.more: None, **self._unmarked()}

    def _fill(self, chosen: str | None) -> Updates:
        try:
            updates = self.list.fill(chosen)
        except Exception as error:
            return {self._news: note(sentence(error), "error")}
        return {**updates, self.try_all: gr.update(visible=bool(updates[self.list.keys]))}

    def _unmarked(self) -> Updates:
        return {self.marks: (), self.marked: gr.update(visible=False, value=None)}
