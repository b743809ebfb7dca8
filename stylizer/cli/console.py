"""What the command line shows: lines, warnings and progress bars; with --json, one JSON object and nothing else."""

import argparse
import contextlib
import json
import logging
import sys
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from stylizer.files import write_error

if TYPE_CHECKING:
    from PIL import Image

    from stylizer.pipeline import Stylizer
    from stylizer.progress import OnStep

Outcome = tuple[Any, int]
"""A command's JSON value and exit code."""


class Console:
    """Writes to standard output and standard error.

    Args:
        as_json: keep standard output for `result`, and show no bars.

    `warnings` collects what `warn` was given and what the package logged as a warning.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out, self.err = sys.stdout, sys.stderr
        self.warnings: list[str] = []
        self._lost: OSError | None = None
        self._bars = not as_json and self.err.isatty()
        self._download: tuple[str, Any] | None = None

    @contextlib.contextmanager
    def capture_logs(self, level: str = "warning") -> Iterator[None]:
        """Collect the package's warnings; with --json, send what libraries print to standard error.

        level: of the log; what is below a warning is printed on standard error and not collected.
        """
        handler, log = _ToConsole(self), logging.getLogger("stylizer")
        before = log.level
        log.addHandler(handler)
        log.setLevel(level.upper())
        try:
            with contextlib.redirect_stdout(self.err) if self.as_json else contextlib.nullcontext():
                yield
        finally:
            log.removeHandler(handler)
            log.setLevel(before)
            self._end_download()

    def line(self, text: str) -> None:
        """A line for humans; none with --json."""
        if not self.as_json:
            self._print(text, self.out)

    def warn(self, text: str) -> None:
        """A line on standard error, also stored for the JSON's "warnings"."""
        self.warnings.append(text)
        self._print(f"Warning: {text}", self.err)

    def error(self, kind: str, message: str) -> None:
        """Why the command failed: one line on standard error, or the JSON error object on standard output."""
        if self.as_json:
            self.result({"error": {"type": kind, "message": message}})
        if not self.as_json or self._lost is not None:
            self._print(f"Error: {message}", self.err)

    def result(self, value: Any) -> None:
        """The one JSON value of a run; nothing without --json."""
        if self.as_json:
            self._print(json.dumps(value, allow_nan=False), self.out)

    def check_written(self) -> None:
        """Raise DiskFullError, OutputError if something that was printed could not be written."""
        if self._lost is not None:
            raise write_error(Path("the output"), self._lost) from self._lost

    def log_line(self, text: str) -> None:
        """A line on standard error that is no warning."""
        self._print(text, self.err)

    @contextlib.contextmanager
    def steps(self, label: str, unit: str = "step") -> "Iterator[OnStep | None]":
        """A progress bar for work that reports (step, total, preview); None where none is shown. unit: of a step."""
        self._end_download()
        if not self._bars:
            yield None
            return
        from tqdm import tqdm

        with tqdm(desc=label, file=self.err, leave=False, unit=unit) as bar:

            def report(step: int, total: int, _preview: "Image.Image | None") -> None:
                bar.total = total
                bar.update(step - bar.n)

            yield report

    def progress(self, label: str, fraction: float) -> None:
        """Show how much of a download is done, 0..1."""
        if not self._bars:
            return
        from tqdm import tqdm

        if self._download is None or self._download[0] != label:
            self._end_download()
            self._download = (label, tqdm(desc=label, total=100, file=self.err, unit="%"))
        bar = self._download[1]
        bar.update(round(100 * fraction) - bar.n)

    def _print(self, text: str, stream: TextIO) -> None:
        # File names may hold anything: a terminal that cannot show a character must not end the run, and what moves the
        # cursor or reorders other characters is shown as an escape.
        text = "".join(_escaped(c) for c in text)
        encoding = stream.encoding or "utf-8"
        try:
            print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
        except OSError as error:  # a full disk behind `>`: the work goes on, and its end tells
            self._lost = error

    def _end_download(self) -> None:
        if self._download is not None:
            self._download[1].close()
            self._download = None


@dataclass(frozen=True)
class Context:
    """What a command works with: the console, and how to open the stylizer."""

    console: Console
    open_stylizer: "Callable[..., Stylizer]"

    def stylizer(self, args: argparse.Namespace) -> "Stylizer":
        """Open it on the device and with the face generator that the command line names."""
        return self.open_stylizer(device=args.device, backbone=args.backbone, on_progress=self.console.progress)


class _ToConsole(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self._console.warn(record.getMessage())
        else:
            self._console.log_line(record.getMessage())


def _escaped(character: str) -> str:
    shown = unicodedata.category(character) not in {"Cc", "Cf"} or character in "\n\t"
    return character if shown else character.encode("unicode_escape").decode()
