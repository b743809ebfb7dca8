"""Programs that knock at a page which is served as `main` serves it."""

from collections.abc import Callable
from typing import Any

from gradio_client import Client

Page = Callable[..., str]


def client_of(url: str, **options: Any) -> Client:
    return Client(url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 120}, **options)
