"""The commands that move styles: push, pull and search on the Hub, export and import by a file.

Heavy modules are imported where they are needed, as in `commands.py`.
"""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stylizer.cli.console import Context, Outcome
from stylizer.cli.stylize import naming
from stylizer.environment import checkout_dir
from stylizer.settings import RenderSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from stylizer.library.exchange import SharedStyle
    from stylizer.library.library import Library
    from stylizer.pipeline import Stylizer

PREVIEW_PEOPLE = 4
__all__ = ["export_file", "import_file", "publish_space", "pull", "push", "search"]


def push(args: argparse.Namespace, context: Context) -> Outcome:
    """Share a style on the Hub, with a picture of invented people in it."""
    from stylizer.imaging.opening import open_picture
    from stylizer.library.exchange import publish

    reference = None
    if args.reference_thumbnail is not None:
        with naming(args.reference_thumbnail):
            reference = open_picture(args.reference_thumbnail)
    stylizer = None if args.no_preview else context.stylizer(args)
    library = _library(args) if stylizer is None else _aimed(stylizer.library, args)
    style = library.find(args.style)
    preview = None if stylizer is None else _preview(stylizer, style)
    shared = publish(library, style.key, preview, reference, args.create)
    repo = library.hub.repo if library.hub is not None else ""
    context.console.say(f"{style.name} {'is shared in' if shared else 'was there already, in'} {repo} now.")
    return {"name": style.name, "key": style.key, "repo": repo, "shared": shared}, 0


def pull(args: argparse.Namespace, context: Context) -> Outcome:
    """Get a style from the Hub; it is checked against the base networks, which are fetched where they are missing."""
    from stylizer.library import exchange

    style = exchange.pull(_aimed(context.stylizer(args).library, args), args.style)
    context.console.say(f"{style.name} is here now; use it with --style.")
    return {"name": style.name, "key": style.key}, 0


def search(args: argparse.Namespace, context: Context) -> Outcome:
    """List the styles on the Hub; needs no networks."""
    from stylizer.library import exchange

    return listed(exchange.search(_library(args), args.text), context), 0


def listed(found: "Sequence[SharedStyle]", context: Context) -> list[dict[str, Any]]:
    """Say what there is on the Hub; the JSON value of the same."""
    for style in found:
        context.console.say(f"{style.name}  {style.key}  {style.bytes / 1e6:.1f} MB{'  here' if style.here else ''}")
    if not found:
        context.console.say("There is no such style on the Hub; share one with: python -m stylizer push NAME")
    return [asdict(style) for style in found]


def export_file(args: argparse.Namespace, context: Context) -> Outcome:
    """Write a style into one file; needs no networks."""
    from stylizer.library.exchange import export_style
    from stylizer.library.library import open_library

    path = export_style(open_library(), args.style, args.out)
    context.console.say(f"{args.style} -> {path}")
    return {"file": str(path)}, 0


def import_file(args: argparse.Namespace, context: Context) -> Outcome:
    """Take in a style's file; it is checked against the base networks, which are fetched where they are missing."""
    from stylizer.library.exchange import import_style

    style = import_style(context.stylizer(args).library, args.file)
    context.console.say(f"{style.name} is here now; use it with --style.")
    return {"name": style.name, "key": style.key}, 0


def publish_space(args: argparse.Namespace, context: Context) -> Outcome:
    """Publish this checkout as a Space on the Hub; needs no networks."""
    from stylizer.library.space import publish

    done = publish(args.repo, checkout_dir(), args.private)
    what = f"holds this version now ({done.files} files)" if done.changed else "held this version already"
    context.console.say(f"The Space {done.repo} {what}.")
    return asdict(done), 0


def _library(args: argparse.Namespace) -> "Library":
    from stylizer.library.hub import open_hub
    from stylizer.library.library import open_library

    return open_library(hub=open_hub(args.repo))


def _aimed(library: "Library", args: argparse.Namespace) -> "Library":
    from stylizer.library.hub import open_hub

    library.hub = open_hub(args.repo)
    return library


def _preview(stylizer: "Stylizer", style: Any) -> "Image.Image":
    from stylizer.library.model_card import in_a_row

    return in_a_row(stylizer.invent(style, PREVIEW_PEOPLE, RenderSettings()))
