"""Standard output and standard error that do not end the work when nobody reads them any more."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO, cast

_GONE = {errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN} | ({errno.EINVAL} if sys.platform == "win32" else set())


@contextlib.contextmanager
def unbreakable_streams() -> Iterator[None]:
    """Replace `sys.stdout` and `sys.stderr` by streams that drop what a closed pipe does not take.

    Whatever writes to them, a library included, and the flush at the end, never raises BrokenPipeError. Other errors,
    such as a full disk behind `>`, are raised. A stream that was closed before the start (`>&-`) takes everything and
    keeps nothing. Terminals, and streams that are no files, stay as they are.
    """
    before = sys.stdout, sys.stderr
    ours: list[TextIO] = []
    try:
        sys.stdout, sys.stderr = (_unbreakable(stream, ours) for stream in before)
        yield
    finally:
        for stream in ours:
            with contextlib.suppress(OSError):  # whoever wrote a line has met the error already
                stream.flush()
        sys.stdout, sys.stderr = before


class _PipeEnd(io.FileIO):
    """The raw end of a stream; once nobody reads it, what is written is dropped."""

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return memoryview(data).nbytes


def _unbreakable(stream: TextIO | None, ours: list[TextIO]) -> TextIO:
    if stream is None:
        ours.append(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - used to the program's end
        return ours[-1]
    try:
        if stream.isatty():
            return stream
        stream.flush()
        raw = _PipeEnd(stream.fileno(), "wb", closefd=False)
    except (OSError, ValueError):  # not a file: a test's, or a program's own
        return stream
    buffered = io.BufferedWriter(cast("io.RawIOBase", raw))
    ours.append(io.TextIOWrapper(buffered, stream.encoding, stream.errors, line_buffering=True))
    return ours[-1]
