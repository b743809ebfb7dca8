"""After a run: the portrait is judged and advice is looked for, while the page can be used already."""

from typing import Any

import gradio as gr

from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.portrait import PortraitSession
from stylizer.serving.scoring import Advice, Scoring, advised_strength, judge_of
from stylizer.serving.values import sentence
from stylizer.web.inputs import Inputs
from stylizer.web.layout import Outputs
from stylizer.web.screen import Screen, Updates


class ScoringHandlers:
    """Over a stylizer and the page's widgets. What goes wrong here is logged; the portrait is there all the same."""

    def __init__(self, stylizer: Engine | LazyStylizer, inputs: Inputs, outputs: Outputs) -> None:
        self._stylizer, self._in, self._out, self._screen = stylizer, inputs, outputs, Screen(outputs)

    def judge(self, portrait: PortraitSession | None, scoring: Scoring | None, again: int) -> Updates:
        """Who judges the new portrait; the redraw that this asks for shows the score."""
        if portrait is None or (scoring is not None and scoring.of == portrait.folder):  # the run brought no new one
            return {self._out.again: again}
        try:
            scoring = judge_of(loaded(self._stylizer), portrait.drawn, portrait.folder)
        except Exception as error:
            sentence(error)
            return {self._out.again: again}
        return {self._out.scoring: scoring, self._out.again: again + 1}

    def advise(self, portrait: PortraitSession | None, scoring: Scoring | None, before: Advice | None) -> Updates:
        """A lower strength, where the face is getting lost."""
        if (
            portrait is None
            or scoring is None
            or scoring.of != portrait.folder
            or (before and before.of == portrait.folder)
        ):
            return {self._out.advice: gr.skip()}
        try:
            strength = advised_strength(loaded(self._stylizer), portrait.drawn, scoring)
        except Exception as error:
            sentence(error)
            return {self._out.advice: gr.skip()}
        if not portrait.folder.exists():  # a new portrait has come meanwhile
            return {self._out.advice: gr.skip()}
        return {self._out.advised: Advice(portrait.folder, strength), **self._screen.advice(strength)}

    def take(self, advice: Advice | None, again: int) -> Updates:
        """The strength that was advised, and a redraw."""
        strength: Any = gr.skip() if advice is None else advice.strength
        return {self._in.strength: strength, self._out.again: again + 1}
