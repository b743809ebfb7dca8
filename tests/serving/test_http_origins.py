"""Who may call a running page from another web site, and what its answers give away."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio_client import handle_file

from stylizer.serving.http.guard import Access
from stylizer.serving.http.origins import Caller, Origins, is_loopback, origin_of
from stylizer.serving.http.rules import rule_of
from stylizer.web.app import access_of, build_app, launch
from stylizer.web.options import parse_options
from tests.fakes import FakeStylizer
from tests.serving.front_door import client_of
from tests.web.page_pictures import face

FRIEND, STRANGER = "https://friend.example", "https://evil.example"
LOGIN = {"username": "ann", "password": "s3cret"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the pages of this module keep their uploads."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        yield folder


def serve(folder: Path, access: Access | None) -> Iterator[str]:
    page = build_app(FakeStylizer(presets=["Ink"]), folder / "none")
    yield launch(page, access)[0]
    page.close(verbose=False)


@pytest.fixture(scope="module")
def private(folder: Path) -> Iterator[str]:
    """A page with a login, on this computer, that one other site may call."""
    origins = Origins(named=frozenset({FRIEND}), loopback_only=True)
    yield from serve(folder, Access(logins=(("ann", "s3cret"),), origins=origins))


@pytest.fixture(scope="module")
def public(folder: Path) -> Iterator[str]:
    """A page without a login, on this computer."""
    yield from serve(folder, None)


@pytest.fixture
def ann(private: str) -> Iterator[httpx.Client]:
    """Somebody who has logged in."""
    with httpx.Client(base_url=private, timeout=60) as client:
        assert client.post("login", data=LOGIN).status_code == 200
        yield client


def allowed(answer: httpx.Response) -> str | None:
    """Which origin may read an answer."""
    return answer.headers.get("access-control-allow-origin")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": STRANGER},
        {"origin": "null"},
        {"origin": STRANGER, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"origin": "http://127.0.0.1:9", "sec-fetch-site": "same-site"},  # another program's page on this computer
    ],
)
def test_another_site_neither_reads_nor_changes_anything(ann: httpx.Client, headers: dict[str, str]) -> None:
    assert ann.get("config").status_code == 200
    for path in ("config", "gradio_api/info", "gradio_api/queue/status", "gradio_api/file=/etc/hostname"):
        answer = ann.get(path, headers=headers)
        assert (answer.status_code, allowed(answer)) == (403, None), path
    call: dict[str, Any] = {"data": [], "session_hash": "abc", "fn_index": 0}
    for path in ("gradio_api/queue/join", "gradio_api/call/styles", "gradio_api/cancel", "gradio_api/upload", "login"):
        answer = ann.post(path, json=call, headers=headers)
        assert (answer.status_code, allowed(answer)) == (403, None), path
    assert ann.post("logout", headers=headers).status_code == 403
    assert ann.get("gradio_api/user").json() == "ann"
    ask = {**headers, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    answer = ann.options("gradio_api/queue/join", headers=ask)
    assert answer.status_code == 403
    assert not any(name.startswith("access-control-") for name in answer.headers)
    home = ann.get("", headers=headers)  # a link to the page works, and nobody else reads it
    assert (home.status_code, allowed(home)) == (200, None)


def test_a_site_that_the_operator_names_may_call(ann: httpx.Client) -> None:
    headers = {"origin": FRIEND, "sec-fetch-site": "cross-site"}
    answer = ann.get("config", headers=headers)
    assert (answer.status_code, allowed(answer)) == (200, FRIEND)
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert "Origin" in answer.headers["vary"]
    ask = {**headers, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    answer = ann.options("gradio_api/queue/join", headers=ask)
    assert (answer.status_code, allowed(answer)) == (204, FRIEND)
    assert answer.headers["access-control-allow-headers"] == "content-type"


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "own"}]
)
def test_the_page_itself_and_programs_may_call(ann: httpx.Client, headers: dict[str, str]) -> None:
    if headers.get("origin") == "own":
        headers = {"origin": str(ann.base_url).rstrip("/")}
    answer = ann.post("gradio_api/call/styles", json={"data": []}, headers=headers)
    assert answer.status_code == 200
    assert allowed(answer) is None


def test_a_site_whose_name_leads_to_this_computer_gets_nothing(public: str) -> None:
    port = httpx.URL(public).port
    for host in (f"evil.example:{port}", "evil.example", f"localhost.evil.example:{port}", "", "[", "127.0.0.1.nip.io"):
        answer = httpx.get(f"{public}config", headers={"host": host, "sec-fetch-site": "same-origin"})
        assert answer.status_code == 421 if host not in {"", "["} else answer.status_code in {400, 421}, host
    for host in ("localhost", f"127.0.0.1:{port}", "[::1]:80", "page.localhost", "LOCALHOST"):
        assert httpx.get(f"{public}config", headers={"host": host}).status_code == 200, host


def test_the_login_stays_where_it_belongs(private: str, ann: httpx.Client) -> None:
    answer = httpx.post(f"{private}login", data=LOGIN)
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 1
    flags = {part.strip().lower() for part in cookies[0].split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= flags
    assert "secure" not in flags, "this page is reached by http"
    secret = cookies[0].split("=", 1)[1].split(";")[0]
    answer = httpx.post(f"{private}login", data=LOGIN, headers={"x-forwarded-proto": "https"})
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 1
    assert {"httponly", "secure", "samesite=none"} <= {part.strip().lower() for part in cookies[0].split(";")[1:]}
    for path in (
        "gradio_api/token",
        "gradio_api/token/",
        "GRADIO_API/token",
        "gradio_api//token",
        "gradio_api/%74oken",
    ):
        answer = ann.get(path)
        assert answer.status_code == 404, path
        assert secret not in answer.text


def test_logging_out_takes_a_press_of_the_button(private: str, ann: httpx.Client) -> None:
    page = ann.get("logout")
    assert page.status_code == 200
    assert 'method="post"' in page.text
    assert ann.get("gradio_api/user").json() == "ann"
    assert ann.post("logout", headers={"sec-fetch-site": "same-origin"}).status_code == 302
    assert ann.get("gradio_api/user").json() is None
    assert httpx.get(f"{private}config").status_code == 401


def test_nothing_private_is_answered_without_the_login(private: str) -> None:
    for path in ("config", "gradio_api/info", "gradio_api/file=/etc/passwd", "gradio_api/heartbeat/abc"):
        assert httpx.get(private + path).status_code == 401, path
    for path in ("queue/join", "call/styles", "run/styles", "upload", "cancel", "reset", "stream/x"):
        assert httpx.post(f"{private}gradio_api/{path}", json={"data": []}).status_code == 401, path
    assert httpx.get(private).status_code == 200, "the login's own page"


def test_the_login_is_looked_at_before_the_body(private: str) -> None:
    url = httpx.URL(private)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as connection:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {url.host}\r\nContent-Length: 9999999999\r\n"
        connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
        assert b" 401 " in connection.recv(200).split(b"\r\n")[0]


def test_every_address_of_gradio_is_known_or_closed(public: str) -> None:
    """What Gradio serves and this page does not use is not there."""
    from gradio.routes import App

    blocks = build_app(FakeStylizer(), Path("none"))
    blocks.run_history, blocks.max_file_size = False, None
    routes = [
        inner
        for route in App.create_app(blocks).routes
        for inner in (route.original_router.routes if hasattr(route, "original_router") else [route])
    ]
    served = {(way, re.sub(r"{[^}]*}", "x", route.path)) for route in routes for way in route.methods or ()}
    assert len(served) > 60, "Gradio's own routes are among them"
    closed = {path for method, path in served if rule_of(method, path) is None}
    for path in ("/gradio_api/token", "/gradio_api/proxy=x", "/gradio_api/vibe-edit", "/gradio_api/component_server"):
        assert path in closed
    assert {"/gradio_api/dev/reload", "/monitoring", "/gradio_api/deep_link", "/gradio_api/process_recording"} <= closed
    for path in sorted(closed):
        assert httpx.get(public.rstrip("/") + path).status_code == 404, path


def test_answers_are_not_to_be_misread(public: str) -> None:
    page = httpx.get(public)
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    for path in ("", "config", "health-of-nobody", "gradio_api/theme.css"):
        answer = httpx.get(public + path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("name", "content", "inline"),
    [
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", False),
        ("a.html", b"<script>1</script>", False),
        ("a.xml", b"<?xml version='1.0'?><x/>", False),
        ("a.js", b"alert(1)", False),
        ("a.txt", b"<script>1</script>", False),
        ("a.png", b"<script>1</script>", True),
    ],
)
@pytest.mark.parametrize("part", [{}, {"range": "bytes=0-3"}])
def test_uploads_are_never_run(public: str, name: str, content: bytes, inline: bool, part: dict[str, str]) -> None:
    path = httpx.post(f"{public}gradio_api/upload", files={"files": (name, content)}).json()[0]
    headers = {**part, "cookie": "secret=1", "x-mine": "2"}
    answer = httpx.get(f"{public}gradio_api/file={path}", headers=headers)
    assert answer.status_code in {200, 206}
    assert answer.headers["content-disposition"].startswith("inline" if inline else "attachment")
    assert answer.headers["content-type"] == ("image/png" if inline else "application/octet-stream")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert not {"cookie", "x-mine", "host"} & set(answer.headers), "Gradio repeats them for a part of a file"


def test_no_address_of_another_server_is_fetched(public: str) -> None:
    for path in ("http://127.0.0.1:9/x", "https://example.org/x", "/http://127.0.0.1:9/x", "HTTP://127.0.0.1:9/x"):
        assert httpx.get(f"{public}gradio_api/file={path}").status_code == 403, path


def test_a_client_with_a_login_works_as_before(private: str, tmp_path: Path) -> None:
    client = client_of(private, auth=("ann", "s3cret"))
    picture = handle_file(face(tmp_path / "t.png", "pink"))
    file, info = client.predict(target=picture, style="Ink", api_name="/stylize")
    assert Path(file).stat().st_size > 0
    assert info["style"]["name"] == "Ink"


def test_what_is_an_origin() -> None:
    assert origin_of("https://Example.org:443/") == "https://example.org"
    assert origin_of("http://localhost:3000") == "http://localhost:3000"
    assert origin_of("http://[::1]:80") == "http://[::1]"
    assert origin_of("*") == "*"
    for wrong in ("example.org", "ftp://example.org", "https://", "https://example.org/path", "null", "https://x:y"):
        with pytest.raises(ValueError):
            origin_of(wrong)
    assert [is_loopback(host) for host in ("localhost", "127.1.2.3", "::1", "[::1]", "LOCALHOST.")] == [True] * 5
    assert [is_loopback(host) for host in ("127.0.0.1.nip.io", "localhost.evil.example", "10.0.0.1", "")] == [False] * 4


def test_any_site_may_call_but_without_credentials() -> None:
    anybody = Origins(named=frozenset({"*", FRIEND}))
    stranger = {"origin": STRANGER, "host": "page.example", "sec-fetch-site": "cross-site"}
    assert anybody.caller(stranger) is Caller.ANY
    assert anybody.cors(STRANGER) == [(b"access-control-allow-origin", STRANGER.encode())]
    assert len(anybody.cors(FRIEND)) == 2
    assert Origins().caller(stranger) is Caller.FOREIGN


def test_the_options_say_who_may_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("SPACE_ID", "STYLIZER_AUTH", "STYLIZER_ALLOW_ORIGIN"):
        monkeypatch.delenv(name, raising=False)

    def access(*words: str) -> Access:
        return access_of(parse_options(words))

    assert access().origins == Origins(loopback_only=True)
    assert not access("--host", "0.0.0.0").origins.loopback_only
    assert not access("--root-path", "/x").origins.loopback_only, "a proxy in front may use any name"
    behind = access("--root-path", "https://page.example/x")
    assert (behind.https, behind.origins.loopback_only) == (True, True)
    assert behind.origins.answers_to("page.example")
    own = {"origin": "https://page.example", "host": "127.0.0.1:7860"}
    assert behind.origins.caller(own) is Caller.OWN
    monkeypatch.setenv("STYLIZER_ALLOW_ORIGIN", STRANGER)
    assert access("--allow-origin", f"{FRIEND}/").origins.named == {FRIEND, STRANGER}
    monkeypatch.delenv("STYLIZER_ALLOW_ORIGIN")
    monkeypatch.setenv("SPACE_ID", "user/page")
    space = access()
    assert space.one_address
    assert {"https://huggingface.co", "'self'"} <= set(space.origins.framing)
    assert space.origins.answers_to("user-page.hf.space")
    frame = {"host": "user-page.hf.space", "origin": "https://user-page.hf.space", "sec-fetch-site": "same-origin"}
    assert space.origins.caller(frame) is Caller.OWN, "its requests come from itself, also within a frame"
    monkeypatch.delenv("SPACE_ID")
    for wrong in (["--allow-origin", "friend.example"], ["--port", "0"], ["--port", "70000"], ["--upload-space", "0"]):
        with pytest.raises(SystemExit) as caught:
            parse_options(wrong)
        assert caught.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_other_servers_of_gradio_are_not_started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_NUM_WORKERS", "1")  # they would serve files, and take uploads, past the guard
    page: gr.Blocks = build_app(FakeStylizer(), folder / "none")
    launch(page)
    try:
        assert getattr(page, "_static_worker_pool", None) is None
        assert os.environ["GRADIO_NUM_WORKERS"] == "1"
    finally:
        page.close(verbose=False)
