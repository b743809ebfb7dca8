"""The first tab: a style and a photo become a portrait."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.serving import messages
from stylizer.serving.checks import check_pictures
from stylizer.serving.job_queue import QueuedJob
from stylizer.serving.jobs import Finished, Part, Reporter
from stylizer.serving.photo_inversions import compare, labelled_pictures
from stylizer.serving.portrait import open_session
from stylizer.serving.previews import PreviewRequest, try_all
from stylizer.serving.stylize_form import StylizeForm
from stylizer.serving.values import sentence
from stylizer.serving.visitor import Visitor
from stylizer.serving.work import Drawn, Request
from stylizer.web import theme
from stylizer.web.panels.advanced_panel import AdvancedPanel
from stylizer.web.panels.controls_panel import ControlsPanel
from stylizer.web.panels.job_controls import Job, JobControls
from stylizer.web.panels.people_panel import PeoplePanel
from stylizer.web.panels.result_panel import ResultPanel
from stylizer.web.panels.style_panel import StylePanel
from stylizer.web.services import Services
from stylizer.web.tab import NEWEST, QUEUED, QUICK, Tab
from stylizer.web.widgets import Updates, consent_box, examples_of, upload


class PortraitTab(Tab):
    """Everything about one portrait: two columns, what goes in and what comes out, that stack on a phone."""

    id = "portrait"
    title = "Portrait"

    def build(self) -> None:
        """Put the widgets into the present container."""
        self.style = StylePanel(self.page, self.examples / "references")
        self.controls, self.advanced = ControlsPanel(self.page), AdvancedPanel()
        self.result, self.people = ResultPanel(self.page), PeoplePanel(self.page)
        self.jobs = JobControls(self.page, self.result.restore)
        with gr.Row(equal_height=False):
            with gr.Column(scale=11, min_width=320):
                with gr.Row(equal_height=False):
                    with gr.Column(min_width=230):
                        gr.HTML("<h3>1 · The style</h3>", padding=False)
                        self.style.build()
                    with gr.Column(min_width=230):
                        gr.HTML("<h3>2 · The photo</h3>", padding=False)
                        gr.HTML(theme.hint("One face, sharp and well lit.", "tall"), padding=False)
                        self.photo = upload("Photo", "target", ["upload", "webcam", "clipboard"])
                        examples_of(self.examples / "targets", self.photo, "Or try one of these")
                self.controls.build()
                self.advanced.build()
                self.consent = consent_box()
                with gr.Row():
                    self.stylize_button = gr.Button("Stylize", variant="primary", size="lg", elem_id="run", scale=3)
                    self.jobs.build_cancel()
            with gr.Column(scale=12, min_width=320):
                self.jobs.build_note()  # first of the right column: on a phone, that is right below the button
                self.result.build()
                self.people.build()
        self.jobs.starters += [self.stylize_button, self.advanced.compare, self.style.try_all]

    @property
    def form(self) -> dict[str, Any]:
        """The widgets that hold the fields of `StylizeForm`, in their order."""
        own = {"target": self.photo, "consent": self.consent}
        widgets = {**self.style.form, **self.controls.form, **self.advanced.form, **own}
        return {field.name: widgets[field.name] for field in fields(StylizeForm)}

    @property
    def uploads(self) -> list[Any]:
        """The widgets that take files of the visitor."""
        return [self.style.reference, self.style.more, self.photo]

    def bind(self, services: Services) -> None:
        """Tie the widgets' events to handlers."""
        self._services = services
        news, controls, result = self.jobs.note, self.controls, self.result
        self.jobs.bind(services, result.restored)
        self.style.bind(services, by_hand=self.advanced.by_hand, iterations=self.advanced.iterations, news=news)
        self.advanced.bind()
        controls.bind(services, redraws=result.redraws)
        moved, strength = controls.moved, controls.strength
        result.bind(services, controls=controls.form, moved=moved, strength=strength, news=news)
        self.people.bind(services, news=news)
        self.page.photo_to_use.change(self.take_photo, self.page.photo_to_use, self.photo, **QUEUED)
        self._bind_jobs()
        for widget in self.uploads:
            widget.upload(services.lanes.decode(self.check), widget, news, **QUEUED)
        other_face: list[Any] = [self.photo.change, self.advanced.face.change]
        shown = [self.advanced.compared, result.previews_box, result.previews]
        gr.on(other_face, self.forget_photo, None, shown, **QUICK)
        for event in (self.style.try_all.click, result.previews.select):
            event(None, js=theme.TO_NEWS)

    def _bind_jobs(self) -> None:
        start, form, result, page = self.jobs.start, self.form, self.result, self.page
        portrait = [*result.drawn, *self.people.renewed(), page.styles_changed]
        given = {"changed": page.styles_changed, **form}
        pressed = start(self.stylize_button.click, self.stylize, given, portrait)
        start(
            self.advanced.compare.click,
            self.compare_modes,
            form,
            [self.advanced.compared],
            after_cancel="What was found so far stays here.",
        )
        start(
            self.style.try_all.click,
            self.try_all,
            form,
            [result.previews_box, result.previews],
            after_cancel="What was drawn so far stays here.",
        )
        choice = [self.style.source, self.style.library_box, self.style.picture_box, self.style.list.chosen]
        picked = result.previews.select(self.pick, page.visitor, choice, **NEWEST)
        clicked = start(picked.success, self.stylize, given, portrait)
        for job in (pressed, clicked):
            result.bind_scoring(job)

    def stylize(self, visitor: Visitor, changed: int, *values: Any) -> Job:
        """Learn the style or find it, and draw the photo in it."""
        form = StylizeForm(*values)
        request = form.request()
        return lambda job: self._stylize(visitor, form, request, job, changed)

    def try_all(self, visitor: Visitor, *values: Any) -> Job:
        """The photo in every style, each shown as soon as it is there."""
        wanted = StylizeForm(*values).preview_request()
        return lambda job: self._try_all(visitor, wanted, job)

    def compare_modes(self, visitor: Visitor, *values: Any) -> Job:
        """The photo in each inversion mode, one after the other."""
        form = StylizeForm(*values)
        photo, face = form.photo(), form.face_index()
        return lambda job: self._compare(visitor, photo, face, job)

    def pick(self, visitor: Visitor, event: gr.SelectData) -> Updates:
        """A click on one of the small pictures chooses its style."""
        tiles = visitor.previews.tiles if visitor.previews is not None else ()
        if not isinstance(event.index, int) or event.index >= len(tiles):
            raise gr.Error("These pictures are no longer here; try all styles again.", print_exception=False)
        return self.style.use((0, tiles[event.index].key))

    def take_photo(self, wanted: tuple[int, str]) -> Updates:
        """Use a photo that another tab has."""
        return {self.photo: wanted[1] or None}

    def check(self, pictures: Any) -> Updates:
        """Say at once when an upload cannot be used; the upload stays where it is."""
        try:
            check_pictures(pictures)
        except Exception as error:
            return {self.jobs.note: theme.note(sentence(error), "error")}
        return {self.jobs.note: ""}

    def forget_photo(self) -> Updates:
        """Another photo, or another face of it: what was drawn of the last one is no longer of it."""
        return {**self.advanced.cleared(), **self.result.forget_previews()}

    def cleared(self) -> Updates:
        """Without the visitor's pictures."""
        return {
            self.photo: None,
            **self.style.cleared(),
            **self.advanced.cleared(),
            **self.result.cleared(),
            **self.people.cleared(),
            **self.jobs.idle(),
            self.jobs.note: "",
        }

    def _stylize(
        self, visitor: Visitor, form: StylizeForm, request: Request, job: QueuedJob, changed: int
    ) -> Iterator[Updates]:
        def work(reporter: Reporter) -> Drawn:
            return visitor.draw(self._services.stylizer, request, reporter)

        for event in self.jobs.events(work, job, "stylize"):
            if not isinstance(event, Finished):
                yield {**self.jobs.progress(event, job), **self.result.show_preview(event, visitor, job)}
                continue
            drawn: Drawn = event.value
            notes = [self._services.lookup_trouble(request, drawn), *drawn.mixer.aligned.notes]
            words = messages.finished(drawn, form.from_picture)
            portrait = open_session(drawn, self._services.folder)
            shown = self.result.show_portrait(portrait)
            visitor.set_portrait(portrait, self._services.memory)
            yield {
                **self.jobs.idle(),
                self.jobs.note: theme.note(words, "done", aside=" ".join(filter(None, notes))),
                **shown,
                **self.people.renewed(),
                self.page.visitor: visitor,
                **({self.page.styles_changed: changed + 1} if request.references else {}),
            }

    def _try_all(self, visitor: Visitor, wanted: PreviewRequest, job: QueuedJob) -> Iterator[Updates]:
        folder, known, before = self._services.folder, visitor.photo_inversions, visitor.previews

        def work(reporter: Reporter) -> Any:
            return try_all(self._services.stylizer, wanted, reporter, folder, photo_inversions=known, before=before)

        for event in self.jobs.events(work, job, "try_all"):
            if isinstance(event, Part):
                visitor.photo_inversions, previews = event.value
                visitor.set_previews(previews)
                yield {**self.result.show_previews(visitor), self.page.visitor: visitor}
            elif not isinstance(event, Finished):
                yield {**self.jobs.progress(event, job), **self.result.show_preview(event, visitor, job)}
        yield self.jobs.ended(visitor, "Click a picture to paint it in full.", "done")

    def _compare(self, visitor: Visitor, photo: Path, face: int, job: QueuedJob) -> Iterator[Updates]:
        known = visitor.photo_inversions

        def work(reporter: Reporter) -> Any:
            return compare(self._services.stylizer, photo, face, known, reporter)

        for event in self.jobs.events(work, job, "compare"):
            if isinstance(event, Part):
                visitor.photo_inversions = event.value
                faces = labelled_pictures(event.value, visitor.files.folder())
                yield {**self.advanced.show_compared(faces), self.page.visitor: visitor}
            elif not isinstance(event, Finished):
                yield {**self.jobs.progress(event, job), **self.result.show_preview(event, visitor, job)}
        yield self.jobs.ended(visitor, "Click the face that is most like the photo; then press Stylize.", "done")
