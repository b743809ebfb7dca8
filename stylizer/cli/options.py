"""Options that several commands share. Ranges and defaults come from `stylizer.settings`."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from stylizer.cli.console import Context, Outcome
from stylizer.errors import SettingsError
from stylizer.settings import (
    AMOUNT_MAX,
    AMOUNT_MIN,
    DEFAULT_DRAWER_KIND,
    DEFAULT_INVERSION_MODE,
    DRAWER_KINDS,
    INVERSION_MODES,
    ITERATIONS_MAX,
    ITERATIONS_MIN,
    LIKENESS,
    LIKENESS_MAX,
    LIKENESS_MIN,
    RECIPES,
    SEED_MAX,
    SIZES,
    STRENGTH_MAX,
    STRENGTH_MIN,
    THOROUGH_STEPS,
    JojoganSettings,
    RenderSettings,
    TrainSettings,
)

Command = Callable[[argparse.Namespace, Context], Outcome]
"""What a command does: the parsed options and the console in, the JSON value and the exit code out."""


class AddCommand(Protocol):
    """Adds a command to the parser, with the options that every command has."""

    def __call__(self, name: str, run: Command, about: str) -> argparse.ArgumentParser:
        """Returns the command's own parser, for its own options. about: one line for --help, without a full stop."""


def add_out_folder(sub: argparse.ArgumentParser, about: str) -> None:
    """--out and --overwrite of commands that write several pictures."""
    sub.add_argument("--out", type=Path, required=True, metavar="DIR", help=about)
    add_overwrite(sub, "replace results of the same name; without it the new ones get _2, _3 ... behind their names")


def add_out_file(sub: argparse.ArgumentParser) -> None:
    """--out and --overwrite of commands that write one picture."""
    sub.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .png, .jpg or .webp file")
    add_overwrite(sub, "replace the file if it exists")


def add_overwrite(sub: argparse.ArgumentParser, about: str) -> None:
    """--overwrite."""
    sub.add_argument("--overwrite", action="store_true", help=about)


def add_strength(sub: argparse.ArgumentParser) -> None:
    """--strength."""
    default = RenderSettings().strength
    about = f"{STRENGTH_MIN:g} = the photo's own face, 1 = the full style, up to {STRENGTH_MAX:g} (default {default:g})"
    sub.add_argument("--strength", type=float, default=default, metavar="S", help=about)


def add_render(sub: argparse.ArgumentParser) -> None:
    """The amounts of a drawing: --strength, --likeness, --shape, --texture, --color, --preserve-color."""
    add_strength(sub)
    about = f"how much of the person's own features, {LIKENESS_MIN:g} to {LIKENESS_MAX:g} (default {LIKENESS:g})"
    sub.add_argument("--likeness", type=float, default=LIKENESS, metavar="AMOUNT", help=about)
    for name, what in (
        ("shape", "proportions (0 keeps the photo's)"),
        ("texture", "lines and finish"),
        ("color", "colours"),
    ):
        default = getattr(RenderSettings(), name)
        about = f"how much of the style's {what}, {AMOUNT_MIN:g} to {AMOUNT_MAX:g} (default {default:g})"
        sub.add_argument(f"--{name}", type=float, default=default, metavar="A", help=about)
    sub.add_argument("--preserve-color", action="store_true", help="keep the photo's colours")


def render_settings(args: argparse.Namespace) -> RenderSettings:
    """The settings that the options of `add_render` ask for. Raises SettingsError."""
    return RenderSettings(args.strength, args.preserve_color, args.shape, args.texture, args.color, args.likeness)


def add_frame(sub: argparse.ArgumentParser) -> None:
    """--full-frame and --size."""
    sub.add_argument("--full-frame", action="store_true", help="put the face back into the whole photo")
    about = f"side of the portrait in pixels, {SIZES[0]} or {SIZES[1]} (default {SIZES[0]}); not with --full-frame"
    sub.add_argument("--size", type=int, choices=SIZES, default=SIZES[0], metavar="PX", help=about)


def check_frame(args: argparse.Namespace) -> None:
    """Raise SettingsError where the options of `add_frame` contradict each other."""
    if args.full_frame and args.size != SIZES[0]:
        raise SettingsError("The whole photo keeps its size; leave out --size or --full-frame.")


def add_drawer(sub: argparse.ArgumentParser) -> None:
    """--drawer, of videos."""
    about = (
        "student: quick, about a minute once for a style; generator: slow, sharper; auto (default): the student where "
    )
    about += "it has learned the style"
    sub.add_argument("--drawer", choices=DRAWER_KINDS, default=DEFAULT_DRAWER_KIND, help=about)


def add_no_watermark(sub: argparse.ArgumentParser) -> None:
    """--no-watermark."""
    about = "leave the invisible watermark out; the note in the metadata that the picture is AI-generated stays"
    sub.add_argument("--no-watermark", action="store_true", help=about)


def add_repo(sub: argparse.ArgumentParser) -> None:
    """--repo."""
    sub.add_argument("--repo", metavar="USER/NAME", help="the repository on the Hub (default: STYLIZER_HUB_REPO)")


def add_training(sub: argparse.ArgumentParser) -> None:
    """The options that decide what is learned from a reference."""
    default, jojogan = TrainSettings(), JojoganSettings()
    about = f"training steps, {ITERATIONS_MIN} to {ITERATIONS_MAX} (default {default.iterations}, of which the presets "
    about += f"took {THOROUGH_STEPS}; {jojogan.iterations} by JoJoGAN's recipe)"
    sub.add_argument("--iterations", type=int, metavar="N", help=about)
    about = "how it is learned: by this program's own recipe (default), or by JoJoGAN's, which --backbone stylegan2 can"
    sub.add_argument("--recipe", choices=RECIPES, default=RECIPES[0], help=about)
    about = f"of the training, 0 to {SEED_MAX} (default {default.seed})"
    sub.add_argument("--seed", type=int, default=default.seed, metavar="N", help=about)
    about = "take the reference as a crop of one face already, without looking for one"
    sub.add_argument("--already-aligned", action="store_true", help=about)
    add_landmarks(sub, "reference")


def add_landmarks(sub: argparse.ArgumentParser, of: str) -> None:
    """--landmarks. of: the kind of picture that they are in."""
    about = f"where the face of the {of} is, if none is found: the middle of each eye, then of the mouth, in pixels"
    sub.add_argument("--landmarks", type=parse_landmarks, metavar="X,Y,X,Y,X,Y", help=about)


def parse_landmarks(text: str) -> list[list[float]]:
    """ "1,2,3,4,5,6" -> [[1, 2], [3, 4], [5, 6]]."""
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) < 6 or len(numbers) % 2:
        raise argparse.ArgumentTypeError(f"{text} is not X,Y,X,Y,X,Y")
    return [numbers[i : i + 2] for i in range(0, len(numbers), 2)]


def add_photo(sub: argparse.ArgumentParser) -> None:
    """PHOTO, and where its face is."""
    sub.add_argument("photo", type=Path, metavar="PHOTO")
    add_face(sub)
    sub.add_argument("--already-aligned", action="store_true", help="the photo is a crop of one face already")
    add_landmarks(sub, "photo")


def add_face(sub: argparse.ArgumentParser) -> None:
    """--face."""
    about = "0 = the largest face (default), 1 = the next ..."
    sub.add_argument("--face", type=int, default=0, metavar="N", help=about)


def add_inversion_mode(sub: argparse.ArgumentParser) -> None:
    """--inversion-mode."""
    about = f"how closely the photo is inverted (default {DEFAULT_INVERSION_MODE})"
    mode: dict[str, Any] = {"choices": INVERSION_MODES, "default": DEFAULT_INVERSION_MODE}
    sub.add_argument("--inversion-mode", help=about, **mode)
