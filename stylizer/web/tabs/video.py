"""The tab "Video": one frame first, then all of them."""

import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.serving.job_queue import VIDEO, QueuedJob
from stylizer.serving.jobs import Finished, Part, Progress, Reporter
from stylizer.serving.messages import display_name
from stylizer.serving.portrait import show
from stylizer.serving.values import sentence
from stylizer.serving.video import DrawnVideo, PeekedFrame, VideoRequest, draw_video, peek, peek_all, video_request
from stylizer.serving.visitor import Visitor
from stylizer.settings import PAGE_VIDEO_SECONDS, PAGE_VIDEO_SIDES, STRENGTH_MAX, STRENGTH_MIN, RenderSettings
from stylizer.web import theme
from stylizer.web.panels.job_controls import Event, Job, JobControls
from stylizer.web.panels.style_list import StyleList
from stylizer.web.services import Services
from stylizer.web.tab import NEWEST, QUEUED, QUICK, Tab
from stylizer.web.widgets import Updates, consent_box, picture, tiles

_PREVIEWS_KEPT = 2
_FILES = [".mp4", ".mov", ".m4v", ".webm", ".mkv", ".avi", ".gif", ".webp", ".ts", ".mpg"]


class VideoTab(Tab):
    """A video and a saved style; the faces are drawn, the sound stays. Jobs wait in a lane of their own."""

    id = "video"
    title = "Video"

    def build(self) -> None:
        """Put the widgets into the present container."""
        self.list = StyleList("video-", columns=5)
        self.jobs = JobControls(self.page, self.restore, "video-", VIDEO)
        with gr.Row(equal_height=False):
            with gr.Column(scale=11, min_width=320):
                about = f"At most {PAGE_VIDEO_SECONDS} seconds. Each frame takes some seconds: look at one first."
                gr.HTML(theme.hint(about), padding=False)
                self.video = gr.File(
                    label="A video, GIF or animated WebP",
                    file_types=_FILES,
                    type="filepath",
                    height=120,
                    buttons=[],
                    elem_id="video-file",
                )
                self.list.build()
                with gr.Row():
                    default = RenderSettings().strength
                    self.strength = gr.Slider(
                        STRENGTH_MIN, STRENGTH_MAX, default, step=0.05, label="Strength", elem_id="video-strength"
                    )
                    self.faces = gr.Dropdown(
                        [("All faces", "all"), ("The largest", "largest")],
                        value="all",
                        label="Faces",
                        info="Or numbers, such as 0,2",
                        allow_custom_value=True,
                        elem_id="video-faces",
                    )
                    sides = list(PAGE_VIDEO_SIDES)
                    self.size = gr.Dropdown(sides, value=sides[0], label="Size", elem_id="video-size")
                self.consent = consent_box("video-")
                with gr.Row():
                    self.peek_button = gr.Button("Look at one frame", size="lg", elem_id="video-peek")
                    self.all_button = gr.Button("One frame in every style", size="lg", elem_id="video-all")
                with gr.Row():
                    self.draw_button = gr.Button(
                        "Draw the video", variant="primary", size="lg", elem_id="video-run", scale=3
                    )
                    self.jobs.build_cancel()
            with gr.Column(scale=12, min_width=320):
                self.jobs.build_note()
                with gr.Row():
                    self.before = picture("A frame before", "video-before", None, visible=False)
                    self.after = picture("In the style", "video-after", None, visible=False)
                self.previews = tiles("One frame in every style: click one", "video-previews", 4, visible=False)
                self.result = gr.Video(
                    label="The drawn video",
                    interactive=False,
                    visible=False,
                    autoplay=False,
                    buttons=[],
                    elem_id="video-result",
                )
                self.file = gr.DownloadButton(
                    "Download the video", variant="primary", visible=False, elem_id="video-download"
                )
        self.jobs.starters += [self.peek_button, self.all_button, self.draw_button]

    @property
    def form(self) -> dict[str, Any]:
        """The fields of `video_request`, in their order."""
        return {
            "video": self.video,
            "style": self.list.chosen,
            "strength": self.strength,
            "faces": self.faces,
            "size": self.size,
            "consent": self.consent,
        }

    @property
    def uploads(self) -> list[Any]:
        """The widgets that take files of the visitor."""
        return [self.video]

    def bind(self, services: Services) -> None:
        """Tie the widgets' events to handlers."""
        self._services = services
        quick = services.lanes.quick
        self.jobs.bind(services, [])
        self.list.bind(services)
        self.page.styles_changed.change(quick(self.refresh), self.list.chosen, self.list.filled, **QUEUED)
        shown: list[Any] = [self.before, self.after, self.previews, self.result, self.file]
        self.video.change(self.forget_frames, None, shown, **QUICK)
        self.jobs.start(self.peek_button.click, self.peek, self.form, shown)
        kept = "What was drawn so far stays here."
        self.jobs.start(self.all_button.click, self.peek_all, self.form, shown, after_cancel=kept)
        self.jobs.start(self.draw_button.click, self.draw, self.form, shown)
        self.previews.select(self.pick, self.page.visitor, self.list.chosen, **NEWEST)

    def refresh(self, chosen: str | None) -> Updates:
        """There are other styles than before."""
        try:
            return self.list.fill(chosen)
        except Exception as error:
            return {self.jobs.note: theme.note(sentence(error), "error")}

    def peek(self, visitor: Visitor, *values: Any) -> Job:
        """One frame, before and in the style."""
        request = video_request(*values)
        return lambda job: self._peek(visitor, request, job)

    def peek_all(self, visitor: Visitor, *values: Any) -> Job:
        """One frame in every style."""
        request = video_request(*values)
        return lambda job: self._peek_all(visitor, request, job)

    def draw(self, visitor: Visitor, *values: Any) -> Job:
        """The whole video."""
        request = video_request(*values)
        return lambda job: self._draw(visitor, request, job)

    def pick(self, visitor: Visitor, event: gr.SelectData) -> Updates:
        """A click on a frame in a style chooses that style."""
        keys = visitor.video_styles
        known = isinstance(event.index, int) and event.index < len(keys)
        return {self.list.chosen: keys[event.index] if known else gr.skip()}

    def forget_frames(self) -> Updates:
        """Another video: what is shown is no longer of it."""
        return {
            self.before: gr.update(visible=False, value=None),
            self.after: gr.update(visible=False, value=None),
            self.previews: gr.update(visible=False, value=[]),
            self.result: gr.update(visible=False, value=None),
            self.file: gr.update(visible=False, value=None),
        }

    def restore(self, _visitor: Visitor) -> Updates:
        """What is shown when a job has ended without a result: all that was there."""
        return {}

    def cleared(self) -> Updates:
        """Without the visitor's video."""
        return {self.video: None, **self.forget_frames(), **self.jobs.idle(), self.jobs.note: ""}

    def _peek(self, visitor: Visitor, request: VideoRequest, job: QueuedJob) -> Iterator[Updates]:
        def work(reporter: Reporter) -> PeekedFrame:
            return peek(self._services.stylizer, request, reporter, visitor.files.folder())

        for event in self.jobs.events(work, job, "video_frame"):
            if isinstance(event, Finished):
                frame: PeekedFrame = event.value
                yield {
                    **self.jobs.ended(visitor, "If you like it, press Draw the video.", "done"),
                    self.before: gr.update(visible=True, value=frame.before),
                    self.after: gr.update(visible=True, value=frame.after),
                }
            else:
                yield self.jobs.progress(event, job)

    def _peek_all(self, visitor: Visitor, request: VideoRequest, job: QueuedJob) -> Iterator[Updates]:
        def work(reporter: Reporter) -> Any:
            return peek_all(self._services.stylizer, request, reporter, visitor.files.folder())

        for event in self.jobs.events(work, job, "video_frame"):
            if isinstance(event, Part):
                _, previews = event.value
                visitor.video_styles = tuple(tile.key for tile in previews.tiles)
                pictures = [(str(tile.picture), display_name(tile.name)) for tile in previews.tiles]
                yield {self.previews: gr.update(visible=bool(pictures), value=pictures), self.page.visitor: visitor}
            elif not isinstance(event, Finished):
                yield self.jobs.progress(event, job)
        yield self.jobs.ended(visitor, "Click a picture to choose its style.", "done")

    def _draw(self, visitor: Visitor, request: VideoRequest, job: QueuedJob) -> Iterator[Updates]:
        folder = visitor.files.folder()
        shown: deque[Path] = deque()  # previews; a browser may still load the one before

        def work(reporter: Reporter) -> DrawnVideo:
            return draw_video(self._services.stylizer, request, reporter, folder)

        for event in self.jobs.events(work, job, "video"):
            if isinstance(event, Finished):
                drawn: DrawnVideo = event.value
                last, visitor.video = visitor.video, drawn.path
                if last is not None:
                    shutil.rmtree(last.parent, ignore_errors=True)
                yield {
                    **self.jobs.ended(visitor, drawn.sentence, "done"),
                    self.result: gr.update(visible=True, value=str(drawn.path)),
                    self.file: gr.update(visible=True, value=str(drawn.path)),
                    self.page.visitor: visitor,
                }
            else:
                yield {**self.jobs.progress(event, job), **self._newest(event, folder, shown)}

    def _newest(self, event: Event, folder: Path, shown: deque[Path]) -> Updates:
        """The newest drawn frame, in a file of its own; older ones go."""
        if not isinstance(event, Progress) or event.preview is None:
            return {}
        from stylizer.provenance.notes import Origin  # brings torch along: not at the page's start

        shown.append(Path(show(event.preview, folder, Origin(subject="video"))))
        if len(shown) > _PREVIEWS_KEPT:
            shown.popleft().unlink(missing_ok=True)
        return {self.after: gr.update(visible=True, value=str(shown[-1]))}
