"""The page: `python app.py` starts it, `build_app(stylizer)` builds it. No image maths here, and no networks."""

import argparse
import atexit
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

# Gradio reads these when it is imported: no telemetry, and no version check over the network.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr

from stylizer.page import look
from stylizer.page.endpoints import add_endpoints
from stylizer.page.engine import Engine, LazyStylizer, OnProgress
from stylizer.page.handlers import Handlers
from stylizer.page.inputs import Inputs
from stylizer.page.kept import KEPT_SECONDS
from stylizer.page.layout import Outputs, lay_out
from stylizer.page.marking import Marking
from stylizer.page.people import People

EXAMPLES = Path(__file__).parent / "styles" / "examples"
HEAVY = "heavy"  # one queue for everything that learns or inverts: one such job at a time


def build_app(
    stylizer: Engine | LazyStylizer, examples: Path = EXAMPLES, closing: threading.Event | None = None
) -> gr.Blocks:
    """The page and its endpoints over a stylizer (`stylizer.pipeline.Stylizer`, or anything with its methods).

    Launch it with `**launch_options()`. Sessions share nothing but the stylizer. Setting `closing` stops running jobs.
    """
    closing = closing or threading.Event()
    folder = Path(tempfile.mkdtemp(prefix="stylizer-page-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    page = gr.Blocks(title=look.TITLE, analytics_enabled=False, delete_cache=(KEPT_SECONDS, KEPT_SECONDS))
    with page:
        add_endpoints(
            stylizer, folder, HEAVY, closing
        )  # first: handlers of the same name would take the endpoints' names
        inputs, outputs = lay_out(examples)
        handlers = Handlers(stylizer, inputs, outputs, folder=folder, closing=closing)
        _connect(page, handlers, Marking(stylizer, inputs, outputs), inputs, outputs)
        crowd = [outputs.kept, inputs.strength, outputs.people_seed, outputs.truncation]
        people = {"concurrency_id": "redraw", "concurrency_limit": 2, **_RAW, "show_progress": "full"}
        outputs.invent.click(People(stylizer, outputs).invent, crowd, [outputs.people, outputs.note], **people)
    page.queue(default_concurrency_limit=4)
    return page


def launch_options() -> dict[str, Any]:
    """What `gr.Blocks.launch` needs to know about the look and the visitors' privacy."""
    return {
        "theme": look.theme(),
        "css": look.CSS,
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": ["api"],
        "ssr_mode": False,
        "max_file_size": "100mb",
        "quiet": True,
    }


_RAW: dict[str, Any] = {"preprocess": False, "api_visibility": "private", "show_progress": "hidden"}
"""Of every event: pictures arrive as files, whatever is in them, and are opened by us."""


def _connect(page: gr.Blocks, do: Handlers, mark: Marking, inputs: Inputs, outputs: Outputs) -> None:
    """Tie events to handlers."""
    library = [inputs.picture_box, inputs.library_box, inputs.saved, outputs.note]
    for event in (page.load, _connect_jobs(do, inputs, outputs)):
        event(do.styles, inputs.saved, library, **_RAW)
    page.load(None, js=look.KEYS)
    for picture in (inputs.reference, inputs.target):
        picture.upload(do.check_picture, picture, outputs.note, **_RAW)
    inputs.source.input(do.choose_source, [inputs.source, inputs.saved], library, **_RAW)

    quick: dict[str, Any] = {"queue": False, **_RAW}
    outputs.compared.select(do.choose_depth, None, inputs.depth, **quick)
    gr.on([inputs.target.change, inputs.face.change], do.forget_compared, None, outputs.compared, **quick)
    marked = [inputs.marks, outputs.marked, outputs.note]
    inputs.reference.select(mark.click, [inputs.by_hand, inputs.marks, inputs.reference], marked, **quick)
    inputs.by_hand.input(mark.begin, inputs.by_hand, marked, **quick)
    inputs.reference.change(mark.renew, inputs.by_hand, marked, **quick)


def _connect_jobs(do: Handlers, inputs: Inputs, outputs: Outputs) -> Any:
    """The long jobs, how they are stopped, and redrawing; returns the event of a run that went well."""
    given = [getattr(inputs, field.name) for field in fields(Inputs) if not field.name.endswith("_box")]
    everything = [getattr(outputs, field.name) for field in fields(Outputs) if field.name != "ticket"]
    buttons = [outputs.run, outputs.compare, outputs.cancel, outputs.note]
    known = [outputs.ticket, outputs.kept, outputs.study]
    heavy: dict[str, Any] = {"outputs": everything, "concurrency_id": HEAVY, "concurrency_limit": 1, **_RAW}
    run, compare = (
        button.click(do.begin, outputs.ticket, buttons, queue=False, **_RAW).then(job, [*known, *values], **heavy)
        for button, job, values in (
            (outputs.run, do.run, given),
            (outputs.compare, do.compare, [inputs.target, inputs.face]),
        )
    )
    for job in (run, compare):
        job.failure(do.broke, None, everything, queue=False, **_RAW)
    outputs.cancel.click(do.stop, outputs.ticket, [outputs.cancel, outputs.note], queue=False, **_RAW)

    redraw: dict[str, Any] = {
        "fn": do.redraw,
        "inputs": [outputs.kept, inputs.strength, inputs.preserve_color],
        "outputs": [outputs.slider, outputs.times, outputs.download, outputs.kept, outputs.note],
        "concurrency_id": "redraw",
        "concurrency_limit": 2,
        **_RAW,
    }
    gr.on([inputs.strength.release, inputs.preserve_color.input], trigger_mode="always_last", **redraw)
    run.success(**redraw)  # the slider may have been moved during the run
    return run.success


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python app.py", description="Start the page of the one-shot face stylizer.")
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (0.0.0.0: every network of this machine)"
    )
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    parser.add_argument(
        "--share", action="store_true", help="make a temporary public address, reachable by anyone who knows it"
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1 or mps (default: STYLIZER_DEVICE, else the best there is)")
    return parser.parse_args(arguments)


def _open(device: str | None, on_progress: OnProgress) -> Engine:
    from stylizer.pipeline import Stylizer  # torch and the networks: only once the page answers

    return Stylizer.open(device=device, on_progress=on_progress)


def _private_folder() -> Path:
    """Uploads of this run, readable by this user only and gone when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="stylizer-uploads-"))
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C. Returns the exit status: 0, 2 when the port is taken, 1 when it does not answer."""
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    end = _end()
    _private_folder()
    stylizer = LazyStylizer(lambda on_progress: _open(options.device, on_progress))
    page = build_app(stylizer, closing=end)
    try:
        _, url, public = page.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            prevent_thread_lock=True,
            **launch_options(),
        )
    except OSError:
        where = f"Port {options.port} is" if options.port else "All ports from 7860 on are"
        print(f"{where} already in use or not allowed; choose another one with --port.", file=sys.stderr)
        return 2
    except ValueError:  # gradio asks itself for the page before it says that it has started
        print(
            "The page does not answer on this machine; if a proxy is set, add localhost to NO_PROXY.", file=sys.stderr
        )
        return 1
    print(
        f"The page is at {url}" + (f" and, for everyone, at {public}" if public else "") + "  (Ctrl-C stops it)",
        flush=True,
    )
    stylizer.start()
    while not end.wait(1.0):  # in slices: a signal is handled between them on every platform
        pass
    page.close(verbose=False)
    return 0


def _end() -> threading.Event:
    """Set by Ctrl-C, and by the signal that service managers send."""
    end = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: end.set())
    return end


if __name__ == "__main__":
    sys.exit(main())
