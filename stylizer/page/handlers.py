"""What happens when a control is used. Raw values in, updates out; a mistake becomes one sentence."""

import threading
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.errors import Cancelled, InputError
from stylizer.page.engine import Engine, LazyStylizer, loaded
from stylizer.page.inputs import FROM_LIBRARY, FROM_PICTURE, Inputs
from stylizer.page.jobs import Finished, Part, Progress, Reporter, Ticket, follow
from stylizer.page.kept import Kept, keep
from stylizer.page.layout import Outputs
from stylizer.page.look import note, times
from stylizer.page.study import Study, compare, study_of
from stylizer.page.values import UNEXPECTED, number, path_of, sentence, train_settings
from stylizer.page.work import Drawn, Marks, Request, checked, depth_of, draw, redraw
from stylizer.settings import DEPTHS, RenderSettings

Updates = dict[Any, Any]


class Handlers:
    """The page's behaviour over a stylizer and its widgets.

    folder: where sessions keep their files. closing: set when the program ends; running jobs then stop.
    """

    def __init__(
        self,
        stylizer: Engine | LazyStylizer,
        inputs: Inputs,
        outputs: Outputs,
        *,
        folder: Path,
        closing: threading.Event,
    ) -> None:
        self._stylizer, self._in, self._out, self._folder, self._closing = stylizer, inputs, outputs, folder, closing

    def choose_source(self, source: str, saved: str | None) -> Updates:
        """Show the upload or the list of saved styles."""
        from_library = source == FROM_LIBRARY
        updates: Updates = {
            self._in.picture_box: gr.update(visible=not from_library),
            self._in.library_box: gr.update(visible=from_library),
        }
        if from_library:
            updates |= self._styles(saved)
        return updates

    def check_picture(self, picture: Any) -> Updates:
        """Say at once when an upload cannot be used; the upload stays where it is."""
        from stylizer.images import open_picture  # brings torch along: not at the page's start

        path = path_of(picture)
        try:
            if path is not None:
                open_picture(path)
        except Exception as error:
            return {self._out.note: note(sentence(error), "error")}
        return {self._out.note: ""}

    def begin(self, ticket: Ticket) -> Updates:
        """The instant answer to the button, before the job's turn comes."""
        ticket.cancelled = False
        return {
            self._out.run: gr.update(interactive=False),
            self._out.compare: gr.update(interactive=False),
            self._out.cancel: gr.update(visible=True, interactive=True),
            self._out.note: note("Waiting for a free place …", "busy"),
        }

    def stop(self, ticket: Ticket) -> Updates:
        """Cancel: the job ends at its next step."""
        ticket.cancelled = True
        return {
            self._out.cancel: gr.update(interactive=False),
            self._out.note: note("Stopping …", "busy"),
        }

    def run(self, ticket: Ticket, kept: Kept | None, study: Study | None, *values: Any) -> Iterator[Updates]:
        """The whole story, with progress and previews; ends with a portrait, a sentence, or "Cancelled"."""
        try:
            request = self._request(values)

            def work(reporter: Reporter) -> Drawn:
                return draw(self._stylizer, request, reporter, lambda face: study_of(face, study).inversions)

            for event in follow(work, ticket, self._closing):
                if isinstance(event, Finished):
                    if kept is not None:
                        kept.remove()
                    drawn = event.value
                    kept = keep(drawn, self._folder)
                    study = study_of(drawn.aligned, study).known(request.depth, drawn.inversion, drawn.inverted)
                    yield {**self._portrait(kept), self._out.study: study}
                    return
                yield self._progress(event, ticket)
        except Cancelled:
            yield self._back("Cancelled. Nothing was changed.", "", kept)
        except Exception as error:
            yield self._back(sentence(error), "error", kept)

    def redraw(self, kept: Kept | None, strength: float, preserve_color: bool) -> Iterator[Updates]:
        """The last portrait at another strength, first on the page, then as a file."""
        try:
            settings = RenderSettings(number(strength, "strength"), bool(preserve_color))
            if kept is None or settings == kept.drawn.settings:
                yield self._nothing()  # a generator that yields nothing would empty every output
                return
            engine = loaded(self._stylizer)
            kept = replace(kept, drawn=redraw(engine, kept.drawn, settings))
            if not kept.folder.exists():  # a new portrait has come meanwhile
                yield self._nothing()
                return
            yield {
                self._out.slider: (kept.shown(kept.drawn.before), kept.shown(kept.drawn.image)),
                self._out.times: times(kept.drawn.seconds),
                self._out.download: gr.update(interactive=False),
                self._out.kept: kept,
            }
            yield {self._out.download: gr.update(value=kept.full(), interactive=True)}
        except Exception as error:
            yield {self._out.note: note(sentence(error), "error")}

    def compare(
        self, ticket: Ticket, kept: Kept | None, study: Study | None, target: Any, face: Any
    ) -> Iterator[Updates]:
        """How each depth sees the photo, one after the other; the page is then as it was, with them beside it."""
        try:
            path, which = path_of(target), int(number(face, "face", 0))
            if path is None:
                raise InputError("Add the photo of a face first.")
            for event in follow(
                lambda reporter: compare(self._stylizer, path, which, study, reporter), ticket, self._closing
            ):
                if isinstance(event, Part):
                    yield self._compared(event.value)
                elif not isinstance(event, Finished):
                    yield self._progress(event, ticket)
            yield self._back("Click the face that is most like the photo; then press Stylize.", "done", kept)
        except Cancelled:
            yield self._back("Cancelled. What was found so far is kept.", "", kept)
        except Exception as error:
            yield self._back(sentence(error), "error", kept)

    def choose_depth(self, event: gr.SelectData) -> Updates:
        """A click on one of the compared faces chooses its depth; one on the photo changes nothing."""
        caption = event.value.get("caption") if isinstance(event.value, dict) else None
        depth = next((depth for depth in DEPTHS if depth.capitalize() == caption), None)
        return {self._in.depth: gr.skip() if depth is None else depth}

    def forget_compared(self) -> Updates:
        """Another photo or another face of it: the faces that were compared are no longer of it."""
        return {self._out.compared: gr.update(visible=False, value=None)}

    def _compared(self, study: Study) -> Updates:
        faces = [(study.crop, "Photo"), *((picture, depth.capitalize()) for depth, picture in study.pictures.items())]
        return {self._out.compared: gr.update(visible=True, value=faces), self._out.study: study}

    def broke(self) -> Updates:
        """When the job could not even be started."""
        return self._back(UNEXPECTED, "error", None)

    def styles(self, saved: str | None) -> Updates:
        """The saved styles; empty while the networks are still loading, so that the page never waits for them."""
        if isinstance(self._stylizer, LazyStylizer) and not self._stylizer.ready:
            return self._nothing()
        return self._styles(saved)

    def _styles(self, saved: str | None) -> Updates:
        try:
            engine = loaded(self._stylizer)
            choices = [(style.name, style.key) for style in engine.styles()]
        except Exception as error:
            return {self._out.note: note(sentence(error), "error")}
        keys = [key for _, key in choices]
        value = saved if saved in keys else (keys[0] if keys else None)
        return {self._in.saved: gr.update(choices=choices, value=value)}

    def _request(self, values: tuple[Any, ...]) -> Request:
        given = dict(
            zip((field.name for field in fields(Inputs) if not field.name.endswith("_box")), values, strict=True)
        )
        picture = given["source"] == FROM_PICTURE
        reference = path_of(given["reference"]) if picture else None
        style = None if picture else given["saved"]
        return Request(
            target=checked(reference, style, path_of(given["target"])),
            reference=reference,
            style=style,
            train=train_settings(given["iterations"], given["seed"]),
            render=RenderSettings(number(given["strength"], "strength"), bool(given["preserve_color"])),
            depth=depth_of(given["depth"]),
            face=int(number(given["face"], "face", 0)),
            already_aligned=bool(given["already_aligned"]),
            marks=_complete(given["marks"]) if picture and given["by_hand"] else None,
            full_frame=bool(given["full_frame"]),
            name=(given["name"] or "").strip() or None,
        )

    def _progress(self, event: Progress | Part[Any] | None, ticket: Ticket) -> Updates:
        if not isinstance(event, Progress) or ticket.cancelled:
            return self._nothing()  # a sign of life keeps gradio looking whether the visitor is still there
        updates: Updates = {self._out.note: note(event.text, "busy", event.fraction)}
        if event.preview is not None:  # what was there stays until there is something to see
            updates |= {
                self._out.empty: gr.update(visible=False),
                self._out.result_box: gr.update(visible=False),
                self._out.preview: gr.update(visible=True, value=event.preview),
            }
        return updates

    def _portrait(self, kept: Kept) -> Updates:
        out, drawn = self._out, kept.drawn
        learnt = "The style is new and now kept" if drawn.trained else "The style was already learnt"
        return {
            **self._idle(),
            out.note: note(f"Done. {learnt} as “{drawn.style_name}”. Move the strength to redraw.", "done"),
            out.empty: gr.update(visible=False),
            out.preview: gr.update(visible=False, value=None),
            out.result_box: gr.update(visible=True),
            out.slider: (kept.shown(drawn.before), kept.shown(drawn.image)),
            out.download: gr.update(value=kept.full(), interactive=True),
            out.times: times(drawn.seconds),
            out.crop_reference: gr.update(
                visible=drawn.reference is not None, value=drawn.reference and kept.shown(drawn.reference)
            ),
            out.crop_photo: kept.shown(drawn.aligned.crop),
            out.inverted: kept.shown(drawn.inverted),
            out.people: gr.update(visible=False, value=None),
            out.kept: kept,
        }

    def _back(self, text: str, kind: str, kept: Kept | None) -> Updates:
        """The page as it was before the run, with a line that says why."""
        out = self._out
        return {
            **self._idle(),
            out.note: note(text, kind),
            out.preview: gr.update(visible=False, value=None),
            out.empty: gr.update(visible=kept is None),
            out.result_box: gr.update(visible=kept is not None),
        }

    def _nothing(self) -> Updates:
        return {self._out.note: gr.skip()}

    def _idle(self) -> Updates:
        out = self._out
        buttons: Updates = {button: gr.update(interactive=True) for button in (out.run, out.compare)}
        return {**buttons, out.cancel: gr.update(visible=False)}


def _complete(marks: Marks) -> Marks:
    if len(marks) < 3:
        raise InputError("The face is not marked yet; click both eyes and the mouth in the style picture.")
    return marks
