"""The command `video`: the faces of a video in one style."""

import argparse
from pathlib import Path
from typing import Any

from stylizer.cli.console import Context, Outcome
from stylizer.cli.options import AddCommand, add_drawer, add_overwrite, add_strength
from stylizer.cli.outputs import check_output
from stylizer.errors import Cancelled
from stylizer.settings import VIDEO_SIDE_MAX, VIDEO_SIDE_MIN
from stylizer.settings import RenderSettings as Settings

_STOPPED = 130  # as `main.STOPPED`


def add_commands(add: AddCommand) -> None:
    """Add `video`."""
    sub = add("video", video, "draw the faces of a video in a style; the sound stays")
    sub.add_argument("video", type=Path, metavar="VIDEO", help="a video, or an animated GIF or WebP")
    sub.add_argument("--style", metavar="NAME", required=True, help="a style that is there: its name or key")
    about = "a .mp4, .m4v, .mov, .gif or .webp file"
    sub.add_argument("--out", type=Path, required=True, metavar="FILE", help=about)
    add_overwrite(sub, "replace the file if it exists")
    add_strength(sub)
    about = "all (default), largest, or numbers: 0 is the first that is seen, of several the largest"
    sub.add_argument("--faces", default="all", metavar="all|largest|N,N", help=about)
    about = f"longer side of the result at most, {VIDEO_SIDE_MIN} to {VIDEO_SIDE_MAX} px (default: as the video)"
    sub.add_argument("--size", type=int, metavar="PX", help=about)
    add_drawer(sub)
    about = "when it is stopped (Ctrl-C), leave what is done so far as the result; without it, nothing is left"
    sub.add_argument("--keep-part", action="store_true", help=about)


def video(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw the faces of a video. Exit code 130: it was stopped."""
    from stylizer.provenance.video import metadata_of
    from stylizer.video.choice import parse_choice
    from stylizer.video.reader import open_video
    from stylizer.video.writer import SUFFIXES

    settings, console = Settings(strength=args.strength), context.console
    parse_choice(args.faces)
    with open_video(args.video):  # what is wrong with it is said before the networks are loaded
        pass
    check_output(args.out, [args.video], args.overwrite, SUFFIXES)
    stylizer = context.stylizer(args)
    style = stylizer.find_style(args.style)
    done: list[int] = []
    if args.drawer == "student" and not stylizer.is_adapted(style):
        with console.steps(f"Learning {style.name} for the student") as shown:
            stylizer.adapt(style, shown)
    try:
        with console.steps(f"Drawing {args.video.name}", "frame") as shown:

            def on_step(step: int, total: int, preview: Any) -> None:
                done[:] = [step]
                if shown is not None:
                    shown(step, total, preview)

            result = stylizer.stylize_video(
                args.video,
                args.out,
                style,
                settings,
                faces=args.faces,
                longest=args.size,
                drawer=args.drawer,
                metadata=metadata_of(style),
                keep_part=args.keep_part,
                on_step=on_step,
            )
    except (KeyboardInterrupt, Cancelled):
        if not (args.keep_part and done and args.out.is_file()):
            raise
        console.warn(f"Stopped; the {done[0]} frames that were done are in {args.out}.")
        facts: dict[str, Any] = {"frames": done[0], "whole": False}
        facts["style"] = {"key": style.key, "name": style.name}
        return {"file": str(args.out), **facts, "warnings": console.warnings}, _STOPPED
    for note in result.notes:
        console.warn(note)
    console.line(f"{args.video} -> {result.path}")
    drawn = f"A face was drawn in {result.drawn} of {result.frames} frames"
    console.line(f"{drawn}, by the {result.drawer}, in {result.seconds:.0f} s.")
    return {
        "file": str(result.path),
        "style": {"key": style.key, "name": style.name},
        "drawer": result.drawer,
        "frames": result.frames,
        "frames_with_faces": result.with_faces,
        "frames_drawn": result.drawn,
        "whole": True,
        "seconds": {"total": round(result.seconds, 3)},
        "warnings": console.warnings,
    }, 0
