"""What the commands of the command line do: arguments in, the JSON value and the exit code out.

Heavy modules are imported where they are needed, so that `--help` and wrong options answer at once.
"""

import argparse
import contextlib
import io
import runpy
import sys
import time
from pathlib import Path

from stylizer.cli import sharing
from stylizer.cli.check import check
from stylizer.cli.console import Context, Outcome
from stylizer.cli.outputs import OutputNames, check_output, make_folder
from stylizer.cli.stylize import learn, naming, report, rounded, stylize, train_settings
from stylizer.environment import checkout_dir
from stylizer.errors import InputError
from stylizer.settings import RenderSettings

__all__ = ["align", "bench", "check", "doctor", "fetch", "invert", "sample", "styles", "stylize", "train"]


def train(args: argparse.Namespace, context: Context) -> Outcome:
    """Learn a style and keep it under a name."""
    started, settings = time.perf_counter(), train_settings(args)
    stylizer = context.stylizer(args)
    style, trained = learn(stylizer, args, settings, args.name, context.console)
    total = time.perf_counter() - started
    context.console.say(f"{style.name} is {'learned' if trained else 'there already'}; use it with --style.")
    return report(style, trained, [], {"train": total if trained else 0.0, "total": total}, context.console), 0


def styles(args: argparse.Namespace, context: Context) -> Outcome:
    """List the styles, here or on the Hub; needs no networks."""
    from stylizer.library.library import open_library

    if args.hub:
        return sharing.search(argparse.Namespace(repo=args.repo, text=""), context)
    found = open_library().list()
    for info in found:
        context.console.say(f"{info.name}  {info.key}  {info.bytes / 1e6:.1f} MB{'  preset' if info.preset else ''}")
    if not found:
        context.console.say("There are no styles yet; learn one with: python -m stylizer train REF --name NAME")
    return [{"name": i.name, "key": i.key, "bytes": i.bytes, "preset": i.preset} for i in found], 0


def align(args: argparse.Namespace, context: Context) -> Outcome:
    """Cut a face out of a photo."""
    from stylizer.imaging.saving import save_picture

    check_output(args.out, args.photo)
    stylizer, started = context.stylizer(args), time.perf_counter()
    with naming(args.photo):
        aligned = stylizer.align(args.photo, args.face, args.already_aligned, args.landmarks)
    save_picture(aligned.crop, args.out)
    context.console.say(f"{args.photo} -> {args.out}")
    seconds = rounded({"align": time.perf_counter() - started})
    return {"file": str(args.out), "face": aligned.face, "seconds": seconds}, 0


def invert(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw a photo by the generator, without a style."""
    from stylizer.provenance.notes import Origin, save_result

    check_output(args.out, args.photo)
    stylizer, started = context.stylizer(args), time.perf_counter()
    with naming(args.photo):
        aligned = stylizer.align(args.photo, args.face, args.already_aligned, args.landmarks)
    found = time.perf_counter() - started
    with context.console.steps(f"Studying {args.photo.name}") as on_step:
        done = stylizer.stylize(
            aligned, None, RenderSettings(strength=0), args.inversion_mode, args.face, False, on_step
        )
    save_result(done.inverted, args.out, Origin(), watermark=not args.no_watermark)
    context.console.say(f"{args.photo} -> {args.out}")
    seconds = rounded({**done.seconds, "align": found})
    return {"file": str(args.out), "seconds": seconds, "inversion_mode": args.inversion_mode}, 0


def sample(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw people who do not exist in a style."""
    from stylizer.provenance.notes import origin_of, save_result

    settings, started = RenderSettings(strength=args.strength), time.perf_counter()
    make_folder(args.out)
    stylizer = context.stylizer(args)
    style = stylizer.find_style(args.style)
    with context.console.steps(f"Inventing people in {style.name}") as on_step:
        faces = stylizer.invent(
            style, args.count, settings, seed=args.seed, truncation=args.truncation, on_step=on_step
        )
    names = OutputNames(args.out, style.name, [])
    files = [names.next(Path(f"person_{args.seed}_{index}")) for index in range(len(faces))]
    for face, file in zip(faces, files, strict=True):
        save_result(face, file, origin_of(style, "nobody"), watermark=not args.no_watermark)
        context.console.say(str(file))
    return {"files": [str(f) for f in files], "seconds": rounded({"total": time.perf_counter() - started})}, 0


def fetch(args: argparse.Namespace, context: Context) -> Outcome:
    """Get the base networks ahead of time."""
    from stylizer.runtime import home_dir
    from stylizer.weights.fetch import fetch_all

    home = home_dir()
    fetch_all(home, context.console.progress)
    if args.fan:
        from stylizer.weights.fan import fetch_fan

        fetch_fan(home, context.console.progress)
    context.console.say(f"Everything is there, in {home}.")
    return {"home": str(home), "warnings": context.console.warnings}, 0


def doctor(args: argparse.Namespace, context: Context) -> Outcome:
    """Say what is there, what is missing and what to do about it; exit code 1 where something is."""
    from stylizer.runtime import home_dir
    from stylizer.weights.doctor import diagnose

    checks = diagnose(home_dir(), args.device)
    for each in checks:
        context.console.say(f"{'ok     ' if each.ok else 'MISSING'}  {each.name}: {each.detail}")
        if each.advice:
            context.console.say(f"         {each.advice}")
    fine = all(each.ok for each in checks)
    rows = [{"name": c.name, "ok": c.ok, "detail": c.detail, "advice": c.advice} for c in checks]
    return {"ok": fine, "checks": rows}, 0 if fine else 1


def bench(args: argparse.Namespace, context: Context) -> Outcome:
    """Run benchmarks/speed.py, which lies in the repository beside the package; the JSON holds the table it prints."""
    script = checkout_dir() / "benchmarks" / "speed.py"
    if not script.is_file():
        raise InputError("The benchmarks are not installed with the package; run this in a checkout of the repository.")
    device = ["--device", args.device] if args.device else []
    argv, sys.argv = sys.argv, [str(script), *device, *args.rest]
    printed, code = io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(printed) if args.json else contextlib.nullcontext():
            runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.argv = argv
    return {"output": printed.getvalue()}, code
