"""Who may come in, and how much work there may be."""

import base64
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from stylizer.errors import TimeLimitError
from stylizer.serving.jobs import Finished, JobHandle, Reporter, RunLimits, follow
from stylizer.web.options import parse_options
from tests.fakes import FakeStylizer, Stage
from tests.serving.front_door import Page, client_of
from tests.web.page_pictures import face


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


def until_done(jobs: list[Any], count: int) -> None:
    """Wait until so many of them have an answer."""
    end = time.monotonic() + 60
    while sum(job.done() for job in jobs) < count:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_full_queue_turns_visitors_away(page: Page, tmp_path: Path) -> None:
    fake = Stage(steps=2)
    client = client_of(page(fake, max_waiting=1))
    picture = handle_file(face(tmp_path / "r.png", "navy"))
    fake.gate.clear()
    jobs = [client.submit(picture, seed=seed, api_name="/train") for seed in range(4)]
    until_done(jobs, 2)
    fake.gate.set()
    answers = [str(job.exception(120)) for job in jobs]
    refusal = "Too many jobs are waiting here already; try again in a few minutes."
    assert sorted(answers) == ["None"] * 2 + [refusal] * 2, "one runs and one waits"


def test_nobody_fills_the_line_alone(page: Page, tmp_path: Path) -> None:
    fake = Stage(steps=2)
    client = client_of(page(fake, max_per_address=2))
    picture = handle_file(face(tmp_path / "r.png", "navy"))
    fake.gate.clear()
    jobs = [client.submit(picture, seed=seed, api_name="/train") for seed in range(5)]
    until_done(jobs, 3)
    assert client.predict(api_name="/styles") == [], "what is quick is not refused"
    fake.gate.set()
    answers = [str(job.exception(120)) for job in jobs]
    refusal = "Too many jobs of yours are waiting here; wait until one of them has ended, then try again."
    assert sorted(answers) == ["None"] * 2 + [refusal] * 3
    assert len(fake.trained) == 2
    client.predict(picture, seed=9, api_name="/train")
    assert len(fake.trained) == 3, "they are through, and there is room again"


def test_a_request_that_never_ends_holds_nobody_up(page: Page, tmp_path: Path) -> None:
    url = httpx.URL(page(FakeStylizer(presets=["Ink"]), max_per_address=2))
    with socket.create_connection((url.host, url.port or 80)) as stalled:
        stalled.sendall(b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert len(client_of(str(url)).predict(api_name="/styles")) == 1


def test_nobody_goes_past_the_line(page: Page) -> None:
    fake = FakeStylizer()
    url = page(fake)
    for way in ("gradio_api/run/styles", "gradio_api/api/styles", "gradio_api/run/train"):
        assert httpx.post(url + way, json={"data": []}).status_code >= 400
    assert "learn" not in fake.calls


def test_a_job_that_takes_too_long_is_stopped_with_a_sentence(page: Page, tmp_path: Path) -> None:
    fake, limits = FakeStylizer(steps=3000, delay=0.02), RunLimits(max_seconds=0.3)
    client = client_of(page(fake, limits))
    with pytest.raises(AppError, match="stopped after 0 s, which is all that a job may take"):
        client.predict(handle_file(face(tmp_path / "r.png", "navy")), api_name="/train")
    assert not fake.trained

    def work(reporter: Reporter) -> None:
        while True:
            reporter.on_step(1, 2, None)
            time.sleep(0.01)

    with pytest.raises(TimeLimitError):
        list(follow(work, JobHandle(), limits))


def test_waiting_for_the_networks_does_not_count() -> None:
    def work(reporter: Reporter) -> str:
        for _ in range(5):
            time.sleep(0.1)
            reporter.on_progress("Downloading", 0.5)
        reporter.on_step(1, 2, None)
        return "done"

    assert list(follow(work, JobHandle(), RunLimits(max_seconds=0.3)))[-1] == Finished("done")


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


def test_a_program_that_hangs_up_leaves_the_queue(page: Page, tmp_path: Path) -> None:
    fake = FakeStylizer(steps=3000, delay=0.02)
    url = page(fake)

    def state(name: str) -> float:
        text = httpx.get(url + "metrics").text
        return next(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name + " "))

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.05)

    with face(tmp_path / "r.png", "navy").open("rb") as file:
        path = httpx.post(url + "gradio_api/upload", files={"files": file}).json()[0]
    picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    calls = []
    for seed in (1, 2):
        post = httpx.post(url + "gradio_api/call/train", json={"data": [picture, "", 9, seed, False, None]})
        calls.append(url + "gradio_api/call/train/" + post.json()["event_id"])
    until(lambda: state("stylizer_queue_length") == 1)
    with httpx.stream("GET", calls[1]):
        until(lambda: state('stylizer_lane_running{lane="heavy"}') == 1)
    until(lambda: state("stylizer_queue_length") == 0)
    assert state('stylizer_given_up_total{lane="heavy"}') == 1
    assert state('stylizer_lane_running{lane="heavy"}') == 1, "the other one goes on"
    with httpx.stream("GET", calls[0]):
        time.sleep(0.2)
    until(lambda: state('stylizer_lane_running{lane="heavy"}') == 0)
    assert state('stylizer_jobs_total{kind="train",outcome="cancelled"}') == 1
    assert not fake.trained
