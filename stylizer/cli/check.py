"""The command `check`: was a picture or a video made by this program, and in which style?"""

import argparse
from pathlib import Path

from stylizer.cli.console import Context, Outcome
from stylizer.cli.options import AddCommand


def add_commands(add: AddCommand) -> None:
    """Add `check`."""
    sub = add("check", check, "say whether a picture or a video was made by this program, and in which style")
    sub.add_argument("picture", type=Path, metavar="FILE")


def check(args: argparse.Namespace, context: Context) -> Outcome:
    """Look for watermark, note and content credentials. Exit code 0 whatever is found; needs no networks."""
    from stylizer.library.library import open_library
    from stylizer.provenance.report import describe_finding, inspect_file

    found = inspect_file(args.picture)
    style = next((info for info in open_library().list() if found.is_of(info.key)), None)
    context.console.line(describe_finding(args.picture, found, style.name if style else None))
    mark, noted = found.mark, found.noted
    key_start = mark.payload.hex() if mark and mark.payload else None
    return {
        "file": str(args.picture),
        "made_here": found.made_here,
        "style": {"key": style.key, "name": style.name} if style else None,
        "watermark": {"score": round(mark.score, 1), "style_key_start": key_start} if mark else None,
        "metadata": {"style": {"key": noted.style_key, "name": noted.style_name}} if noted else None,
        "content_credentials": None if found.intact is None else {"intact": found.intact},
    }, 0
