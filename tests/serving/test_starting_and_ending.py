"""How the page starts, and how a service manager stops it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import handle_file

from stylizer.errors import QueueFullError
from stylizer.serving.job_queue import HEAVY
from stylizer.web import app
from tests.serving.front_door import client_of
from tests.tiny import noise_picture

ROOT = Path(__file__).parents[2]


PROGRAM = """
import sys
from pathlib import Path
import pytest
from stylizer.errors import QueueFullError
from stylizer.serving.job_queue import HEAVY
from stylizer.web import app
from tests.tiny import tiny_stylizer, use_tiny_parts
patch = pytest.MonkeyPatch()
use_tiny_parts(patch, delay=0.2)
app._open = lambda device, backbone, report: tiny_stylizer(Path(sys.argv[1]))
sys.exit(app.main(sys.argv[2:]))
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


LOADING = """
import sys, time
import app as program
from stylizer.web import app

def slow(device, backbone, report):
    print("begins", "with" if "torch" in sys.modules else "without", "torch", flush=True)
    time.sleep(1.5)
    print("opened", flush=True)
    report("Loading", 1.0)

app._open = slow
sys.exit(program.main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_the_page_starts_without_torch_and_networks_on_their_way_are_not_cut_off() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", LOADING, "--port", str(free_port())],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    while not (line := program.stdout.readline()).startswith("begins"):
        assert program.poll() is None
    assert line == "begins without torch\n"
    program.send_signal(signal.SIGTERM)
    output, errors = program.communicate(timeout=120)
    assert program.returncode == 0
    assert "opened" in output
    assert "Traceback" not in errors


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_a_service_manager_stops_it_in_seconds_and_no_half_style_is_left(tmp_path: Path) -> None:
    port = free_port()
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
    assert app.main(["--root-path", "/stylizer", "--max-queue", "7"]) == 1
    assert (given["root_path"], given["queue"], given["auth"]) == ("/stylizer", None, None)
    job_queue = given["app_kwargs"]["middleware"][0].kwargs["job_queue"]
    for _ in range(8):
        job_queue.join(HEAVY, "me", "1.1.1.1")
    with pytest.raises(QueueFullError):
        job_queue.join(HEAVY, "me", "1.1.1.1")
    assert given["max_threads"] > job_queue.capacity, "waiting jobs leave room for the page's small events"
    assert given["max_file_size"] == 100 * 1024**2
