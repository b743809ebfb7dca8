"""What the running program counts: jobs, seconds, where styles came from. Numbers only; nothing of any visitor."""

import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stylizer.errors import Cancelled
from stylizer.serving.eta import LearningEta

if TYPE_CHECKING:
    from stylizer.serving.engine import Engine

log = logging.getLogger(__name__)
_LONG = 1.0  # second
TIMED = {"align", "blend", "invent", "invert", "judge", "likeness", "paste", "render"}
_SOURCES = {"the Hub": "hub"}  # the library's words, where they are no labels


@dataclass
class Job:
    """One job while it runs; whoever knows the style's key says it, for the log."""

    style: str = ""


class Metrics:
    """Counts for one program; one object, made where the page is built, and handed on. Safe to use from any thread."""

    def __init__(self, at_rest: Callable[[], None] = lambda: None) -> None:
        """at_rest: called when a job that took a while has ended and none runs beside it."""
        self._changed, self._at_rest = threading.Condition(), at_rest
        self._jobs: Counter[tuple[str, str]] = Counter()
        self._sources: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._running = self._busy = 0  # jobs; and pieces of work, those of jobs among them

    @contextlib.contextmanager
    def job(self, kind: str) -> Iterator[Job]:
        """Count what happens inside as one job: done, cancelled (also by a visitor who left), or failed; and log it."""
        job, outcome, started = Job(), "done", time.perf_counter()
        with self._changed:
            self._running += 1
        try:
            with self.work():
                yield job
        except (Cancelled, GeneratorExit):
            outcome = "cancelled"
            raise
        except BaseException:
            outcome = "failed"
            raise
        finally:
            seconds = round(time.perf_counter() - started, 2)
            with self._changed:
                self._running -= 1
                self._jobs[kind, outcome] += 1
                alone = self._running == 0
            if alone and seconds > _LONG:
                self._at_rest()
            fields = {"kind": kind, "outcome": outcome, "seconds": seconds}
            log.info("job", extra={"fields": {**fields, "style": job.style} if job.style else fields})

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """What happens inside, the program waits for at its end."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        """Wait, so long at most, until nothing runs any more; whether that came about."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, seconds)

    def took(self, stage: str, seconds: float) -> None:
        """Add the seconds of a stage, such as "render"."""
        with self._changed:
            self._counts[stage] += 1
            self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    def found(self, source: str) -> None:
        """Note where a style came from: "memory", "disk", "the Hub" or "trained"."""
        with self._changed:
            self._sources[_SOURCES.get(source, source)] += 1

    def text(self, **gauges: float) -> str:
        """Everything in Prometheus' text format; gauges are present values, each by its name."""
        with self._changed:
            jobs, sources, counts = dict(self._jobs), dict(self._sources), dict(self._counts)
            seconds, running = dict(self._seconds), self._running
        lines = _head("jobs_total", "counter", "Jobs that ended, by kind and outcome.")
        lines += [f'stylizer_jobs_total{{kind="{k}",outcome="{o}"}} {n}' for (k, o), n in sorted(jobs.items())]
        lines += _head("styles_total", "counter", "Styles that were asked for, by where they came from.")
        lines += [f'stylizer_styles_total{{source="{source}"}} {n}' for source, n in sorted(sources.items())]
        lines += _head("stage_seconds", "summary", "Seconds that each stage of the work took.")
        for stage in sorted(counts):
            lines.append(f'stylizer_stage_seconds_count{{stage="{stage}"}} {counts[stage]}')
            lines.append(f'stylizer_stage_seconds_sum{{stage="{stage}"}} {seconds[stage]:.3f}')
        for name, value in {**gauges, "running": running}.items():
            lines += [*_head(name, "gauge", f"Now: {name.replace('_', ' ')}."), f"stylizer_{name} {value:g}"]
        return "\n".join(lines) + "\n"


class MeteredEngine:
    """An engine that does what another one does, and counts it; everything else of that one is there too."""

    def __init__(self, engine: "Engine", metrics: Metrics) -> None:
        self._engine, self._metrics, self._eta = engine, metrics, LearningEta()

    def try_out(self) -> None:
        """Draw twice, so that it is known how quick this machine is; the first drawing only wakes it up."""
        for _ in range(2):
            started = time.perf_counter()
            self._engine.invent(None, 1)
            self._eta.drew(time.perf_counter() - started)

    def seconds_to_learn(self, iterations: int, pictures: int = 1) -> float | None:
        """How long a new style will take here, about; None: not known yet."""
        return self._eta.seconds(iterations, pictures)

    def learn(self, references: Any, *args: Any, **how: Any) -> Any:
        """As the engine's; what had to be trained and what was at hand are counted apart."""
        with self._metrics.work():
            started = time.perf_counter()
            style, trained = self._engine.learn(references, *args, **how)
            seconds = time.perf_counter() - started
        self._metrics.took("learn" if trained else "look_up", seconds)
        if trained:
            pictures = len(references) if isinstance(references, list | tuple) else 1
            self._eta.learned(style.card["settings"]["iterations"], seconds, pictures)
        library = getattr(self._engine, "library", None)
        looked = library.last_lookup(style.key) if library is not None else None
        self._metrics.found("trained" if trained else looked.source if looked is not None else "memory")
        return style, trained

    def stylize(self, *args: Any, **how: Any) -> Any:
        """As the engine's, which itself says how long each of its stages took."""
        with self._metrics.work():
            done = self._engine.stylize(*args, **how)
        for stage, seconds in done.seconds.items():
            self._metrics.took(stage, seconds)
        return done

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._engine, name)
        return self._timed(name, value) if name in TIMED else value

    def _timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **how: Any) -> Any:
            with self._metrics.work():
                started = time.perf_counter()
                result = work(*args, **how)
                self._metrics.took(name, time.perf_counter() - started)
            return result

        return call


def _head(name: str, kind: str, about: str) -> list[str]:
    return [f"# HELP stylizer_{name} {about}", f"# TYPE stylizer_{name} {kind}"]
