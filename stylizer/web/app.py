"""The page: `main` serves it, `build_app(stylizer)` builds it. No image maths here, and no networks."""

import argparse
import atexit
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

# Gradio reads these when it is imported: no telemetry, and no version check over the network.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import gradio as gr
from starlette.routing import Route

from stylizer.environment import presets_dir
from stylizer.errors import Cancelled
from stylizer.serving import zerogpu
from stylizer.serving.engine import Engine, LazyStylizer, OnProgress
from stylizer.serving.job_queue import JobQueue
from stylizer.serving.limits import RunLimits
from stylizer.serving.logs import set_up
from stylizer.serving.metrics import MeteredEngine, Metrics
from stylizer.serving.portrait import SESSION_SECONDS, SWEEP_SECONDS, sweep
from stylizer.serving.probes import probes
from stylizer.serving.uploads import Uploads
from stylizer.web import theme
from stylizer.web.endpoints import add_endpoints
from stylizer.web.layout import lay_out
from stylizer.web.options import parse_options
from stylizer.web.wiring import HEAVY, connect

LAST_SECONDS = 20.0  # for running jobs to stop at the end; a step of learning takes two on a slow machine
EXAMPLES = presets_dir() / "examples"


def build_app(
    stylizer: Engine | LazyStylizer,
    examples: Path = EXAMPLES,
    closing: threading.Event | None = None,
    max_queue: int | None = None,
    max_per_user: int | None = None,
    *,
    shared: bool = False,
) -> gr.Blocks:
    """The page and its endpoints over a stylizer (`stylizer.pipeline.Stylizer`, or anything with its methods).

    Launch it with `**launch_options()`. Sessions share nothing but the stylizer.

    Args:
        closing: setting it stops running jobs; a `RunLimits` also limits and counts them.
        max_queue: jobs that may wait at the same time, in all; None: any number.
        max_per_user: jobs of one address that may wait or run; None: any number.
        shared: strangers use the page, too; learnt styles are then neither renamed nor deleted nor published there.
    """
    closing = closing or threading.Event()
    folder = Path(tempfile.mkdtemp(prefix="stylizer-page-"))
    gr.set_static_paths([folder])  # served from there, and never copied: what is deleted there is gone
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    threading.Thread(target=sweep, args=(folder, closing), name="sweep", daemon=True).start()
    page = gr.Blocks(title=theme.TITLE, analytics_enabled=False, delete_cache=(SWEEP_SECONDS, SESSION_SECONDS))
    job_queue = JobQueue(page, HEAVY)
    with page:
        add_endpoints(
            stylizer, folder, HEAVY, closing
        )  # first: handlers of the same name would take the endpoints' names
        inputs, outputs = lay_out(examples, folder, shared)
        connect(
            page,
            stylizer,
            inputs,
            outputs,
            folder=folder,
            uploads=Uploads(examples),
            shared=shared,
            closing=closing,
            job_queue=job_queue,
        )
    # Not open: else programs could go past the line.
    page.queue(default_concurrency_limit=4, max_size=max_queue, api_open=False)
    if max_per_user is not None:
        job_queue.limit(max_per_user)
    return page


def launch_options() -> dict[str, Any]:
    """What `gr.Blocks.launch` needs to know about the look and the visitors' privacy."""
    return {
        "theme": theme.theme(),
        "css": theme.CSS,
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": ["api"],
        "ssr_mode": False,
        "max_file_size": "100mb",
        "quiet": True,
    }


def _open(device: str | None, on_progress: OnProgress) -> Engine:
    from stylizer.pipeline import Stylizer  # torch and the networks: only once the page answers
    from stylizer.runtime import tune_process

    tune_process()
    return Stylizer.open(device=device, on_progress=on_progress)


def _opener(device: str | None, limits: RunLimits) -> Callable[[OnProgress], Engine]:
    """What opens the stylizer in the background: counted, and with a Space's borrowed GPU where that is the machine."""
    zero = zerogpu.connect()  # now: a Space looks for it when the page is launched

    def opener(on_progress: OnProgress) -> Engine:
        def report(text: str, fraction: float) -> None:
            if limits.is_set():
                raise Cancelled("The program ends.")
            on_progress(text, fraction)

        with limits.metrics.work():  # torch must not be left alone in the middle of it when the program ends
            # Beside a borrowed GPU this process has none itself, even where it seems so.
            engine: Any = _open(device if zero is None else "cpu", report)
            metered = MeteredEngine(engine if zero is None else zero.serve(engine), limits.metrics)
            metered.try_out()
        return cast(Engine, metered)

    return opener


def _release_memory() -> None:
    from stylizer.runtime import release_memory  # brings torch along: not at the page's start

    release_memory()


def _private_folder() -> Path:
    """Uploads of this run, readable by this user only and gone when it ends."""
    folder = Path(tempfile.mkdtemp(prefix="stylizer-uploads-"))
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C. Returns the exit status: 0, 2 when the port is taken, 1 when it does not answer."""
    options = parse_options(arguments)
    set_up(options.log_format, options.log_level)
    limits = RunLimits(options.max_seconds, Metrics(_release_memory))
    _end_by_signal(limits)
    _private_folder()
    stylizer = LazyStylizer(_opener(options.device, limits))
    page, routes = _built(stylizer, limits, options)
    try:
        _, url, public = page.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            auth=options.auth or None,
            root_path=options.root_path,
            app_kwargs={"routes": routes},
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
    while not limits.wait(1.0):  # in slices: a signal is handled between them on every platform
        pass
    limits.metrics.wait_idle(LAST_SECONDS)  # jobs see that it ends, and stop at their next step
    page.close(verbose=False)
    return 0


def _built(stylizer: LazyStylizer, limits: RunLimits, options: argparse.Namespace) -> tuple[gr.Blocks, list[Route]]:
    """The page, and what machines ask beside it."""
    most = {"max_queue": options.max_queue, "max_per_user": options.max_per_user}
    page = build_app(stylizer, closing=limits, shared=options.shared, **most)
    job_queue = JobQueue(page, HEAVY)
    return page, probes(stylizer, limits.metrics, lambda: len(job_queue), options.auth)


def _end_by_signal(end: threading.Event) -> None:
    """Have it set by Ctrl-C, and by the signal that service managers send."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: end.set())
