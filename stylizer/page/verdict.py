"""How well a portrait came out, and whether a lower strength would be better."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import Image

from stylizer.page.engine import Engine
from stylizer.page.work import Drawn

if TYPE_CHECKING:
    from stylizer.score import Judge, Score


@dataclass(frozen=True)
class Verdict:
    """judge: of this face and the style as it was first drawn. style_name: of that style. score: of the portrait.
    advice: a lower strength that keeps the person, found after the run."""

    judge: "Judge"
    style_name: str
    score: "Score"
    advice: float | None

    def advice_at(self, strength: float) -> float | None:
        """The advice, as long as it is for less than this strength and the face is getting lost."""
        from stylizer.score import LIMIT  # brings torch along: not at the page's start

        heeded = self.advice is None or strength <= self.advice or self.score.identity <= LIMIT
        return None if heeded else self.advice


def judged(engine: Engine, drawn: Drawn) -> Drawn:
    """With a score, and with advice where the face is getting lost. About a second; some more where it is."""
    style, likeness, _ = drawn.mixer.mix(engine, drawn.wish)
    judge, settings = engine.judge(style, drawn.inverted, drawn.mixer.aligned), drawn.wish.settings

    def at(strength: float) -> Image.Image:
        if strength == settings.strength:
            return drawn.crop
        return engine.render(drawn.mixer.inversion, style, replace(settings, strength=strength), likeness)

    advice = judge.suggest(at, settings.strength)
    return replace(drawn, verdict=Verdict(judge, style.name, judge(drawn.crop), advice))


def judged_again(drawn: Drawn) -> Drawn:
    """With the score of a portrait that was drawn anew."""
    if drawn.verdict is None:
        return drawn
    return replace(drawn, verdict=replace(drawn.verdict, score=drawn.verdict.judge(drawn.crop)))
