"""Pages are built many times in the tests, most of them to be called without a server, the others to be launched."""

import contextlib
from collections.abc import Iterator

import gradio as gr
import pytest
from gradio.routes import App


@contextlib.contextmanager
def not_served() -> Iterator[None]:
    """A page that is built here has neither its web application nor what it tells browsers: Gradio makes them two times
    on the way, which takes longer than all the rest, and anew when the page is launched.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(App, "create_app", lambda *_, **__: None)
        patch.setattr(gr.Blocks, "get_config_file", lambda *_: {})
        yield
