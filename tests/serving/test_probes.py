"""What machines ask a running page, and what it counts."""

import logging
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from stylizer import __version__
from stylizer.errors import Cancelled, DownloadError
from stylizer.serving.about import version_and_weights
from stylizer.serving.engine import LazyStylizer
from stylizer.serving.jobs import JobHandle, RunLimits, follow
from stylizer.serving.metered import MeteredEngine
from stylizer.serving.metrics import Metrics
from tests.fakes import FakeStylizer
from tests.serving.front_door import Page, client_of
from tests.tiny import noise_picture, tiny_stylizer, use_tiny_parts
from tests.web.page_pictures import face


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
    limits = RunLimits()
    url = page(FakeStylizer(presets=["Ink"]), limits)
    client = client_of(url)
    picture = handle_file(face(tmp_path / "r.png", "navy"))
    client.predict(picture, api_name="/train")
    client.predict(picture, api_name="/train")
    list(follow(lambda _: 1, JobHandle(), limits))
    with pytest.raises(ZeroDivisionError):
        list(follow(lambda _: 1 // 0, JobHandle(), limits, kind="compare"))
    cancelled = JobHandle()
    cancelled.cancel()
    with pytest.raises(Cancelled):
        list(follow(lambda reporter: reporter.stage("x"), cancelled, limits))
    answer = httpx.get(url + "metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    values = {name: float(value) for name, value in pairs}
    assert values['stylizer_jobs_total{kind="stylize",outcome="done"}'] == 1
    assert values['stylizer_jobs_total{kind="stylize",outcome="cancelled"}'] == 1
    assert values['stylizer_jobs_total{kind="compare",outcome="failed"}'] == 1
    assert values['stylizer_styles_total{source="trained"}'] == 1
    assert values['stylizer_styles_total{source="memory"}'] == 1
    assert values['stylizer_stage_seconds_count{stage="learn"}'] == 1
    assert values['stylizer_stage_seconds_sum{stage="align"}'] >= 0
    assert (values["stylizer_queue_length"], values["stylizer_running"], values["stylizer_ready"]) == (0, 0, 1)
    named = {line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")}
    typed = {line.split(" ")[2] for line in lines if line.startswith("# TYPE")}
    assert {name.removesuffix("_count").removesuffix("_sum") for name in named} <= typed


def test_what_programs_ask_for_is_counted_and_logged(
    page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakeStylizer(presets=["Ink"])
    url = page(fake)
    client, picture = client_of(url), handle_file(face(tmp_path / "r.png", "navy"))
    with caplog.at_level(logging.INFO, "stylizer"):
        client.predict(picture, api_name="/train")
        client.predict(target=picture, style="Ink", api_name="/stylize")
        with pytest.raises(AppError):
            client.predict(target=picture, style="Pen", api_name="/stylize")
    jobs = [record.__dict__["fields"] for record in caplog.records if record.getMessage() == "job"]
    key = next(style.key for style in fake.styles() if style.name == "Ink")
    told = [(job["kind"], job["outcome"], job.get("style")) for job in jobs]
    assert told == [("train", "done", fake.trained[0]), ("stylize", "done", key), ("stylize", "failed", None)]
    text = httpx.get(url + "metrics").text
    for kind, outcome in (("train", "done"), ("stylize", "done"), ("stylize", "failed")):
        assert f'stylizer_jobs_total{{kind="{kind}",outcome="{outcome}"}} 1.0' in text


def test_a_program_at_rest_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    now, rests = [0.0], []
    monkeypatch.setattr("stylizer.serving.metrics.time.perf_counter", lambda: now[0])
    metrics = Metrics(lambda: rests.append(now[0]))
    with metrics.job("styles"):
        now[0] += 0.5
    assert rests == [], "not after every small thing"
    with metrics.job("train"):
        with metrics.job("stylize"):
            now[0] += 5
        assert rests == [], "not while another one runs"
    assert rests == [5.5]
    with pytest.raises(ZeroDivisionError), metrics.job("train"):
        now[0] += 2
        raise ZeroDivisionError
    assert rests == [5.5, 7.5], "also where it failed"


def test_the_sources_of_styles_are_the_librarys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_parts(monkeypatch)
    metrics = Metrics()
    for _ in range(2):
        one = MeteredEngine(tiny_stylizer(tmp_path), metrics)
        for _ in range(2):
            one.learn(noise_picture())
    text = metrics.text()
    for source, count in (("trained", 1), ("disk", 1), ("memory", 2)):
        assert f'stylizer_styles_total{{source="{source}"}} {count}.0\n' in text


def test_the_version_and_the_weights(tmp_path: Path) -> None:
    assert version_and_weights(LazyStylizer(lambda _: FakeStylizer())) == (__version__, "")
    assert version_and_weights(tiny_stylizer(tmp_path)) == (__version__, "0" * 12)
