"""Looking before choosing: the photo in every style, and the photo as each depth sees it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.errors import InputError
from stylizer.serving.consent import check_consent
from stylizer.serving.jobs import Finished, Part, Reporter
from stylizer.serving.previews import Trial, Wanted, try_all
from stylizer.serving.study import compare
from stylizer.serving.values import number, path_of, wish_of
from stylizer.serving.work import depth_of
from stylizer.settings import DEPTHS
from stylizer.web.chooser import FROM_LIBRARY
from stylizer.web.running import Runner
from stylizer.web.screen import Session, Updates


class Trying(Runner):
    """What shows a photo before it is painted."""

    def try_all(self, request: gr.Request, *values: Any) -> Iterator[Updates]:
        """The photo in every style, each shown as soon as it is there."""
        session, kept = Session(*values[:4]), "What was drawn so far is kept."
        yield from self._to_the_end(session, request, lambda turn: self._tiles(session, values[4:], turn), kept)

    def _tiles(self, session: Session, values: tuple[Any, ...], turn: int) -> Iterator[Updates]:
        check_consent(values[0])
        wanted, study, before, screen = _wanted(*values[1:]), session.study, session.trial, self._screen

        def work(reporter: Reporter) -> Any:
            return try_all(self._stylizer, wanted, reporter, self._folder, study=study, before=before)

        for event in self._events(work, session, "try_all", turn):
            if isinstance(event, Part):
                self._drop(session.trial, event.value[1])
                session.study, session.trial = event.value
                yield {**screen.tried(event.value[1], session.kept), self._out.study: session.study}
            elif not isinstance(event, Finished):
                yield screen.progress(event, session.ticket)
        yield screen.back("Click a picture to paint it in full.", "done", session)

    def pick(self, trial: Trial | None, event: gr.SelectData) -> Updates:
        """A click on one of these pictures chooses its style."""
        if trial is None or not isinstance(event.index, int) or event.index >= len(trial.tiles):
            raise gr.Error("These pictures are no longer kept; try all styles again.", print_exception=False)
        return {
            self._in.source: FROM_LIBRARY,
            self._out.beside.library_box: gr.update(visible=True),
            self._out.beside.picture_box: gr.update(visible=False),
            self._in.saved: trial.tiles[event.index].key,
        }

    def forget_tried(self) -> Updates:
        """Another photo, or another face of it: the pictures are no longer of it."""
        return {self._out.tried_box: gr.update(visible=False), self._out.tried: gr.update(value=None)}

    def compare(self, request: gr.Request, *values: Any) -> Iterator[Updates]:
        """How each depth sees the photo, one after the other; the page is then as it was, with them beside it."""
        session, kept = Session(*values[:4]), "What was found so far is kept."
        yield from self._to_the_end(session, request, lambda turn: self._depths(session, values[4:], turn), kept)

    def _depths(self, session: Session, values: tuple[Any, ...], turn: int) -> Iterator[Updates]:
        consent, target, face = values
        check_consent(consent)
        path, which, study, screen = _photo(target), int(number(face, "face", 0)), session.study, self._screen

        def work(reporter: Reporter) -> Any:
            return compare(self._stylizer, path, which, study, reporter)

        for event in self._events(work, session, "compare", turn):
            if isinstance(event, Part):
                yield screen.compared(event.value, session.ticket)
            elif not isinstance(event, Finished):
                yield screen.progress(event, session.ticket)
        yield screen.back("Click the face that is most like the photo; then press Stylize.", "done", session)

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
    return Wanted(_photo(target), int(number(face, "face", 0)), depth_of(depth), wish_of(*controls).settings)


def _photo(target: Any) -> Path:
    path = path_of(target)
    if path is None:
        raise InputError("Add the photo of a face first.")
    return path
