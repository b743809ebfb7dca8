"""What the page's long jobs have in common: how they wait, how they end, and how they are stopped."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.errors import Cancelled
from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.job_queue import HEAVY, QueuedJob
from stylizer.serving.jobs import Finished, JobHandle, Part, Progress, Reporter, RunLimits, follow
from stylizer.serving.values import sentence
from stylizer.web.inputs import Inputs
from stylizer.web.lanes import Lanes
from stylizer.web.layout import Outputs
from stylizer.web.screen import Screen, Session, Updates
from stylizer.web.theme import note

DELETED = "Your pictures are deleted from this computer."
_WAITING = "Waiting for a free place …"
_ASIDE = "A saved style takes seconds, a new one minutes."
_SIGN_OF_LIFE = 1.0  # seconds; only when a generator yields does Gradio see that its visitor has gone

# A job of the page: its values are checked already; it runs once its turn has come.
Job = Callable[[QueuedJob], Iterator[Updates]]


class Runner:
    """Over a stylizer and the page's widgets.

    folder: where sessions keep their files. limits: of the program. lanes: in which the jobs wait.
    """

    def __init__(
        self,
        stylizer: Engine | LazyStylizer,
        inputs: Inputs,
        outputs: Outputs,
        *,
        folder: Path,
        limits: RunLimits,
        lanes: Lanes,
    ) -> None:
        self._stylizer, self._in, self._out = stylizer, inputs, outputs
        self._folder, self._limits, self._lanes = folder, limits, lanes
        self._screen = Screen(outputs)

    async def _run(
        self, session: Session, request: gr.Request, prepare: Callable[[], Job], message: str = "Nothing was changed."
    ) -> AsyncIterator[Updates]:
        """All updates of a job, from its button to its end.

        Args:
            prepare: checks the values and gives the job; called before it waits.
            message: what is shown after "Cancelled."
        """
        yield {**self._screen.busy(), self._out.note: note(_WAITING, "busy")}
        handle = JobHandle()
        try:
            job = prepare()
            with self._lanes.join(HEAVY, request, replaceable=True) as queued:
                handle = queued
                while not await queued.turn(_SIGN_OF_LIFE):
                    yield {self._out.note: self._place(queued.position())}
                async with aclosing(self._lanes.iterate(queued, job(queued))) as updates:  # type: ignore[type-var]
                    async for update in updates:
                        yield update
        except Exception as error:
            yield self._end(error, handle, session, message)

    def stop(self, request: gr.Request) -> Updates:
        """Cancel: who waits leaves the queue at once; a running job ends at its next step, and says so itself."""
        self._lanes.job_queue.cancel(str(request.session_hash), "stopped")
        return {self._out.cancel: gr.update(interactive=False)}

    def _end(self, error: Exception, handle: JobHandle, session: Session, message: str) -> Updates:
        """The last update of a job that does not come to its own end."""
        if not isinstance(error, Cancelled):
            return self._screen.back(sentence(error), "error", session)
        if handle.reason == "deleted":
            return {self._out.note: note(DELETED, "done")}
        if handle.reason in {"replaced", "left"}:  # the page is another job's, or nobody's
            return self._screen.nothing()
        return self._screen.back(f"Cancelled. {message}", "", session)

    def _place(self, before: int) -> str:
        if not before:
            return note(_WAITING, "busy")
        jobs = "one job is" if before == 1 else f"{before} jobs are"
        return note(f"Waiting: {jobs} before yours.", "busy", aside=_ASIDE)

    def _events(
        self, work: Callable[[Reporter], Any], handle: JobHandle, kind: str
    ) -> Iterator[Progress | Part[Any] | Finished[Any] | None]:
        """What a job reports, counted as of its kind."""
        yield from follow(work, handle, self._limits, kind)
