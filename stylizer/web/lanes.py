"""Handlers in the lanes of the program's queue: Gradio starts every event at once, and the event waits there.

Waiting costs no thread. The handlers themselves are ordinary functions and generators; they run in threads.
"""

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from contextvars import ContextVar
from typing import Any, TypeVar

import anyio
import gradio as gr
from gradio.context import LocalContext

from stylizer.errors import QueueFullError
from stylizer.serving.job_queue import DECODE, DRAW, HEAVY, QUICK, VIDEO, JobQueue, QueuedJob, client_address
from stylizer.serving.jobs import JobHandle

T = TypeVar("T")
Handler = TypeVar("Handler", bound=Callable[..., Any])
_END = object()
_current: ContextVar[JobHandle] = ContextVar("current_job")


def current_job() -> JobHandle:
    """The job as which the present handler runs; outside of every lane, one that nobody cancels."""
    return _current.get(None) or JobHandle()


class Lanes:
    """Puts handlers into lanes. What comes from one browser or program is one session there.

    Args:
        job_queue: of the program.
    """

    def __init__(self, job_queue: JobQueue) -> None:
        self.job_queue = job_queue
        self._threads = anyio.CapacityLimiter(job_queue.capacity)  # the lanes allow fewer; this never waits

    def heavy(self, handler: Handler) -> Handler:
        """A handler that learns or inverts."""
        return self._in_lane(HEAVY, handler)

    def video(self, handler: Handler) -> Handler:
        """A handler that draws a video."""
        return self._in_lane(VIDEO, handler)

    def draw(self, handler: Handler) -> Handler:
        """A handler that draws or scores."""
        return self._in_lane(DRAW, handler)

    def decode(self, handler: Handler) -> Handler:
        """A handler that opens an uploaded picture."""
        return self._in_lane(DECODE, handler)

    def quick(self, handler: Handler) -> Handler:
        """A handler that asks the library."""
        return self._in_lane(QUICK, handler)

    def join(self, lane: str, request: gr.Request, *, replaceable: bool = False) -> QueuedJob:
        """Put the job of a request into a lane; see `JobQueue.join`."""
        return self.job_queue.join(lane, _session(request), _address(request), replaceable=replaceable)

    async def iterate(self, job: JobHandle, values: Iterator[T]) -> AsyncIterator[T]:
        """Iterate over a generator in threads; it is closed there, too."""
        try:
            while (value := await self._call(job, next, values, _END)) is not _END:
                yield value
        finally:
            if inspect.isgenerator(values):
                with anyio.CancelScope(shield=True):
                    await self._call(job, values.close)

    def _in_lane(self, lane: str, handler: Handler) -> Handler:
        wrap = self._generator_in_lane if inspect.isgeneratorfunction(handler) else self._function_in_lane
        return wrap(lane, handler)  # type: ignore[return-value]

    def _function_in_lane(self, lane: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handler)
        async def run(*values: Any, **named: Any) -> Any:
            with self._join_or_refuse(lane) as job:
                await job.turn()
                return await self._call(job, functools.partial(handler, *values, **named))

        return run

    def _generator_in_lane(self, lane: str, handler: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handler)
        async def run(*values: Any, **named: Any) -> AsyncIterator[Any]:
            with self._join_or_refuse(lane) as job:
                await job.turn()
                async with aclosing(self.iterate(job, handler(*values, **named))) as updates:  # type: ignore[type-var]
                    async for update in updates:
                        yield update

        return run

    def _join_or_refuse(self, lane: str) -> QueuedJob:
        request: Any = LocalContext.request.get(None)
        try:
            return self.join(lane, request)
        except QueueFullError as error:
            raise gr.Error(str(error), print_exception=False) from None

    async def _call(self, job: JobHandle, function: Callable[..., T], *values: Any) -> T:
        """Call in a thread that knows the job."""
        token = _current.set(job)
        try:
            return await anyio.to_thread.run_sync(function, *values, limiter=self._threads)
        finally:
            _current.reset(token)


def _session(request: gr.Request | None) -> str:
    return str(getattr(request, "session_hash", None) or "")


def _address(request: gr.Request | None) -> str:
    client = getattr(request, "client", None)
    return client_address(getattr(client, "host", None))
