"""A job in a worker thread: its progress as a stream of values, how it is stopped, and the limits that bind it."""

import contextvars
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from PIL import Image

from stylizer.errors import Cancelled, TimeLimitError
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.metrics import Metrics

T = TypeVar("T")
# Why a job is stopped: its visitor pressed Cancel, asked for something else, deleted everything, or closed the page.
CancelReason = Literal["stopped", "replaced", "deleted", "left"]


@dataclass(frozen=True)
class RunLimits:
    """What every job of one program is bound by; one object, made where the program starts, and handed on.

    Args:
        max_seconds: time that a job may take, more than 0; None: no limit. Waiting in the queue and for the networks
            does not count.
        metrics: counts jobs.
        closing: set when the program ends; running jobs then stop at their next step.
    """

    max_seconds: float | None = None
    metrics: Metrics = field(default_factory=Metrics)
    closing: threading.Event = field(default_factory=threading.Event)


class JobHandle:
    """The right to stop one job: `cancel` sets a flag that the job looks at between two steps."""

    def __init__(self) -> None:
        self._reason: CancelReason | None = None

    def cancel(self, reason: CancelReason = "stopped") -> None:
        """Ask the job to stop. Only the first reason counts."""
        self._reason = self._reason or reason

    @property
    def cancelled(self) -> bool:
        """Whether the job was asked to stop."""
        return self._reason is not None

    @property
    def reason(self) -> CancelReason | None:
        """Why it was asked to stop; None if it was not."""
        return self._reason


@dataclass(frozen=True)
class Progress:
    """Where a job stands. fraction: 0..1 of the stage, None if unknown. preview: the newest, if any."""

    text: str
    fraction: float | None = None
    preview: Image.Image | None = None


@dataclass(frozen=True)
class Part(Generic[T]):
    """A partial result; more follows."""

    value: T


@dataclass(frozen=True)
class Finished(Generic[T]):
    """The last value of a job."""

    value: T


class Reporter:
    """The callbacks through which a job reports its progress.

    Args:
        handle: of the job.
        limits: of the program.
        send: receives the progress and the parts.
    Raises:
        Cancelled: from every method, once the job was cancelled or the program closes.
        TimeLimitError: from every method, once the job took longer than `limits.max_seconds`.
    """

    def __init__(self, handle: JobHandle, limits: RunLimits, send: Callable[[Progress | Part[Any]], None]) -> None:
        self._handle, self._limits, self._send_on = handle, limits, send
        self._stage, self._stage_began, self._began = "", 0.0, time.monotonic()

    def stage(self, text: str) -> None:
        """Begin a new stage, such as "Learning the style"."""
        self._stage, self._stage_began = text, time.perf_counter()
        self._send(Progress(text))

    def on_step(self, step: int, total: int, preview: Image.Image | None) -> None:
        """The step callback of the pipeline: step counts from 1 to total."""
        text, left = f"{self._stage}: step {step} of {total}", self._time_left(step, total)
        self._send(Progress(f"{text}, {left}" if left else text, step / max(1, total), preview))

    def on_progress(self, text: str, fraction: float) -> None:
        """The callback of downloads and loading, whose time does not count towards the job's limit."""
        self._began = time.monotonic()
        self._send(Progress(text, fraction))

    def part(self, value: object) -> None:
        """Hand over a partial result; it is shown at once, and stays if the job is cancelled later."""
        self._send(Part(value))

    def _send(self, event: Progress | Part[Any]) -> None:
        if self._handle.cancelled or self._limits.closing.is_set():
            raise Cancelled("Cancelled.")
        limit = self._limits.max_seconds
        if limit is not None and time.monotonic() - self._began > limit:
            raise TimeLimitError(
                f"This was stopped after {limit:.0f} s, which is all that a job may take here; "
                "choose fewer iterations or another inversion mode, or run the program yourself."
            )
        self._send_on(event)

    def _time_left(self, step: int, total: int) -> str:
        elapsed = time.perf_counter() - self._stage_began
        if step < 3 or elapsed < 2 or step >= total:
            return ""
        left = elapsed / step * (total - step)
        return f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"


def ready(stylizer: Engine | LazyStylizer, reporter: Reporter) -> Engine:
    """The stylizer itself; the reporter hears of the networks that are still loading."""
    return loaded(stylizer, reporter.on_progress)


def follow(
    work: Callable[[Reporter], T], handle: JobHandle, limits: RunLimits, kind: str = "stylize"
) -> Iterator[Progress | Part[Any] | Finished[T] | None]:
    """Run `work` in a thread and yield its progress and parts, then `Finished`.

    None is yielded once a second while nothing happens, so that the caller can see whether anyone still listens.
    Progress that arrives faster than it is asked for is merged, with the newest preview. Closing the iterator cancels
    the work. It returns only after the thread has ended, so that the next job does not start beside it.

    Args:
        work: gets a `Reporter`.
        handle: cancels the work.
        limits: of the program; its metrics count the job.
        kind: what the job is counted as.
    Raises:
        Whatever `work` raises.
    """
    events: queue.SimpleQueue[Progress | Part[Any] | Finished[T] | BaseException] = queue.SimpleQueue()
    reporter = Reporter(handle, limits, events.put)

    def run() -> None:
        try:
            with limits.metrics.job(kind) as job:
                value = work(reporter)
                job.style = getattr(value, "style_key", "")
            events.put(Finished(value))
        except BaseException as error:  # handed over to the thread that waits
            events.put(error)

    # In the visitor's context: a Space asks it whose GPU quota the work is on.
    context = contextvars.copy_context()
    worker = threading.Thread(target=context.run, args=(run,), name="stylize", daemon=True)
    worker.start()
    try:
        while True:
            newest = _newest(events)
            if isinstance(newest, BaseException):
                raise newest
            yield newest
            if isinstance(newest, Finished):
                return
    finally:
        if worker.is_alive():
            handle.cancel("left")
        worker.join()


def _newest(
    events: "queue.SimpleQueue[Progress | Part[Any] | Finished[T] | BaseException]",
) -> Progress | Part[Any] | Finished[T] | BaseException | None:
    try:
        item = events.get(timeout=1.0)
        while isinstance(item, Progress) and not events.empty():
            later = events.get()
            if isinstance(later, Progress) and later.preview is None:
                later = Progress(later.text, later.fraction, item.preview)
            item = later
    except queue.Empty:
        return None
    return item
