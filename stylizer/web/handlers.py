"""What happens when a control is used. Raw values in, updates out; a mistake becomes one sentence."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import gradio as gr

from stylizer.errors import Cancelled, InputError
from stylizer.serving.consent import check_consent
from stylizer.serving.engine import loaded
from stylizer.serving.jobs import Finished, Reporter
from stylizer.serving.portrait import Kept, keep
from stylizer.serving.scoring import Advice, Verdict
from stylizer.serving.study import study_of
from stylizer.serving.values import number, path_of, paths_of, sentence, train_settings, wish_of
from stylizer.serving.work import Drawn, Marks, Request, checked, depth_of, draw, redraw
from stylizer.web.chooser import FROM_PICTURE
from stylizer.web.controls import DEFAULTS
from stylizer.web.inputs import Inputs
from stylizer.web.running import Runner
from stylizer.web.screen import Session, Updates
from stylizer.web.theme import note

NOT_STARTED = "This was not started: too many jobs wait here, or too many of yours; try again in a few minutes."


class Handlers(Runner):
    """The main job: a portrait, and the same one redrawn."""

    def check_picture(self, pictures: Any) -> Updates:
        """Say at once when an upload cannot be used; the upload stays where it is."""
        from stylizer.imaging.pictures import open_picture  # brings torch along: not at the page's start

        try:
            for path in paths_of(pictures):
                open_picture(path)
        except Exception as error:
            return {self._out.note: note(sentence(error), "error")}
        return {self._out.note: ""}

    def run(self, request: gr.Request, *values: Any) -> Iterator[Updates]:
        """The whole story, with progress and previews; ends with a portrait, a sentence, or "Cancelled"."""
        session = Session(*values[:4])
        yield from self._to_the_end(session, request, lambda turn: self._portrait(session, values[4:], turn))

    def _portrait(self, session: Session, values: tuple[Any, ...], turn: int) -> Iterator[Updates]:
        request, screen = self._request(values), self._screen

        def work(reporter: Reporter) -> Drawn:
            return draw(self._stylizer, request, reporter, lambda face: study_of(face, session.study).inversions)

        for event in self._events(work, session, "stylize", turn):
            if not isinstance(event, Finished):
                yield screen.progress(event, session.ticket)
                continue
            if session.ticket.turn != turn:  # the visitor has just thrown the pictures away
                raise Cancelled("Cancelled.")
            if session.kept is not None:
                session.kept.remove()
            drawn = event.value
            study = study_of(drawn.mixer.aligned, session.study)
            study = study.known(request.depth, drawn.mixer.inversion, drawn.inverted)
            portrait = screen.portrait(keep(drawn, self._folder), self._trouble(request, drawn))
            yield {**portrait, self._out.study: study}

    def redraw(
        self, kept: Kept | None, verdict: Verdict | None, advice: Advice | None, *controls: Any
    ) -> Iterator[Updates]:
        """The last portrait as the controls want it: first on the page, then its score, and its file."""
        screen = self._screen
        try:
            wish = wish_of(*controls)
            judge = verdict.judge if kept and verdict and verdict.of == kept.folder else None
            if kept is None or (wish == kept.drawn.wish and (kept.score is not None or judge is None)):
                yield screen.nothing()
                return
            moved = wish != kept.drawn.wish
            if moved:
                engine, waited = loaded(self._stylizer), kept.drawn.mixer.lacks(wish)
                if waited:
                    yield {self._out.note: note("Keeping the likeness in the other style, too", "busy")}
                kept = replace(kept, drawn=redraw(engine, kept.drawn, wish), score=None)
                if not kept.folder.exists():  # a new portrait has come meanwhile
                    yield screen.nothing()
                    return
                yield {**screen.redrawn(kept), **({self._out.note: note("Mixed.", "done")} if waited else {})}
            kept = replace(kept, score=judge(kept.drawn.crop) if judge else None)
            file = screen.file(kept) if moved else {self._out.kept: kept}
            yield {**screen.judged(kept, verdict, advice), **file}
        except Exception as error:
            gone = kept is not None and not kept.folder.exists()  # deleted by the visitor meanwhile
            yield screen.nothing() if gone else {self._out.note: note(sentence(error), "error")}

    def reset(self, again: int) -> Updates:
        """All controls as they were at first, and a redraw."""
        controls = dict(zip(self._in.controls, DEFAULTS, strict=True))
        return {**controls, self._out.again: again + 1}

    def ask_again(self, again: int) -> int:
        """A redraw, where the controls moved during a run."""
        return again + 1

    def broke(self, *session: Any) -> Updates:
        """When the job could not even be started; gradio itself shows why."""
        given = Session(*session)
        given.ticket.expected = False
        return self._screen.back(NOT_STARTED, "error", given)

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
            wish=wish_of(*(given[name] for name in self._in.controls._fields)),
            depth=depth_of(given["depth"]),
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
