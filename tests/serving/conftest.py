"""A page as `main` serves it, over a stand-in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from stylizer.serving.engine import LazyStylizer
from stylizer.serving.http.guard import Access
from stylizer.serving.job_queue import JobQueue, standard_lanes
from stylizer.serving.jobs import RunLimits
from stylizer.serving.metered import MeteredEngine
from stylizer.web.app import build_app, launch, server_options
from tests.serving.front_door import Page
from tests.web.page_building import not_served


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """Serve a page as `main` does, over a stand-in; gives its address."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    pages: list[gr.Blocks] = []

    def start(stylizer: Any, limits: RunLimits | None = None, auth: Any = None, **lanes: Any) -> str:
        limits, job_queue = limits or RunLimits(), JobQueue(standard_lanes(**lanes))
        if not isinstance(stylizer, LazyStylizer):
            stylizer = MeteredEngine(stylizer, limits.metrics)
        with not_served():
            built = build_app(stylizer, tmp_path / "none", limits, job_queue)
        pages.append(built)
        beside = server_options(stylizer, limits, job_queue, auth or ())
        return launch(built, Access(logins=tuple(auth or ())), job_queue=job_queue, server=beside)[0]

    yield start
    for built in pages:
        built.close(verbose=False)
