"""The command line: `python -m stylizer COMMAND`. What the commands do is in `commands.py`.

Exit codes: 0 = all done, 1 = something went wrong inside, 2 = the input or the command was at fault, 130 = stopped.
"""

import argparse
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from stylizer.cli import commands, sharing
from stylizer.cli.console import Console, Context
from stylizer.errors import Cancelled, InputError, StylizerError
from stylizer.settings import (
    AMOUNT_MAX,
    AMOUNT_MIN,
    COUNT,
    COUNT_MAX,
    DEFAULT_INVERSION_MODE,
    INVERSION_MODES,
    STRENGTH_MAX,
    STRENGTH_MIN,
    TRUNCATION,
    RenderSettings,
    TrainSettings,
)

if TYPE_CHECKING:
    from stylizer.pipeline import Stylizer

STOPPED = 130


class CommandError(InputError):
    """The command line cannot be understood."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


def main(argv: Sequence[str] | None = None, open_stylizer: "Callable[..., Stylizer] | None" = None) -> int:
    """Run one command.

    Args:
        argv: without the program's name; default the process's own.
        open_stylizer: called with device= and on_progress=; default `Stylizer.open`.
    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    console = Console(as_json="--json" in words)
    try:
        args = _parse(words)
        with console.listening(args.log_level):
            value, code = args.run(args, Context(console, open_stylizer or _open_stylizer))
        console.result(value)
        return int(code)
    except (KeyboardInterrupt, Cancelled):
        console.complain("Cancelled", "Stopped; nothing half-done was kept.")
        return STOPPED
    except Exception as error:
        if "--debug" in words:
            traceback.print_exc(file=console.err)
        console.complain(type(error).__name__, _sentence(error))
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


def _parse(words: Sequence[str]) -> argparse.Namespace:
    parser = build_parser()
    args, rest = parser.parse_known_args(words)
    if rest and args.run is not commands.bench:
        parser.error(f"unknown: {' '.join(rest)}")
    args.rest = rest
    return args


def build_parser() -> argparse.ArgumentParser:
    """All commands and options; defaults come from `settings.py`."""
    parser = _Parser(
        prog="python -m stylizer", description="Draw a face in the style of one picture.", allow_abbrev=False
    )
    adders = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[..., Any], about: str) -> argparse.ArgumentParser:
        sub = adders.add_parser(name, help=about, description=about, allow_abbrev=False)
        sub.set_defaults(run=run)
        sub.add_argument("--device", help="cpu, cuda or mps (default: STYLIZER_DEVICE, else the best there is)")
        sub.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        sub.add_argument("--debug", action="store_true", help="show where an error comes from")
        about = "what is told on the way: info says, for one, where a style was looked up (default warning)"
        sub.add_argument("--log-level", choices=("info", "warning"), default="warning", help=about)
        return sub

    _add_stylize(command("stylize", commands.stylize, "draw photos in the style of a picture"))
    train = command("train", commands.train, "learn a style and keep it under a name")
    train.add_argument("reference", type=Path, nargs="+", metavar="REF", help="pictures of one face each, in one style")
    train.add_argument("--name", required=True)
    _add_training(train)
    _add_sample(command("sample", commands.sample, "draw people who do not exist in a style"))
    styles = command("styles", commands.styles, "list the styles that are there")
    styles.add_argument("--hub", action="store_true", help="list those on the Hub")
    _add_repo(styles)
    _add_sharing(command)
    align = command("align", commands.align, "cut a face out of a photo, as the networks see it")
    _add_photo(align)
    invert = command("invert", commands.invert, "draw a photo by the generator, without a style")
    _add_photo(invert)
    _add_inversion_mode(invert)
    _add_no_watermark(invert)
    check = command("check", commands.check, "say whether a picture was made by this program, and in which style")
    check.add_argument("picture", type=Path, metavar="IMAGE")
    fetch = command("fetch", commands.fetch, "get the base networks ahead of time")
    fetch.add_argument("--fan", action="store_true", help="also FAN's landmark network (needs the open internet)")
    command("doctor", commands.doctor, "say what is there, what is missing and what to do about it")
    command("bench", commands.bench, "time everything; more options are handed on to benchmarks/speed.py")
    return parser


def _add_stylize(sub: argparse.ArgumentParser) -> None:
    style = sub.add_mutually_exclusive_group(required=True)
    about = "the picture to learn the style from, or several in the same style"
    style.add_argument("--reference", type=Path, nargs="+", metavar="REF", help=about)
    style.add_argument("--style", metavar="NAME", help="a style that is there already: its name or key")
    sub.add_argument("--target", type=Path, nargs="+", action="extend", required=True, metavar="PHOTO")
    sub.add_argument("--out", type=Path, required=True, metavar="DIR")
    look = RenderSettings()
    about = f"{STRENGTH_MIN:g} = the photo's own face, 1 = the full style (default), up to {STRENGTH_MAX:g}"
    sub.add_argument("--strength", type=float, default=look.strength, metavar="S", help=about)
    for name, what in (("shape", "proportions"), ("texture", "lines and finish"), ("color", "colours")):
        about = f"how much of the style's {what}, {AMOUNT_MIN:g} to {AMOUNT_MAX:g} (default 1)"
        sub.add_argument(f"--{name}", type=float, default=getattr(look, name), metavar="A", help=about)
    sub.add_argument("--preserve-color", action="store_true", help="keep the photo's colours")
    sub.add_argument("--blend", metavar="NAME", help="mix in another style that is there already: its name or key")
    sub.add_argument("--mix-ratio", type=float, default=0.5, metavar="B", help="how much of it, 0 to 1 (default 0.5)")
    sub.add_argument("--full-frame", action="store_true", help="put the face back into the whole photo")
    _add_face(sub)
    _add_inversion_mode(sub)
    _add_no_watermark(sub)
    _add_training(sub)


def _add_sample(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--style", metavar="NAME", required=True, help="a style that is there: its name or key")
    sub.add_argument("--out", type=Path, required=True, metavar="DIR")
    about = f"how many (default {COUNT}, at most {COUNT_MAX})"
    sub.add_argument("--count", type=int, default=COUNT, metavar="N", help=about)
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="another one gives other people (default 0)")
    about = f"0 = the mean face only, 1 = all that the generator knows (default {TRUNCATION})"
    sub.add_argument("--truncation", type=float, default=TRUNCATION, metavar="PSI", help=about)
    sub.add_argument("--strength", type=float, default=RenderSettings().strength, metavar="S")
    _add_no_watermark(sub)


def _add_no_watermark(sub: argparse.ArgumentParser) -> None:
    about = "leave the invisible watermark out; the note in the metadata that the picture is AI-generated stays"
    sub.add_argument("--no-watermark", action="store_true", help=about)


def _add_sharing(command: Callable[..., argparse.ArgumentParser]) -> None:
    push = command("push", sharing.push, "share a style on the Hub, with a picture of invented people in it")
    push.add_argument("style", metavar="NAME", help="a style that is there: its name or key; the name goes along")
    push.add_argument("--create", action="store_true", help="make the repository, a private one, if there is none")
    push.add_argument("--no-preview", action="store_true", help="share no picture; needs no networks")
    about = "also share a small copy of the reference, which must be yours to share; never done without this"
    push.add_argument("--reference-thumbnail", type=Path, metavar="REF", help=about)
    pull = command("pull", sharing.pull, "get a style from the Hub")
    pull.add_argument("style", metavar="NAME", help="its name or key")
    search = command("search", sharing.search, "list the styles on the Hub")
    search.add_argument("text", nargs="?", default="", help="a part of the name, or the key's first digits")
    for sub in (push, pull, search):
        _add_repo(sub)
    export = command("export", sharing.export_file, "write a style into one file")
    export.add_argument("style", metavar="NAME", help="a style that is there: its name or key")
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="or a folder that is there")
    command("import", sharing.import_file, "take in a style's file").add_argument("file", type=Path, metavar="FILE")
    space = command("space", sharing.publish_space, "publish this page as a Space on the Hub, from a git checkout")
    space.add_argument("--repo", metavar="USER/NAME", required=True, help="the Space; made where there is none")
    space.add_argument("--private", action="store_true", help="if it is made now, for you alone")


def _add_repo(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--repo", metavar="USER/NAME", help="the repository on the Hub (default: STYLIZER_HUB_REPO)")


def _add_training(sub: argparse.ArgumentParser) -> None:
    default = TrainSettings()
    about = f"training steps (default {default.iterations})"
    sub.add_argument("--iterations", type=int, default=default.iterations, metavar="N", help=about)
    about = f"of the training (default {default.seed})"
    sub.add_argument("--seed", type=int, default=default.seed, metavar="N", help=about)
    about = "take the reference as a crop of one face already, without looking for one"
    sub.add_argument("--already-aligned", action="store_true", help=about)
    _add_marks(sub, "reference")


def _add_marks(sub: argparse.ArgumentParser, of: str) -> None:
    about = f"where the face of the {of} is, if none is found: the middle of each eye, then of the mouth, in pixels"
    sub.add_argument("--landmarks", type=parse_marks, metavar="X,Y,X,Y,X,Y", help=about)


def parse_marks(text: str) -> list[list[float]]:
    """ "1,2,3,4,5,6" -> [[1, 2], [3, 4], [5, 6]]."""
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) < 6 or len(numbers) % 2:
        raise argparse.ArgumentTypeError(f"{text} is not X,Y,X,Y,X,Y")
    return [numbers[i : i + 2] for i in range(0, len(numbers), 2)]


def _add_photo(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("photo", type=Path, metavar="PHOTO")
    sub.add_argument("--out", type=Path, required=True, metavar="PNG")
    _add_face(sub)
    sub.add_argument("--already-aligned", action="store_true", help="the photo is a crop of one face already")
    _add_marks(sub, "photo")


def _add_face(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--face", type=int, default=0, metavar="N", help="0 = the largest face (default), 1 = the next ..."
    )


def _add_inversion_mode(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--inversion-mode",
        choices=INVERSION_MODES,
        default=DEFAULT_INVERSION_MODE,
        help=f"how closely the photo is inverted (default {DEFAULT_INVERSION_MODE})",
    )
