"""How a portrait is drawn: everything that can be changed without learning or inverting anything again."""

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

    settings: strength and amounts. other: name or key of a style to mix in; None: none.
    mix_ratio: 0 = the first style alone, 1 = the other alone.
    """

    settings: RenderSettings = RenderSettings()  # noqa: RUF009 - frozen
    other: str | None = None
    mix_ratio: float = MIX_RATIO

    def __post_init__(self) -> None:
        check_range("The mix ratio of the two styles", self.mix_ratio, MIX_RATIO_MIN, MIX_RATIO_MAX)

    @property
    def mixed(self) -> str | None:
        """The other style's name or key; None where its ratio is 0."""
        return self.other if self.mix_ratio > 0 else None

    @property
    def mixture(self) -> tuple[str | None, float]:
        """(other style, its ratio): two requests with the same value are drawn in the same style."""
        return self.mixed, self.mix_ratio if self.mixed is not None else 0.0


@dataclass(frozen=True)
class FaceMixer:
    """One face, ready to be drawn in one style or in a mixture of two: the arguments of `Engine.render`.

    inversion, aligned: of the face. key: of the first style.
    likenesses: the likeness correction in each style, by the style's key; each is computed once, when a request first
        takes any of it.
    """

    inversion: "Inversion"
    aligned: "AlignedFace"
    key: str
    likenesses: Mapping[str, Any]

    def mix(self, engine: Engine, render_request: RenderRequest) -> "tuple[Style, Any, FaceMixer]":
        """The style to draw in, its likeness correction, and this mixer with that correction added.

        Raises:
            StyleNotFoundError: one of the styles is no longer there.
        """
        one, knows = engine.find_style(self.key), self
        other = None if render_request.mixed is None else engine.find_style(render_request.mixed)
        if render_request.settings.likeness_share:
            knows = self._searched(engine, one) if other is None else self._searched(engine, one, other)
        likeness = knows.likenesses.get(one.key)
        if other is None:
            return one, likeness, knows
        likeness = _between(likeness, knows.likenesses.get(other.key), render_request.mix_ratio)
        return _blend(engine, one, other, render_request.mix_ratio), likeness, knows

    def lacks(self, render_request: RenderRequest) -> bool:
        """Whether `mix` must compute a likeness correction first, which takes seconds; `other` must be a key."""
        keys = {self.key} if render_request.mixed is None else {self.key, render_request.mixed}
        needed = render_request.settings.likeness_share > 0 and self.inversion.inversion_mode != "fast"
        return needed and not keys <= self.likenesses.keys()

    def _searched(self, engine: Engine, *styles: "Style") -> "FaceMixer":
        """With the likeness correction in each of these styles."""
        missing = [style for style in styles if style.key not in self.likenesses]
        found = {style.key: engine.likeness(self.inversion, style, self.aligned) for style in missing}
        return replace(self, likenesses={**self.likenesses, **found}) if found else self


def wanted_style(engine: Engine, key: str, render_request: RenderRequest) -> "Style":
    """The style with this key, mixed with another one where the request has one."""
    one = engine.find_style(key)
    return (
        one
        if render_request.mixed is None
        else _blend(engine, one, engine.find_style(render_request.mixed), render_request.mix_ratio)
    )


def _blend(engine: Engine, one: "Style", other: "Style", mix_ratio: float) -> "Style":
    return other if mix_ratio == 1 else engine.blend(one, other, mix_ratio)  # at 1 bit for bit


def _between(one: Any, other: Any, mix_ratio: float) -> Any:
    """The likeness correction of a blend: linear, as the blend is; in the fast mode there is none."""
    if mix_ratio == 1 or one is None or other is None:
        return other
    return (1 - mix_ratio) * one + mix_ratio * other
