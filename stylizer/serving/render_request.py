"""How a portrait is wanted, beside whose and in which style: what the page's sliders say; nothing of it is learned."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from stylizer.serving.engine import Engine
from stylizer.settings import MIX_RATIO, MIX_RATIO_MAX, MIX_RATIO_MIN, RenderSettings, check_range

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace
    from stylizer.inversion.code import Inversion
    from stylizer.styles.style import Style


@dataclass(frozen=True)
class RenderRequest:
    """What can be changed in about a second.

    other: name or key of a style to mix in, if any. share: of it, 0 = the first style alone, 1 = the other alone.
    """

    settings: RenderSettings = RenderSettings()  # noqa: RUF009 - frozen
    other: str | None = None
    mix_ratio: float = MIX_RATIO

    def __post_init__(self) -> None:
        check_range("The mix ratio of the two styles", self.mix_ratio, MIX_RATIO_MIN, MIX_RATIO_MAX)

    @property
    def mixed(self) -> str | None:
        """The other style, where there is anything of it."""
        return self.other if self.mix_ratio > 0 else None

    @property
    def mixture(self) -> tuple[str | None, float]:
        """What makes the style another one: the other style, and its share."""
        return self.mixed, self.mix_ratio if self.mixed is not None else 0.0


@dataclass(frozen=True)
class FaceMixer:
    """One face in one style or in two: what `Engine.render` needs of them.

    likenesses: what keeps the person in a style, by its key; found once each.
    """

    inversion: "Inversion"
    aligned: "AlignedFace"
    key: str
    likenesses: Mapping[str, Any]

    def mix(self, engine: Engine, render_request: RenderRequest) -> "tuple[Style, Any, FaceMixer]":
        """The style that is wanted, what keeps the person in it, and this with the likeness that was found for it."""
        one = engine.find_style(self.key)
        if render_request.mixed is None:
            return one, self.likenesses[self.key], self
        other, knows = engine.find_style(render_request.mixed), self
        if other.key not in self.likenesses:
            found = engine.likeness(self.inversion, other, self.aligned)
            knows = replace(self, likenesses={**self.likenesses, other.key: found})
        likeness = _between(self.likenesses[self.key], knows.likenesses[other.key], render_request.mix_ratio)
        return _blend(engine, one, other, render_request.mix_ratio), likeness, knows

    def lacks(self, render_request: RenderRequest) -> bool:
        """Whether a likeness has to be found first, which takes seconds; `wish.other` must be a key."""
        return (
            render_request.mixed is not None
            and render_request.mixed not in self.likenesses
            and self.inversion.inversion_mode != "fast"
        )


def wanted_style(engine: Engine, key: str, render_request: RenderRequest) -> "Style":
    """The style with this key, mixed with another one where that is wanted."""
    one = engine.find_style(key)
    return (
        one
        if render_request.mixed is None
        else _blend(engine, one, engine.find_style(render_request.mixed), render_request.mix_ratio)
    )


def _blend(engine: Engine, one: "Style", other: "Style", mix_ratio: float) -> "Style":
    return other if mix_ratio == 1 else engine.blend(one, other, mix_ratio)  # at 1 bit for bit


def _between(one: Any, other: Any, mix_ratio: float) -> Any:
    """What keeps the likeness in a blend: linear, as the blend is; the fast mode has none of either."""
    if mix_ratio == 1 or one is None or other is None:
        return other
    return (1 - mix_ratio) * one + mix_ratio * other
