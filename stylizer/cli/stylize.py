"""The command `stylize`: one style, several photos. What can be done is done, and the rest is named."""

import argparse
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylizer.cli.console import Console, Context, Outcome
from stylizer.cli.outputs import OutputNames, make_folder
from stylizer.errors import DegenerateFaceError, FaceIndexError, InputError, NoFaceError
from stylizer.settings import RenderSettings, TrainSettings

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace
    from stylizer.pipeline import Stylizer
    from stylizer.styles.style import Style


def stylize(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw every target in one style. All inputs are looked at before anything is trained."""
    started = time.perf_counter()
    settings = train_settings(args)
    look = RenderSettings(args.strength, args.preserve_color, args.shape, args.texture, args.color)
    batch = _Batch(args, look, context)
    make_folder(args.out)
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


def learn(
    stylizer: "Stylizer", args: argparse.Namespace, settings: TrainSettings, name: str | None, console: Console
) -> "tuple[Style, bool]":
    """The style of the pictures `args.reference`, and whether it had to be trained."""
    pictures: list[Path] = args.reference
    with console.steps("Learning the style") as on_step:
        for picture in pictures if len(pictures) > 1 else []:  # to name the one that has no face
            with naming(picture):
                stylizer.align(picture, 0, args.already_aligned)
        with naming(pictures[0]):
            how = {"already_aligned": args.already_aligned, "marks": args.landmarks, "on_step": on_step}
            return stylizer.learn(tuple(pictures), settings, name, **how)


def train_settings(args: argparse.Namespace) -> TrainSettings:
    """The settings that `--iterations` and `--seed` ask for. Raises SettingsError."""
    return TrainSettings(iterations=args.iterations, seed=args.seed)


def report(
    style: "Style", trained: bool, results: list[dict[str, Any]], seconds: Mapping[str, float], console: Console
) -> dict[str, Any]:
    """The JSON object of `stylize` and `train`."""
    facts = {"key": style.key, "name": style.name, "trained": trained}
    return {"style": facts, "results": results, "seconds": rounded(seconds), "warnings": console.warnings}


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds to the millisecond."""
    return {stage: round(value, 3) for stage, value in seconds.items()}


@contextmanager
def naming(picture: Path) -> Iterator[None]:
    """Put a picture's name before what is wrong with its face."""
    try:
        yield
    except (NoFaceError, FaceIndexError, DegenerateFaceError) as error:
        raise type(error)(f"{picture}: {error}") from error


@dataclass(frozen=True)
class _Job:
    """A target whose face was found. The photo is not kept: many of them would not fit into memory."""

    target: Path
    aligned: "AlignedFace"
    seconds: float


class _Batch:
    """The targets of one run: those that can be drawn, and those that failed.

    A failure is the input's fault (InputError). Everything else, such as a full disk, stops the run.
    """

    def __init__(self, args: argparse.Namespace, look: RenderSettings, context: Context) -> None:
        self._args, self._look, self._console = args, look, context.console
        self._jobs: list[_Job] = []
        self._errors: list[InputError] = []
        self._told = 0

    @property
    def exit_code(self) -> int:
        return InputError.exit_code if self._errors else 0

    def align(self, stylizer: "Stylizer") -> None:
        """Find the face of every target. Raises InputError where no target has one."""
        for target in self._args.target:
            with self._noting(target):
                started = time.perf_counter()
                aligned = replace(stylizer.align(target, self._args.face), photo=None)
                self._jobs.append(_Job(target, aligned, time.perf_counter() - started))
        self._settle()

    def draw(self, stylizer: "Stylizer", style: "Style") -> list[dict[str, Any]]:
        """Draw and save all targets whose face was found; the entries of the JSON's "results"."""
        args, results = self._args, []
        inputs = [*args.target, *(args.reference or [])]
        names = OutputNames(args.out, style.name if args.style else args.reference[0].stem, inputs)
        for job in self._jobs:
            with self._noting(job.target):
                results.append(self._draw(stylizer, style, job, names.next(job.target)))
        self._settle()
        return results

    def _draw(self, stylizer: "Stylizer", style: "Style", job: _Job, path: Path) -> dict[str, Any]:
        from stylizer.imaging.opening import open_picture
        from stylizer.provenance.notes import origin_of, save_result

        args = self._args
        aligned = replace(job.aligned, photo=open_picture(job.target)) if args.full_frame else job.aligned
        with self._console.steps(f"Studying {job.target.name}") as on_step:
            done = stylizer.stylize(
                aligned, style, self._look, args.inversion_mode, args.face, args.full_frame, on_step
            )
        origin = origin_of(style, "whole photo" if args.full_frame else "photo")
        save_result(done.image, path, origin, watermark=not args.no_watermark)
        self._console.say(f"{job.target} -> {path}")
        facts = {"target": str(job.target), "file": str(path), "face": aligned.face, "strength": done.strength}
        return {**facts, "seconds": rounded({**done.seconds, "align": job.seconds})}

    @contextmanager
    def _noting(self, target: Path) -> Iterator[None]:
        """Note that this target fails, and go on."""
        try:
            with naming(target):
                yield
        except NoFaceError:
            # The finder's own words offer --already-aligned, which speaks of the reference here.
            why = "No face was found; choose a photo where the face is larger, sharper and seen from the front."
            self._errors.append(NoFaceError(f"{target}: {why}"))
        except InputError as error:
            message = str(error)
            self._errors.append(type(error)(message if target.name in message else f"{target}: {message}"))

    def _settle(self) -> None:
        """Tell what has failed since the last time; end the run if that is everything."""
        if len(self._errors) == len(self._args.target):
            kinds = {type(error) for error in self._errors}
            kind = kinds.pop() if len(kinds) == 1 else InputError
            raise kind(" ".join(str(error) for error in self._errors))
        for error in self._errors[self._told :]:
            self._console.warn(str(error))
        self._told = len(self._errors)
