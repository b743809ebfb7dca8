"""A stand-in for the package `spaces`: decorated generators run in a forked process, and only values come back.

As the real one does: arguments, and everything yielded, cross as pickles; closing the generator stops the work after
what it yields next; what it raises loses its type; a refusal comes before any process is made. `asked` holds the
durations that were asked for, in seconds; `refusal` is raised instead of the work where it is set.
"""

import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from typing import Any

asked: list[int] = []
refusal: Exception | None = None
_fork = multiprocessing.get_context("fork")


def GPU(*, duration: Callable[..., int]) -> Callable[..., Any]:  # noqa: N802 - the package's name
    def decorate(task: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def call(*given: Any) -> Iterator[Any]:
            asked.append(duration(*given))
            if refusal is not None:
                raise refusal
            answers, stop = _fork.SimpleQueue(), _fork.Event()
            worker = _fork.Process(target=_run, args=(task, pickle.dumps(given), answers, stop), daemon=True)
            worker.start()
            try:
                while (answer := answers.get()) is not None:
                    if answer[0] == "raised":
                        raise RuntimeError(answer[1])
                    yield answer[1]
            finally:
                stop.set()
                worker.join(60)

        return call

    return decorate


def _run(task: Callable[..., Iterator[Any]], given: bytes, answers: Any, stop: Any) -> None:
    told = task(*pickle.loads(given))
    try:
        for value in told:
            if stop.is_set():
                told.close()
                break
            answers.put(("value", value))
    except Exception as error:
        answers.put(("raised", type(error).__name__))
    answers.put(None)
    os._exit(0)  # nothing of the test run is to end twice
