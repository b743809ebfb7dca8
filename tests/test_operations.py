"""Running the page: who may come in, how much work there may be, what is counted and logged, and how it ends."""

import base64
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from fakes import FakeStylizer
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from page_pictures import face
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

import app
from app import around, build_app, launch_options
from stylizer import __version__
from stylizer.errors import Cancelled, DownloadError, TimeLimitError
from stylizer.page.about import footer
from stylizer.page.engine import LazyStylizer
from stylizer.page.jobs import Finished, Reporter, Ticket, follow
from stylizer.page.journal import Lines, set_up
from stylizer.page.line import Line, Turnstile
from stylizer.page.meter import Meter, Metered
from stylizer.page.options import parse_options
from stylizer.page.watch import Watch
from tests.tiny import noise_picture, tiny_stylizer, use_tiny_parts

ROOT = Path(__file__).parent.parent
KEY = "0123456789abcdef" * 2
Page = Callable[..., str]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Serve a page as `main` does, over a stand-in; gives its address."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    pages: list[gr.Blocks] = []

    def start(
        stylizer: Any, watch: Watch | None = None, auth: Any = None, max_per_user: int | None = None, **options: Any
    ) -> str:
        watch = watch or Watch()
        if not isinstance(stylizer, LazyStylizer):
            stylizer = Metered(stylizer, watch.meter)
        built = build_app(stylizer, tmp_path / "none", watch, **options)
        pages.append(built)
        kwargs = around(built, stylizer, watch.meter, auth or (), max_per_user)
        _, url, _ = built.launch(prevent_thread_lock=True, auth=auth, app_kwargs=kwargs, **launch_options())
        return url

    yield start
    for built in pages:
        built.close(verbose=False)


def client_of(url: str, **options: Any) -> Client:
    return Client(url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 120}, **options)


# What machines ask


def test_health_says_how_the_networks_are(page: Page) -> None:
    release = threading.Event()
    fail = True

    def opener(_: Any) -> Any:
        release.wait(60)
        if fail:
            raise DownloadError("The networks could not be downloaded; check the connection and try again.")
        return FakeStylizer()

    lazy = LazyStylizer(opener)
    url = page(lazy) + "health"
    assert (httpx.get(url).status_code, httpx.get(url).json()) == (200, {"status": "loading"})
    release.set()
    with pytest.raises(DownloadError):
        lazy.wait()
    assert (httpx.get(url).status_code, httpx.get(url).json()) == (503, {"status": "failed"})
    fail = False
    lazy.wait()
    assert (httpx.get(url).status_code, httpx.get(url).json()) == (200, {"status": "ok"})


def test_metrics_count_what_was_done(page: Page, tmp_path: Path) -> None:
    watch = Watch()
    url = page(FakeStylizer(presets=["Ink"]), watch)
    client = client_of(url)
    picture = handle_file(face(tmp_path / "r.png", "navy"))
    client.predict(picture, api_name="/train")
    client.predict(picture, api_name="/train")
    list(follow(lambda _: 1, Ticket(), watch))
    with pytest.raises(ZeroDivisionError):
        list(follow(lambda _: 1 // 0, Ticket(), watch, kind="compare"))
    with pytest.raises(Cancelled):
        list(follow(lambda reporter: reporter.stage("x"), Ticket(cancelled=True), watch))
    answer = httpx.get(url + "metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert values['stylizer_jobs_total{kind="stylize",outcome="done"}'] == "1"
    assert values['stylizer_jobs_total{kind="stylize",outcome="cancelled"}'] == "1"
    assert values['stylizer_jobs_total{kind="compare",outcome="failed"}'] == "1"
    assert values['stylizer_styles_total{source="trained"}'] == "1"
    assert values['stylizer_styles_total{source="memory"}'] == "1"
    assert values['stylizer_stage_seconds_count{stage="learn"}'] == "1"
    assert float(values['stylizer_stage_seconds_sum{stage="align"}']) >= 0
    assert (values["stylizer_queue_length"], values["stylizer_running"], values["stylizer_ready"]) == ("0", "0", "1")
    named = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    typed = {line.split(" ")[2] for line in lines if line.startswith("# TYPE")}
    assert {name.removesuffix("_count").removesuffix("_sum") for name in named} <= typed


def test_the_sources_of_styles_are_the_librarys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_parts(monkeypatch)
    meter = Meter()
    for _ in range(2):
        one = Metered(tiny_stylizer(tmp_path), meter)
        for _ in range(2):
            one.learn(noise_picture())
    text = meter.text()
    for source, count in (("trained", 1), ("disk", 1), ("memory", 2)):
        assert f'stylizer_styles_total{{source="{source}"}} {count}\n' in text


def test_the_footer_names_the_version_and_the_weights(tmp_path: Path) -> None:
    assert footer(LazyStylizer(lambda _: FakeStylizer())) == f'<div class="about">Stylizer {__version__}</div>'
    assert "<code>000000000000</code>" in footer(tiny_stylizer(tmp_path))


# Who may come in, and how much


def test_a_login_is_wanted_everywhere_but_for_health(page: Page) -> None:
    url = page(FakeStylizer(presets=["Ink"]), auth=[("ann", "secret"), ("bob", "söcret")])
    assert httpx.get(url + "health").status_code == 200
    assert httpx.get(url + "config").status_code == 401
    assert httpx.get(url + "metrics").status_code == 401
    assert httpx.get(url + "metrics", auth=("ann", "wrong")).status_code == 401
    assert httpx.get(url + "metrics", headers={"authorization": "Basic ???"}).status_code == 401
    assert httpx.get(url + "metrics", auth=("ann", "secret")).status_code == 200
    token = base64.b64encode("bob:söcret".encode()).decode()
    assert httpx.get(url + "metrics", headers={"authorization": f"Basic {token}"}).status_code == 200
    assert [s["name"] for s in client_of(url, auth=("ann", "secret")).predict(api_name="/styles")] == ["Ink"]


def test_a_full_queue_turns_visitors_away(page: Page, tmp_path: Path) -> None:
    client = client_of(page(FakeStylizer(steps=200, delay=0.02), max_queue=1))
    picture = handle_file(face(tmp_path / "r.png", "navy"))
    jobs = [client.submit(picture, "", seed, api_name="/train") for seed in range(4)]
    said = [str(job.exception(120)) for job in jobs]
    assert any("Queue is full" in text for text in said)
    assert "None" in said, "the others are served"


def test_nobody_fills_the_line_alone(page: Page, tmp_path: Path) -> None:
    fake = FakeStylizer(steps=20, delay=0.05)
    url = page(fake, max_per_user=2)
    client, picture = client_of(url), handle_file(face(tmp_path / "r.png", "navy"))
    jobs = [client.submit(picture, seed=seed, api_name="/train") for seed in range(5)]
    said = [str(job.exception(120)) for job in jobs]
    refused = [text for text in said if text != "None"]
    assert len(refused) == 3, said
    assert all("429 Too Many Requests" in text for text in refused)
    assert len(fake.trained) == 2
    assert client.predict(api_name="/styles"), "they are through, and there is room again"


def test_who_has_enough_in_the_line_is_told_so() -> None:
    class Full(Line):
        def of_address(self, address: str) -> int:
            return 3 if address == "testclient" else 0

    async def through(request: Request) -> Response:
        return PlainTextResponse("through")

    line = Full(gr.Blocks(), "heavy")
    ways = [Route(path, through, methods=["GET", "POST"]) for path in ("/gradio_api/queue/join", "/config")]
    for most, status in ((3, 429), (4, 200)):
        visitor = TestClient(Starlette(routes=ways, middleware=[Middleware(Turnstile, line=line, most=most)]))
        answer = visitor.post("/gradio_api/queue/join")
        assert answer.status_code == status
        assert (visitor.post("/config").text, visitor.get("/gradio_api/queue/join").text) == ("through", "through")
        if status == 429:
            said = "You have 3 jobs waiting here already; wait for one of them, then try again."
            assert answer.json() == {"detail": said}


def test_a_job_that_takes_too_long_is_stopped_with_a_sentence(page: Page, tmp_path: Path) -> None:
    fake, watch = FakeStylizer(steps=3000, delay=0.02), Watch(max_seconds=0.3)
    client = client_of(page(fake, watch))
    with pytest.raises(AppError, match="stopped after 0 s, which is all that a job may take"):
        client.predict(handle_file(face(tmp_path / "r.png", "navy")), api_name="/train")
    assert not fake.trained

    def work(reporter: Reporter) -> None:
        while True:
            reporter.on_step(1, 2, None)
            time.sleep(0.01)

    with pytest.raises(TimeLimitError):
        list(follow(work, Ticket(), watch))


def test_waiting_for_the_networks_does_not_count() -> None:
    def work(reporter: Reporter) -> str:
        for _ in range(5):
            time.sleep(0.1)
            reporter.on_progress("Downloading", 0.5)
        reporter.on_step(1, 2, None)
        return "done"

    assert list(follow(work, Ticket(), Watch(max_seconds=0.3)))[-1] == Finished("done")


def test_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("STYLIZER_AUTH", raising=False)
    monkeypatch.delenv("SPACE_ID", raising=False)
    options = parse_options(["--auth", "ann:a:b", "--auth", "bob:c", "--root-path", "/x", "--max-seconds", "600"])
    assert (options.auth, options.root_path, options.max_seconds) == ([("ann", "a:b"), ("bob", "c")], "/x", 600)
    assert (options.shared, options.max_per_user) == (True, 8)
    assert parse_options(["--host", "0.0.0.0", "--max-per-user", "2"]).max_per_user == 2
    assert (options.host, options.max_queue, options.log_format, options.log_level) == ("127.0.0.1", 64, "text", "info")
    alone = parse_options([])
    assert (alone.shared, alone.max_per_user) == (False, None), "who is alone may ask for as much as they like"
    monkeypatch.setenv("STYLIZER_AUTH", "cy:d")
    assert parse_options(["--auth", "ann:a"]).auth == [("ann", "a"), ("cy", "d")]
    monkeypatch.setenv("SPACE_ID", "user/page")
    assert parse_options([]).host == "0.0.0.0", "else a Space's proxy would not reach it"
    assert parse_options([]).max_per_user is None, "there all visitors are one address, its proxy's"
    for wrong in (
        ["--auth", "s3cret"],
        ["--auth", "cy:s3cret"],
        ["--max-queue", "0"],
        ["--max-per-user", "0"],
        ["--max-seconds", "nan"],
    ):
        with pytest.raises(SystemExit) as caught:
            parse_options(wrong)
        assert caught.value.code == 2
    assert "s3cret" not in "".join(capsys.readouterr())


def test_starting_the_page_does_not_load_torch() -> None:
    code = "import sys, app; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


# What is logged


@pytest.fixture
def lines() -> Iterator[Callable[[str], tuple[logging.Logger, io.StringIO]]]:
    """Set the log up; gives a logger of ours and what is written."""
    root, ours = logging.getLogger(), logging.getLogger("stylizer")
    before = (root.handlers[:], root.level, ours.level)

    def start(form: Any) -> tuple[logging.Logger, io.StringIO]:
        written = io.StringIO()
        set_up(form, "info", written)
        return logging.getLogger("stylizer.somewhere"), written

    yield start
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def test_a_line_is_one_json_object(lines: Any) -> None:
    log, written = lines("json")
    log.info("style %s: from %s in %.1f s", KEY, "the Hub", 1.25)
    log.info("job", extra={"fields": {"kind": "train", "outcome": "done", "seconds": 2.5, "style": KEY}})
    first, second = map(json.loads, written.getvalue().splitlines())
    assert first["event"] == f"style {KEY}: from the Hub in 1.2 s"
    assert (first["level"], first["at"].split(":")[0]) == ("info", "stylizer.somewhere")
    assert first["time"].endswith("Z") and len(first["time"]) == 24
    assert (second["kind"], second["outcome"], second["seconds"], second["style"]) == ("train", "done", 2.5, KEY)


def test_a_line_is_key_value(lines: Any) -> None:
    log, written = lines("text")
    log.info("job", extra={"fields": {"kind": "train", "style": ""}})
    log.info("ready after %.1f s\n", 3.0)
    first, second = written.getvalue().splitlines()
    assert first.endswith('kind=train style=""')
    assert " level=info event=job at=stylizer.somewhere:" in first
    assert r'event="ready after 3.0 s\n"' in second


@pytest.mark.parametrize("form", ["json", "text"])
def test_nothing_of_a_visitor_is_in_it(lines: Any, form: str) -> None:
    log, written = lines(form)
    private = "/home/ann/Grandmother.png"
    log.warning("%s It is taken as missing.", DownloadError(f"{private} is damaged"))
    log.info("style %s", private)
    log.info("wrong %d", private)
    log.info("job", extra={"fields": {"kind": private, "style": "Grandmother"}})
    logging.getLogger("gradio").error(f"cannot open {private}")
    logging.getLogger("httpx").info("GET http://somewhere/Grandmother")
    try:
        raise OSError(2, "No such file", private)
    except OSError as error:
        log.error("Unexpected error on the page", exc_info=error)
    text = written.getvalue()
    assert len(text.splitlines()) == 6
    assert "Grandmother" not in text
    assert "DownloadError It is taken as missing." in text
    assert "FileNotFoundError" in text
    assert "test_operations.py:" in text


def test_a_job_is_one_line(lines: Any, tmp_path: Path) -> None:
    _, written = lines("json")
    watch = Watch()
    with watch.meter.job("train") as job:
        job.style = KEY
    with pytest.raises(ZeroDivisionError), watch.meter.job("stylize"):
        raise ZeroDivisionError
    jobs = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(one["kind"], one["outcome"], one.get("style")) for one in jobs] == [
        ("train", "done", KEY),
        ("stylize", "failed", None),
    ]
    assert "\n" not in Lines("text").format(logging.makeLogRecord({"msg": "a\nb", "name": "app"}))


# How it ends

PROGRAM = """
import sys
from pathlib import Path
import pytest
import app
from tests.tiny import tiny_stylizer, use_tiny_parts
patch = pytest.MonkeyPatch()
use_tiny_parts(patch, delay=0.2)
app._open = lambda device, report: tiny_stylizer(Path(sys.argv[1]))
sys.exit(app.main(sys.argv[2:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_a_service_manager_stops_it_in_seconds_and_no_half_style_is_left(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home, paths = tmp_path / "home", os.pathsep.join((str(ROOT), str(ROOT / "tests")))
    words = ["--port", str(port), "--log-format", "json", "--auth", "ann:s3cret"]
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(home), *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": paths},
    )
    assert program.stdout is not None
    assert str(port) in program.stdout.readline()
    url = f"http://127.0.0.1:{port}/"
    client = client_of(url, auth=("ann", "s3cret"))
    noise_picture().save(tmp_path / "Grandmother.png")
    job = client.submit(handle_file(tmp_path / "Grandmother.png"), "ink", 1000, api_name="/train")
    while "stylizer_running 1" not in httpx.get(url + "metrics", auth=("ann", "s3cret")).text:
        time.sleep(0.1)
        assert not job.done()
    started = time.monotonic()
    program.send_signal(signal.SIGTERM)
    output, errors = program.communicate(timeout=120)
    assert program.returncode == 0, errors
    assert time.monotonic() - started < 15
    left = [path for path in home.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == []
    said = output + errors
    assert not any(word in said for word in ("Traceback", "Grandmother", "s3cret", str(tmp_path)))
    ours = [json.loads(line) for line in errors.splitlines() if line.startswith("{")]
    assert any("networks are ready" in line["event"] for line in ours)


def test_a_proxys_path_and_a_limit_reach_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def launch(self: gr.Blocks, **options: Any) -> None:
        given.update(options, queue=self._queue.max_size)
        raise OSError

    monkeypatch.setattr(gr.Blocks, "launch", launch)
    monkeypatch.setattr(app, "set_up", lambda *_: None)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert app.main(["--root-path", "/stylizer", "--max-queue", "7"]) == 2
    assert (given["root_path"], given["queue"], given["auth"]) == ("/stylizer", 7, None)
    assert given["max_file_size"] == "100mb"
