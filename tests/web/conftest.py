"""Fixtures of the page's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.web.page_handlers import Hands


@pytest.fixture(scope="module")
def site() -> Iterator[Any]:
    """One page and one Chromium for a module; gives `page_browser.Site`."""
    from tests.web.page_browser import open_site

    yield from open_site()


@pytest.fixture(scope="module")
def serve_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """As `serve`, for all tests of a module: for pages that no test changes."""
    from tests.web.page_clients import serving

    with pytest.MonkeyPatch.context() as patch:
        yield from serving(tmp_path_factory.mktemp("page"), patch)


@pytest.fixture
def visitor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Hands]:
    """Make a visitor of a page without a browser: `visitor(stylizer, shared=False)`."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    return lambda engine, **how: Hands(tmp_path, engine, **how)
