"""The command `train`, and what `stylize` shares with it: learning a style from pictures."""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylizer.cli.console import Console, Context, Outcome
from stylizer.cli.failures import naming
from stylizer.cli.options import AddCommand, add_training
from stylizer.settings import TrainSettings, settings_of

if TYPE_CHECKING:
    from stylizer.pipeline import Stylizer
    from stylizer.styles.style import Style


def add_commands(add: AddCommand) -> None:
    """Add `train`."""
    sub = add("train", train, "learn a style and store it under a name")
    sub.add_argument("reference", type=Path, nargs="+", metavar="REF", help="pictures of one face each, in one style")
    sub.add_argument("--name", required=True)
    add_training(sub)


def train(args: argparse.Namespace, context: Context) -> Outcome:
    """Learn a style and store it under a name."""
    started, settings = time.perf_counter(), train_settings(args)
    stylizer = context.stylizer(args)
    style, trained = learn(stylizer, args, settings, args.name, context.console)
    total = time.perf_counter() - started
    context.console.line(f"{style.name} is {'learned' if trained else 'there already'}; use it with --style.")
    return report(style, trained, [], {"train": total if trained else 0.0, "total": total}, context.console), 0


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
    """The settings that `--recipe`, `--iterations` and `--seed` ask for. Raises SettingsError."""
    return settings_of(args.recipe, args.iterations, args.seed)


def report(
    style: "Style", trained: bool, results: list[dict[str, Any]], seconds: Mapping[str, float], console: Console
) -> dict[str, Any]:
    """The JSON object of `stylize` and `train`."""
    facts = {"key": style.key, "name": style.name, "trained": trained}
    return {"style": facts, "results": results, "seconds": rounded(seconds), "warnings": console.warnings}


def rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds to the millisecond."""
    return {stage: round(value, 3) for stage, value in seconds.items()}
