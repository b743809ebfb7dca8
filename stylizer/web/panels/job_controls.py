"""A tab's long jobs: the line of news, the place in the queue, Cancel, and how a job ends."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Any

import gradio as gr

from stylizer.errors import Cancelled
from stylizer.serving import messages
from stylizer.serving.job_queue import HEAVY, QueuedJob
from stylizer.serving.jobs import Finished, JobHandle, Part, Progress, Reporter, follow
from stylizer.serving.values import sentence
from stylizer.serving.visitor import Visitor
from stylizer.web.services import Services
from stylizer.web.tab import QUEUED, QUICK, PageState
from stylizer.web.theme import note
from stylizer.web.widgets import Updates, notice

Event = Progress | Part[Any] | Finished[Any] | None
# A job whose values are checked already; it runs once its turn has come.
Job = Callable[[QueuedJob], Iterator[Updates]]

_SIGN_OF_LIFE = 1.0  # seconds; only when a generator yields does Gradio see that its visitor has gone


class JobControls:
    """Widgets and handlers that every tab with long jobs has; build them inside the tab.

    A visitor has one job in a lane: a new one, of whichever tab, takes over from the one before.

    Args:
        restored: what the tab's own widgets show when a job has ended without a result; always the same widgets.
        prefix: of the widgets' ids, which are unique on the page.
        lane: in which the jobs wait.
    """

    def __init__(
        self, page: PageState, restored: Callable[[Visitor], Updates], prefix: str = "", lane: str = HEAVY
    ) -> None:
        self._page, self._restored, self._prefix, self._lane = page, restored, prefix, lane
        self.starters: list[gr.Button] = []

    def build_cancel(self) -> None:
        """Put the button into the present container."""
        self.cancel_button = gr.Button(
            "Cancel", size="lg", elem_id=f"{self._prefix}cancel", visible=False, scale=1, min_width=110
        )

    def build_note(self) -> None:
        """Put the line of news into the present container."""
        self.note = notice(f"{self._prefix}note")

    def bind(self, services: Services, restored: list[Any]) -> None:
        """Tie Cancel to its handler.

        Args:
            restored: the widgets that the constructor's `restored` changes.
        """
        self._services = services
        self._changed = [*self.starters, self.cancel_button, self.note, *restored]
        self.cancel_button.click(self.cancel, None, self.cancel_button, **QUICK)

    def start(
        self,
        trigger: Any,
        prepare: Callable[..., Job],
        inputs: Mapping[str, Any],
        changes: list[Any],
        *,
        after_cancel: str = messages.NOTHING_CHANGED,
    ) -> Any:
        """Have an event start a job; returns Gradio's dependency.

        Args:
            trigger: such as `button.click`.
            prepare: gets the visitor and the inputs' values, checks them, and gives the job.
            changes: widgets that the job changes, beside the controls' own.
            after_cancel: what is said after "Cancelled."
        """
        outputs = list(dict.fromkeys([*self._changed, *changes, self._page.visitor]))
        given = [self._page.visitor, *inputs.values()]
        return trigger(self.handler(prepare, after_cancel), given, outputs, trigger_mode="multiple", **QUEUED)

    def handler(
        self, prepare: Callable[..., Job], after_cancel: str = messages.NOTHING_CHANGED
    ) -> Callable[..., AsyncIterator[Updates]]:
        """The handler that yields all updates of a job, from its button to its end; arguments as for `start`."""

        async def run(visitor: Visitor, request: gr.Request, *values: Any) -> AsyncIterator[Updates]:
            yield self._busy()
            handle, lanes = JobHandle(), self._services.lanes
            try:
                job = prepare(visitor, *values)
                with lanes.join(self._lane, request, replaceable=True) as queued:
                    handle = queued
                    try:
                        while not await queued.turn(_SIGN_OF_LIFE):
                            yield {self.note: self._place(queued.position())}
                        async with aclosing(lanes.iterate(queued, job(queued))) as updates:  # type: ignore[type-var]
                            async for update in updates:
                                yield update
                    finally:
                        if queued.reason == "deleted":
                            self._services.clear(visitor)  # what the job still wrote after that
            except Exception as error:
                yield self._end(error, handle, visitor, after_cancel)

        return run

    def cancel(self, request: gr.Request) -> Updates:
        """A job that waits leaves the queue at once; a running one ends at its next step. Either says so itself."""
        self._services.lanes.job_queue.cancel(str(request.session_hash), "stopped", self._lane)
        return {self.cancel_button: gr.update(interactive=False)}

    def events(self, work: Callable[[Reporter], Any], job: QueuedJob, kind: str) -> Iterator[Event]:
        """The events of some work in a thread of its own, counted as of its kind; see `jobs.follow`.

        Raises:
            Cancelled: the job was stopped, or the visitor has just deleted the pictures.
        """
        for event in follow(work, job, self._services.limits, kind):
            if job.cancelled and not isinstance(event, Progress | None):
                raise Cancelled("Cancelled.")
            yield event

    def progress(self, event: Event, job: QueuedJob) -> Updates:
        """Where the job stands."""
        if job.reason == "stopped":
            return {self.note: note(messages.STOPPING, "busy")}
        if not isinstance(event, Progress) or job.cancelled:
            return {self.note: gr.skip()}
        return {self.note: note(event.text, "busy", event.fraction)}

    def ended(self, visitor: Visitor, text: str, kind: str) -> Updates:
        """No job is running, and the tab shows what it had before."""
        return {**self.idle(), self.note: note(text, kind), **self._restored(visitor)}

    def idle(self) -> Updates:
        """No job is running."""
        return {
            **{button: gr.update(interactive=True) for button in self.starters},
            self.cancel_button: gr.update(visible=False),
        }

    def _busy(self) -> Updates:
        return {
            **{button: gr.update(interactive=False) for button in self.starters},
            self.cancel_button: gr.update(visible=True, interactive=True),
            self.note: note(messages.WAITING, "busy"),
        }

    def _place(self, before: int) -> str:
        return note(messages.waiting(before), "busy", aside=messages.WAITING_ASIDE if before else "")

    def _end(self, error: Exception, handle: JobHandle, visitor: Visitor, after_cancel: str) -> Updates:
        # First: where the files of a running job are deleted, it may end with any error.
        if handle.reason == "deleted":
            return {self.note: ""}
        if not isinstance(error, Cancelled):
            return self.ended(visitor, sentence(error), "error")
        if handle.reason in {"replaced", "left"}:  # the page is another job's, or nobody's
            return {self.note: gr.skip()}
        return self.ended(visitor, f"Cancelled. {after_cancel}", "")
