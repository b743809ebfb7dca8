"""The command `styles`: what there is, on this computer or on the Hub."""

import argparse

from stylizer.cli import sharing
from stylizer.cli.console import Context, Outcome
from stylizer.cli.options import AddCommand, add_repo


def add_commands(add: AddCommand) -> None:
    """Add `styles`."""
    sub = add("styles", styles, "list the styles that are there")
    sub.add_argument("--hub", action="store_true", help="list those on the Hub")
    add_repo(sub)


def styles(args: argparse.Namespace, context: Context) -> Outcome:
    """List the styles, here or on the Hub; needs no networks."""
    from stylizer.backbones.registry import DEFAULT_BACKBONE
    from stylizer.library.library import open_library

    if args.hub:
        return sharing.search(argparse.Namespace(repo=args.repo, text=""), context)
    found = open_library().list()
    for info in found:
        notes = ("  preset" if info.preset else "") + (
            f"  {info.backbone}" if info.backbone != DEFAULT_BACKBONE else ""
        )
        context.console.line(f"{info.name}  {info.key}  {info.bytes / 1e6:.1f} MB{notes}")
    if not found:
        context.console.line("There are no styles yet; learn one with: python -m stylizer train REF --name NAME")
    return [
        {"name": i.name, "key": i.key, "bytes": i.bytes, "preset": i.preset, "backbone": i.backbone} for i in found
    ], 0
