"""What happens when a control is used. Raw values in, updates out; a mistake becomes one sentence."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import fields, replace
from typing import Any

import gradio as gr

from stylizer.errors import Cancelled, InputError
from stylizer.serving.consent import check_consent
from stylizer.serving.engine import loaded
from stylizer.serving.jobs import Finished, JobHandle, Reporter
from stylizer.serving.photo_inversions import photo_inversions_of
from stylizer.serving.portrait import PortraitSession, open_session
from stylizer.serving.scoring import Advice, Scoring
from stylizer.serving.values import number, path_of, paths_of, render_request_of, sentence, train_settings
from stylizer.serving.work import Drawn, Marks, Request, checked, draw, inversion_mode_of, redraw
from stylizer.web.chooser import FROM_PICTURE
from stylizer.web.controls import DEFAULTS
from stylizer.web.inputs import Inputs
from stylizer.web.job_runner import Job, Runner
from stylizer.web.screen import Session, Updates
from stylizer.web.theme import note


class Handlers(Runner):
    """The main job: a portrait, and the same one redrawn."""

    def check_picture(self, pictures: Any) -> Updates:
        """Say at once when an upload cannot be used; the upload stays where it is."""
        from stylizer.imaging.decoding import open_picture_safely

        try:
            for path in paths_of(pictures):
                open_picture_safely(path)
        except Exception as error:
            return {self._out.note: note(sentence(error), "error")}
        return {self._out.note: ""}

    async def run(self, request: gr.Request, *values: Any) -> AsyncIterator[Updates]:
        """The whole story, with progress and previews; ends with a portrait, a sentence, or "Cancelled"."""
        session = Session(*values[:4])

        def prepare() -> Job:
            wanted = self._request(values[4:])
            return lambda job: self._portrait(session, wanted, job)

        async with aclosing(self._run(session, request, prepare)) as updates:  # type: ignore[type-var]
            async for update in updates:
                yield update

    def _portrait(self, session: Session, request: Request, job: JobHandle) -> Iterator[Updates]:
        screen = self._screen

        def work(reporter: Reporter) -> Drawn:
            return draw(
                self._stylizer,
                request,
                reporter,
                lambda face: photo_inversions_of(face, session.photo_inversions).inversions,
            )

        for event in self._events(work, job, "stylize"):
            if not isinstance(event, Finished):
                yield screen.progress(event, job, session.files)
                continue
            if job.cancelled:  # the visitor has just thrown the pictures away
                raise Cancelled("Cancelled.")
            drawn = event.value
            photo_inversions = photo_inversions_of(drawn.mixer.aligned, session.photo_inversions)
            photo_inversions = photo_inversions.known(request.inversion_mode, drawn.mixer.inversion, drawn.inverted)
            portrait = screen.portrait(open_session(drawn, self._folder), self._trouble(request, drawn))
            if session.portrait is not None:  # only now: whatever fails before leaves the old one
                session.portrait.remove()
            yield {**portrait, self._out.photo_inversions: photo_inversions}

    def redraw(
        self, portrait: PortraitSession | None, scoring: Scoring | None, advice: Advice | None, *controls: Any
    ) -> Iterator[Updates]:
        """The last portrait as the controls want it: first on the page, then its score, and its file."""
        screen = self._screen
        try:
            render_request = render_request_of(*controls)
            judge = scoring.judge if portrait and scoring and scoring.of == portrait.folder else None
            if portrait is None or (
                render_request == portrait.drawn.render_request and (portrait.score is not None or judge is None)
            ):
                yield screen.nothing()
                return
            moved = render_request != portrait.drawn.render_request
            if moved:
                engine, waited = loaded(self._stylizer), portrait.drawn.mixer.lacks(render_request)
                if waited:
                    yield {self._out.note: note("Keeping the likeness in the other style, too", "busy")}
                portrait = replace(portrait, drawn=redraw(engine, portrait.drawn, render_request), score=None)
                if not portrait.folder.exists():  # a new portrait has come meanwhile
                    yield screen.nothing()
                    return
                yield {**screen.redrawn(portrait), **({self._out.note: note("Mixed.", "done")} if waited else {})}
            portrait = replace(portrait, score=judge(portrait.drawn.crop) if judge else None)
            file = screen.file(portrait) if moved else {self._out.portrait: portrait}
            yield {**screen.judged(portrait, scoring, advice), **file}
        except Exception as error:
            gone = portrait is not None and not portrait.folder.exists()  # deleted by the visitor meanwhile
            yield screen.nothing() if gone else {self._out.note: note(sentence(error), "error")}

    def reset(self, again: int) -> Updates:
        """All controls as they were at first, and a redraw."""
        controls = dict(zip(self._in.controls, DEFAULTS, strict=True))
        return {**controls, self._out.again: again + 1}

    def ask_again(self, again: int) -> int:
        """A redraw, where the controls moved during a run."""
        return again + 1

    def _trouble(self, request: Request, drawn: Drawn) -> str:
        """What went wrong beside a style that was learnt all the same: the Hub was not reached, or did not take it."""
        looked = loaded(self._stylizer).library.last_lookup(drawn.style_key) if request.references else None
        return looked.trouble if looked is not None else ""

    def _request(self, values: tuple[Any, ...]) -> Request:
        given = dict(zip((field.name for field in fields(Inputs)), values, strict=True))
        check_consent(given["consent"])
        picture = given["source"] == FROM_PICTURE
        references = (*paths_of(given["reference"]), *paths_of(given["more"])) if picture else ()
        style = None if picture else given["saved"]
        return Request(
            target=checked(references, style, path_of(given["target"])),
            references=references,
            style=style,
            train=train_settings(given["iterations"], given["seed"]),
            render_request=render_request_of(*(given[name] for name in self._in.controls._fields)),
            inversion_mode=inversion_mode_of(given["inversion_mode"]),
            face=int(number(given["face"], "face", 0)),
            already_aligned=bool(given["already_aligned"]),
            marks=_complete(given["marks"]) if picture and given["by_hand"] else None,
            full_frame=bool(given["full_frame"]),
            name=(given["name"] or "").strip() or None,
        )


def _complete(marks: Marks) -> Marks:
    if len(marks) < 3:
        raise InputError("The face is not marked yet; click both eyes and the mouth in the style picture.")
    return marks
