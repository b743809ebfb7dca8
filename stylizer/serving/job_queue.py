"""The program's queue: jobs wait in lanes, first come, first served, and leave at once when nobody wants them.

Every lane has its own limits: how many jobs run at once, how many may wait, and how many one address may have. So
long jobs never hold up short ones, and nobody can take all places of any kind. Nothing here knows Gradio: its own
queue starts every event at once, and the event then waits here.
"""

import asyncio
import ipaddress
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import parse_qs

from stylizer.errors import Cancelled, QueueFullError
from stylizer.serving.jobs import CancelReason, JobHandle

HEAVY = "heavy"  # learns a style or inverts a photo: one at a time, it uses the whole machine
DRAW = "draw"  # draws and scores with what is there: about a second
DECODE = "decode"  # opens a picture that somebody uploaded: memory of its size
VIDEO = "video"  # draws a video, for minutes: beside the others, one at a time
LIVE = "live"  # draws a frame of a camera: some hundredths of a second
QUICK = "quick"  # the library, on disk or on the Hub

_MAX_WAITING = 64
_MAX_RUNNING = {HEAVY: 1, VIDEO: 1, LIVE: 2, DRAW: 2, DECODE: 2, QUICK: 4}
_TOO_MANY_OF_YOURS = "Too many jobs of yours are waiting here; wait until one of them has ended, then try again."
_TOO_MANY = "Too many jobs are waiting here already; try again in a few minutes."


@dataclass(frozen=True)
class Lane:
    """The limits of one kind of job.

    Args:
        name: of the kind.
        max_running: jobs that run at the same time, 1 or more.
        max_waiting: jobs that wait at the same time, 0 or more, of all addresses together.
        max_per_address: jobs of one address that wait or run, 1 or more; None: no limit.
    """

    name: str
    max_running: int
    max_waiting: int
    max_per_address: int | None = None


def standard_lanes(max_waiting: int = _MAX_WAITING, max_per_address: int | None = None) -> tuple[Lane, ...]:
    """The lanes of the page, each with these limits of its own."""
    return tuple(Lane(name, running, max_waiting, max_per_address) for name, running in _MAX_RUNNING.items())


class QueuedJob(JobHandle):
    """One job in a lane, from `JobQueue.join` until `leave`; as a context manager it leaves by itself.

    Waiting is possible in a coroutine (`turn`) and in a thread (`wait`). Cancelling a job that waits removes it from
    the lane at once; a running one keeps its place until it has ended.
    """

    def __init__(self, jobs: "JobQueue", lane: str, session: str, address: str, replaceable: bool) -> None:
        super().__init__()
        self.lane, self.session, self.address, self.replaceable = lane, session, address, replaceable
        self._jobs = jobs
        self._started: Future[bool] = Future()  # True: its turn has come; False: it was cancelled before
        self._awaitable: asyncio.Future[bool] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    async def turn(self, timeout: float | None = None) -> bool:
        """Wait for this job's turn.

        Args:
            timeout: seconds; None: as long as it takes.
        Returns:
            Whether the turn has come.
        Raises:
            Cancelled: the job was cancelled while it waited.
        """
        if self._awaitable is None:
            self._awaitable = asyncio.wrap_future(self._started)
        done, _ = await asyncio.wait({self._awaitable}, timeout=timeout)
        return bool(done) and self._checked()

    def wait(self, timeout: float | None = None) -> bool:
        """The same in a thread."""
        try:
            self._started.result(timeout)
        except TimeoutError:
            return False
        return self._checked()

    def position(self) -> int:
        """How many jobs come before this one, waiting or running; 0 once its turn has come."""
        return self._jobs.position(self)

    def cancel(self, reason: CancelReason = "stopped") -> None:
        """Ask the job to stop; if it still waits, it leaves the lane at once."""
        super().cancel(reason)
        self._jobs.drop_waiting(self)

    def leave(self) -> None:
        """End the job and let the next one begin; harmless when it has left already."""
        self._jobs.leave(self)

    def start(self) -> None:
        """Called by the queue: its turn has come."""
        self._started.set_result(True)

    def drop(self) -> None:
        """Called by the queue: it was cancelled before its turn came."""
        self._started.set_result(False)

    def _checked(self) -> bool:
        if not self._started.result():
            raise Cancelled("Cancelled.")
        return True


class JobQueue:
    """All lanes of one program. Safe to use from any thread."""

    def __init__(self, lanes: Iterable[Lane] | None = None) -> None:
        """lanes: default `standard_lanes()`."""
        self._lanes = {lane.name: lane for lane in (standard_lanes() if lanes is None else lanes)}
        self._lock = threading.RLock()
        self._waiting: dict[str, list[QueuedJob]] = {name: [] for name in self._lanes}
        self._running: dict[str, list[QueuedJob]] = {name: [] for name in self._lanes}
        self._refused: Counter[str] = Counter()
        self._given_up: Counter[str] = Counter()

    @property
    def lanes(self) -> tuple[str, ...]:
        """The lanes' names."""
        return tuple(self._lanes)

    @property
    def capacity(self) -> int:
        """How many jobs can be in all lanes together, waiting and running."""
        return sum(lane.max_running + lane.max_waiting for lane in self._lanes.values())

    def join(self, lane: str, session: str, address: str, *, replaceable: bool = False) -> QueuedJob:
        """Put a job at the end of a lane; it begins at once where there is room.

        Args:
            lane: one of `lanes`.
            session: of the visitor, as the browser or program calls itself.
            address: of the client (see `client_address`).
            replaceable: a newer replaceable job of the same session in the lane takes the place of this one.
        Raises:
            QueueFullError: the lane is full, or this address has too many jobs in it. Nothing was replaced then.
        """
        limits, job = self._lanes[lane], QueuedJob(self, lane, session, address, replaceable)
        with self._lock:
            there = [other for other in (*self._waiting[lane], *self._running[lane]) if not other.cancelled]
            older = [other for other in there if replaceable and other.replaceable and other.session == session]
            staying = [other for other in there if other not in older]
            of_address = sum(other.address == address for other in staying)
            if limits.max_per_address is not None and of_address >= limits.max_per_address:
                self._refused[lane] += 1
                raise QueueFullError(_TOO_MANY_OF_YOURS)
            waiting = [other for other in self._waiting[lane] if other not in older]
            if (waiting or len(self._running[lane]) >= limits.max_running) and len(waiting) >= limits.max_waiting:
                self._refused[lane] += 1
                raise QueueFullError(_TOO_MANY)
            for other in older:
                other.cancel("replaced")
            self._waiting[lane].append(job)
            self._start_next(lane)
        return job

    def cancel(self, session: str, reason: CancelReason = "stopped", lane: str | None = None) -> bool:
        """Cancel the jobs of a session, in one lane or in all; whether there were any. An empty name is nobody's."""
        with self._lock:
            jobs = [job for job in self._all() if session and job.session == session and not job.cancelled]
            jobs = [job for job in jobs if lane in {None, job.lane}]
            for job in jobs:
                job.cancel(reason)
        return bool(jobs)

    def position(self, job: QueuedJob) -> int:
        """How many jobs come before this one in its lane; 0 once its turn has come."""
        with self._lock:
            waiting = self._waiting[job.lane]
            return waiting.index(job) + len(self._running[job.lane]) if job in waiting else 0

    def waiting(self, lane: str) -> int:
        """How many jobs wait in a lane."""
        with self._lock:
            return len(self._waiting[lane])

    def running(self, lane: str) -> int:
        """How many jobs of a lane run."""
        with self._lock:
            return len(self._running[lane])

    def refused(self, lane: str) -> int:
        """How many jobs a lane has refused since the start."""
        return self._refused[lane]

    def given_up(self, lane: str) -> int:
        """How many jobs have left a lane before their turn came, since the start."""
        return self._given_up[lane]

    def drop_waiting(self, job: QueuedJob) -> None:
        """Remove a job from its lane if it still waits there."""
        with self._lock:
            if job in self._waiting[job.lane]:
                self._waiting[job.lane].remove(job)
                self._given_up[job.lane] += 1
                job.drop()

    def leave(self, job: QueuedJob) -> None:
        """Remove a job from its lane, wherever it is, and start the next one."""
        with self._lock:
            self.drop_waiting(job)
            if job in self._running[job.lane]:
                self._running[job.lane].remove(job)
                self._start_next(job.lane)

    def _start_next(self, lane: str) -> None:
        while self._waiting[lane] and len(self._running[lane]) < self._lanes[lane].max_running:
            job = self._waiting[lane].pop(0)
            self._running[lane].append(job)
            job.start()

    def _all(self) -> list[QueuedJob]:
        return [job for jobs in (self._waiting, self._running) for lane in jobs.values() for job in lane]


def client_address(host: str | None) -> str:
    """Whose limits count for a client: its address; of IPv6 the network of 64 bits, which one customer has whole.

    Args:
        host: as the server sees it, or as a trusted proxy says (uvicorn's FORWARDED_ALLOW_IPS); None: unknown.
    """
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host or ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


_Scope = MutableMapping[str, Any]
_App = Callable[[_Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class LeaveOnDisconnect:
    """ASGI middleware: when a client closes the stream on which it waits for results, its jobs leave the queue.

    Gradio drops the events of such a client, but tells nobody who waits elsewhere on their behalf.
    """

    def __init__(self, app: _App, job_queue: JobQueue) -> None:
        self._app, self._jobs = app, job_queue

    async def __call__(
        self, scope: _Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        session = _stream_of(scope)
        if session is None:
            await self._app(scope, receive, send)
            return
        complete = False

        async def watch_receive() -> Any:
            message = await receive()
            if message["type"] == "http.disconnect" and not complete:
                self._jobs.cancel(session, "left")
            return message

        async def watch_send(message: Any) -> None:
            nonlocal complete
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                complete = True
            await send(message)

        try:
            await self._app(scope, watch_receive, watch_send)
        finally:
            if not complete:
                self._jobs.cancel(session, "left")


def _stream_of(scope: _Scope) -> str | None:
    """The session whose results a request streams; None: it is another kind of request."""
    if scope["type"] != "http" or scope["method"] != "GET":
        return None
    path: str = scope["path"]
    if path.endswith("/queue/data"):
        sessions = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("session_hash")
        return sessions[0] if sessions else None
    before, _, event = path.rpartition("/")
    # A simple call's session is called like its event: /call/<endpoint>/<event>.
    return event if before.rpartition("/")[0].endswith(("/call", "/call/v2")) else None
