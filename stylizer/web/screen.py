"""What the page shows at each moment of a job: updates of its widgets, and no work."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from stylizer.serving.jobs import Part, Progress, Ticket
from stylizer.serving.portrait import Kept, show
from stylizer.serving.previews import Trial
from stylizer.serving.scoring import Advice, Verdict
from stylizer.serving.study import Study
from stylizer.web.layout import Outputs
from stylizer.web.theme import label, note, score, times

if TYPE_CHECKING:
    from stylizer.provenance.notes import Origin

Updates = dict[Any, Any]


@dataclass
class Session:
    """What the page remembers of one visitor, as a job has it."""

    ticket: Ticket
    kept: Kept | None
    study: Study | None
    trial: Trial | None


class Screen:
    """Over the page's widgets."""

    def __init__(self, outputs: Outputs) -> None:
        self._out = outputs

    def busy(self) -> Updates:
        """A job runs, or waits for its turn."""
        buttons: Updates = {button: gr.update(interactive=False) for button in self._buttons()}
        return {**buttons, self._out.cancel: gr.update(visible=True, interactive=True)}

    def progress(self, event: Progress | Part[Any] | None, ticket: Ticket) -> Updates:
        """Where the job stands; its preview takes the place of the portrait."""
        if not isinstance(event, Progress) or ticket.cancelled:
            return self.nothing()  # a sign of life keeps gradio looking whether the visitor is still there
        out = self._out
        updates: Updates = {out.note: note(event.text, "busy", event.fraction)}
        if event.preview is not None:  # what was there stays until there is something to see
            updates |= {
                out.empty: gr.update(visible=False),
                out.result_box: gr.update(visible=False),
                out.preview: gr.update(visible=True, value=show(event.preview, ticket.desk(), _without_style())),
            }
        return updates

    def portrait(self, kept: Kept, trouble: str = "") -> Updates:
        """The job is done; the portrait is not judged yet. trouble: of looking the style up, if there was any."""
        out, drawn = self._out, kept.drawn
        learnt = "The style is new and now kept" if drawn.trained else "The style was already learnt"
        return {
            **self.idle(),
            out.note: note(
                f"Done. {learnt} as “{label(drawn.style_name)}”. Move the strength to redraw.", "done", aside=trouble
            ),
            out.empty: gr.update(visible=False),
            out.preview: gr.update(visible=False, value=None),
            out.result_box: gr.update(visible=True),
            out.details_box: gr.update(visible=True),
            out.slider: (kept.shown(drawn.before), kept.shown(drawn.image, drawn.origin)),
            out.score: "",
            **self.advice(None),
            out.times: times(drawn.seconds),
            out.crop_reference: gr.update(
                visible=drawn.reference is not None, value=drawn.reference and kept.shown(drawn.reference)
            ),
            out.crop_photo: kept.shown(drawn.mixer.aligned.crop),
            out.inverted: kept.shown(drawn.inverted, _without_style()),
            out.people: gr.update(visible=False, value=None),
            **self.file(kept),
        }

    def redrawn(self, kept: Kept) -> Updates:
        """The same portrait as it is wanted now."""
        out, drawn = self._out, kept.drawn
        return {
            out.slider: (kept.shown(drawn.before), kept.shown(drawn.image, drawn.origin)),
            out.times: times(drawn.seconds),
            out.download: gr.update(interactive=False),
            out.kept: kept,
        }

    def judged(self, kept: Kept, verdict: Verdict | None, advice: Advice | None) -> Updates:
        """How well it came out, and the button that takes the advice."""
        if kept.score is None or verdict is None:
            return {self._out.score: "", **self.advice(None)}
        updates: Updates = {self._out.score: score(kept.score, verdict.named(kept.drawn.wish))}
        if advice is None or advice.of != kept.folder:  # it may just be on its way
            return updates
        good = advice.still_good(kept.drawn.wish.settings.strength, kept.score)
        return {**updates, **self.advice(advice.strength if good else None)}

    def advice(self, strength: float | None) -> Updates:
        """The button that takes the advice; None hides it."""
        said = "" if strength is None else f"The face is getting lost: try strength {strength:.2f}"
        return {self._out.advice: gr.update(visible=strength is not None, value=said)}

    def file(self, kept: Kept) -> Updates:
        """The download, once its file is written."""
        return {self._out.download: gr.update(value=kept.full(), interactive=True), self._out.kept: kept}

    def tried(self, trial: Trial, kept: Kept | None) -> Updates:
        """The photo in the styles that were drawn so far."""
        out = self._out
        faces = [(str(tile.picture), label(tile.name)) for tile in trial.tiles]
        return {
            out.empty: gr.update(visible=False),
            out.preview: gr.update(visible=False, value=None),
            out.result_box: gr.update(visible=kept is not None),
            out.tried_box: gr.update(visible=True),
            out.tried: gr.update(value=faces, selected_index=None),
            out.trial: trial,
        }

    def compared(self, study: Study, ticket: Ticket) -> Updates:
        """The photo as each depth sees it."""
        desk, origin = ticket.desk(), _without_style()
        pictures = ((show(picture, desk, origin), depth.capitalize()) for depth, picture in study.pictures.items())
        faces = [(show(study.crop, desk), "Photo"), *pictures]
        return {self._out.beside.compared: gr.update(visible=True, value=faces), self._out.study: study}

    def back(self, text: str, kind: str, session: Session | None = None) -> Updates:
        """The page as it was before the job, with a line that says why."""
        out, kept = self._out, session.kept if session else None
        tiles = session is not None and session.trial is not None and bool(session.trial.tiles)
        return {
            **self.idle(),
            out.note: note(text, kind),
            out.preview: gr.update(visible=False, value=None),
            out.empty: gr.update(visible=kept is None and not tiles),
            out.result_box: gr.update(visible=kept is not None),
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
