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
    """What scores a session's portrait, however it is redrawn.

    of: the portrait's folder, which identifies it. judge: compares pictures with the photo and the style.
    style_name, mixture: of the style as it was first drawn.
    """

    of: Path
    judge: "QualityScorer"
    style_name: str
    mixture: tuple[str | None, float]

    def named(self, render_request: RenderRequest) -> str | None:
        """The style's name; None where another mixture is drawn now, which is not what the score compares with."""
        return self.style_name if self.mixture == render_request.mixture else None


@dataclass(frozen=True)
class Advice:
    """A lower strength that keeps the person recognisable; None: none is needed. of: as in `Scoring`."""

    of: Path
    strength: float | None

    def still_good(self, strength: float, score: "Score") -> bool:
        """Whether it is lower than this strength, and the person is hardly recognisable at this one."""
        from stylizer.evaluation.score import LIMIT  # brings torch along: not at the page's start

        return self.strength is not None and strength > self.strength and score.identity > LIMIT


def judge_of(engine: Engine, drawn: Drawn, of: Path) -> Scoring:
    """Prepare the scores of a portrait; takes about a second."""
    style, _, _ = drawn.mixer.mix(engine, drawn.render_request)
    judge = engine.judge(style, drawn.inverted, drawn.mixer.aligned)
    return Scoring(of, judge, style.name, drawn.render_request.mixture)


def advised_strength(engine: Engine, drawn: Drawn, scoring: Scoring) -> float | None:
    """A lower strength at which the person is recognisable, where that is not so at the present one; takes seconds.

    Returns:
        The strength; None where the present one is fine, or no lower one helps.
    """
    style, likeness, mixer = drawn.mixer.mix(engine, drawn.render_request)
    settings = drawn.render_request.settings

    def at(strength: float) -> Image.Image:
        if strength == settings.strength:
            return drawn.crop
        wanted = replace(settings, strength=strength)
        return engine.render(mixer.inversion, style, wanted, likeness, mixer.aligned.crop)

    return scoring.judge.suggest(at, settings.strength)
