"""The portrait: its preview while it is being made, the result, its score, its download, and how it was made."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from stylizer.serving import messages
from stylizer.serving.engine import loaded
from stylizer.serving.jobs import JobHandle, Progress
from stylizer.serving.portrait import NOT_KEPT, PortraitSession, show
from stylizer.serving.redraw import Redrawn, advise, redraw_portrait, score_portrait, strength_to_try
from stylizer.serving.values import render_request_of, sentence
from stylizer.serving.visitor import Visitor
from stylizer.web import theme
from stylizer.web.services import Services
from stylizer.web.tab import QUEUED, PageState
from stylizer.web.widgets import Updates, picture, tiles

if TYPE_CHECKING:
    from stylizer.provenance.notes import Origin


class ResultPanel:
    """The right column of a portrait."""

    def __init__(self, page: PageState) -> None:
        self._page = page

    def build(self) -> None:
        """Put the widgets into the present container."""
        self.empty = gr.HTML(theme.EMPTY, elem_id="empty", padding=False)
        self.preview = picture("Preview", "preview", visible=False, height=None)
        with gr.Column(visible=False, elem_id="result") as self.box:
            self.slider = gr.ImageSlider(
                label="Before and after: drag the line",
                type="filepath",
                interactive=False,
                buttons=["fullscreen"],
                max_height=640,
                elem_id="slider",
            )
            self.score = gr.HTML("", elem_id="score", padding=False)
            self.advice = gr.Button("", size="sm", elem_id="advice", visible=False)
            with gr.Row():
                self.download = gr.Button("Download full resolution (PNG)", elem_id="download")
                self.download_large = gr.Button("Download at 4096 px (PNG)", elem_id="download-large")
            self.file = gr.DownloadButton(visible=False)  # what the button downloads, once it is written
            self.times = gr.HTML("", elem_id="times", padding=False)
        with gr.Column(visible=False, elem_id="previews-box") as self.previews_box:
            self.previews = tiles("Your photo in every style: click one", "previews", columns=4)
        with (
            gr.Column(visible=False, elem_id="details") as self.details,
            gr.Accordion("How it was made", open=True, elem_id="made"),
            gr.Row(),
        ):
            self.reference_crop = picture("Style, cropped", "crop-reference", height=170)
            self.photo_crop = picture("Photo, cropped", "crop-photo", height=170)
            self.inverted = picture("As the network sees it", "inverted", height=170)
        self.redraws = gr.State(0)  # a larger number asks for a redraw

    @property
    def drawn(self) -> list[Any]:
        """What a finished portrait changes."""
        pictures = [self.slider, self.reference_crop, self.photo_crop, self.inverted]
        return [*self.restored, *pictures, self.details, self.score, self.advice, self.times]

    @property
    def restored(self) -> list[Any]:
        """What `restore` changes."""
        return [self.preview, self.empty, self.box]

    def bind(
        self, services: Services, *, controls: dict[str, Any], moved: list[Any], strength: gr.Slider, news: gr.HTML
    ) -> None:
        """Tie the widgets' events to handlers.

        Args:
            controls: in the order of `values.render_request_of`. moved: events after which the portrait is redrawn.
            strength: one of the controls. news: the line of news.
        """
        self._services, self._news, self._strength = services, news, strength
        page = self._page
        shown = [self.slider, self.score, self.advice, self.times]
        # All that redraws goes through one event, so that the newest request comes last.
        gr.on(
            [*moved, self.redraws.change],
            services.lanes.draw(self.redraw),
            [page.visitor, *controls.values()],
            [*shown, page.visitor, news],
            trigger_mode="always_last",
            **QUEUED,
        )
        self.advice.click(self.take_advice, [page.visitor, self.redraws], [strength, self.redraws], **QUEUED)
        saving = {**QUEUED, "show_progress": "minimal"}
        for button, save in ((self.download, self.save), (self.download_large, self.save_large)):
            saved = button.click(services.lanes.draw(save), page.visitor, [self.file, news], **saving)
            saved.success(None, self.file, js=theme.DOWNLOAD)

    def bind_scoring(self, portrait: Any) -> None:
        """Have the portrait of a job redrawn where the controls were moved meanwhile, then scored and judged."""
        page = self._page
        portrait.success(lambda redraws: redraws + 1, self.redraws, self.redraws, **QUEUED)
        draw = self._services.lanes.draw
        scored = portrait.success(draw(self.get_score), [page.visitor, self.redraws], self.redraws, **QUEUED)
        scored.success(draw(self.look_for_advice), page.visitor, self.advice, **QUEUED)

    def show_preview(self, event: Any, visitor: Visitor, job: JobHandle) -> Updates:
        """The newest picture of a running job takes the place of the portrait; what was there stays until then."""
        if not isinstance(event, Progress) or event.preview is None or job.cancelled:
            return {}
        return {
            self.empty: gr.update(visible=False),
            self.box: gr.update(visible=False),
            self.preview: gr.update(visible=True, value=show(event.preview, visitor.files.folder(), _without_style())),
        }

    def show_portrait(self, portrait: PortraitSession) -> Updates:
        """A new portrait, not scored yet."""
        drawn = portrait.drawn
        return {
            self.empty: gr.update(visible=False),
            self.preview: gr.update(visible=False, value=None),
            self.box: gr.update(visible=True),
            self.details: gr.update(visible=True),
            **self._show_drawn(portrait),
            self.score: "",
            **self._show_advice(None),
            self.reference_crop: gr.update(
                visible=drawn.reference is not None, value=drawn.reference and portrait.shown(drawn.reference)
            ),
            self.photo_crop: portrait.shown(drawn.mixer.aligned.crop),
            self.inverted: portrait.shown(drawn.inverted, _without_style()),
        }

    def show_previews(self, visitor: Visitor) -> Updates:
        """The photo in the styles that were drawn so far."""
        previews = visitor.previews
        faces = [(str(tile.picture), messages.display_name(tile.name)) for tile in previews.tiles] if previews else []
        return {
            self.empty: gr.update(visible=False),
            self.preview: gr.update(visible=False, value=None),
            self.box: gr.update(visible=visitor.portrait is not None),
            self.previews_box: gr.update(visible=True),
            self.previews: gr.update(value=faces, selected_index=None),
        }

    def restore(self, visitor: Visitor) -> Updates:
        """What there was before a job that brought nothing."""
        tried = visitor.previews is not None and bool(visitor.previews.tiles)
        return {
            self.preview: gr.update(visible=False, value=None),
            self.empty: gr.update(visible=visitor.portrait is None and not tried),
            self.box: gr.update(visible=visitor.portrait is not None),
        }

    def redraw(self, visitor: Visitor, *controls: Any) -> Iterator[Updates]:
        """The last portrait as the controls want it: first its picture, then its score."""
        yield {self._news: gr.skip()}  # a handler that yields nothing at all would empty every output
        if visitor.portrait is None:
            if visitor.dropped:
                yield {self._news: theme.note(NOT_KEPT, "error")}
            return
        self._services.memory.touch(visitor)
        try:
            render_request = render_request_of(*controls)
            for stage in redraw_portrait(self._services.engine, visitor, render_request):
                yield self._show_stage(visitor, stage)
        except Exception as error:
            if visitor.portrait is not None:  # else the visitor has deleted it meanwhile
                yield {self._news: theme.note(sentence(error), "error")}

    def get_score(self, visitor: Visitor, redraws: int) -> int:
        """Get ready to score the new portrait; the redraw that this asks for shows the score."""
        return redraws + bool(self._in_background(score_portrait, visitor, False))

    def look_for_advice(self, visitor: Visitor) -> Updates:
        """Offer a lower strength, where the face is getting lost."""
        found = self._in_background(advise, visitor, None)
        return {self.advice: gr.skip()} if found is None else self._show_advice(found.strength)

    def take_advice(self, visitor: Visitor, redraws: int) -> Updates:
        """Set the strength that is advised, and redraw."""
        strength: Any = gr.skip() if visitor.advice is None else visitor.advice.strength
        return {self._strength: strength, self.redraws: redraws + 1}

    def save(self, visitor: Visitor) -> Updates:
        """Write the portrait as it is now at full resolution."""
        return self._save(visitor, PortraitSession.full)

    def save_large(self, visitor: Visitor) -> Updates:
        """Write the portrait as it is now four times as wide and high."""
        return self._save(visitor, lambda portrait: portrait.enlarged(loaded(self._services.engine).upscale))

    def _save(self, visitor: Visitor, write: Callable[[PortraitSession], str]) -> Updates:
        try:
            if visitor.portrait is None:
                raise gr.Error(NOT_KEPT, print_exception=False)
            return {self.file: write(visitor.portrait)}
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None

    def forget_previews(self) -> Updates:
        """Another photo, or another face of it: the small pictures are no longer of it."""
        return {self.previews_box: gr.update(visible=False), self.previews: gr.update(value=None)}

    def cleared(self) -> Updates:
        """Without the visitor's pictures."""
        pictures = (self.slider, self.reference_crop, self.photo_crop, self.inverted, self.file)
        return {
            **dict.fromkeys(pictures, None),
            **self.forget_previews(),
            self.score: "",
            self.times: "",
            self.preview: gr.update(visible=False, value=None),
            self.empty: gr.update(visible=True),
            self.box: gr.update(visible=False),
            self.details: gr.update(visible=False),
            **self._show_advice(None),
        }

    def _show_stage(self, visitor: Visitor, stage: Redrawn) -> Updates:
        if stage.portrait is None:
            return {self._news: theme.note(messages.FINDING_LIKENESS, "busy")}
        if not stage.scored:
            waited = {self._news: theme.note(messages.REDRAWN, "done")} if stage.waits else {}
            return {**self._show_drawn(stage.portrait), **waited, self._page.visitor: visitor}
        scoring, drawn = visitor.scoring, stage.portrait.drawn
        if stage.portrait.score is None or scoring is None:
            return {self.score: "", **self._show_advice(None)}
        score = theme.score(stage.portrait.score, scoring.named(drawn.render_request))
        # Advice may just be on its way, and must not be hidden then.
        return {self.score: score, **(self._show_advice(strength_to_try(visitor)) if visitor.advice else {})}

    def _show_drawn(self, portrait: PortraitSession) -> Updates:
        drawn = portrait.drawn
        return {
            self.slider: (portrait.shown(drawn.before), portrait.shown(drawn.image, drawn.origin)),
            self.times: theme.times(drawn.seconds),
        }

    def _show_advice(self, strength: float | None) -> Updates:
        words = "" if strength is None else messages.advice(strength)
        return {self.advice: gr.update(visible=strength is not None, value=words)}

    def _in_background(self, work: Any, visitor: Visitor, otherwise: Any) -> Any:
        """What goes wrong after a portrait is there is logged, not shown."""
        if visitor.portrait is None:
            return otherwise
        try:
            return work(self._services.engine, visitor)
        except Exception as error:
            sentence(error)
            return otherwise


def _without_style() -> "Origin":
    """Of a face as the network sees it, or while a style is being learned."""
    from stylizer.provenance.notes import Origin  # brings torch along: not at the page's start

    return Origin()
