"""The page: `build_app` builds it over a stylizer, `launch` serves it, `main` is the program. No image maths here."""

import argparse
import atexit
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import gradio as gr
from starlette.middleware import Middleware

from stylizer.environment import has_student, home_dir, on_space, presets_dir
from stylizer.errors import Cancelled, OutputError, StylizerError
from stylizer.serving import zerogpu
from stylizer.serving.backbone_choice import BackboneChoice, choice_of
from stylizer.serving.engine import Engine, LazyStylizer, OnProgress
from stylizer.serving.http.bodies import MEBIBYTE, BodyLimits
from stylizer.serving.http.guard import Access, guarding
from stylizer.serving.http.local import check_address, never_proxy_loopback, without_proxies
from stylizer.serving.http.origins import Origins, is_loopback, origin_of
from stylizer.serving.job_queue import JobQueue, LeaveOnDisconnect, standard_lanes
from stylizer.serving.jobs import RunLimits
from stylizer.serving.live import LiveVisits, live_routes
from stylizer.serving.logs import set_up
from stylizer.serving.metered import MeteredEngine
from stylizer.serving.metrics import Metrics
from stylizer.serving.portrait import SESSION_SECONDS, SWEEP_SECONDS, SessionMemory, sweep
from stylizer.serving.probes import Login, probes
from stylizer.serving.uploads import Uploads
from stylizer.web import theme
from stylizer.web.endpoints import add_endpoints
from stylizer.web.lanes import Lanes
from stylizer.web.options import parse_options
from stylizer.web.page import Page
from stylizer.web.services import Services

SMALL_EVENTS = 40  # that may run at the same time, beside those that wait in the queue
LAST_SECONDS = 20.0  # for running jobs to stop at the end; a step of learning takes two on a slow machine
EXAMPLES = presets_dir() / "examples"
log = logging.getLogger(__name__)


def build_app(
    stylizer: Engine | LazyStylizer,
    examples: Path = EXAMPLES,
    limits: RunLimits | None = None,
    job_queue: JobQueue | None = None,
    *,
    shared: bool = False,
    backbones: BackboneChoice | None = None,
    live: LiveVisits | None = None,
) -> gr.Blocks:
    """Build the page and its endpoints; `launch` serves them. Sessions share nothing but the stylizer.

    Args:
        stylizer: `stylizer.pipeline.Stylizer`, or anything with its methods.
        examples: folder with references/*.webp and targets/*.webp; either may be missing.
        limits: what jobs are bound by and counted with; default `RunLimits()`.
        job_queue: in which they wait; default `JobQueue()`.
        shared: strangers use the page, too; learned styles are then neither renamed nor deleted nor published there.
        live: draws the visitors' cameras, also given to `server_options`; None: the page has no such tab.
        backbones: lets the visitor choose the face generator; only where the page is one person's, whom it is for.
    """
    limits, lanes = limits or RunLimits(), Lanes(job_queue or JobQueue())
    folder = Path(tempfile.mkdtemp(prefix="stylizer-page-"))
    gr.set_static_paths([folder])  # served from there, and never copied: what is deleted there is gone
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    threading.Thread(target=sweep, args=(folder, limits.closing), name="sweep", daemon=True).start()
    page = gr.Blocks(title=theme.TITLE, analytics_enabled=False, delete_cache=(SWEEP_SECONDS, SESSION_SECONDS))
    uploads = Uploads(examples, lambda: _own_files(page))
    threading.Thread(target=uploads.keep_sweeping, args=(limits.closing,), name="sweep-uploads", daemon=True).start()
    with page:
        # First: handlers of the same name would take the endpoints' names.
        add_endpoints(stylizer, folder, limits, lanes)
        services = Services(stylizer, folder, uploads, limits, lanes, SessionMemory(), shared, backbones, live)
        Page(page, services, examples)
    # Every event begins at once, and then waits in our own queue. Not open: the endpoints are called through events.
    page.queue(default_concurrency_limit=None, api_open=False)
    return page


def _own_files(page: gr.Blocks) -> set[str]:
    """The files that the page itself has put into Gradio's folder of uploads: its examples."""
    return set().union(*(getattr(block, "keep_in_cache", ()) for block in page.blocks.values()))


def launch(
    page: gr.Blocks,
    access: Access | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    share: bool = False,
    root_path: str | None = None,
    job_queue: JobQueue | None = None,
    server: Mapping[str, Any] | None = None,
) -> tuple[str, str | None]:
    """Serve a page behind its guard (`stylizer.serving.http`), in a thread of its own.

    Args:
        access: who may come in, from where and with how much; default: everybody who reaches the page, from no other
            web site.
        host: name or address to listen on. port: default the first free one from 7860.
        share: make a temporary public address, too.
        root_path: where a proxy in front shows the page.
        job_queue: of the page (see `launch_options`).
        server: what the web server has beside the page (see `server_options`).
    Returns:
        The address on this computer, and the public one if there is any.
    Raises:
        InputError: the host is none of this computer's, or the port is taken. StylizerError: the page does not answer.
    """
    access = access or Access(origins=Origins(loopback_only=is_loopback(host)))
    check_address(host, port)
    # Gradio asks the page itself whether it has started; only for a public address it asks anybody else.
    with contextlib.nullcontext() if share else without_proxies():
        try:
            _, url, public = page.launch(
                server_name=f"[{host}]" if ":" in host else host,
                server_port=port,
                share=share,
                auth=list(access.logins) or None,
                root_path=root_path,
                app_kwargs={**(server or {}), "lifespan": guarding(access)},
                max_file_size=access.limits.file_bytes,
                prevent_thread_lock=True,
                num_workers=0,  # others would serve files past the guard
                mcp_server=False,
                _frontend=False,  # no second look with a limit of three seconds, which a busy computer does not meet
                **launch_options(job_queue),
            )
        except Exception as error:
            log.debug("The page has not started", exc_info=error)
            why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            text = f"The page does not answer on this computer ({why}); look at its proxy and firewall settings."
            raise StylizerError(text) from error
    return url, public


def launch_options(job_queue: JobQueue | None = None) -> dict[str, Any]:
    """What `gr.Blocks.launch` needs to know about the appearance and the visitors' privacy.

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
        "quiet": True,
    }


def _open(device: str | None, backbone: str | None, on_progress: OnProgress) -> Engine:
    from stylizer.imaging.decoding import open_picture_safely
    from stylizer.pipeline import Stylizer  # torch and the networks: only once the page answers
    from stylizer.runtime import tune_process

    tune_process()
    return Stylizer.open(device=device, on_progress=on_progress, opener=open_picture_safely, backbone=backbone)


def _opener(device: str | None, limits: RunLimits, backbone: str | None = None) -> Callable[[OnProgress], Engine]:
    """What opens the stylizer in the background: counted, and with a Space's borrowed GPU where that is the machine."""
    zero = zerogpu.connect()  # now: a Space looks for it when the page is launched

    def opener(on_progress: OnProgress) -> Engine:
        def report(text: str, fraction: float) -> None:
            if limits.closing.is_set():
                raise Cancelled("The program ends.")
            on_progress(text, fraction)

        with limits.metrics.work():  # torch must not be left alone in the middle of it when the program ends
            # Beside a borrowed GPU this process has none itself, even where it seems so.
            engine: Any = _open(device if zero is None else "cpu", backbone, report)
            metered = MeteredEngine(engine if zero is None else zero.serve(engine), limits.metrics)
            metered.warm_up()
        return cast(Engine, metered)

    return opener


def _release_memory() -> None:
    from stylizer.runtime import release_memory  # brings torch along: not at the page's start

    release_memory()


def _private_folder() -> Path:
    """Uploads of this run, readable by this user only and gone when it ends.

    Raises:
        OutputError: there is no folder for temporary files.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="stylizer-uploads-"))
    except OSError as error:
        raise OutputError("No folder for temporary files can be written; set TMPDIR to one that can.") from error
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def access_of(options: argparse.Namespace) -> Access:
    """Who may come in, by the options."""
    public = options.root_path if (options.root_path or "").startswith(("http://", "https://")) else ""
    parts = urlsplit(public)
    has_other_names = options.share or on_space() or (options.root_path and not public)  # and they are not known here
    origins = Origins(
        own=frozenset({origin_of(f"{parts.scheme}://{parts.netloc}")} if public else ()),
        named=frozenset(options.allow_origin),
        loopback_only=is_loopback(options.host) and not has_other_names,
        on_space=on_space(),
    )
    return Access(
        logins=tuple(options.auth),
        origins=origins,
        limits=BodyLimits(folder_bytes=options.upload_space * MEBIBYTE),
        https=public.startswith("https:"),
        one_address=bool(options.share) or on_space(),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the page until Ctrl-C, or until a service manager ends it.

    Args:
        arguments: without the program's name; default the process's own.
    Returns:
        The exit status: 0; 2 where an option is at fault, as a port that is taken; 1 where the page cannot start.
        One sentence on stderr says why.
    """
    options = parse_options(arguments)
    set_up(options.log_format, options.log_level)
    limits = RunLimits(options.max_seconds, Metrics(_release_memory))
    _end_by_signal(limits)
    never_proxy_loopback()
    try:
        _private_folder()
        opener_of = partial(_opener, options.device, limits)
        stylizer = LazyStylizer(opener_of(options.backbone))
        backbones = None if options.shared else choice_of(stylizer, opener_of, options.backbone, home_dir())
        job_queue = JobQueue(standard_lanes(options.max_queue, options.max_per_user))
        live = LiveVisits(stylizer, job_queue, limits, max_per_address=options.max_per_user) if has_student() else None
        how = {"shared": options.shared, "backbones": backbones, "live": live}
        page = build_app(stylizer, limits=limits, job_queue=job_queue, **how)
        url, public = launch(
            page,
            access_of(options),
            host=options.host,
            port=options.port,
            share=options.share,
            root_path=options.root_path,
            job_queue=job_queue,
            server=server_options(stylizer, limits, job_queue, options.auth, live),
        )
    except StylizerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"The page cannot start ({error}); look at the disk's space and permissions.", file=sys.stderr)
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
    stylizer: Engine | LazyStylizer,
    limits: RunLimits,
    job_queue: JobQueue,
    logins: Sequence[Login] = (),
    live: LiveVisits | None = None,
) -> dict[str, Any]:
    """What the web server has beside the page: `launch(app_kwargs=...)`."""
    routes = probes(stylizer, limits.metrics, job_queue, logins) + (live_routes(live) if live is not None else [])
    return {"routes": routes, "middleware": [Middleware(LeaveOnDisconnect, job_queue=job_queue)]}


def _end_by_signal(limits: RunLimits) -> None:
    """Have Ctrl-C, and the signal that service managers send, end the program."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: limits.closing.set())
