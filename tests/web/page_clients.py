"""Programs that call the page: a real client over a stand-in stylizer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from stylizer.web.app import build_app, launch
from tests.web.page_building import not_served
from tests.web.page_pictures import same

__all__ = ["Serve", "check_sentence", "same", "serving", "stylize"]
Serve = Callable[[Any], Client]


def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start pages over stylizers; gives clients."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    pages: list[gr.Blocks] = []

    def start(stylizer: Any) -> Client:
        with not_served():
            page = build_app(stylizer, tmp_path / "no-examples")
        pages.append(page)
        return another(launch(page)[0])

    def another(url: str) -> Client:
        return Client(
            url,
            verbose=False,
            download_files=str(tmp_path / "down"),
            analytics_enabled=False,
            httpx_kwargs={"timeout": 120},
        )

    yield start
    for page in pages:
        page.close(verbose=False)


def stylize(client: Client, **given: Any) -> tuple[Image.Image, dict[str, Any]]:
    given = {k: handle_file(v) if isinstance(v, Path) else v for k, v in given.items()}
    file, info = client.predict(**given, api_name="/stylize")
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        return picture.convert("RGB"), info


def check_sentence(client: Client, secret: str, **given: Any) -> str:
    with pytest.raises(AppError) as caught:
        stylize(client, **given)
    text = str(caught.value)
    assert text.endswith(".")
    assert len(text) < 250
    for forbidden in ("Traceback", "Error", "\n", secret):
        assert forbidden not in text
    return text
