"""What `batch` tells while it works: each failure once, and how far it is."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from stylizer.cli.console import Console

if TYPE_CHECKING:
    from stylizer.batch.results import Result

_TOLD_EVERY = 30.0  # seconds between two lines, where no bar is shown


@contextlib.contextmanager
def telling(console: Console, total: int) -> "Iterator[Callable[[Result], None]]":
    """What is to be called with each result; a bar on a terminal, else a line now and then. total: results."""
    started, done, told, failed = time.perf_counter(), 0, time.perf_counter(), 0
    said: set[tuple[str, str]] = set()
    with console.steps("Drawing", "style") as bar:

        def on_result(result: "Result") -> None:
            nonlocal done, told, failed
            done += 1
            for record in result.records:
                if record.error is not None and (record.input, record.error) not in said:
                    said.add((record.input, record.error))
                    failed += 1
                    console.warn(f"{record.input}: {record.error}")
            now = time.perf_counter()
            if bar is not None:
                bar(done, total, None)
            elif now - told > _TOLD_EVERY:
                told, rate = now, done / (now - started)
                left = duration((total - done) / rate)
                console.log_line(f"{done} of {total}, {rate:.2f} a second, {left} left, {failed} failures")

        yield on_result


def duration(seconds: float) -> str:
    """As "2 h 5 min", "3 min 20 s" or "12 s"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
