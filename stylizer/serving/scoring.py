"""How well a portrait came out, and whether a lower strength would be better."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylizer.serving.engine import Engine
from stylizer.serving.render_request import RenderRequest
from stylizer.serving.work import Drawn

if TYPE_CHECKING:
    from stylizer.evaluation.score import QualityScorer, Score


@dataclass(frozen=True)
class Scoring:
    """Who judges a session's portrait, however it is redrawn.

    of: the folder of the portrait, by which it is known. style_name, mixture: of the style as it was first drawn.
    """

    of: Path
    judge: "QualityScorer"
    style_name: str
    mixture: tuple[str | None, float]

    def named(self, render_request: RenderRequest) -> str | None:
        """The style's name; None where another mixture is wanted now, whose style is not what was measured against."""
        return self.style_name if self.mixture == render_request.mixture else None


@dataclass(frozen=True)
class Advice:
    """A lower strength that keeps the person, found after the run; None: none is needed. of: as above."""

    of: Path
    strength: float | None

    def still_good(self, strength: float, score: "Score") -> bool:
        """Whether it is for less than this strength, and the face is getting lost."""
        from stylizer.evaluation.score import LIMIT  # brings torch along: not at the page's start

        return self.strength is not None and strength > self.strength and score.identity > LIMIT


def judge_of(engine: Engine, drawn: Drawn, of: Path) -> Scoring:
    """Get ready to judge a portrait; about a second."""
    style, _, _ = drawn.mixer.mix(engine, drawn.render_request)
    judge = engine.judge(style, drawn.inverted, drawn.mixer.aligned)
    return Scoring(of, judge, style.name, drawn.render_request.mixture)


def advised_strength(engine: Engine, drawn: Drawn, scoring: Scoring) -> float | None:
    """A lower strength, where the face is getting lost at this one and kept at that; then it takes seconds."""
    style, likeness, mixer = drawn.mixer.mix(engine, drawn.render_request)
    settings = drawn.render_request.settings

    def at(strength: float) -> Image.Image:
        if strength == settings.strength:
            return drawn.crop
        wanted = replace(settings, strength=strength)
        return engine.render(mixer.inversion, style, wanted, likeness, mixer.aligned.crop)

    return scoring.judge.suggest(at, settings.strength)
