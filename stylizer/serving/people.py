"""Random people in the style of the last portrait: what the style makes of anybody."""

from typing import Any

from stylizer.errors import InputError
from stylizer.serving.engine import Engine
from stylizer.serving.portrait import NOT_KEPT, PortraitSession
from stylizer.serving.render_request import wanted_style
from stylizer.serving.values import number
from stylizer.settings import COUNT

_SIDE = 512  # pixels of the pictures in the gallery


def invent_people(engine: Engine, portrait: PortraitSession | None, seed: Any, truncation: Any) -> list[str]:
    """Draw people who do not exist as the last portrait is drawn; the paths of their pictures.

    Raises:
        InputError: there is no portrait. SettingsError: a number is none. StylizerError: of drawing.
    """
    from stylizer.provenance.notes import origin_of  # brings torch along: not at the page's start

    if portrait is None or not portrait.folder.exists():
        raise InputError(NOT_KEPT)
    render_request = portrait.drawn.render_request
    style, settings = wanted_style(engine, portrait.drawn.style_key, render_request), render_request.settings
    which = int(number(seed, "seed", 0))
    faces = engine.invent(style, COUNT, settings, seed=which, truncation=number(truncation, "variety"))
    origin = origin_of(style, "nobody")
    return [portrait.shown(face.resize((_SIDE, _SIDE)), origin) for face in faces]
