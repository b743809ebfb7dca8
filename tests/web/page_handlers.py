"""The page's handlers as plain functions: no browser, no server, one visitor over a stand-in stylizer."""

import asyncio
import html
import inspect
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr

from stylizer.serving.backbone_choice import BackboneChoice
from stylizer.serving.job_queue import JobQueue
from stylizer.serving.jobs import RunLimits
from stylizer.serving.live import LiveVisits
from stylizer.serving.portrait import SessionFiles, SessionMemory
from stylizer.serving.uploads import Uploads
from stylizer.serving.visitor import Visitor
from stylizer.web.lanes import Lanes
from stylizer.web.page import Page
from stylizer.web.services import Services
from stylizer.web.tabs.origin_check import OriginCheckTab
from stylizer.web.tabs.portrait import PortraitTab
from stylizer.web.tabs.style_manager import StyleManagerTab
from stylizer.web.tabs.video import VideoTab
from tests.web.page_building import not_served


class Hands:
    """One visitor's: handlers are called with what the widgets hold, and their updates are applied to the widgets.

    Args:
        folder: of uploads (as GRADIO_TEMP_DIR says) and of the visitors' files.
        engine: a stylizer, or a stand-in.
        shared: strangers use the page, too.
        job_queue: of the page; default one without limits for an address.
        backbones: the choice of a face generator.
        live: whether the page draws cameras.
    """

    def __init__(
        self,
        folder: Path,
        engine: Any,
        *,
        shared: bool = False,
        job_queue: JobQueue | None = None,
        backbones: BackboneChoice | None = None,
        live: bool = False,
    ) -> None:
        self.folder, self.uploads = folder / "files", folder / "gradio"
        self.folder.mkdir(exist_ok=True)
        self.memory = SessionMemory(max_sessions=2)
        with not_served(), gr.Blocks() as blocks:
            examples = folder / "examples"
            lanes, limits = Lanes(job_queue or JobQueue()), RunLimits()
            self.visits = LiveVisits(engine, lanes.job_queue, limits) if live else None
            parts = engine, self.folder, Uploads(examples), limits, lanes, self.memory, shared, backbones, self.visits
            services = Services(*parts)
            self.page = Page(blocks, services, examples)
        tabs = {tab.id: tab for tab in self.page.tabs}
        portrait, video, styles, origin = (tabs[name] for name in ("portrait", "video", "styles", "origin"))
        assert isinstance(portrait, PortraitTab)
        assert isinstance(video, VideoTab)
        assert isinstance(styles, StyleManagerTab)
        assert isinstance(origin, OriginCheckTab)
        self.portrait, self.video, self.styles, self.origin = portrait, video, styles, origin
        self.request: Any = SimpleNamespace(session_hash="me", client=None)
        self.visitor = Visitor(SessionFiles(self.folder))
        self._values: dict[Any, Any] = {portrait.consent: True, video.consent: True}
        self._properties: dict[Any, dict[str, Any]] = {}

    def value(self, widget: Any) -> Any:
        """What a widget holds."""
        if widget is self.page.state.visitor:
            return self.visitor
        return self._values.get(widget, widget.value)

    def visible(self, widget: Any) -> bool:
        """Whether a widget is shown, or was built to be."""
        return bool(self._properties.get(widget, {}).get("visible", widget.visible))

    def enabled(self, widget: Any) -> bool:
        """Whether a widget can be used."""
        return bool(self._properties.get(widget, {}).get("interactive", widget.interactive))

    def choices(self, widget: Any) -> list[str]:
        """The names in a list."""
        return [name for name, _ in self._properties.get(widget, {}).get("choices", widget.choices)]

    def set(self, widget: Any, value: Any) -> None:
        """Fill a widget in."""
        self._values[widget] = value

    def upload(self, widget: Any, *paths: Path) -> None:
        """Upload files into a widget, one as an image does and several as a file box does."""
        files = []
        for path in paths:
            folder = self.uploads / f"{len(list(self.uploads.glob('*'))):03d}"
            folder.mkdir(parents=True)
            files.append({"path": shutil.copy(path, folder), "meta": {"_type": "gradio.FileData"}})
        self.set(widget, files if isinstance(widget, gr.File) and widget.file_count == "multiple" else files[0])
        self.call(self.page.note_upload, widget)

    def call(self, handler: Any, *widgets: Any, event: Any = None) -> list[dict[Any, Any]]:
        """Call a handler with the values of widgets; all its updates, which are applied."""
        named = {name: self.request for name in ("request",) if name in inspect.signature(handler).parameters}
        named |= {"event": event} if event is not None else {}
        values = [self.value(widget) for widget in widgets]
        if named and any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(handler).parameters.values()):
            result = handler(values[0], self.request, *values[1:])
        else:
            result = handler(*values, **named)
        updates = _all(result)
        for update in updates:
            self.apply(update)
        return updates

    def form(self) -> list[Any]:
        """The widgets of the portrait's form."""
        return list(self.portrait.form.values())

    def stylize(self) -> str:
        """Press Stylize, and wait; what the page says then."""
        return self._job(self.portrait.stylize, self.page.state.styles_changed)

    def try_all(self) -> str:
        """Press "Try all styles on my photo"."""
        return self._job(self.portrait.try_all)

    def compare(self) -> str:
        """Press "See my photo in each mode"."""
        return self._job(self.portrait.compare_modes)

    def redraw(self) -> list[dict[Any, Any]]:
        """What follows when a control was moved."""
        controls = self.portrait.controls.form.values()
        return self.call(self.portrait.result.redraw, self.page.state.visitor, *controls)

    def score(self) -> None:
        """What follows a portrait: its score and advice."""
        result, visitor = self.portrait.result, self.page.state.visitor
        updates = result.get_score(self.visitor, 0)
        assert updates in {0, 1}
        self.redraw()
        self.call(result.look_for_advice, visitor)

    def arrive(self) -> None:
        """Open the page: the styles are there."""
        self.call(self.page.look_for_networks, self.page.state.styles_changed)
        self.refresh()

    def refresh(self) -> None:
        """What follows when there are other styles than before."""
        style, styles, state = self.portrait.style, self.styles, self.page.state
        self.call(style.refresh, state.styles_changed, style.source, style.reference, style.list.chosen)
        self.call(self.portrait.controls.refresh, self.portrait.controls.other)
        self.call(styles.refresh, styles.list.chosen)
        self.choose(self.value(styles.list.chosen))

    def choose(self, key: str | None) -> None:
        """Choose a style under "My styles"."""
        self.set(self.styles.list.chosen, key)
        self.call(self.styles.choose, self.styles.list.chosen, self.page.state.visitor)

    def note(self, widget: Any = None) -> str:
        """What a line of news says; default that of the portrait."""
        words = re.sub(r"<[^>]+>", " ", str(self.value(widget or self.portrait.jobs.note)))
        return " ".join(html.unescape(words).split())

    def failed(self, widget: Any = None) -> bool:
        """Whether it says that something went wrong."""
        return 'role="alert"' in str(self.value(widget or self.portrait.jobs.note))

    def shown(self) -> Path:
        """The file of the stylised picture."""
        return Path(self.value(self.portrait.result.slider)[1])

    def _job(self, prepare: Any, *more: Any) -> str:
        visitor = self.page.state.visitor
        self.call(self.portrait.jobs.handler(prepare), visitor, *more, *self.form())
        assert self.enabled(self.portrait.stylize_button)
        assert not self.visible(self.portrait.jobs.cancel_button)
        return self.note()

    def apply(self, updates: dict[Any, Any]) -> None:
        """Change the widgets as Gradio would."""
        for widget, update in updates.items():
            if not (isinstance(update, dict) and update.get("__type__") == "update"):
                self._values[widget] = update
                continue
            properties = {name: value for name, value in update.items() if name != "__type__"}
            if "value" in properties:
                self._values[widget] = properties.pop("value")
            self._properties.setdefault(widget, {}).update(properties)


def _all(result: Any) -> list[dict[Any, Any]]:
    """The updates of a handler of any kind."""
    if inspect.isasyncgen(result):

        async def collect() -> list[dict[Any, Any]]:
            return [update async for update in result]

        return asyncio.run(collect())
    if inspect.isgenerator(result):
        return list(result)
    return [result] if isinstance(result, dict) else []


def picture_of(files: list[tuple[str, str]]) -> list[Path]:
    """The files of a gallery."""
    return [Path(path) for path, _ in files]
