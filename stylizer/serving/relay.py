"""Several frames of one camera on their way: each part of the work takes them one by one, none overtakes another."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Relay:
    """Lets threads through a row of parts, one in each part at a time, in the order in which they came.

    `with relay.run() as next_part:` begins the first part; every call of `next_part` ends a part and begins the next.
    A part that raises gives way to the next thread.
    """

    def __init__(self, parts: int) -> None:
        self._locks = [threading.Lock() for _ in range(parts)]

    @contextmanager
    def run(self) -> Iterator[Callable[[], None]]:
        """Go through; waits before each part until it is free."""
        held = 0
        self._locks[held].acquire()

        def next_part() -> None:
            nonlocal held
            self._locks[held + 1].acquire()  # before the other is given back, so that nobody overtakes
            self._locks[held].release()
            held += 1

        try:
            yield next_part
        finally:
            self._locks[held].release()
