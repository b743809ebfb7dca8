"""A pool of processes on this machine, each with its own models; one that dies is replaced, its item tried again."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any, Literal

from stylizer.batch.faults import TRIES, WorkerDied
from stylizer.batch.plan import Item
from stylizer.batch.results import Result, failed
from stylizer.batch.work import WorkerSetup
from stylizer.errors import StylizerError

_STARTS = 3  # workers in a row that end before they are ready, after which the run ends
_Word = Literal["ready", "done", "last", "gone"]
"""What a worker says beside results: that it can begin, that an item is done, that it will do no other; or nothing."""


@dataclass
class _Task:
    """An item with those of its requests that are not answered yet, and how many workers died of it."""

    item: Item
    deaths: int = 0

    def answer(self, result: Result) -> None:
        left = tuple(request for request in self.item.requests if request != result.request)
        self.item = replace(self.item, requests=left)


class ProcessPool:
    """Draws as many items at a time as there are processes.

    Args:
        setup: sent to each process, so its `open_stylizer` can be pickled.
        workers: how many processes.
    """

    def __init__(self, setup: WorkerSetup, workers: int) -> None:
        self._setup, self._count = setup, workers

    def run(self, items: Iterable[Item]) -> Iterator[Result]:
        """See `Executor`. An item of which two workers die has this as its error."""
        tasks = _Tasks(items)
        workers: list[_Worker] = []
        starts = 0
        try:
            while True:
                while len(workers) < self._count and (task := tasks.next()) is not None:
                    workers.append(_Worker(self._setup, task))
                if not workers:
                    return
                for worker in _ready(workers):
                    said = worker.receive()
                    if isinstance(said, Result):
                        worker.answer(said)
                        yield said
                    elif said == "ready":
                        starts = 0
                    elif said != "done" or not worker.go_on(tasks.next()):
                        workers.remove(worker)
                        worker.stop()
                        starts += not worker.began
                        _check_starts(starts)
                        yield from self._try_again(worker, tasks)
        finally:
            for worker in workers:
                worker.stop()

    def _try_again(self, worker: "_Worker", tasks: "_Tasks") -> Iterator[Result]:
        """Put back what a worker died of, or give it up."""
        task = worker.task
        if task is None:
            return
        task.deaths += worker.began
        if task.deaths < TRIES:
            tasks.put_back(task)
            return
        for request in task.item.requests:
            yield failed(task.item, request, WorkerDied(), self._setup.settings)


class _Tasks:
    """What is to be done: first what is tried once more."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._rest, self._again = iter(items), deque[_Task]()

    def next(self) -> _Task | None:
        if self._again:
            return self._again.popleft()
        item = next(self._rest, None)
        return None if item is None else _Task(item)

    def put_back(self, task: _Task) -> None:
        self._again.append(task)


class _Worker:
    """One process, seen from the parent. began: whether it could begin. task: what it works at."""

    def __init__(self, setup: WorkerSetup, task: _Task) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.began = False
        self.task: _Task | None = None
        self._process = spawn.Process(target=serve, args=(theirs, setup), daemon=True)
        self._process.start()
        theirs.close()
        self.go_on(task)

    def go_on(self, task: _Task | None) -> bool:
        """Give it a task; False where there is none."""
        self.task = task
        if task is not None:
            with contextlib.suppress(OSError):  # it is dead, as `receive` will tell
                self.pipe.send(task.item)
        return task is not None

    def receive(self) -> Result | _Word:
        """The next thing that it says. Raises the StylizerError that ended it."""
        try:
            said: Result | _Word | StylizerError = self.pipe.recv()
        except (EOFError, OSError):
            return "gone"
        if isinstance(said, StylizerError):
            raise said
        self.began = True
        if said == "done" or said == "last":  # noqa: PLR1714 - a result has no hash
            self.task = None
        return said

    def answer(self, result: Result) -> None:
        assert self.task is not None
        self.task.answer(result)

    def stop(self) -> None:
        self.pipe.close()
        self._process.kill()
        self._process.join()


def serve(pipe: "Connection[Any, Any]", setup: WorkerSetup) -> None:
    """A worker's whole life: draw what it is sent, until its parent or its pipe ends, or it grew too large."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all processes of a terminal; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        worker = setup.open()
        pipe.send("ready")
        small = True
        while small:
            item = pipe.recv()
            for result in worker.work(item):
                pipe.send(result)
            small = _memory() < setup.memory
            pipe.send("done" if small else "last")
    except EOFError:
        return
    except StylizerError as error:
        pipe.send(error)


def _end_with_parent() -> None:
    """Whoever kills the parent wants no picture to appear afterwards."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _memory() -> int:
    """Bytes of this process that lie in memory; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError):
        return 0


def _ready(workers: list[_Worker]) -> list[_Worker]:
    """Those that have sent something or ended; waits for one."""
    pipes = wait([worker.pipe for worker in workers])
    return [worker for worker in workers if worker.pipe in pipes]


def _check_starts(starts: int) -> None:
    if starts >= _STARTS:
        raise StylizerError(
            f"{starts} workers in a row ended before they could begin; there may be too little memory for so many "
            "(--workers)."
        )
