"""The command `sample`: people who do not exist, in a style."""

import argparse
import time
from pathlib import Path

from stylizer.cli.console import Context, Outcome
from stylizer.cli.failures import Failures
from stylizer.cli.options import AddCommand, add_no_watermark, add_out_folder, add_strength
from stylizer.cli.outputs import OutputNames, make_folder
from stylizer.cli.train import rounded
from stylizer.settings import COUNT, COUNT_MAX, COUNT_MIN, SEED_MAX, TRUNCATION, TRUNCATION_MAX, TRUNCATION_MIN
from stylizer.settings import RenderSettings as Settings


def add_commands(add: AddCommand) -> None:
    """Add `sample`."""
    sub = add("sample", sample, "draw people who do not exist in a style")
    sub.add_argument("--style", metavar="NAME", required=True, help="a style that is there: its name or key")
    add_out_folder(sub, "a folder for the pictures")
    about = f"how many, {COUNT_MIN} to {COUNT_MAX} (default {COUNT})"
    sub.add_argument("--count", type=int, default=COUNT, metavar="N", help=about)
    about = f"another one gives other people, 0 to {SEED_MAX} (default 0)"
    sub.add_argument("--seed", type=int, default=0, metavar="N", help=about)
    about = f"{TRUNCATION_MIN:g} = the mean face only, {TRUNCATION_MAX:g} = all that the generator knows "
    about += f"(default {TRUNCATION:g})"
    sub.add_argument("--truncation", type=float, default=TRUNCATION, metavar="PSI", help=about)
    add_strength(sub)
    add_no_watermark(sub)


def sample(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw people who do not exist in a style."""
    from stylizer.provenance.notes import origin_of, save_result

    settings, started = Settings(strength=args.strength), time.perf_counter()
    make_folder(args.out)
    stylizer = context.stylizer(args)
    style = stylizer.find_style(args.style)
    with context.console.steps(f"Inventing people in {style.name}") as on_step:
        faces = stylizer.invent(
            style, args.count, settings, seed=args.seed, truncation=args.truncation, on_step=on_step
        )
    names, failures = OutputNames(args.out, style.name, [], args.overwrite), Failures(context.console, len(faces))
    files = []
    for index, face in enumerate(faces):
        person = Path(f"person_{args.seed}_{index}")
        with failures.noting(person):
            file = names.next(person)
            save_result(face, file, origin_of(style, "nobody"), watermark=not args.no_watermark)
            files.append(str(file))
            context.console.line(str(file))
    failures.settle()
    seconds = rounded({"total": time.perf_counter() - started})
    return {"files": files, "seconds": seconds, "warnings": context.console.warnings}, failures.exit_code
