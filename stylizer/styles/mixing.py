"""Styles made of styles: two styles in one; and whose finish is drawn.

A style is a sum of changes, so these are sums too; nothing is learned again.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from stylizer.errors import SettingsError
from stylizer.settings import MIX_RATIO_MAX, MIX_RATIO_MIN, check_range
from stylizer.styles.colours import colours_to_json, mixed_colours
from stylizer.styles.outlines import mixed_outlines
from stylizer.styles.style import IN_WEIGHTS, SHAPE, Style


def with_finish(w_plus: Tensor, mean: Tensor, amount: float, finish_from: int) -> Tensor:
    """A code whose finish is the mean face's: its skin, its hair's strokes, its light.

    A photo's own would keep it half a photo: a style's strokes and tones are richest where the code says nothing.

    Args:
        w_plus: (..., num_ws, w_dim). mean: the mean w.
        amount: 0 = the code itself, 1 and more = wholly the mean's.
        finish_from: first style that holds the finish.
    """
    styles = torch.arange(w_plus.shape[-2], device=w_plus.device)[:, None]
    return torch.lerp(w_plus, mean.reshape(-1).to(w_plus), (styles >= finish_from).float() * min(amount, 1.0))


def blend(one: Style, other: Style, mix_ratio: float) -> Style:
    """A style between two: ratio 0 is the one, 1 the other.

    Args:
        mix_ratio: 0 to 1.
    Returns:
        A style without a key: no library keeps it.
    Raises:
        SettingsError: the ratio is not from 0 to 1, or the styles belong to different backbones.
    """
    check_range("The mix ratio of the two styles", mix_ratio, MIX_RATIO_MIN, MIX_RATIO_MAX)
    if one.backbone != other.backbone:
        raise SettingsError(
            f"{one.name} was made for the face generator {one.backbone}, {other.name} for {other.backbone}; "
            "mix two styles of the same one."
        )
    name = f"{one.name} + {other.name}"
    blend_of = {"styles": [one.key, other.key], "mix_ratio": mix_ratio}
    deformation = one.deformation.between(other.deformation, mix_ratio)
    lines = (1 - mix_ratio) * one.lines + mix_ratio * other.lines
    colours = mixed_colours(one.colours, other.colours, mix_ratio)
    card = {
        "backbone": one.backbone,
        "blend": blend_of,
        "deformation": deformation.to_json(),
        "lines": lines,
        "colours": colours_to_json(colours),
        "outlines": [each.to_json() for each in mixed_outlines(one.outlines, other.outlines, mix_ratio)],
    }
    if one.has_shape_in_weights and other.has_shape_in_weights:
        card[SHAPE] = IN_WEIGHTS
    shares = ((one.examples, 1 - mix_ratio), (other.examples, mix_ratio))
    examples = tuple((example, share * part) for parts, share in shares for example, part in parts)
    return Style("", name, _between(one.delta, other.delta, mix_ratio), card, examples)


def _between(one: Mapping[str, Tensor], other: Mapping[str, Tensor], mix_ratio: float) -> dict[str, Tensor]:
    """Linear interpolation; a change that only one of them has is zero in the other."""
    result = {}
    for name in {**one, **other}:
        pair = [change[name].float() if name in change else None for change in (one, other)]
        a, b = (x if x is not None else torch.zeros_like(pair[1 - i]) for i, x in enumerate(pair))  # type: ignore[arg-type]
        result[name] = (1 - mix_ratio) * a + mix_ratio * b
    return result
