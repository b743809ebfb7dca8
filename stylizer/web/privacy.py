"""The visitor's pictures: whose they are, and how they go at once."""

from typing import Any

import gradio as gr

from stylizer.serving.job_queue import JobQueue
from stylizer.serving.portrait import PortraitSession, SessionFiles
from stylizer.serving.previews import StylePreviews
from stylizer.serving.uploads import Uploads
from stylizer.serving.values import paths_of
from stylizer.web.inputs import Inputs
from stylizer.web.job_runner import DELETED
from stylizer.web.layout import Outputs
from stylizer.web.screen import Screen, Updates
from stylizer.web.theme import note


class Privacy:
    """Over the page's widgets."""

    def __init__(self, uploads: Uploads, job_queue: JobQueue, inputs: Inputs, outputs: Outputs) -> None:
        self._uploads, self._job_queue = uploads, job_queue
        self._in, self._out, self._screen = inputs, outputs, Screen(outputs)

    def brought(self, pictures: Any, request: gr.Request) -> None:
        """Remember whose upload this is."""
        self._uploads.note(str(request.session_hash), paths_of(pictures))

    def left(self, request: gr.Request) -> None:
        """The page was closed."""
        self._job_queue.cancel(str(request.session_hash), "left")
        self._uploads.left(str(request.session_hash))

    def forget(
        self, given: SessionFiles, portrait: PortraitSession | None, previews: StylePreviews | None, request: gr.Request
    ) -> Updates:
        """Stop what is running, delete all files of this visitor, and empty the page."""
        self._job_queue.cancel(str(request.session_hash), "deleted")
        for files in (given, portrait, previews):
            if files is not None:
                files.remove()
        self._uploads.remove(str(request.session_hash))
        return {
            **self._screen.idle(),
            **self._screen.advice(None),
            **dict.fromkeys(self.emptied, None),
            **{hidden: gr.update(visible=False) for hidden in self._hidden},
            **{gallery: gr.update(visible=False, value=None) for gallery in self._pictures},
            self._in.marks: (),
            self._out.empty: gr.update(visible=True),
            self._out.download: gr.update(value=None, interactive=False),
            self._out.note: note(DELETED, "done"),
        }

    @property
    def changed(self) -> list[Any]:
        """All that `forget` changes."""
        out = self._out
        buttons = [out.run, out.beside.compare, out.beside.try_all, out.cancel, out.advice, out.download]
        return [*buttons, *self.emptied, *self._hidden, *self._pictures, self._in.marks, out.empty, out.note]

    @property
    def emptied(self) -> list[Any]:
        """Widgets and memories that then hold nothing."""
        out, given = self._out, self._in
        memories = [out.portrait, out.photo_inversions, out.previews, out.scoring, out.advised]
        shown = [
            out.slider,
            out.score,
            out.times,
            out.crop_reference,
            out.crop_photo,
            out.inverted,
            out.previews_gallery,
        ]
        return [*memories, given.reference, given.more, given.target, out.check, *shown]

    @property
    def _hidden(self) -> list[Any]:
        return [self._out.result_box, self._out.details_box, self._out.previews_box]

    @property
    def _pictures(self) -> list[Any]:
        return [self._out.preview, self._out.people, self._out.beside.compared, self._out.beside.marked]
