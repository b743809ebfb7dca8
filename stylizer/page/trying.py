"""Looking before choosing: the photo in every style, and the photo as each depth sees it."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.errors import Cancelled, InputError
from stylizer.page.chooser import FROM_LIBRARY
from stylizer.page.consent import check_consent
from stylizer.page.engine import Engine, LazyStylizer
from stylizer.page.inputs import Inputs
from stylizer.page.jobs import Finished, Part, follow
from stylizer.page.layout import Outputs
from stylizer.page.screen import Screen, Session, Updates
from stylizer.page.study import compare
from stylizer.page.trial import Trial, Wanted, try_all
from stylizer.page.values import number, path_of, sentence, wish_of
from stylizer.page.work import depth_of
from stylizer.settings import DEPTHS

_NO_PHOTO = "Add the photo of a face first."


class Trying:
    """Over a stylizer and the page's widgets; the arguments as for `Handlers`."""

    def __init__(
        self,
        stylizer: Engine | LazyStylizer,
        inputs: Inputs,
        outputs: Outputs,
        *,
        folder: Path,
        closing: threading.Event,
    ) -> None:
        self._stylizer, self._in, self._out, self._folder, self._closing = stylizer, inputs, outputs, folder, closing
        self._screen = Screen(outputs)

    def try_all(self, *values: Any) -> Iterator[Updates]:
        """The photo in every style, each shown as soon as it is there."""
        session, screen = Session(*values[:4]), self._screen
        turn = session.ticket.turn
        try:
            check_consent(values[4])
            wanted = _wanted(*values[5:])

            def work(reporter: Any) -> Any:
                return try_all(self._stylizer, wanted, reporter, self._folder, study=before.study, before=before.trial)

            before = session
            for event in follow(work, session.ticket, self._closing):
                if isinstance(event, Part):
                    study, trial = event.value
                    self._drop(session.trial, trial)
                    session = replace(session, study=study, trial=trial)
                    yield {**screen.tried(trial, session.kept), self._out.study: study}
                elif not isinstance(event, Finished):
                    yield screen.progress(event, session.ticket)
            yield screen.back("Click a picture to paint it in full.", "done", session)
        except Cancelled:
            newer = session.ticket.turn != turn
            said = "Cancelled. What was drawn so far is kept."
            yield screen.nothing() if newer else screen.back(said, "", session)
        except Exception as error:
            yield screen.back(sentence(error), "error", session)

    def pick(self, ticket: Any, trial: Trial | None, event: gr.SelectData) -> Updates:
        """A click on one of these pictures chooses its style; whatever is running makes room for the portrait."""
        if trial is None or not isinstance(event.index, int) or event.index >= len(trial.tiles):
            raise gr.Error("These pictures are no longer kept; try all styles again.", print_exception=False)
        return {
            **self._screen.begin(ticket),
            self._in.source: FROM_LIBRARY,
            self._out.beside.library_box: gr.update(visible=True),
            self._out.beside.picture_box: gr.update(visible=False),
            self._in.saved: trial.tiles[event.index].key,
        }

    def forget_tried(self) -> Updates:
        """Another photo, or another face of it: the pictures are no longer of it."""
        return {self._out.tried_box: gr.update(visible=False), self._out.tried: gr.update(value=None)}

    def compare(self, *values: Any) -> Iterator[Updates]:
        """How each depth sees the photo, one after the other; the page is then as it was, with them beside it."""
        session, screen = Session(*values[:4]), self._screen
        consent, target, face = values[4:]
        turn = session.ticket.turn
        try:
            check_consent(consent)
            path, which = path_of(target), int(number(face, "face", 0))
            if path is None:
                raise InputError(_NO_PHOTO)
            study = session.study
            for event in follow(
                lambda reporter: compare(self._stylizer, path, which, study, reporter), session.ticket, self._closing
            ):
                if isinstance(event, Part):
                    yield screen.compared(event.value, session.ticket)
                elif not isinstance(event, Finished):
                    yield screen.progress(event, session.ticket)
            yield screen.back("Click the face that is most like the photo; then press Stylize.", "done", session)
        except Cancelled:
            newer = session.ticket.turn != turn
            said = "Cancelled. What was found so far is kept."
            yield screen.nothing() if newer else screen.back(said, "", session)
        except Exception as error:
            yield screen.back(sentence(error), "error", session)

    def choose_depth(self, event: gr.SelectData) -> Updates:
        """A click on one of the compared faces chooses its depth; one on the photo changes nothing."""
        caption = event.value.get("caption") if isinstance(event.value, dict) else None
        depth = next((depth for depth in DEPTHS if depth.capitalize() == caption), None)
        return {self._in.depth: gr.skip() if depth is None else depth}

    def forget_compared(self) -> Updates:
        """Another photo or another face of it: the faces that were compared are no longer of it."""
        return {self._out.beside.compared: gr.update(visible=False, value=None)}

    def _drop(self, old: Trial | None, new: Trial) -> None:
        if old is not None and old.folder != new.folder:
            old.remove()


def _wanted(target: Any, face: Any, depth: Any, *controls: Any) -> Wanted:
    path = path_of(target)
    if path is None:
        raise InputError(_NO_PHOTO)
    return Wanted(path, int(number(face, "face", 0)), depth_of(depth), wish_of(*controls).settings)
