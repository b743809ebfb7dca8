"""The command `stylize`: one style, several photos. What can be done is done, and the rest is named."""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylizer.cli.console import Context, Outcome
from stylizer.cli.failures import Failures, warn_of_choices
from stylizer.cli.options import (
    AddCommand,
    add_face,
    add_frame,
    add_inversion_mode,
    add_no_watermark,
    add_out_folder,
    add_render,
    add_training,
    check_frame,
    render_settings,
)
from stylizer.cli.outputs import OutputFile, OutputNames, check_output, is_picture_file, make_folder
from stylizer.cli.train import learn, report, rounded, train_settings
from stylizer.errors import OutputError
from stylizer.settings import MIX_RATIO, MIX_RATIO_MAX, MIX_RATIO_MIN, SIZES, RenderSettings

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace
    from stylizer.pipeline import Stylizer
    from stylizer.styles.style import Style


def add_commands(add: AddCommand) -> None:
    """Add `stylize`."""
    sub = add("stylize", stylize, "draw photos in the style of a picture")
    style = sub.add_mutually_exclusive_group(required=True)
    about = "the picture to learn the style from, or several in the same style"
    style.add_argument("--reference", type=Path, nargs="+", metavar="REF", help=about)
    style.add_argument("--style", metavar="NAME", help="a style that is there already: its name or key")
    sub.add_argument("--target", type=Path, nargs="+", action="extend", required=True, metavar="PHOTO")
    add_out_folder(sub, "a folder for the pictures; with one photo also a .png, .jpg or .webp file")
    add_render(sub)
    sub.add_argument("--blend", metavar="NAME", help="mix in another style that is there already: its name or key")
    about = f"how much of it, {MIX_RATIO_MIN:g} to {MIX_RATIO_MAX:g} (default {MIX_RATIO:g})"
    sub.add_argument("--mix-ratio", type=float, default=MIX_RATIO, metavar="B", help=about)
    add_frame(sub)
    add_face(sub)
    add_inversion_mode(sub)
    add_no_watermark(sub)
    add_training(sub)


def stylize(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw every target in one style. All inputs are looked at before anything is trained.

    Returns:
        The JSON object; exit code 0: all is drawn, 2: some inputs are at fault, 1: something else failed too. The
        pictures that failed are named in "warnings", the others are in "results".
    """
    started = time.perf_counter()
    settings = train_settings(args)
    render = render_settings(args)
    _check_out(args)
    batch = _Batch(args, render, context)
    stylizer = context.stylizer(args)
    style, trained = (stylizer.find_style(args.style) if args.style else None), False
    other = stylizer.find_style(args.blend) if args.blend else None
    batch.align(stylizer)
    learning = time.perf_counter()
    if style is None:
        style, trained = learn(stylizer, args, settings, None, context.console)
    ended = time.perf_counter()
    results = batch.draw(stylizer, stylizer.blend(style, other, args.mix_ratio) if other else style)
    seconds = {"train": ended - learning if trained else 0.0, "total": time.perf_counter() - started}
    return report(style, trained, results, seconds, context.console), batch.exit_code


def _check_out(args: argparse.Namespace) -> None:
    """Make the folder, or look whether the file may be written. Raises OutputError; SettingsError: of no such size."""
    check_frame(args)
    if not is_picture_file(args.out):
        return make_folder(args.out)
    if len(args.target) > 1:
        raise OutputError(f"--out {args.out} is one file for {len(args.target)} photos; give a folder instead.")
    return check_output(args.out, _inputs(args), args.overwrite)


def _inputs(args: argparse.Namespace) -> list[Path]:
    """Files that must not be overwritten."""
    return [*args.target, *(args.reference or [])]


@dataclass(frozen=True)
class _Job:
    """A target whose face was found. The photo is opened again later: many of them would not fit into memory."""

    target: Path
    aligned: "AlignedFace"
    seconds: float


class _Batch:
    """The targets of one run: those that can be drawn, and those that failed."""

    def __init__(self, args: argparse.Namespace, render: RenderSettings, context: Context) -> None:
        self._args, self._render, self._console = args, render, context.console
        self._jobs: list[_Job] = []
        self._failures = Failures(context.console, len(args.target))

    @property
    def exit_code(self) -> int:
        return self._failures.exit_code

    def align(self, stylizer: "Stylizer") -> None:
        """Find the face of every target. Raises the error of all where no target has one."""
        for target in self._args.target:
            with self._failures.noting(target):
                started = time.perf_counter()
                aligned = replace(stylizer.align(target, self._args.face), photo=None)
                self._jobs.append(_Job(target, aligned, time.perf_counter() - started))
                warn_of_choices(self._console, target, aligned)
        self._failures.settle()

    def draw(self, stylizer: "Stylizer", style: "Style") -> list[dict[str, Any]]:
        """Draw and save all targets whose face was found; the entries of the JSON's "results"."""
        args, results = self._args, []
        name = style.name if args.style else args.reference[0].stem
        one_file = is_picture_file(args.out)
        names = OutputFile(args.out) if one_file else OutputNames(args.out, name, _inputs(args), args.overwrite)
        for job in self._jobs:
            with self._failures.noting(job.target):
                self._failures.check_room(args.out.parent if one_file else args.out)
                results.append(self._draw(stylizer, style, job, names))
        self._failures.settle()
        return results

    def _draw(self, stylizer: "Stylizer", style: "Style", job: _Job, names: OutputFile | OutputNames) -> dict[str, Any]:
        from stylizer.imaging.opening import open_picture
        from stylizer.provenance.notes import origin_of, save_result

        args = self._args
        aligned = replace(job.aligned, photo=open_picture(job.target)) if args.full_frame else job.aligned
        with self._console.steps(f"Inverting {job.target.name}") as on_step:
            done = stylizer.stylize(
                aligned, style, self._render, args.inversion_mode, args.face, args.full_frame, on_step
            )
        started = time.perf_counter()
        image = done.image if args.size == SIZES[0] else stylizer.upscale(done.image)
        enlarging = {} if image is done.image else {"upscale": time.perf_counter() - started}
        path = names.next(job.target)  # now, not before the drawing: another run may write here meanwhile
        origin = origin_of(style, "whole photo" if args.full_frame else "photo")
        save_result(image, path, origin, watermark=not args.no_watermark)
        self._console.line(f"{job.target} -> {path}")
        facts = {"target": str(job.target), "file": str(path), "face": aligned.face, "strength": done.strength}
        return {**facts, "seconds": rounded({**done.seconds, **enlarging, "align": job.seconds})}
