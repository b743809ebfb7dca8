"""The tab "Live": the visitor's camera, drawn in a style while it runs."""

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.serving.consent import check_consent
from stylizer.serving.job_queue import QueuedJob, client_address
from stylizer.serving.jobs import Finished, Reporter, ready
from stylizer.serving.live import LiveVisits
from stylizer.serving.messages import display_name
from stylizer.serving.values import path_of, sentence
from stylizer.serving.video import NO_STYLE
from stylizer.serving.visitor import Visitor
from stylizer.settings import STRENGTH_MAX, STRENGTH_MIN, RenderSettings
from stylizer.web import theme
from stylizer.web.panels.job_controls import Job, JobControls
from stylizer.web.panels.style_list import StyleList
from stylizer.web.services import Services
from stylizer.web.tab import QUEUED, QUICK, Tab
from stylizer.web.widgets import Updates, consent_box

_SCRIPT = Path(__file__).parent.parent / "live.js"
_STAGE = """
<div class="live-stage"><canvas hidden></canvas>
<p class="live-empty">Press <b>Start</b>, and allow the browser to use your camera.</p></div>
<p class="live-words note error" role="alert" hidden></p><p class="live-figures hint" aria-live="off"></p>
"""
# A snapshot is uploaded as any photo is, and its place on the disk becomes the value of this widget.
_SHOT = """
window.stylizerLiveUpload = async () => {
  const file = await window.stylizerLive?.snapshot();
  if (!file) return;
  const {path} = await upload(file);
  props.value = path;
  trigger('submit');
};
"""
_PREPARE = "“{name}” must be learned for the camera first, which takes about a minute: press Prepare."
_PREPARED = "“{name}” is ready for the camera."
_NOT_STARTED = "Start the camera first."


class LiveTab(Tab):
    """A style gallery and a stage. Frames do not pass through Gradio: its script posts them, see `serving.live`."""

    id = "live"
    title = "Live"

    @classmethod
    def wanted(cls, services: Services) -> bool:
        """Only where there is something that draws so quickly."""
        return services.live is not None

    def build(self) -> None:
        """Put the widgets into the present container."""
        self.list = StyleList("live-", columns=5)
        self.jobs = JobControls(self.page, lambda _: {}, "live-")
        with gr.Row(equal_height=False):
            with gr.Column(scale=9, min_width=300):
                about = "Your camera's frames are drawn on the computer that runs this page, and never stored."
                gr.HTML(theme.hint(about), padding=False)
                self.list.build()
                with gr.Row():
                    default = RenderSettings().strength
                    # No event takes these two, so Gradio would lock them; the script reads them for every frame.
                    self.strength = gr.Slider(
                        STRENGTH_MIN,
                        STRENGTH_MAX,
                        default,
                        step=0.05,
                        label="Strength",
                        interactive=True,
                        elem_id="live-strength",
                    )
                    self.mirror = gr.Checkbox(True, label="Mirror", interactive=True, elem_id="live-mirror")
                self.consent = consent_box("live-")
                with gr.Row():
                    self.start_button = gr.Button("Start", variant="primary", size="lg", elem_id="live-start", scale=2)
                    self.stop_button = gr.Button("Stop", size="lg", elem_id="live-stop", min_width=90)
                    self.prepare_button = gr.Button("Prepare", size="lg", elem_id="live-prepare", visible=False)
                    self.jobs.build_cancel()
            with gr.Column(scale=14, min_width=320):
                self.jobs.build_note()
                script = _SCRIPT.read_text(encoding="utf-8")
                self.stage = gr.HTML("", html_template=_STAGE, js_on_load=script, elem_id="live-stage", padding=False)
                self.snapshot_button = gr.Button("Make a portrait of this moment", elem_id="live-snapshot")
                self.ticket = gr.HTML("", elem_id="live-ticket", visible="hidden")
                self.shot = gr.HTML("", html_template="", js_on_load=_SHOT, elem_id="live-shot", visible="hidden")
        self.jobs.starters.append(self.prepare_button)

    def bind(self, services: Services) -> None:
        """Tie the widgets' events to handlers."""
        assert services.live is not None
        self._services, self._visits = services, services.live
        quick, note = services.lanes.quick, self.jobs.note
        self.jobs.bind(services, [])
        self.list.bind(services)
        self.page.styles_changed.change(quick(self.refresh), self.list.chosen, self.list.filled, **QUEUED)
        chosen = self.list.chosen
        chosen.change(quick(self.choose), chosen, [self.prepare_button, note], **QUEUED)
        given, shown = [chosen, self.consent], [self.ticket, self.prepare_button, note]
        started = self.start_button.click(quick(self.start), given, shown, **QUEUED)
        started.then(None, None, None, js="() => { setTimeout(() => window.stylizerLive?.start(), 0) }")
        self.stop_button.click(None, None, None, js="() => { window.stylizerLive?.stop() }")
        self.stop_button.click(self.stop, None, self.ticket, **QUICK)
        self.jobs.start(self.prepare_button.click, self.prepare, {"style": chosen}, [])
        self.snapshot_button.click(None, None, None, js="() => { window.stylizerLiveUpload?.() }")
        page = self.page
        taken = [page.photo_to_use, page.style_to_use, page.tabs, note]
        self.shot.submit(self.use, [self.shot, chosen, page.photo_to_use, page.style_to_use], taken, **QUEUED)

    @property
    def visits(self) -> LiveVisits:
        """All visitors' cameras."""
        return self._visits

    def refresh(self, chosen: str | None) -> Updates:
        """There are other styles than before."""
        try:
            return self.list.fill(chosen)
        except Exception as error:
            return {self.jobs.note: theme.note(sentence(error), "error")}

    def choose(self, chosen: str | None, request: gr.Request) -> Updates:
        """Another style: the camera goes on in it at once, where it is ready for that."""
        try:
            if not chosen:
                return {self.prepare_button: gr.update(visible=False), self.jobs.note: ""}
            style = self._services.engine.find_style(chosen)
            if self._services.engine.is_adapted(style):
                self._visits.set_style(str(request.session_hash), style)
                return {self.prepare_button: gr.update(visible=False), self.jobs.note: ""}
        except Exception as error:
            return {self.prepare_button: gr.skip(), self.jobs.note: theme.note(sentence(error), "error")}
        return self._unprepared(style.name)

    def start(self, chosen: str | None, consent: bool, request: gr.Request) -> Updates:
        """Give the script a ticket, where the visitor may have one."""
        none: Updates = {self.ticket: "", self.prepare_button: gr.skip()}
        try:
            check_consent(consent)
            if not chosen:
                return {**none, self.jobs.note: theme.note(NO_STYLE, "error")}
            style = self._services.engine.find_style(chosen)
            if not self._services.engine.is_adapted(style):
                return {**none, **self._unprepared(style.name)}
            session, client = str(request.session_hash), getattr(request.client, "host", None)
            ticket = self._visits.open(session, client_address(client), style)
        except Exception as error:
            return {**none, self.jobs.note: theme.note(sentence(error), "error")}
        none[self.prepare_button] = gr.update(visible=False)
        return {**none, self.ticket: f'<i data-ticket="{html.escape(ticket)}"></i>', self.jobs.note: ""}

    def stop(self, request: gr.Request) -> Updates:
        """The camera is off."""
        self._visits.close(str(request.session_hash))
        return {self.ticket: ""}

    def prepare(self, visitor: Visitor, chosen: str | None) -> Job:
        """Learn a style for the camera."""
        return lambda job: self._prepare(visitor, chosen, job)

    def use(
        self, shot: str | None, chosen: str | None, photo: tuple[int, str], style: tuple[int, str], request: gr.Request
    ) -> Updates:
        """A snapshot becomes the photo of a portrait."""
        from stylizer.web.tabs.portrait import PortraitTab

        page = self.page
        try:
            path = path_of(shot)
            if path is None:
                return {page.photo_to_use: photo, self.jobs.note: theme.note(_NOT_STARTED, "error")}
        except Exception as error:
            return {page.photo_to_use: photo, self.jobs.note: theme.note(sentence(error), "error")}
        self._services.uploads.note(str(request.session_hash), (path,))
        return {
            page.photo_to_use: (photo[0] + 1, str(path)),
            page.style_to_use: (style[0] + 1, chosen) if chosen else style,
            page.tabs: gr.update(selected=PortraitTab.id),
            self.jobs.note: "",
        }

    def cleared(self) -> Updates:
        """Without the visitor's camera."""
        return {self.ticket: "", self.shot: "", **self.jobs.idle(), self.jobs.note: ""}

    def forget(self, session: str) -> Updates:
        """See `Tab`."""
        self._visits.close(session)
        return self.cleared()

    def _unprepared(self, name: str) -> Updates:
        words = _PREPARE.format(name=display_name(name))
        return {self.prepare_button: gr.update(visible=True), self.jobs.note: theme.note(words)}

    def _prepare(self, visitor: Visitor, chosen: str | None, job: QueuedJob) -> Iterator[Updates]:
        def work(reporter: Reporter) -> Any:
            reporter.stage("Getting ready")
            engine = ready(self._services.stylizer, reporter)
            style = engine.find_style(chosen or "")
            reporter.stage("Learning the style for the camera")
            engine.adapt(style, reporter.on_step)
            return style

        for event in self.jobs.events(work, job, "adapt"):
            if isinstance(event, Finished):
                style = event.value
                self._visits.set_style(job.session, style)
                words = _PREPARED.format(name=display_name(style.name))
                hidden = {self.prepare_button: gr.update(visible=False, interactive=True)}
                yield {**self.jobs.ended(visitor, words, "done"), **hidden}
            else:
                yield self.jobs.progress(event, job)
