"""Before a job's turn comes: the instant answer to its button, its place in the line, and leaving the line."""

import gradio as gr

from stylizer.serving.job_queue import JobQueue
from stylizer.serving.jobs import JobHandle
from stylizer.serving.photo_inversions import PhotoInversions
from stylizer.serving.portrait import PortraitSession
from stylizer.serving.previews import StylePreviews
from stylizer.web.layout import Outputs
from stylizer.web.screen import Screen, Session, Updates
from stylizer.web.theme import note

_WAITING = "Waiting for a free place …"
_LEFT = "Cancelled. Nothing was changed."
_ASIDE = "A saved style takes seconds, a new one minutes."


class QueueHandlers:
    """Over the line and the page's widgets."""

    def __init__(self, job_queue: JobQueue, outputs: Outputs) -> None:
        self._job_queue, self._out, self._screen = job_queue, outputs, Screen(outputs)

    def begin(self, handle: JobHandle, request: gr.Request) -> Updates:
        """A button was pressed: what this visitor still had in the line is given up for it."""
        self._job_queue.give_up(request.session_hash)
        handle.renew()
        return {
            **self._screen.busy(),
            self._out.note: note(_WAITING, "busy"),
            self._out.place: gr.update(active=True),
        }

    def tell(self, handle: JobHandle, request: gr.Request) -> Updates:
        """Each second: how many are before this visitor; nothing more once it is their turn."""
        before = self._job_queue.before(request.session_hash)
        if before is None and handle.expected:  # it is on its way into the line
            return self._screen.nothing()
        if before is None:
            # A look that was on its way when the visitor left the line may have come after the page's last word.
            word: Updates = {self._out.note: note(handle.last_word, "done")} if handle.last_word else {}
            return {**word, self._out.place: gr.update(active=False)}
        if not before:
            return {self._out.note: note(_WAITING, "busy")}
        said = "one job is" if before == 1 else f"{before} jobs are"
        return {self._out.note: note(f"Waiting: {said} before yours.", "busy", aside=_ASIDE)}

    def stop(
        self,
        handle: JobHandle,
        portrait: PortraitSession | None,
        photo_inversions: PhotoInversions | None,
        previews: StylePreviews | None,
        request: gr.Request,
    ) -> Updates:
        """Cancel: who waits leaves the line at once; a running job ends at its next step."""
        if self._job_queue.before(request.session_hash) is not None:
            self._job_queue.give_up(request.session_hash)
            handle.give_up(_LEFT)
            return self._screen.back(_LEFT, "done", Session(handle, portrait, photo_inversions, previews))
        handle.cancelled = True
        return {self._out.cancel: gr.update(interactive=False), self._out.note: note("Stopping …", "busy")}
