"""The commands for one photo without a style: `align` cuts a face out, `invert` draws it by the generator."""

import argparse
import time
from typing import TYPE_CHECKING

from stylizer.cli.console import Context, Outcome
from stylizer.cli.failures import naming, warn_of_choices
from stylizer.cli.options import AddCommand, add_inversion_mode, add_no_watermark, add_out_file, add_photo
from stylizer.cli.outputs import check_output
from stylizer.cli.train import rounded
from stylizer.settings import RenderSettings

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace
    from stylizer.pipeline import Stylizer


def add_commands(add: AddCommand) -> None:
    """Add `align` and `invert`."""
    sub = add("align", align, "cut a face out of a photo, as the networks see it")
    add_photo(sub)
    add_out_file(sub)
    sub = add("invert", invert, "draw a photo by the generator, without a style")
    add_photo(sub)
    add_out_file(sub)
    add_inversion_mode(sub)
    add_no_watermark(sub)


def align(args: argparse.Namespace, context: Context) -> Outcome:
    """Cut a face out of a photo."""
    from stylizer.imaging.saving import save_picture

    check_output(args.out, [args.photo], args.overwrite)
    stylizer, started = context.stylizer(args), time.perf_counter()
    aligned = _aligned(stylizer, args, context)
    save_picture(aligned.crop, args.out)
    context.console.line(f"{args.photo} -> {args.out}")
    seconds = rounded({"align": time.perf_counter() - started})
    return {"file": str(args.out), "face": aligned.face, "seconds": seconds}, 0


def invert(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw a photo by the generator, without a style."""
    from stylizer.provenance.notes import Origin, save_result

    check_output(args.out, [args.photo], args.overwrite)
    stylizer, started = context.stylizer(args), time.perf_counter()
    aligned = _aligned(stylizer, args, context)
    found = time.perf_counter() - started
    with context.console.steps(f"Inverting {args.photo.name}") as on_step:
        done = stylizer.stylize(
            aligned, None, RenderSettings(strength=0), args.inversion_mode, args.face, False, on_step
        )
    save_result(done.inverted, args.out, Origin(), watermark=not args.no_watermark)
    context.console.line(f"{args.photo} -> {args.out}")
    seconds = rounded({**done.seconds, "align": found})
    return {"file": str(args.out), "seconds": seconds, "inversion_mode": args.inversion_mode}, 0


def _aligned(stylizer: "Stylizer", args: argparse.Namespace, context: Context) -> "AlignedFace":
    """The face that the arguments ask for; what was chosen for the user is a warning."""
    with naming(args.photo):
        aligned = stylizer.align(args.photo, args.face, args.already_aligned, args.landmarks)
    warn_of_choices(context.console, args.photo, aligned)
    return aligned
