"""Who may come in, and how much work there may be."""

import base64
import time
from pathlib import Path

import gradio as gr
import httpx
import pytest
from fakes import FakeStylizer
from front_door import Page, client_of
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from page_pictures import face
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from stylizer.errors import TimeLimitError
from stylizer.page.jobs import Finished, Reporter, Ticket, follow
from stylizer.page.line import Line, Turnstile
from stylizer.page.options import parse_options
from stylizer.page.watch import Watch


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
