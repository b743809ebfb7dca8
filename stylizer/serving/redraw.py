"""The last portrait at another strength, amount or mixture: redrawn, scored and judged while the page is in use."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from stylizer.serving.engine import Engine
from stylizer.serving.portrait import PortraitSession
from stylizer.serving.render_request import RenderRequest
from stylizer.serving.scoring import Advice, advised_strength, judge_of
from stylizer.serving.visitor import Visitor
from stylizer.serving.work import redraw


@dataclass(frozen=True)
class Redrawn:
    """One stage of a redraw.

    portrait: as it is now; None while it is being drawn. waits: this takes seconds, as the likeness in a style has to
    be found first. scored: whether the portrait's score is known now, or known to be none.
    """

    portrait: PortraitSession | None
    waits: bool = False
    scored: bool = False


def redraw_portrait(engine: Engine, visitor: Visitor, render_request: RenderRequest) -> Iterator[Redrawn]:
    """Bring the last portrait up to date: first its picture, then its score; nothing where both are.

    Ends early where a newer portrait has come meanwhile, or the visitor has deleted it.

    Raises:
        StylizerError: of any kind.
    """
    portrait, scoring = visitor.portrait, visitor.scoring
    if portrait is None:
        return
    moved = render_request != portrait.drawn.render_request
    if not moved and (portrait.score is not None or scoring is None):
        return
    if moved:
        waits = portrait.drawn.mixer.lacks(render_request)
        if waits:
            yield Redrawn(None, waits)
        new = replace(portrait, drawn=redraw(engine, portrait.drawn, render_request), score=None)
        if visitor.portrait is not portrait:
            return
        visitor.portrait = portrait = new
        yield Redrawn(portrait, waits)
    score = scoring.judge(portrait.drawn.crop) if scoring is not None else None
    if visitor.portrait is portrait:
        visitor.portrait = replace(portrait, score=score)
        yield Redrawn(visitor.portrait, scored=True)


def score_portrait(engine: Engine, visitor: Visitor) -> bool:
    """Get ready to score the last portrait; about a second. Returns whether a score can be asked for now."""
    portrait = visitor.portrait
    if portrait is None or (visitor.scoring is not None and visitor.scoring.of == portrait.folder):
        return False
    scoring = judge_of(engine, portrait.drawn, portrait.folder)
    if visitor.portrait is None or visitor.portrait.folder != portrait.folder:
        return False
    visitor.scoring = scoring
    return True


def advise(engine: Engine, visitor: Visitor) -> Advice | None:
    """Look for a lower strength, where the face is getting lost; None where there is nothing new to say."""
    portrait, scoring = visitor.portrait, visitor.scoring
    if portrait is None or scoring is None or scoring.of != portrait.folder or visitor.advice is not None:
        return None
    strength = advised_strength(engine, portrait.drawn, scoring)
    if visitor.portrait is None or visitor.portrait.folder != portrait.folder:
        return None
    visitor.advice = Advice(portrait.folder, strength)
    return visitor.advice


def strength_to_try(visitor: Visitor) -> float | None:
    """The advised strength, as long as the portrait as it is now needs it."""
    portrait, advice = visitor.portrait, visitor.advice
    if portrait is None or portrait.score is None or advice is None:
        return None
    good = advice.still_good(portrait.drawn.render_request.settings.strength, portrait.score)
    return advice.strength if good else None
