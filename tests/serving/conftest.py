"""A page as `main` serves it, over a stand-in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from stylizer.serving.engine import LazyStylizer
from stylizer.serving.job_queue import JobQueue
from stylizer.serving.limits import RunLimits
from stylizer.serving.metrics import MeteredEngine
from stylizer.serving.probes import probes
from stylizer.web.app import build_app, launch_options
from stylizer.web.wiring import HEAVY
from tests.serving.front_door import Page


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Serve a page as `main` does, over a stand-in; gives its address."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    pages: list[gr.Blocks] = []

    def start(stylizer: Any, limits: RunLimits | None = None, auth: Any = None, **options: Any) -> str:
        limits = limits or RunLimits()
        if not isinstance(stylizer, LazyStylizer):
            stylizer = MeteredEngine(stylizer, limits.metrics)
        built = build_app(stylizer, tmp_path / "none", limits, **options)
        pages.append(built)
        routes = probes(stylizer, limits.metrics, lambda: len(JobQueue(built, HEAVY)), auth or ())
        _, url, _ = built.launch(prevent_thread_lock=True, auth=auth, app_kwargs={"routes": routes}, **launch_options())
        return url

    yield start
    for built in pages:
        built.close(verbose=False)
