"""What the page's long jobs have in common: what they work with, and how they end."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.errors import Cancelled
from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.job_queue import JobQueue
from stylizer.serving.jobs import Finished, Part, Progress, Reporter, follow
from stylizer.serving.values import sentence
from stylizer.web.inputs import Inputs
from stylizer.web.layout import Outputs
from stylizer.web.screen import Screen, Session, Updates


class Runner:
    """Over a stylizer and the page's widgets.

    folder: where sessions keep their files. closing: set when the program ends; running jobs then stop. line: in which
    the jobs wait.
    """

    def __init__(
        self,
        stylizer: Engine | LazyStylizer,
        inputs: Inputs,
        outputs: Outputs,
        *,
        folder: Path,
        closing: threading.Event,
        job_queue: JobQueue,
    ) -> None:
        self._job_queue = job_queue
        self._stylizer, self._in, self._out, self._folder, self._closing = stylizer, inputs, outputs, folder, closing
        self._screen = Screen(outputs)

    def _to_the_end(
        self,
        session: Session,
        request: gr.Request,
        job: Callable[[int], Iterator[Updates]],
        message: str = "Nothing was changed.",
    ) -> Iterator[Updates]:
        """All updates of a job, which is given its turn; the last one where it does not come to its own end.

        message: what is shown after "Cancelled."
        """
        given_up = self._job_queue.is_given_up(request.session_hash)
        generation = session.handle.generation - given_up
        session.handle.expected &= given_up
        try:
            yield from job(generation)
        except Exception as error:
            # Where a newer job of this visitor took over, the page is that one's.
            if session.handle.generation != generation:
                yield self._screen.nothing()
            elif isinstance(error, Cancelled):
                yield self._screen.back(f"Cancelled. {message}", "", session)
            else:
                yield self._screen.back(sentence(error), "error", session)

    def _events(
        self, work: Callable[[Reporter], Any], session: Session, kind: str, generation: int
    ) -> Iterator[Progress | Part[Any] | Finished[Any] | None]:
        """What a job tells of itself, counted as of its kind."""
        yield from follow(work, session.handle, self._closing, kind, generation)
