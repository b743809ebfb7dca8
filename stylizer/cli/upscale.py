"""The command `upscale`: a picture four times as wide and high."""

import argparse
import time
from pathlib import Path
from typing import Any

from stylizer.cli.console import Context, Outcome
from stylizer.cli.options import AddCommand, add_out_file
from stylizer.cli.outputs import check_output
from stylizer.cli.train import rounded
from stylizer.settings import DEFAULT_UPSCALE_MODE, UPSCALE_MODES


def add_commands(add: AddCommand) -> None:
    """Add `upscale`."""
    sub = add("upscale", upscale, "make a picture four times as wide and high")
    sub.add_argument("picture", type=Path, metavar="PICTURE")
    add_out_file(sub)
    about = "faithful: nearest to the pixels that are there; natural: for noisy and compressed pictures, invents more"
    mode: dict[str, Any] = {"choices": UPSCALE_MODES, "default": DEFAULT_UPSCALE_MODE}
    sub.add_argument("--mode", help=f"{about} (default {DEFAULT_UPSCALE_MODE})", **mode)


def upscale(args: argparse.Namespace, context: Context) -> Outcome:
    """Enlarge a picture; needs no networks but its own. What this program made before goes on telling so."""
    from stylizer.provenance.notes import inspect_picture, save_enlarged
    from stylizer.runtime import choose_device, tune_process
    from stylizer.upscaling.opening import open_for_upscaling
    from stylizer.upscaling.upscaler import open_upscaler

    check_output(args.out, [args.picture], args.overwrite)
    tune_process()
    started = time.perf_counter()
    picture = open_for_upscaling(args.picture)
    found = inspect_picture(args.picture, lambda _: picture.convert("RGB"))
    upscaler = open_upscaler(args.mode, choose_device(args.device))
    opened = time.perf_counter()
    with context.console.steps(f"Enlarging {args.picture.name}") as on_step:
        enlarged = upscaler(picture, on_step)
    drawn = time.perf_counter()
    save_enlarged(enlarged, args.out, found)
    context.console.line(f"{args.picture} -> {args.out} ({enlarged.width} x {enlarged.height} px)")
    seconds = rounded({"open": opened - started, "upscale": drawn - opened, "save": time.perf_counter() - drawn})
    return {"file": str(args.out), "mode": args.mode, "size": list(enlarged.size), "seconds": seconds}, 0
