"""A command that is ended from outside stops as by Ctrl-C: what it has half written goes."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP")  # of service managers and `timeout`; of a terminal that was closed


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Have these signals raise KeyboardInterrupt in the main thread; one that was ignored (`nohup`) stays so."""
    numbers = [number for name in _NAMES if (number := getattr(signal, name, None)) is not None]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is signal.SIG_DFL:
            signal.signal(number, _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is signal.SIG_DFL and signal.getsignal(number) is _stop:
                signal.signal(number, handler)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
