"""Styles made of styles: shape and texture in amounts of their own, two styles in one; and whose finish is drawn.

A style is a sum of changes, so these are sums too; nothing is learned again.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace

import torch
from torch import Tensor

from stylizer.settings import MIX_RATIO_MAX, MIX_RATIO_MIN, check_range
from stylizer.styles.style import Style

SHAPE_BLOCKS = 3  # the first ones, up to maps of 32 px, hold the outlines and proportions; what follows, their finish

FINISH_FROM = 15  # from this style on a code holds the finish: skin, strokes of hair, light


def with_finish(w_plus: Tensor, mean: Tensor, amount: float) -> Tensor:
    """A code whose finish is the mean face's: its skin, its hair's strokes, its light.

    A photo's own would keep it half a photo: a style's strokes and tones are richest where the code says nothing.

    Args:
        w_plus: (..., 23, 512). mean: the mean w. amount: 0 = the code itself, 1 = wholly the mean's; up to 1.
    """
    styles = torch.arange(w_plus.shape[-2], device=w_plus.device)[:, None]
    return torch.lerp(w_plus, mean.reshape(-1).to(w_plus), (styles >= FINISH_FROM).float() * min(amount, 1.0))


def is_shape(name: str) -> bool:
    """Whether a parameter of the generator, by its name, draws where things are, not how they look."""
    parts = name.split(".")
    return int(parts[1]) < SHAPE_BLOCKS if parts[0] == "blocks" else parts[0] in {"constant", "conv"}


def weighted(style: Style, shape: float = 1.0, texture: float = 1.0) -> Style:
    """The same style with more or less of its shape and of its texture; 1 and 1 is the style itself."""
    if shape == texture == 1:
        return style
    delta = {name: (shape if is_shape(name) else texture) * change.float() for name, change in style.delta.items()}
    return replace(style, delta=delta)


def warp_amount(style: Style, shape: float) -> float:
    """How much of the style's proportions an amount of shape takes: what the style says at 1, beyond it ever more."""
    return min(shape, 1.0) * style.bend + 2 * max(shape - 1.0, 0.0)


def blend(one: Style, other: Style, mix_ratio: float) -> Style:
    """A style between two: share 0 is the one, 1 the other.

    Returns:
        A style without a key: no library keeps it.
    Raises:
        SettingsError: the share is not from 0 to 1. StyleFileError comes later, from a style of another network.
    """
    check_range("The mix ratio of the two styles", mix_ratio, MIX_RATIO_MIN, MIX_RATIO_MAX)
    name = f"{one.name} + {other.name}"
    shapes = [asdict(style.proportions.scaled(style.bend)) for style in (one, other)]
    shape = {name: (1 - mix_ratio) * shapes[0][name] + mix_ratio * shapes[1][name] for name in shapes[0]}
    card = {"blend": {"styles": [one.key, other.key], "mix_ratio": mix_ratio}, "proportions": shape, "bend": 1.0}
    return Style("", name, _between(one.delta, other.delta, mix_ratio), card, _between(one.head, other.head, mix_ratio))


def _between(one: Mapping[str, Tensor], other: Mapping[str, Tensor], mix_ratio: float) -> dict[str, Tensor]:
    """Linear interpolation; a change that only one of them has is zero in the other."""
    result = {}
    for name in {**one, **other}:
        pair = [change[name].float() if name in change else None for change in (one, other)]
        a, b = (x if x is not None else torch.zeros_like(pair[1 - i]) for i, x in enumerate(pair))  # type: ignore[arg-type]
        result[name] = (1 - mix_ratio) * a + mix_ratio * b
    return result
