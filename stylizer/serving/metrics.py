"""What the running program counts: jobs, seconds, where styles came from. Numbers only; nothing of any visitor."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Summary, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from stylizer.errors import Cancelled

if TYPE_CHECKING:
    from stylizer.serving.job_queue import JobQueue

log = logging.getLogger(__name__)
_LONG_SECONDS = 1.0
_SOURCES = {"the Hub": "hub"}  # the library's words, where they are no labels


@dataclass
class Job:
    """One job while it runs. style: key of its style for the log, set by whoever knows it."""

    style: str = ""


class Metrics:
    """The counts of one program, in a registry of its own. Safe to use from any thread.

    Args:
        at_rest: called when a job that took more than a second has ended and none runs beside it.
    """

    def __init__(self, at_rest: Callable[[], None] = lambda: None) -> None:
        self._changed, self._at_rest = threading.Condition(), at_rest
        self._running = self._busy = 0  # jobs; and pieces of work, those of jobs among them
        self._registry = registry = CollectorRegistry()
        self._jobs = Counter(
            "stylizer_jobs", "Jobs that ended, by kind and outcome.", ["kind", "outcome"], registry=registry
        )
        self._styles = Counter(
            "stylizer_styles", "Styles that were asked for, by where they came from.", ["source"], registry=registry
        )
        self._seconds = Summary(
            "stylizer_stage_seconds", "Seconds that each stage of the work took.", ["stage"], registry=registry
        )
        Gauge("stylizer_running", "Jobs that run now.", registry=registry).set_function(lambda: self._running)

    @contextlib.contextmanager
    def job(self, kind: str) -> Iterator[Job]:
        """Count and log what happens inside as one job: done, failed, or cancelled (also by a visitor who left)."""
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
                alone = self._running == 0
            self._jobs.labels(kind, outcome).inc()
            if alone and seconds > _LONG_SECONDS:
                self._at_rest()
            fields = {"kind": kind, "outcome": outcome, "seconds": seconds}
            log.info("job", extra={"fields": {**fields, "style": job.style} if job.style else fields})

    @contextlib.contextmanager
    def work(self) -> Iterator[None]:
        """Mark what happens inside as work that the program waits for before it ends."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no work runs, at most this many seconds; whether that came about."""
        with self._changed:
            return self._changed.wait_for(lambda: self._busy == 0, seconds)

    def add_seconds(self, stage: str, seconds: float) -> None:
        """Add the seconds of a stage, such as "render"."""
        self._seconds.labels(stage).observe(seconds)

    def add_style(self, source: str) -> None:
        """Count where a style came from: "memory", "disk", "the Hub" or "trained"."""
        self._styles.labels(_SOURCES.get(source, source)).inc()

    def observe(self, job_queue: "JobQueue", is_ready: Callable[[], bool]) -> None:
        """Report the present state of these beside the counts; call it once, where the program starts.

        Args:
            job_queue: of the program.
            is_ready: says whether the networks are loaded.
        """
        self._registry.register(_QueueCollector(job_queue))
        ready = Gauge("stylizer_ready", "1 when the networks are loaded.", registry=self._registry)
        ready.set_function(lambda: float(is_ready()))

    def text(self) -> str:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry).decode()


class _QueueCollector:
    """Reads the queue when somebody asks for the metrics."""

    def __init__(self, job_queue: "JobQueue") -> None:
        self._jobs = job_queue

    def collect(self) -> Iterable[Metric]:
        jobs = self._jobs
        length = sum(jobs.waiting(lane) for lane in jobs.lanes)
        yield GaugeMetricFamily("stylizer_queue_length", "Jobs that wait now, in all lanes.", length)
        waiting = GaugeMetricFamily("stylizer_lane_waiting", "Jobs that wait now, by lane.", labels=["lane"])
        running = GaugeMetricFamily("stylizer_lane_running", "Jobs that run now, by lane.", labels=["lane"])
        refused = CounterMetricFamily("stylizer_refused", "Jobs that found no place, by lane.", labels=["lane"])
        given_up = CounterMetricFamily(
            "stylizer_given_up", "Jobs that left before their turn came, by lane.", labels=["lane"]
        )
        for lane in jobs.lanes:
            waiting.add_metric([lane], jobs.waiting(lane))
            running.add_metric([lane], jobs.running(lane))
            refused.add_metric([lane], jobs.refused(lane))
            given_up.add_metric([lane], jobs.given_up(lane))
        yield from (waiting, running, refused, given_up)
