"""The commands about the base networks: `fetch` gets them ahead of time, `doctor` says what is missing."""

import argparse

from stylizer.cli.console import Context, Outcome
from stylizer.cli.options import AddCommand
from stylizer.errors import SettingsError


def add_commands(add: AddCommand) -> None:
    """Add `fetch` and `doctor`."""
    sub = add("fetch", fetch, "get the base networks ahead of time")
    about = (
        "with --backbone stylegan2: a checkpoint with g_ema and d, a file here or USER/NAME@REVISION:FILE on the Hub"
    )
    sub.add_argument("--generator", metavar="FROM", help=about)
    about = "with --backbone stylegan2: e4e's checkpoint, a file here or USER/NAME@REVISION:FILE on the Hub"
    sub.add_argument("--encoder", metavar="FROM", help=about)
    sub.add_argument("--fan", action="store_true", help="also FAN's landmark network (needs the open internet)")
    add("doctor", doctor, "say what is there, what is missing and what to do about it")


def fetch(args: argparse.Namespace, context: Context) -> Outcome:
    """Get the base networks ahead of time."""
    from stylizer.backbones.registry import DEFAULT_BACKBONE, choose_backbone
    from stylizer.environment import home_dir
    from stylizer.weights.fetch import fetch_all

    home, backbone = home_dir(), choose_backbone(args.backbone)
    sources = {name: value for name in ("generator", "encoder") if (value := getattr(args, name)) is not None}
    if sources and backbone == DEFAULT_BACKBONE:
        raise SettingsError("--generator and --encoder are for another backbone; add --backbone stylegan2.")
    fetch_all(home, context.console.progress)
    if backbone != DEFAULT_BACKBONE:
        from stylizer.weights.stylegan2 import fetch_stylegan2

        fetch_stylegan2(home, context.console.progress, context.console.line, sources)
    if args.fan:
        from stylizer.weights.fan import fetch_fan

        fetch_fan(home, context.console.progress)
    context.console.line(f"Everything is there, in {home}.")
    return {"home": str(home), "warnings": context.console.warnings}, 0


def doctor(args: argparse.Namespace, context: Context) -> Outcome:
    """Say what is there, what is missing and what to do about it; exit code 1 where something is."""
    from stylizer.environment import home_dir
    from stylizer.weights.doctor import diagnose

    checks = diagnose(home_dir(), args.device, args.backbone)
    for each in checks:
        context.console.line(f"{'ok     ' if each.ok else 'MISSING'}  {each.name}: {each.detail}")
        if each.advice:
            context.console.line(f"         {each.advice}")
    fine = all(each.ok for each in checks)
    rows = [{"name": c.name, "ok": c.ok, "detail": c.detail, "advice": c.advice} for c in checks]
    return {"ok": fine, "checks": rows}, 0 if fine else 1
