"""The page: `main` serves it, `build_app(stylizer)` builds it. No image maths here, and no networks."""

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
from starlette.middleware import Middleware

from stylizer.environment import presets_dir
from stylizer.errors import Cancelled
from stylizer.serving import zerogpu
from stylizer.serving.engine import Engine, LazyStylizer, OnProgress
from stylizer.serving.job_queue import JobQueue, LeaveOnDisconnect, standard_lanes
from stylizer.serving.jobs import RunLimits
from stylizer.serving.logs import set_up
from stylizer.serving.metered import MeteredEngine
from stylizer.serving.metrics import Metrics
from stylizer.serving.portrait import SESSION_SECONDS, SWEEP_SECONDS, sweep
from stylizer.serving.probes import Login, probes
from stylizer.serving.uploads import Uploads
from stylizer.web import theme
from stylizer.web.endpoints import add_endpoints
from stylizer.web.lanes import Lanes
from stylizer.web.layout import lay_out
from stylizer.web.options import parse_options
from stylizer.web.wiring import connect

SMALL_EVENTS = 40  # that may run at the same time, beside those that wait in the queue
LAST_SECONDS = 20.0  # for running jobs to stop at the end; a step of learning takes two on a slow machine
EXAMPLES = presets_dir() / "examples"


def build_app(
    stylizer: Engine | LazyStylizer,
    examples: Path = EXAMPLES,
    limits: RunLimits | None = None,
    job_queue: JobQueue | None = None,
    *,
    shared: bool = False,
) -> gr.Blocks:
    """The page and its endpoints over a stylizer (`stylizer.pipeline.Stylizer`, or anything with its methods).

    Launch it with `**launch_options()`. Sessions share nothing but the stylizer.

    Args:
        limits: what jobs are bound by and counted with; default `RunLimits()`.
        job_queue: in which they wait; default `JobQueue()`.
        shared: strangers use the page, too; learnt styles are then neither renamed nor deleted nor published there.
    """
    limits, lanes = limits or RunLimits(), Lanes(job_queue or JobQueue())
    folder = Path(tempfile.mkdtemp(prefix="stylizer-page-"))
    gr.set_static_paths([folder])  # served from there, and never copied: what is deleted there is gone
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    threading.Thread(target=sweep, args=(folder, limits.closing), name="sweep", daemon=True).start()
    page = gr.Blocks(title=theme.TITLE, analytics_enabled=False, delete_cache=(SWEEP_SECONDS, SESSION_SECONDS))
    with page:
        # First: handlers of the same name would take the endpoints' names.
        add_endpoints(stylizer, folder, limits, lanes)
        inputs, outputs = lay_out(examples, folder, shared)
        connect(
            page,
            stylizer,
            inputs,
            outputs,
            folder=folder,
            uploads=Uploads(examples),
            shared=shared,
            limits=limits,
            lanes=lanes,
        )
    # Every event begins at once, and then waits in our own queue. Not open: the endpoints are called through events.
    page.queue(default_concurrency_limit=None, api_open=False)
    return page


def launch_options(job_queue: JobQueue | None = None) -> dict[str, Any]:
    """What `gr.Blocks.launch` needs to know about the look and the visitors' privacy.

    Args:
        job_queue: of the page; Gradio must have room for all jobs that wait in it, and for the page's small events.
    """
    return {
        "max_threads": (job_queue or JobQueue()).capacity + SMALL_EVENTS,
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
    from stylizer.imaging.decoding import open_picture_safely
    from stylizer.pipeline import Stylizer  # torch and the networks: only once the page answers
    from stylizer.runtime import tune_process

    tune_process()
    return Stylizer.open(device=device, on_progress=on_progress, opener=open_picture_safely)


def _opener(device: str | None, limits: RunLimits) -> Callable[[OnProgress], Engine]:
    """What opens the stylizer in the background: counted, and with a Space's borrowed GPU where that is the machine."""
    zero = zerogpu.connect()  # now: a Space looks for it when the page is launched

    def opener(on_progress: OnProgress) -> Engine:
        def report(text: str, fraction: float) -> None:
            if limits.closing.is_set():
                raise Cancelled("The program ends.")
            on_progress(text, fraction)

        with limits.metrics.work():  # torch must not be left alone in the middle of it when the program ends
            # Beside a borrowed GPU this process has none itself, even where it seems so.
            engine: Any = _open(device if zero is None else "cpu", report)
            metered = MeteredEngine(engine if zero is None else zero.serve(engine), limits.metrics)
            metered.warm_up()
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
    job_queue = JobQueue(standard_lanes(options.max_queue, options.max_per_user))
    page = build_app(stylizer, limits=limits, job_queue=job_queue, shared=options.shared)
    try:
        _, url, public = page.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            auth=options.auth or None,
            root_path=options.root_path,
            app_kwargs=server_options(stylizer, limits, job_queue, options.auth),
            prevent_thread_lock=True,
            **launch_options(job_queue),
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
    while not limits.closing.wait(1.0):  # in slices: a signal is handled between them on every platform
        pass
    limits.metrics.wait_idle(LAST_SECONDS)  # jobs see that it ends, and stop at their next step
    page.close(verbose=False)
    return 0


def server_options(
    stylizer: Engine | LazyStylizer, limits: RunLimits, job_queue: JobQueue, logins: Sequence[Login] = ()
) -> dict[str, Any]:
    """What the web server has beside the page: `launch(app_kwargs=...)`."""
    routes = probes(stylizer, limits.metrics, job_queue, logins)
    return {"routes": routes, "middleware": [Middleware(LeaveOnDisconnect, job_queue=job_queue)]}


def _end_by_signal(limits: RunLimits) -> None:
    """Have Ctrl-C, and the signal that service managers send, end the program."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: limits.closing.set())
