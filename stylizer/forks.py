"""What a forked process (`os.fork`, multiprocessing's "fork") needs, so that the package works there, too.

Only the thread that forked goes on in the child. Worker threads of torch are gone, and waiting for them would never
end; a lock that another thread held is never released. So in the child torch computes on one thread, and each
`ForkLock` is free. OpenVINO cannot compile in such a child either: `backbones.synthesis` draws with torch there.
"""

import functools
import os
import sys
import threading
import weakref
from types import TracebackType

_locks: "weakref.WeakSet[ForkLock]" = weakref.WeakSet()


class ForkLock:
    """A re-entrant lock for `with`, which a forked child gets anew, whoever holds it in the parent."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Make it free, in a process that has one thread."""
        self._lock = threading.RLock()


@functools.cache
def survive_forks() -> None:
    """See to it that children forked from now on can compute; harmless for those that do not use the package."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_start_child)


def _start_child() -> None:
    for lock in list(_locks):
        lock.renew()
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)
