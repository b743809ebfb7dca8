"""A Hub on the loopback interface, and machines that use it by the real client; nothing of whoever runs the tests."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from stylizer.library.hub import Hub, Patience
from stylizer.library.library import Library
from stylizer.pipeline import Stylizer
from tests.library.hub.hub_styles import QUICK, REPO
from tests.library.hub_server import TOKEN, HubServer
from tests.tiny import BASE_HASH, TinyGenerator, tiny_stylizer, use_tiny_parts

SHAPES = {name: p.shape for name, p in TinyGenerator().named_parameters()}


@pytest.fixture(autouse=True)
def _own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """No login or settings of whoever runs the tests; large files by LFS, which the server speaks; a log to read."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "STYLIZER_HUB_REPO", "STYLIZER_HUB_PUBLISH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    caplog.set_level(logging.INFO, "stylizer")
    use_tiny_parts(monkeypatch)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer() as running:
        running.create(REPO)
        yield running


@pytest.fixture
def machine(tmp_path: Path, server: HubServer) -> Callable[..., Stylizer]:
    """A computer of its own name, with its own home, that uses the repository."""

    def make(name: str, token: str | bool = TOKEN, patience: Patience = QUICK, **options: Any) -> Stylizer:
        made = tiny_stylizer(tmp_path / name)
        hub = Hub(REPO, token, server.url, patience=patience, **options)
        made.library = Library(tmp_path / name, None, BASE_HASH, SHAPES, hub)
        return made

    return make
