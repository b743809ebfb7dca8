"""The page: a header, the tabs, and what belongs to all of them. Another tab is one file, and one line in `TABS`."""

from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.errors import StylizerError
from stylizer.serving import messages
from stylizer.serving.about import version_and_weights
from stylizer.serving.portrait import SESSION_SECONDS, SessionFiles
from stylizer.serving.values import paths_of
from stylizer.serving.visitor import Visitor
from stylizer.web import theme
from stylizer.web.services import Services
from stylizer.web.tab import NEWEST, QUEUED, QUICK, PageState, Tab
from stylizer.web.tabs.live import LiveTab
from stylizer.web.tabs.origin_check import OriginCheckTab
from stylizer.web.tabs.portrait import PortraitTab
from stylizer.web.tabs.style_manager import StyleManagerTab
from stylizer.web.tabs.video import VideoTab
from stylizer.web.widgets import Updates, notice

TABS: tuple[type[Tab], ...] = (PortraitTab, LiveTab, VideoTab, StyleManagerTab, OriginCheckTab)


class Page:
    """All widgets of the page, built and bound inside the present `gr.Blocks`.

    Args:
        blocks: the present `gr.Blocks`.
        services: what the handlers work with.
        examples: folder with references/*.webp and targets/*.webp; either may be missing.
    """

    def __init__(self, blocks: gr.Blocks, services: Services, examples: Path) -> None:
        self._services = services
        visitor = gr.State(
            Visitor(SessionFiles(services.folder)), time_to_live=SESSION_SECONDS, delete_callback=services.clear
        )
        styles_changed, style_to_use, photo_to_use = gr.State(0), gr.State((0, "")), gr.State((0, ""))
        gr.HTML(theme.HEADER, padding=False)
        with gr.Tabs(selected=TABS[0].id, overflow_behavior="wrap", elem_id="tabs") as tabs:
            self.state = PageState(visitor, styles_changed, style_to_use, photo_to_use, tabs)
            self.tabs = [tab(self.state, examples, services.shared) for tab in TABS if tab.wanted(services)]
            for tab in self.tabs:
                with gr.Tab(tab.title, id=tab.id, elem_id=f"tab-{tab.id}"):
                    tab.build()
        self._build_footer()
        for tab in self.tabs:
            tab.bind(services)
        self._bind(blocks)

    def _build_footer(self) -> None:
        with gr.Row(equal_height=False, elem_id="privacy-row"):
            with gr.Column(scale=5, min_width=280):
                words = theme.PRIVACY.format(minutes=SESSION_SECONDS // 60)
                gr.HTML(words, elem_id="privacy", padding=False)
                self.deleted = notice("deleted")
            with gr.Column(scale=2, min_width=200):
                self.delete_button = gr.Button("Delete my pictures now", size="sm", elem_id="forget")
        choice = self._services.backbones
        with gr.Row(visible=choice is not None, elem_id="backbone-row"):
            self.backbone = gr.Dropdown(
                [] if choice is None else list(choice.names),
                value=None if choice is None else choice.chosen,
                label="Face generator",
                info="Each has styles of its own. Changing it clears the page and loads the other one.",
                elem_id="backbone",
            )
            self.backbone_note = notice("backbone-note")
        self.about = gr.HTML("", elem_id="about", padding=False)
        self.loading_timer = gr.Timer(1.0)  # until the networks are loaded

    def _bind(self, blocks: gr.Blocks) -> None:
        state = self.state
        now, shown = [state.styles_changed], [state.styles_changed, self.loading_timer, self.about]
        # Through the queue: only then does Gradio say that `styles_changed` has changed.
        gr.on([blocks.load, self.loading_timer.tick], self.look_for_networks, now, shown, **QUEUED)
        blocks.load(None, js=theme.KEYS)
        for widget in (widget for tab in self.tabs for widget in tab.uploads):
            events = [widget.upload] if isinstance(widget, gr.File | gr.Video) else [widget.upload, widget.input]
            gr.on(events, self.note_upload, widget, None, **QUICK)
        blocks.unload(self.leave)
        cleared = [widget for tab in self.tabs for widget in tab.cleared()]
        chosen = [self.backbone, state.visitor, state.styles_changed]
        changed = [self.backbone, self.backbone_note, self.about, state.styles_changed, state.visitor, self.deleted]
        self.backbone.input(self.choose_backbone, chosen, [*cleared, *changed], **QUEUED)
        self.delete_button.click(self.delete, state.visitor, [*cleared, state.visitor, self.deleted], **NEWEST)

    def look_for_networks(self, changed: int) -> Updates:
        """Each second until the networks are loaded; the styles are known then, and the hash of the networks."""
        about = {self.about: theme.about(*version_and_weights(self._services.stylizer))}
        if not self._services.ready:
            return about
        # Once, whichever of the two events comes first: a second filling of the lists could undo a click in between.
        return {**about, self.state.styles_changed: max(changed, 1), self.loading_timer: gr.update(active=False)}

    def choose_backbone(self, name: str, visitor: Visitor, changed: int, request: gr.Request) -> Updates:
        """Draw with another face generator from now on: codes and pictures of the present one are of no use to it."""
        choice = self._services.backbones
        if choice is None or name == choice.chosen:
            return {self.backbone_note: ""}
        self._services.lanes.job_queue.cancel(str(request.session_hash), "deleted")
        try:
            choice.choose(name)
        except StylizerError as error:
            return {self.backbone: choice.chosen, self.backbone_note: theme.note(str(error), "error")}
        return {
            **self.delete(visitor, request),
            self.deleted: "",
            self.backbone_note: theme.note(f"Faces are drawn by {name} now.", "done"),
            self.about: theme.about(*version_and_weights(self._services.stylizer)),
            self.state.styles_changed: changed + 1,
        }

    def note_upload(self, files: Any, request: gr.Request) -> None:
        """Remember whose upload this is."""
        self._services.uploads.note(str(request.session_hash), paths_of(files))

    def leave(self, request: gr.Request) -> None:
        """The page was closed."""
        self._services.lanes.job_queue.cancel(str(request.session_hash), "left")
        self._services.uploads.left(str(request.session_hash))
        if self._services.live is not None:
            self._services.live.close(str(request.session_hash))

    def delete(self, visitor: Visitor, request: gr.Request) -> Updates:
        """Stop what is running, delete all files of this visitor, and clear the page."""
        session = str(request.session_hash)
        self._services.lanes.job_queue.cancel(session, "deleted")
        self._services.clear(visitor)
        self._services.uploads.remove(session)
        updates: Updates = {}
        for tab in self.tabs:
            updates |= tab.forget(session)
        return {**updates, self.state.visitor: visitor, self.deleted: theme.note(messages.DELETED, "done")}
