"""Marking a face by hand: three clicks on the style picture, for drawings in which no detector finds one."""

from typing import Any

import gradio as gr

from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.portrait import SessionFiles, show
from stylizer.serving.values import path_of, sentence
from stylizer.serving.work import Marks
from stylizer.web.inputs import Inputs
from stylizer.web.layout import Outputs
from stylizer.web.screen import Updates
from stylizer.web.theme import note

_ASKED = ("the middle of one eye", "the middle of the other eye", "the middle of the mouth")


class Marking:
    """Over a stylizer and the page's widgets."""

    def __init__(self, stylizer: Engine | LazyStylizer, inputs: Inputs, outputs: Outputs) -> None:
        self._stylizer, self._in, self._out = stylizer, inputs, outputs

    def begin(self, by_hand: bool) -> Updates:
        """The box was ticked or cleared: no marks yet."""
        return {
            self._in.marks: (),
            self._out.beside.marked: gr.update(visible=False, value=None),
            self._out.note: note(f"In the style picture, click {_ASKED[0]}." if by_hand else "", "busy" * by_hand, 0.0),
        }

    def renew(self, by_hand: bool) -> Updates:
        """There is another picture: no marks yet; what was said of it stays, unless it has to be marked."""
        return self.begin(True) if by_hand else {**self.begin(False), self._out.note: gr.skip()}

    def click(self, files: SessionFiles, by_hand: bool, marks: Marks, reference: Any, event: gr.SelectData) -> Updates:
        """One more mark; after the third, the face is shown as it will be used, and the next click starts over."""
        path = path_of(reference)
        if not by_hand or path is None or not isinstance(event.index, (list, tuple)):
            return {self._in.marks: marks}
        x, y = event.index
        marks = (*(marks if len(marks) < len(_ASKED) else ()), (float(x), float(y)))
        if len(marks) < len(_ASKED):
            asked = note(f"Now click {_ASKED[len(marks)]}.", "busy", len(marks) / len(_ASKED))
            return {self._in.marks: marks, self._out.note: asked}
        try:
            engine = loaded(self._stylizer)
            crop = engine.align(path, marks=marks).crop
        except Exception as error:
            return {**self.begin(True), self._out.note: note(f"{sentence(error)} Click one eye again.", "error")}
        return {
            self._in.marks: marks,
            self._out.beside.marked: gr.update(visible=True, value=show(crop.resize((256, 256)), files.folder())),
            self._out.note: note("The face is marked. If it looks wrong, click an eye again to start over.", "done"),
        }
