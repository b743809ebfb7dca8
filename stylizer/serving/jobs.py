"""A heavy job in a worker thread: its progress as a stream of values, and a clean way to stop it."""

import contextvars
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from PIL import Image

from stylizer.errors import Cancelled, TimeLimitError
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.limits import run_limits_of

T = TypeVar("T")


@dataclass
class JobHandle:
    """A session's right to stop its own job: Cancel sets the flag, the job looks at it between two steps.

    base: where the session's folder is made. turn: of the session's newest job; an older one stops for it.
    expected: it was asked for and has not begun. last_word: what the page says since the session's jobs were given up.
    folder: of the pictures that are shown in passing.
    """

    base: Path | None = None
    cancelled: bool = False
    generation: int = 0
    expected: bool = False
    last_word: str = ""
    folder: Path | None = None

    def desk(self) -> Path:
        """The session's folder, made when it is needed."""
        if self.folder is None or not self.folder.exists():
            self.folder = Path(tempfile.mkdtemp(dir=self.base))
        return self.folder

    def remove(self) -> None:
        """Delete the folder."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def renew(self) -> None:
        """A new job is wanted."""
        self.cancelled, self.generation, self.expected, self.last_word = False, self.generation + 1, True, ""

    def give_up(self, last_word: str) -> None:
        """No job is wanted any more."""
        self.cancelled, self.generation, self.expected, self.last_word = True, self.generation + 1, False, last_word


@dataclass(frozen=True)
class Progress:
    """Where a job stands. fraction: 0..1 of the stage, None if unknown. preview: the newest, if any."""

    text: str
    fraction: float | None = None
    preview: Image.Image | None = None


@dataclass(frozen=True)
class Part(Generic[T]):
    """What a job has already got; more of it comes."""

    value: T


@dataclass(frozen=True)
class Finished(Generic[T]):
    """The last value of a job."""

    value: T


class Reporter:
    """What a job tells about itself. Every call raises `Cancelled` once the ticket says so, or the program closes.

    Where `closing` is a `RunLimits` with a time limit, every call raises `TimeLimitError` once that is over.
    """

    def __init__(
        self,
        handle: JobHandle,
        closing: threading.Event,
        tell: Callable[[Progress | Part[Any]], None],
        generation: int | None = None,
    ) -> None:
        self._handle, self._closing, self._tell = handle, closing, tell
        self._generation = handle.generation if generation is None else generation
        self._stage, self._started = "", 0.0
        self._limit, self._begun = run_limits_of(closing).max_seconds, time.monotonic()

    def stage(self, text: str) -> None:
        """Begin a new stage, such as "Learning the style"."""
        self._stage, self._started = text, time.perf_counter()
        self._send(Progress(text))

    def on_step(self, step: int, total: int, preview: Image.Image | None) -> None:
        """The callback that the pipeline wants."""
        text, left = f"{self._stage}: step {step} of {total}", self._seconds_left(step, total)
        self._send(Progress(f"{text}, {left}" if left else text, step / max(1, total), preview))

    def on_progress(self, text: str, fraction: float) -> None:
        """The callback of downloads and loading, whose time is not the job's."""
        self._begun = time.monotonic()
        self._send(Progress(text, fraction))

    def part(self, value: object) -> None:
        """Hand over what is done so far; it is shown at once, and kept if the job is cancelled later."""
        self._send(Part(value))

    def _send(self, news: Progress | Part[Any]) -> None:
        if self._handle.cancelled or self._handle.generation != self._generation or self._closing.is_set():
            raise Cancelled("Cancelled.")
        if self._limit is not None and time.monotonic() - self._begun > self._limit:
            raise TimeLimitError(
                f"This was stopped after {self._limit:.0f} s, which is all that a job may take here; "
                "choose fewer iterations or another inversion mode, or run the program yourself."
            )
        self._tell(news)

    def _seconds_left(self, step: int, total: int) -> str:
        elapsed = time.perf_counter() - self._started
        if step < 3 or elapsed < 2 or step >= total:
            return ""
        left = elapsed / step * (total - step)
        return f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"


def ready(stylizer: Engine | LazyStylizer, reporter: Reporter) -> Engine:
    """The stylizer itself; the reporter hears of the networks that are still on their way."""
    return loaded(stylizer, reporter.on_progress)


def follow(
    work: Callable[[Reporter], T],
    handle: JobHandle,
    closing: threading.Event,
    kind: str = "stylize",
    generation: int | None = None,
) -> Iterator[Progress | Part[Any] | Finished[T] | None]:
    """Run `work` in a thread and yield its progress and parts, then `Finished`; None is a sign of life, each second.

    Progress that arrives faster than it is asked for is merged, with the newest preview. Closing the iterator
    (the visitor left) cancels the work. Either way this returns only after the thread has ended, so that the next
    job does not start beside it. kind: what the job is counted as, where `closing` is a `RunLimits`. turn: of the job;
    default the newest.

    Raises: whatever `work` raises.
    """
    told: queue.SimpleQueue[Progress | Part[Any] | Finished[T] | BaseException] = queue.SimpleQueue()
    generation = handle.generation if generation is None else generation
    reporter = Reporter(handle, closing, told.put, generation)

    def run() -> None:
        try:
            with run_limits_of(closing).metrics.job(kind) as job:
                value = work(reporter)
                job.style = getattr(value, "style_key", "")
            told.put(Finished(value))
        except BaseException as error:  # handed over to the thread that waits
            told.put(error)

    # In the visitor's context: a Space asks it whose GPU quota the work is on.
    context = contextvars.copy_context()
    worker = threading.Thread(target=context.run, args=(run,), name="stylize", daemon=True)
    worker.start()
    try:
        while True:
            newest = _newest(told)
            if isinstance(newest, BaseException):
                raise newest
            yield newest
            if isinstance(newest, Finished):
                return
    finally:
        if handle.generation == generation:  # else it stops already, and the flag is the newer job's
            handle.cancelled = True
        worker.join()


def _newest(
    told: "queue.SimpleQueue[Progress | Part[Any] | Finished[T] | BaseException]",
) -> Progress | Part[Any] | Finished[T] | BaseException | None:
    try:
        item = told.get(timeout=1.0)
        while isinstance(item, Progress) and not told.empty():
            later = told.get()
            if isinstance(later, Progress) and later.preview is None:
                later = Progress(later.text, later.fraction, item.preview)
            item = later
    except queue.Empty:
        return None
    return item
