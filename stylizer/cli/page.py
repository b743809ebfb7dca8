"""The command `page`: the same page as `python app.py`, with the same options."""

import argparse

from stylizer.cli.console import Context, Outcome
from stylizer.cli.options import AddCommand


def add_commands(add: AddCommand) -> None:
    """Add `page`, whose options are those of `stylizer.web.options`."""
    add("page", page, "start the page in a browser's reach; `page --help` lists its options")


def page(args: argparse.Namespace, context: Context) -> Outcome:
    """Serve the page until Ctrl-C. Gradio is loaded here and by no other command.

    Returns:
        No JSON value, and the exit code of `stylizer.web.app.main`.
    """
    from stylizer.web.app import main

    return None, main(args.rest)
