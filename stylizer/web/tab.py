"""What a tab of the page is, and what the page gives it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr

from stylizer.web.services import Services
from stylizer.web.widgets import Updates

# Options of events. Pictures arrive as files, whatever is in them, and are opened by us: nothing is preprocessed.
# What takes time waits in one of the program's lanes, see `stylizer.web.lanes`.
QUEUED: dict[str, Any] = {"preprocess": False, "api_visibility": "private", "show_progress": "hidden"}
QUICK: dict[str, Any] = {"queue": False, **QUEUED}  # past Gradio's queue, which alone notices changes of gr.State
NEWEST: dict[str, Any] = {**QUICK, "trigger_mode": "always_last"}  # quick clicks: the last one counts


@dataclass(frozen=True)
class PageState:
    """What belongs to no single tab.

    visitor: gr.State of a `Visitor`, changed in place; a handler that returns it puts off its expiry.
    styles_changed: gr.State of a number that grows whenever there are other styles than before; 0 until the networks
    are loaded. style_to_use: gr.State of the key of a style that a tab wants to see used for a portrait.
    photo_to_use: gr.State of a number that grows, and the file of a photo that a tab wants to see used for a portrait.
    tabs: to choose one by its id.
    """

    visitor: gr.State
    styles_changed: gr.State
    style_to_use: gr.State
    photo_to_use: gr.State
    tabs: gr.Tabs


class Tab(ABC):
    """One tab: its widgets, and what happens when they are used.

    The page makes one instance, calls `build` inside a `gr.Tab`, and `bind` once all tabs are built. Handlers are
    methods: raw values in, a call of `stylizer.serving`, updates out; a mistake becomes one sentence.

    Args:
        page: what the tabs share.
        examples: folder with references/*.webp and targets/*.webp; either may be missing.
        shared: strangers use the page, too.
    """

    id: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, page: PageState, examples: Path, shared: bool) -> None:
        self.page, self.examples, self.shared = page, examples, shared

    @classmethod
    def wanted(cls, services: Services) -> bool:
        """Whether the page has this tab."""
        return True

    @abstractmethod
    def build(self) -> None:
        """Put the widgets into the present container."""

    @abstractmethod
    def bind(self, services: Services) -> None:
        """Tie the widgets' events to handlers."""

    @property
    def uploads(self) -> list[Any]:
        """The widgets that take files of the visitor."""
        return []

    def cleared(self) -> Updates:
        """All widgets as they are when the visitor's pictures are deleted; always of the same widgets."""
        return {}

    def forget(self, session: str) -> Updates:
        """Delete what this tab itself keeps of a visitor, by Gradio's session hash, and clear the widgets."""
        return self.cleared()
