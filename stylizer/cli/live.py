"""The command `live`: a camera, drawn in one style, as a camera that other programs can choose."""

import argparse
import importlib
import time
from typing import Any

from stylizer.cli.console import Context, Outcome
from stylizer.cli.options import AddCommand, add_strength
from stylizer.errors import OutputError
from stylizer.settings import RenderSettings as Settings

_RATE = 30  # that the virtual camera says it has
_NO_CAMERA = (
    "There is no virtual camera here: install it (pip install pyvirtualcam) with the driver that it needs on this "
    "system, or use the tab Live of the page."
)


def add_commands(add: AddCommand) -> None:
    """Add `live`."""
    sub = add("live", live, "draw a camera in a style, as a virtual camera for other programs (needs pyvirtualcam)")
    sub.add_argument("--style", metavar="NAME", required=True, help="a style that is there: its name or key")
    about = "number of the camera (on Windows its name), or a video file to try it with (default 0)"
    sub.add_argument("--camera", default="0", metavar="N", help=about)
    add_strength(sub)
    sub.add_argument("--mirror", action="store_true", help="as in a mirror")


def live(args: argparse.Namespace, context: Context) -> Outcome:
    """Draw a camera until Ctrl-C, or until it ends."""
    import numpy as np
    from PIL import ImageOps

    from stylizer.video.camera import camera_frames

    settings, console = Settings(strength=args.strength), context.console
    try:
        virtual = importlib.import_module("pyvirtualcam")
    except ImportError as error:
        raise OutputError(_NO_CAMERA) from error
    stylizer = context.stylizer(args)
    style = stylizer.find_style(args.style)
    with console.steps(f"Learning {style.name} for the student") as shown:
        stylizer.adapt(style, shown)
    renderer = stylizer.live(style, settings.strength)
    started, count, output = time.perf_counter(), 0, None
    try:
        for frame, seconds in camera_frames(args.camera):
            picture = renderer.draw(frame, seconds).picture
            picture = ImageOps.mirror(picture) if args.mirror else picture
            if output is None:
                output = _opened(virtual, picture.size)
                console.line(f"The camera is {output.device} in other programs; Ctrl-C ends it.")
                started = time.perf_counter()
            output.send(np.asarray(picture))
            count += 1
    except KeyboardInterrupt:  # the usual way to end it
        pass
    finally:
        if output is not None:
            output.close()
    took = time.perf_counter() - started
    rate = max(0, count - 1) / took if took else 0.0
    console.line(f"{count} frames, {rate:.1f} a second.")
    facts = {"key": style.key, "name": style.name}
    return {"frames": count, "frames_a_second": round(rate, 2), "style": facts, "warnings": console.warnings}, 0


def _opened(virtual: Any, size_wh: tuple[int, int]) -> Any:
    try:
        return virtual.Camera(width=size_wh[0], height=size_wh[1], fps=_RATE)
    except RuntimeError as error:  # no driver; its own words say which
        raise OutputError(f"{_NO_CAMERA[:-1]} ({str(error).strip().splitlines()[0].rstrip('.')}).") from error
