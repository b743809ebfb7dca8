"""The tab "My styles": rename, delete, files in and out, and the Hub."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from stylizer.serving.style_library import StyleLibraryService
from stylizer.serving.values import path_of, sentence
from stylizer.serving.visitor import Visitor
from stylizer.web import theme
from stylizer.web.panels.style_list import StyleList
from stylizer.web.services import Services
from stylizer.web.tab import QUEUED, QUICK, Tab
from stylizer.web.tabs.portrait import PortraitTab
from stylizer.web.widgets import Updates, notice


class StyleManagerTab(Tab):
    """What can be done with the styles that there are, and where others come from.

    What changes or shares a learned style is hidden on a page that strangers use, too.
    """

    id = "styles"
    title = "My styles"

    def build(self) -> None:
        """Put the widgets into the present container."""
        self.list = StyleList("manager-", columns=6)
        with gr.Row(equal_height=False):
            with gr.Column(scale=12, min_width=320):
                self.list.build()
                self.use_button = gr.Button("Use this style for a portrait", variant="primary", elem_id="manager-use")
            with gr.Column(scale=11, min_width=320):
                self.news = notice("manager-note")
                with gr.Column(visible=not self.shared):
                    self.name = gr.Textbox("", label="Name of the chosen style", max_length=60, elem_id="manager-name")
                    with gr.Row():
                        self.rename_button = gr.Button("Rename", size="sm", elem_id="manager-rename", min_width=80)
                        self.delete_button = gr.Button("Delete", size="sm", elem_id="manager-delete", min_width=80)
                    self.sure_button = gr.Button("", size="sm", variant="stop", visible=False, elem_id="manager-sure")
                self.export_button = gr.Button("Make a file of the chosen style", size="sm", elem_id="manager-export")
                self.file = gr.DownloadButton("", size="sm", variant="primary", visible=False, elem_id="manager-file")
                self.incoming = gr.File(
                    label="Take in a .stylizer file",
                    file_types=[".stylizer"],
                    type="filepath",
                    height=150,
                    buttons=[],
                    elem_id="manager-incoming",
                )
                self._build_hub()
        self.to_delete = gr.State(None)  # the key of the style that the visitor was asked about

    def _build_hub(self) -> None:
        """Sharing with others; shown where a repository is set up."""
        with gr.Column(visible=False, elem_id="manager-hub") as self.hub_box:
            with gr.Column(visible=not self.shared):
                self.with_reference = gr.Checkbox(
                    False,
                    label="Also a small picture of the style picture",
                    info="Else only the style and its name go out",
                    visible=False,
                    elem_id="manager-with-reference",
                )
                self.publish_button = gr.Button(
                    "Share the chosen style on the Hub", size="sm", elem_id="manager-publish"
                )
            self.query = gr.Textbox(
                "", label="Styles on the Hub", placeholder="Part of a name", elem_id="manager-query"
            )
            self.search_button = gr.Button("Search", size="sm", elem_id="manager-search")
            self.found = gr.Dropdown([], label="Found", visible=False, interactive=True, elem_id="manager-found")
            self.pull_button = gr.Button("Get it", size="sm", visible=False, elem_id="manager-pull")

    def bind(self, services: Services) -> None:
        """Tie the widgets' events to handlers."""
        self._services = services
        self._styles = StyleLibraryService(services.stylizer, self.shared)
        page, chosen = self.page, self.list.chosen
        quick, decode = services.lanes.quick, services.lanes.decode
        slow = {**QUEUED, "show_progress": "minimal"}
        self.list.bind(services)
        page.styles_changed.change(quick(self.refresh), chosen, [*self.list.filled, self.news], **QUEUED)
        about: list[Any] = [self.with_reference, self.name, self.rename_button, self.delete_button, self.sure_button]
        about += [self.to_delete, self.file, self.hub_box, self.publish_button]
        chosen.change(quick(self.choose), [chosen, page.visitor], about, **QUICK)
        self.use_button.click(self.use, [chosen, page.style_to_use], [page.style_to_use, page.tabs], **QUEUED)
        self.delete_button.click(quick(self.ask), chosen, [self.news, self.sure_button, self.to_delete], **QUICK)
        changed = page.styles_changed
        self.export_button.click(quick(self.export), [chosen, page.visitor], [self.news, self.file], **slow)
        shared = [chosen, self.with_reference, page.visitor]
        self.publish_button.click(quick(self.publish), shared, self.news, **slow)
        searched: list[Any] = [self.search_button.click, self.query.submit]
        gr.on(searched, quick(self.search), self.query, [self.news, self.found, self.pull_button], **slow)
        self.rename_button.click(quick(self.rename), [changed, chosen, self.name], [self.news, changed], **slow)
        deleted = [self.news, self.sure_button, self.to_delete, changed]
        self.sure_button.click(quick(self.delete), [changed, self.to_delete], deleted, **slow)
        taken = [self.news, self.incoming, *self.list.filled, changed]
        self.incoming.upload(decode(self.take_in), [changed, self.incoming], taken, **slow)
        self.pull_button.click(quick(self.pull), [changed, self.found], [self.news, *self.list.filled, changed], **slow)

    def refresh(self, chosen: str | None) -> Updates:
        """There are other styles than before."""
        return self._report_errors(lambda: self.list.fill(chosen))

    def choose(self, key: str | None, visitor: Visitor) -> Updates:
        """Another style was chosen: what was said of the last one goes."""
        portrait = visitor.portrait
        of_portrait = portrait is not None and portrait.drawn.style_key == key and portrait.drawn.reference is not None
        updates = {self.with_reference: gr.update(visible=of_portrait, value=False)}
        if not self._services.ready:
            return updates
        style, repository = self._styles.find(key), self._styles.repository
        own = style is not None and not style.preset
        share = f"Share as “{style.name}” in {repository}" if repository and style else "Share on the Hub"
        return {
            **updates,
            self.name: style.name if style is not None else "",
            **{button: gr.update(interactive=own) for button in (self.rename_button, self.delete_button)},
            **self._not_asked(),
            self.file: gr.update(visible=False, value=None),
            self.hub_box: gr.update(visible=repository is not None),
            self.publish_button: gr.update(value=share, interactive=own),
        }

    def use(self, key: str | None, last: tuple[int, str]) -> Updates:
        """Go to the portrait with the chosen style."""
        if not key:
            return {self.page.style_to_use: last}
        return {self.page.style_to_use: (last[0] + 1, key), self.page.tabs: gr.update(selected=PortraitTab.id)}

    def rename(self, changed: int, key: str | None, name: str) -> Updates:
        """Give the chosen style another name."""

        def work() -> Updates:
            self._styles.rename(key, name)
            return {**self._say("Renamed."), self.page.styles_changed: changed + 1}

        return self._report_errors(work)

    def ask(self, key: str | None) -> Updates:
        """The first click on Delete asks."""

        def work() -> Updates:
            question = f"Yes, delete “{self._styles.deletable(key)}” for good"
            return {self.sure_button: gr.update(visible=True, value=question), self.to_delete: key}

        return self._report_errors(work)

    def delete(self, changed: int, key: str | None) -> Updates:
        """The second click deletes, and only what was asked about."""

        def work() -> Updates:
            self._styles.delete(key)
            return {**self._say("Deleted."), **self._not_asked(), self.page.styles_changed: changed + 1}

        return self._report_errors(work)

    def export(self, key: str | None, visitor: Visitor) -> Updates:
        """A file of the chosen style, to be downloaded."""

        def work() -> Updates:
            path = self._styles.export(key, visitor.files.folder())
            label = f"Download {path.name} ({path.stat().st_size / 1e6:.1f} MB)"
            return {**self._say(""), self.file: gr.update(visible=True, value=str(path), label=label)}

        return self._report_errors(work)

    def take_in(self, changed: int, file: Any) -> Updates:
        """A file that somebody made."""

        def work() -> Updates:
            style = self._styles.take_in(path_of(file))
            return {**self._added(changed, style.key, style.name), self.incoming: None}

        return self._report_errors(work)

    def publish(self, key: str | None, with_reference: bool, visitor: Visitor) -> Updates:
        """Share the chosen style; its reference only where the visitor said so."""

        def work() -> Updates:
            portrait = visitor.portrait
            of_portrait = portrait is not None and portrait.drawn.style_key == key
            reference = portrait.drawn.reference if with_reference and of_portrait and portrait is not None else None
            new = self._styles.publish(key, reference)
            return self._say("It is now shared." if new else "The Hub has it already.")

        return self._report_errors(work)

    def search(self, text: str) -> Updates:
        """What there is on the Hub."""

        def work() -> Updates:
            found = self._styles.search(text)
            choices = [(f"{style.name} ({style.bytes / 1e6:.1f} MB)", style.key) for style in found]
            shown = gr.update(visible=bool(found), choices=choices, value=found[0].key if found else None)
            words = "" if found else "Nothing there that is not here already."
            return {**self._say(words), self.found: shown, self.pull_button: gr.update(visible=bool(found))}

        return self._report_errors(work)

    def pull(self, changed: int, key: str | None) -> Updates:
        """Get one of them."""

        def work() -> Updates:
            style = self._styles.pull(key)
            return self._added(changed, style.key, style.name)

        return self._report_errors(work)

    def cleared(self) -> Updates:
        """Without the visitor's pictures; styles stay, they hold none."""
        return {self.file: gr.update(visible=False, value=None), self.incoming: None, self.news: ""}

    @property
    def uploads(self) -> list[Any]:
        """The widgets that take files of the visitor."""
        return [self.incoming]

    def _added(self, changed: int, key: str, name: str) -> Updates:
        """A new style is here, and chosen."""
        words = self._say(f"“{name}” is now among the styles.")
        return {**words, **self.list.fill(key), self.page.styles_changed: changed + 1}

    def _not_asked(self) -> Updates:
        return {self.sure_button: gr.update(visible=False), self.to_delete: None}

    def _say(self, text: str) -> Updates:
        return {self.news: theme.note(text, "done")}

    def _report_errors(self, work: Callable[[], Updates]) -> Updates:
        try:
            return work()
        except Exception as error:
            return {self.news: theme.note(sentence(error), "error")}
