"""The command line: `python -m stylizer COMMAND`. One module beside this holds one command, or a small family.

Exit codes: 0 = all done, 1 = something went wrong inside, 2 = the input or the command was at fault, 130 = stopped.
Where nobody reads the output any more (`| head -1`), the work goes on to its end and the code is the work's.
"""

import contextlib
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stylizer.cli.console import Console, Context
from stylizer.cli.parser import parse
from stylizer.cli.signals import stopped_by_signals
from stylizer.cli.streams import unbreakable_streams
from stylizer.errors import Cancelled, StylizerError

if TYPE_CHECKING:
    from stylizer.pipeline import Stylizer

STOPPED = 130


def main(argv: Sequence[str] | None = None, open_stylizer: "Callable[..., Stylizer] | None" = None) -> int:
    """Run one command.

    Args:
        argv: without the program's name; None: this process is the command, with its own arguments and streams.
        open_stylizer: called with device=, backbone= and on_progress=; default `Stylizer.open`.
    Returns:
        The exit code.
    """
    with contextlib.ExitStack() as own:
        if argv is None:
            own.enter_context(unbreakable_streams())
            own.enter_context(stopped_by_signals())
        return _run(list(sys.argv[1:] if argv is None else argv), open_stylizer or _open_stylizer)


def _run(words: list[str], open_stylizer: "Callable[..., Stylizer]") -> int:
    console = Console(as_json="--json" in words)
    try:
        args = parse(words)
        with console.capture_logs(args.log_level) if args.log_level else contextlib.nullcontext():
            value, code = args.run(args, Context(console, open_stylizer))
        if value is not None:
            console.result(value)
        console.check_written()
        return int(code)
    except (KeyboardInterrupt, Cancelled):
        console.error("Cancelled", "Stopped; nothing half-done was kept.")
        return STOPPED
    except Exception as error:
        if "--debug" in words:
            traceback.print_exc(file=console.err)
        console.error(type(error).__name__, _sentence(error))
        return error.exit_code if isinstance(error, StylizerError) else 1


def _sentence(error: Exception) -> str:
    if isinstance(error, StylizerError):
        return str(error)
    why = " ".join(f"{type(error).__name__}: {error}".split())
    return f"Something went wrong inside ({why}). Run the same command with --debug to see where."


def _open_stylizer(**options: Any) -> "Stylizer":
    from stylizer.pipeline import Stylizer
    from stylizer.runtime import tune_process

    tune_process()
    return Stylizer.open(**options)
