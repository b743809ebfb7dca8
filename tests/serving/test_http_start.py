"""Starting the program where proxies are set, or addresses and folders are wrong: a page, or one sentence."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stylizer.errors import InputError
from stylizer.serving.http.local import check_address, never_proxy_loopback, without_proxies

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from types import SimpleNamespace
from stylizer.web import app
app._open = lambda device, backbone, report: SimpleNamespace(invent=lambda *_: [])
print(f"exit code {app.main(['--host', '192.0.2.1'])}", file=sys.stderr, flush=True)
sys.exit(app.main(sys.argv[1:]))
"""
# One start after the other, told apart by a line with its exit code.
WRONG_STARTS = """
import json, sys, tempfile
from stylizer.web import app
for words in json.loads(sys.argv[1]):
    if words == ["no folder"]:
        tempfile.mkdtemp = lambda *_, **__: open("/nowhere/at/all")
        words = []
    try:
        code = app.main(words)
    except SystemExit as error:
        code = error.code
    print(f"exit code {code}", file=sys.stderr, flush=True)
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start(*words: str, program: str = PROGRAM, **environment: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **environment},
    )


class _Broken(http.server.BaseHTTPRequestHandler):
    """A proxy that answers 502 to everything."""

    asked: int = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(502)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_POST = do_CONNECT = do_GET  # noqa: N815 - as above

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[str]:
    """The address of a broken proxy."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Broken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
@pytest.mark.parametrize("kind", ["http and socks5", "nonsense"])
def test_the_page_starts_whatever_proxy_is_set(proxy: str, kind: str) -> None:
    """One that answers 502, beside one of a kind that nothing here can use; and no address at all.

    A wrong start there is one sentence, too.
    """
    addresses = {"all_proxy": "::::" if kind == "nonsense" else "socks5://127.0.0.1:9"}
    if kind == "http and socks5":
        addresses |= {"http_proxy": f"http://{proxy}", "https_proxy": f"http://{proxy}"}
    port = free_port()
    program = start("--port", str(port), **addresses, **{name.upper(): each for name, each in addresses.items()})
    assert program.stdout is not None
    assert str(port) in program.stdout.readline()
    assert httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
    program.terminate()
    output, errors = program.communicate(timeout=120)
    assert program.returncode == 0
    assert "Traceback" not in output + errors
    wrong, _ = errors.split("exit code 2\n")
    check_one_sentence("--host", wrong)
    assert _Broken.asked == 0, "nothing on this computer is asked through it"


def check_one_sentence(said: str, errors: str) -> None:
    assert said in errors
    assert "Traceback" not in errors
    assert errors.strip().splitlines()[-1].strip()[-1].isalnum() or errors.strip().endswith(".")


def test_a_wrong_start_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        check_wrong_starts(taken.getsockname()[1])


def check_wrong_starts(port: int) -> None:
    wrong = [
        (["--port", str(port)], f"Port {port} is already in use"),
        (["--host", "no.such.host.invalid"], "no.such.host.invalid"),
        (["--host", "192.0.2.1"], "192.0.2.1"),
        (["--port", "99999"], "--port must be from 1 to 65535"),
        (["--allow-origin", "evil"], "--allow-origin"),
        (["no folder"], "set TMPDIR to one that can.\n"),
    ]
    program = start(json.dumps([words for words, _ in wrong]), program=WRONG_STARTS)
    output, errors = program.communicate(timeout=240)
    assert program.returncode == 0 and "Traceback" not in output, output + errors
    *each, rest = errors.split("exit code 2\n")
    assert len(each) == len(wrong) and not rest, errors
    for (_, said), sentence in zip(wrong, each, strict=True):
        check_one_sentence(said, sentence)
    assert each[-1].endswith("set TMPDIR to one that can.\n")


def test_where_the_page_can_listen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match=f"Port {taken.getsockname()[1]} is already in use"):
            check_address("127.0.0.1", taken.getsockname()[1])
    check_address("localhost", free_port())
    check_address("127.0.0.1", None)
    for host in ("not a host", "a" * 70, "ü" * 70, "..", "192.0.2.1"):
        with pytest.raises(InputError, match="--host"):
            check_address(host, free_port())


def test_loopback_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "example.org, localhost")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    never_proxy_loopback()
    never_proxy_loopback()
    assert os.environ["no_proxy"] == "example.org,localhost,127.0.0.1,::1"
    assert os.environ["NO_PROXY"] == "localhost,127.0.0.1,::1"
    with without_proxies():
        assert "ALL_PROXY" not in os.environ
        httpx.Client().close()
    assert os.environ["ALL_PROXY"] == "socks5://127.0.0.1:9"
