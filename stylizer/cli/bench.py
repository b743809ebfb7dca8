"""The command `bench`: time everything."""

import argparse
import contextlib
import io
import runpy
import sys

from stylizer.cli.console import Context, Outcome
from stylizer.cli.options import AddCommand
from stylizer.environment import checkout_dir
from stylizer.errors import InputError


def add_commands(add: AddCommand) -> None:
    """Add `bench`."""
    add("bench", bench, "time everything; more options are handed on to benchmarks/speed.py")


def bench(args: argparse.Namespace, context: Context) -> Outcome:
    """Run benchmarks/speed.py, which lies in the repository beside the package; the JSON holds the table it prints."""
    script = checkout_dir() / "benchmarks" / "speed.py"
    if not script.is_file():
        raise InputError("The benchmarks are not installed with the package; run this in a checkout of the repository.")
    device = ["--device", args.device] if args.device else []
    backbone = ["--backbone", args.backbone] if args.backbone else []
    argv, sys.argv = sys.argv, [str(script), *device, *backbone, *args.rest]
    printed, code = io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(printed) if args.json else contextlib.nullcontext():
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv = argv
    return {"output": printed.getvalue()}, code
