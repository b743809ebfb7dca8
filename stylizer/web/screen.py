"""What the page shows at each moment of a job: updates of its widgets, and no work."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from stylizer.serving.jobs import JobHandle, Part, Progress
from stylizer.serving.photo_inversions import PhotoInversions
from stylizer.serving.portrait import PortraitSession, SessionFiles, show
from stylizer.serving.previews import StylePreviews
from stylizer.serving.scoring import Advice, Scoring
from stylizer.web.layout import Outputs
from stylizer.web.theme import label, note, score, times

if TYPE_CHECKING:
    from stylizer.provenance.notes import Origin

Updates = dict[Any, Any]


@dataclass
class Session:
    """What the page remembers of one visitor, as a job has it."""

    files: SessionFiles
    portrait: PortraitSession | None
    photo_inversions: PhotoInversions | None
    previews: StylePreviews | None


class Screen:
    """Over the page's widgets."""

    def __init__(self, outputs: Outputs) -> None:
        self._out = outputs

    def busy(self) -> Updates:
        """A job runs, or waits for its turn."""
        buttons: Updates = {button: gr.update(interactive=False) for button in self._buttons()}
        return {**buttons, self._out.cancel: gr.update(visible=True, interactive=True)}

    def progress(self, event: Progress | Part[Any] | None, job: JobHandle, files: SessionFiles) -> Updates:
        """Where the job stands; its preview takes the place of the portrait."""
        if job.reason == "stopped":
            return {self._out.note: note("Stopping …", "busy")}
        if not isinstance(event, Progress) or job.cancelled:
            return self.nothing()  # a sign of life keeps gradio looking whether the visitor is still there
        out = self._out
        updates: Updates = {out.note: note(event.text, "busy", event.fraction)}
        if event.preview is not None:  # what was there stays until there is something to see
            updates |= {
                out.empty: gr.update(visible=False),
                out.result_box: gr.update(visible=False),
                out.preview: gr.update(visible=True, value=show(event.preview, files.folder(), _without_style())),
            }
        return updates

    def portrait(self, portrait: PortraitSession, trouble: str = "") -> Updates:
        """The job is done; the portrait is not judged yet. trouble: of looking the style up, if there was any."""
        out, drawn = self._out, portrait.drawn
        aside = " ".join(filter(None, [trouble, *drawn.mixer.aligned.notes]))
        learnt = "The style is new and now kept" if drawn.trained else "The style was already learnt"
        return {
            **self.idle(),
            out.note: note(
                f"Done. {learnt} as “{label(drawn.style_name)}”. Move the strength to redraw.", "done", aside=aside
            ),
            out.empty: gr.update(visible=False),
            out.preview: gr.update(visible=False, value=None),
            out.result_box: gr.update(visible=True),
            out.details_box: gr.update(visible=True),
            out.slider: (portrait.shown(drawn.before), portrait.shown(drawn.image, drawn.origin)),
            out.score: "",
            **self.advice(None),
            out.times: times(drawn.seconds),
            out.crop_reference: gr.update(
                visible=drawn.reference is not None, value=drawn.reference and portrait.shown(drawn.reference)
            ),
            out.crop_photo: portrait.shown(drawn.mixer.aligned.crop),
            out.inverted: portrait.shown(drawn.inverted, _without_style()),
            out.people: gr.update(visible=False, value=None),
            **self.file(portrait),
        }

    def redrawn(self, portrait: PortraitSession) -> Updates:
        """The same portrait as it is wanted now."""
        out, drawn = self._out, portrait.drawn
        return {
            out.slider: (portrait.shown(drawn.before), portrait.shown(drawn.image, drawn.origin)),
            out.times: times(drawn.seconds),
            out.download: gr.update(interactive=False),
            out.portrait: portrait,
        }

    def judged(self, portrait: PortraitSession, scoring: Scoring | None, advice: Advice | None) -> Updates:
        """How well it came out, and the button that takes the advice."""
        if portrait.score is None or scoring is None:
            return {self._out.score: "", **self.advice(None)}
        updates: Updates = {self._out.score: score(portrait.score, scoring.named(portrait.drawn.render_request))}
        if advice is None or advice.of != portrait.folder:  # it may just be on its way
            return updates
        good = advice.still_good(portrait.drawn.render_request.settings.strength, portrait.score)
        return {**updates, **self.advice(advice.strength if good else None)}

    def advice(self, strength: float | None) -> Updates:
        """The button that takes the advice; None hides it."""
        said = "" if strength is None else f"The face is getting lost: try strength {strength:.2f}"
        return {self._out.advice: gr.update(visible=strength is not None, value=said)}

    def file(self, portrait: PortraitSession) -> Updates:
        """The download, once its file is written."""
        return {self._out.download: gr.update(value=portrait.full(), interactive=True), self._out.portrait: portrait}

    def previews_gallery(self, previews: StylePreviews, portrait: PortraitSession | None) -> Updates:
        """The photo in the styles that were drawn so far."""
        out = self._out
        faces = [(str(tile.picture), label(tile.name)) for tile in previews.tiles]
        return {
            out.empty: gr.update(visible=False),
            out.preview: gr.update(visible=False, value=None),
            out.result_box: gr.update(visible=portrait is not None),
            out.previews_box: gr.update(visible=True),
            out.previews_gallery: gr.update(value=faces, selected_index=None),
            out.previews: previews,
        }

    def compared(self, photo_inversions: PhotoInversions, files: SessionFiles) -> Updates:
        """The photo as each inversion mode sees it."""
        folder, origin = files.folder(), _without_style()
        pictures = (
            (show(picture, folder, origin), inversion_mode.capitalize())
            for inversion_mode, picture in photo_inversions.pictures.items()
        )
        faces = [(show(photo_inversions.crop, folder), "Photo"), *pictures]
        return {
            self._out.beside.compared: gr.update(visible=True, value=faces),
            self._out.photo_inversions: photo_inversions,
        }

    def back(self, text: str, kind: str, session: Session | None = None) -> Updates:
        """The page as it was before the job, with a line that says why."""
        out, portrait = self._out, session.portrait if session else None
        tiles = session is not None and session.previews is not None and bool(session.previews.tiles)
        return {
            **self.idle(),
            out.note: note(text, kind),
            out.preview: gr.update(visible=False, value=None),
            out.empty: gr.update(visible=portrait is None and not tiles),
            out.result_box: gr.update(visible=portrait is not None),
        }

    def nothing(self) -> Updates:
        """No change; a handler that yields nothing at all would empty every output."""
        return {self._out.note: gr.skip()}

    def idle(self) -> Updates:
        """No job is running."""
        buttons: Updates = {button: gr.update(interactive=True) for button in self._buttons()}
        return {**buttons, self._out.cancel: gr.update(visible=False)}

    def _buttons(self) -> tuple[gr.Button, ...]:
        return self._out.run, self._out.beside.compare, self._out.beside.try_all


def _without_style() -> "Origin":
    """Of a face as the network sees it, or while a style is being learnt."""
    from stylizer.provenance.notes import Origin  # brings torch along: not at the page's start

    return Origin()
