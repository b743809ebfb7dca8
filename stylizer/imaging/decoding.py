"""Decoding strangers' pictures beside the serving process: in worker processes with limits of time and memory.

Some decoders keep Python's interpreter lock for as long as they work, and a small file may unfold to gigabytes: within
the process that answers visitors either would hold up everybody. A worker that overruns a limit is killed, and the next
picture starts a new one. Programs and the command line use `opening.open_picture`, in their own process.
"""

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from PIL import Image

from stylizer.errors import PictureError
from stylizer.forks import ForkLock
from stylizer.imaging.opening import PictureSource, name_of, open_picture
from stylizer.settings import DECODE_MEMORY_MAX, DECODE_SECONDS_MAX, DECODE_WORKERS, PICTURE_PIXELS_MAX

_COMMAND = "from stylizer.imaging.decoding import work; work()"


@dataclass(frozen=True)
class DecodeLimits:
    """What one picture may take.

    pixels: of the file, by its header. seconds: of wall time, from the request to the last pixel. memory: bytes that a
    worker may take beyond what it needs to start; enforced where the system has RLIMIT_AS (not on Windows and macOS).
    """

    pixels: int = PICTURE_PIXELS_MAX
    seconds: float = DECODE_SECONDS_MAX
    memory: int = DECODE_MEMORY_MAX


class Decoder:
    """A few worker processes that open pictures; started when first needed, ended by `close` or with the program.

    Args:
        workers: pictures that are decoded at the same time; further calls wait.
        limits: of each picture.
    """

    def __init__(self, workers: int = DECODE_WORKERS, limits: DecodeLimits = DecodeLimits()) -> None:
        self.limits = limits
        self._process_id = os.getpid()
        self._free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        self._workers = [_Worker(limits.memory) for _ in range(workers)]
        for worker in self._workers:
            self._free.put(worker)

    def open(self, source: PictureSource, limits: DecodeLimits | None = None, *, as_is: bool = False) -> Image.Image:
        """As `opening.open_picture`, in another process where there is anything to decode.

        Args:
            source: as for `open_picture`. Only paths and the bytes of a file go to a worker: Pillow images, arrays and
                open files are the program's own, not a stranger's.
            limits: other ones for this picture; its memory is the worker's. as_is: as for `open_picture`.
        Returns:
            RGB picture (RGBA where transparency is kept), the same pixels that `open_picture` gives.
        Raises:
            PictureError: as from `open_picture`; also where a limit is overrun.
        """
        limits = limits or self.limits
        forked = os.getpid() != self._process_id  # then the pipes belong to the parent
        if forked or not isinstance(source, str | os.PathLike | bytes):
            return open_picture(source, pixels_max=limits.pixels, as_is=as_is)
        worker = self._free.get()
        try:
            return worker.open(source, limits, as_is)
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """End the workers; a later call starts new ones."""
        for worker in self._workers:
            worker.stop()


def open_picture_safely(
    source: PictureSource,
    limits: DecodeLimits = DecodeLimits(),
    *,
    pixels_max: int | None = None,
    as_is: bool = False,
) -> Image.Image:
    """Open a stranger's picture in a worker process that all of this program share; see `Decoder.open`.

    Args:
        pixels_max, as_is: as for `open_picture`; None: the limits' own.
    """
    limits = limits if pixels_max is None else replace(limits, pixels=pixels_max)
    global _shared  # noqa: PLW0603 - one pool in a program
    with _sharing:
        if _shared is None:
            _shared = Decoder()
            atexit.register(_shared.close)
    return _shared.open(source, limits, as_is=as_is)


_shared: Decoder | None = None
_sharing = ForkLock()


class _Worker:
    """One process at a time; one call at a time."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, source: str | os.PathLike[str] | bytes, limits: DecodeLimits, as_is: bool) -> Image.Image:
        process = self._running()
        overrun = threading.Event()

        def kill() -> None:
            overrun.set()
            process.kill()

        timer = threading.Timer(limits.seconds, kill)
        timer.start()
        try:
            return _ask(process, source, {"pixels": limits.pixels, "as_is": as_is})
        except (OSError, EOFError, ValueError) as error:  # it was killed, or crashed on what it was given
            self.stop()
            why = "takes too long to open" if overrun.is_set() else "cannot be decoded"
            raise PictureError(f"{name_of(source)} {why}; save it again as a JPEG of fewer pixels.") from error
        finally:
            timer.cancel()
            if overrun.is_set():
                self.stop()

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    assert pipe is not None
                    pipe.close()
            process.wait()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self.stop()
            environment = {
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)]),
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            }
            self._process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND, str(self._memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # libtiff and others write there what is wrong with a file
                env=environment,
            )
        return self._process


# Requests and answers are a line of JSON, then as many bytes as it says.


def _ask(
    process: "subprocess.Popen[bytes]", source: str | os.PathLike[str] | bytes, how: dict[str, Any]
) -> Image.Image:
    assert process.stdin is not None and process.stdout is not None
    content = b"" if isinstance(source, str | os.PathLike) else source
    path = str(Path(source).absolute()) if isinstance(source, str | os.PathLike) else None
    _send(process.stdin, {"path": path, **how}, content)
    answer, data = _receive(process.stdout)
    if "error" in answer:
        raise PictureError(str(answer["error"]))
    width, height = (int(side) for side in answer["size"])
    image = Image.frombytes(answer["mode"], (width, height), data)
    image.info = dict(answer["info"])
    return image


def _send(pipe: IO[bytes], header: dict[str, object], content: bytes) -> None:
    pipe.write(json.dumps({**header, "bytes": len(content)}).encode() + b"\n")
    pipe.write(content)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    header: dict[str, Any] = json.loads(line)
    content = pipe.read(header["bytes"])
    if len(content) != header["bytes"]:
        raise EOFError
    return header, content


def work() -> None:
    """A worker's whole life: open the pictures that it is asked for, until its standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    _open_once()  # every module and thread is there before the memory is limited
    _limit_memory(int(sys.argv[1]))
    while True:
        try:
            request, content = _receive(requests)
        except EOFError:
            return
        try:
            how = {"pixels_max": request["pixels"], "as_is": request["as_is"]}
            image = open_picture(request["path"] or content, **how)
            _send(answers, {"mode": image.mode, "size": image.size, "info": image.info}, image.tobytes())
        except PictureError as error:
            _send(answers, {"error": str(error)}, b"")


def _open_once() -> None:
    """Load what opening a picture loads."""
    buffer = BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG")
    open_picture(buffer.getvalue())


def _limit_memory(allowance: int) -> None:
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + allowance
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):  # not on this system: the limits of pixels and time remain
        return
