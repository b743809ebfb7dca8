"""Looking before choosing: the photo in every style, and the photo as each inversion mode sees it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.errors import InputError
from stylizer.serving.consent import check_consent
from stylizer.serving.jobs import Finished, JobHandle, Part, Reporter
from stylizer.serving.photo_inversions import compare
from stylizer.serving.previews import PreviewRequest, StylePreviews, try_all
from stylizer.serving.values import number, path_of, render_request_of
from stylizer.serving.work import inversion_mode_of
from stylizer.settings import INVERSION_MODES
from stylizer.web.chooser import FROM_LIBRARY
from stylizer.web.job_runner import Job, Runner
from stylizer.web.screen import Session, Updates


class StylePreviewHandlers(Runner):
    """What shows a photo before it is painted."""

    async def try_all(self, request: gr.Request, *values: Any) -> AsyncIterator[Updates]:
        """The photo in every style, each shown as soon as it is there."""
        session, message = Session(*values[:4]), "What was drawn so far is kept."

        def prepare() -> Job:
            check_consent(values[4])
            wanted = _wanted(*values[5:])
            return lambda job: self._tiles(session, wanted, job)

        async with aclosing(self._run(session, request, prepare, message)) as updates:  # type: ignore[type-var]
            async for update in updates:
                yield update

    def _tiles(self, session: Session, wanted: PreviewRequest, job: JobHandle) -> Iterator[Updates]:
        photo_inversions, before, screen = session.photo_inversions, session.previews, self._screen

        def work(reporter: Reporter) -> Any:
            return try_all(
                self._stylizer, wanted, reporter, self._folder, photo_inversions=photo_inversions, before=before
            )

        for event in self._events(work, job, "try_all"):
            if isinstance(event, Part):
                self._drop(session.previews, event.value[1])
                session.photo_inversions, session.previews = event.value
                yield {
                    **screen.previews_gallery(event.value[1], session.portrait),
                    self._out.photo_inversions: session.photo_inversions,
                }
            elif not isinstance(event, Finished):
                yield screen.progress(event, job, session.files)
        yield screen.back("Click a picture to paint it in full.", "done", session)

    def pick(self, previews: StylePreviews | None, event: gr.SelectData) -> Updates:
        """A click on one of these pictures chooses its style."""
        if previews is None or not isinstance(event.index, int) or event.index >= len(previews.tiles):
            raise gr.Error("These pictures are no longer kept; try all styles again.", print_exception=False)
        return {
            self._in.source: FROM_LIBRARY,
            self._out.beside.library_box: gr.update(visible=True),
            self._out.beside.picture_box: gr.update(visible=False),
            self._in.saved: previews.tiles[event.index].key,
        }

    def forget_tried(self) -> Updates:
        """Another photo, or another face of it: the pictures are no longer of it."""
        return {self._out.previews_box: gr.update(visible=False), self._out.previews_gallery: gr.update(value=None)}

    async def compare(self, request: gr.Request, *values: Any) -> AsyncIterator[Updates]:
        """The photo by each inversion mode, one after the other; the page then shows them beside what it had."""
        session, message = Session(*values[:4]), "What was found so far is kept."
        consent, target, face = values[4:]

        def prepare() -> Job:
            check_consent(consent)
            path, which = _photo(target), int(number(face, "face", 0))
            return lambda job: self._inversion_modes(session, path, which, job)

        async with aclosing(self._run(session, request, prepare, message)) as updates:  # type: ignore[type-var]
            async for update in updates:
                yield update

    def _inversion_modes(self, session: Session, path: Path, which: int, job: JobHandle) -> Iterator[Updates]:
        photo_inversions, screen = session.photo_inversions, self._screen

        def work(reporter: Reporter) -> Any:
            return compare(self._stylizer, path, which, photo_inversions, reporter)

        for event in self._events(work, job, "compare"):
            if isinstance(event, Part):
                yield screen.compared(event.value, session.files)
            elif not isinstance(event, Finished):
                yield screen.progress(event, job, session.files)
        yield screen.back("Click the face that is most like the photo; then press Stylize.", "done", session)

    def choose_inversion_mode(self, event: gr.SelectData) -> Updates:
        """A click on one of the compared faces chooses its inversion mode; one on the photo changes nothing."""
        caption = event.value.get("caption") if isinstance(event.value, dict) else None
        inversion_mode = next(
            (inversion_mode for inversion_mode in INVERSION_MODES if inversion_mode.capitalize() == caption), None
        )
        return {self._in.inversion_mode: gr.skip() if inversion_mode is None else inversion_mode}

    def forget_compared(self) -> Updates:
        """Another photo or another face of it: the faces that were compared are no longer of it."""
        return {self._out.beside.compared: gr.update(visible=False, value=None)}

    def _drop(self, old: StylePreviews | None, new: StylePreviews) -> None:
        if old is not None and old.folder != new.folder:
            old.remove()


def _wanted(target: Any, face: Any, inversion_mode: Any, *controls: Any) -> PreviewRequest:
    return PreviewRequest(
        _photo(target),
        int(number(face, "face", 0)),
        inversion_mode_of(inversion_mode),
        render_request_of(*controls).settings,
    )


def _photo(target: Any) -> Path:
    path = path_of(target)
    if path is None:
        raise InputError("Add the photo of a face first.")
    return path
