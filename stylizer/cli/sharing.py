"""The commands that move styles: push, pull and search on the Hub, export and import by a file.

Heavy modules are imported where they are needed, so that `--help` and wrong options answer at once.
"""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylizer.cli.console import Context, Outcome
from stylizer.cli.failures import naming
from stylizer.cli.options import AddCommand, add_overwrite, add_repo
from stylizer.cli.outputs import check_free
from stylizer.environment import checkout_dir
from stylizer.settings import RenderSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from stylizer.library.exchange import SharedStyle
    from stylizer.library.library import Library
    from stylizer.pipeline import Stylizer

PREVIEW_PEOPLE = 4


def add_commands(add: AddCommand) -> None:
    """Add `push`, `pull`, `search`, `export`, `import` and `space`."""
    sub = add("push", push, "share a style on the Hub, with a picture of invented people in it")
    sub.add_argument("style", metavar="NAME", help="a style that is there: its name or key; the name goes along")
    sub.add_argument("--create", action="store_true", help="make the repository, a private one, if there is none")
    sub.add_argument("--no-preview", action="store_true", help="share no picture; needs no networks")
    about = (
        "also share the reference's face and a small copy of it, which must be yours to share; never done without this"
    )
    sub.add_argument("--reference-thumbnail", type=Path, metavar="REF", help=about)
    add_repo(sub)
    sub = add("pull", pull, "get a style from the Hub")
    sub.add_argument("style", metavar="NAME", help="its name or key")
    add_repo(sub)
    sub = add("search", search, "list the styles on the Hub")
    sub.add_argument("text", nargs="?", default="", help="a part of the name, or the key's first digits")
    add_repo(sub)
    sub = add("export", export_file, "write a style into one file")
    sub.add_argument("style", metavar="NAME", help="a style that is there: its name or key")
    sub.add_argument("--out", type=Path, required=True, metavar="FILE", help="or a folder that is there")
    add_overwrite(sub, "replace the file if it exists")
    sub = add("import", import_file, "take in a style's file")
    sub.add_argument("file", type=Path, metavar="FILE")
    sub = add("space", publish_space, "publish this page as a Space on the Hub, from a git checkout")
    sub.add_argument("--repo", metavar="USER/NAME", required=True, help="the Space; made where there is none")
    sub.add_argument("--private", action="store_true", help="if it is made now, for you alone")


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
    context.console.line(f"{style.name} {'is shared in' if shared else 'was there already, in'} {repo} now.")
    return {"name": style.name, "key": style.key, "repo": repo, "shared": shared}, 0


def pull(args: argparse.Namespace, context: Context) -> Outcome:
    """Get a style from the Hub; it is checked against the base networks, which are fetched where they are missing."""
    from stylizer.library import exchange

    style = exchange.pull(_aimed(context.stylizer(args).library, args), args.style)
    context.console.line(f"{style.name} is here now; use it with --style.")
    return {"name": style.name, "key": style.key}, 0


def search(args: argparse.Namespace, context: Context) -> Outcome:
    """List the styles on the Hub; needs no networks."""
    from stylizer.library import exchange

    return listed(exchange.search(_library(args), args.text), context), 0


def listed(found: "Sequence[SharedStyle]", context: Context) -> list[dict[str, Any]]:
    """Say what there is on the Hub; the JSON value of the same."""
    for style in found:
        context.console.line(f"{style.name}  {style.key}  {style.bytes / 1e6:.1f} MB{'  here' if style.here else ''}")
    if not found:
        context.console.line("There is no such style on the Hub; share one with: python -m stylizer push NAME")
    return [asdict(style) for style in found]


def export_file(args: argparse.Namespace, context: Context) -> Outcome:
    """Write a style into one file; needs no networks."""
    from stylizer.library.exchange import export_path, export_style
    from stylizer.library.library import open_library

    library = open_library()
    path = export_path(library, args.style, args.out)
    check_free(path, args.overwrite)
    export_style(library, args.style, path)
    context.console.line(f"{args.style} -> {path}")
    return {"file": str(path)}, 0


def import_file(args: argparse.Namespace, context: Context) -> Outcome:
    """Take in a style's file; it is checked against the base networks, which are fetched where they are missing."""
    from stylizer.library.exchange import import_style

    style = import_style(context.stylizer(args).library, args.file)
    context.console.line(f"{style.name} is here now; use it with --style.")
    return {"name": style.name, "key": style.key}, 0


def publish_space(args: argparse.Namespace, context: Context) -> Outcome:
    """Publish this checkout as a Space on the Hub; needs no networks."""
    from stylizer.library.space import publish

    done = publish(args.repo, checkout_dir(), args.private)
    what = f"holds this version now ({done.files} files)" if done.changed else "held this version already"
    context.console.line(f"The Space {done.repo} {what}.")
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
