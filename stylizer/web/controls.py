"""What redraws the portrait in about a second: strength, and the finer controls."""

from typing import NamedTuple

import gradio as gr

from stylizer.settings import (
    AMOUNT_MAX,
    AMOUNT_MIN,
    MIX_RATIO,
    MIX_RATIO_MAX,
    MIX_RATIO_MIN,
    STRENGTH_MAX,
    STRENGTH_MIN,
    RenderSettings,
)

NO_OTHER = ""  # what the list of styles to mix in says for none
_AMOUNTS = {
    "shape": ("Shape", "Proportions and outlines: 0 keeps the photo's, more than 1 exaggerates"),
    "texture": ("Texture", "Strokes, lines and finish"),
    "color": ("Colour", "How far the style's colours replace the photo's"),
}


class Controls(NamedTuple):
    """The widgets, in the order in which handlers take their values."""

    strength: gr.Slider
    preserve_color: gr.Checkbox
    shape: gr.Slider
    texture: gr.Slider
    color: gr.Slider
    other: gr.Dropdown
    mix_ratio: gr.Slider


DEFAULTS = (
    RenderSettings().strength,
    RenderSettings().preserve_color,
    RenderSettings().shape,
    RenderSettings().texture,
    RenderSettings().color,
    NO_OTHER,
    MIX_RATIO,
)
"""Of the controls, in their order."""


def lay_out_controls() -> tuple[Controls, gr.Button]:
    """Put them into the present column; the button puts all of them back."""
    render = RenderSettings()
    strength = _slider(
        "strength",
        "Strength",
        "0 is the photo's own face, 1 the full style, more exaggerates",
        (STRENGTH_MIN, STRENGTH_MAX, render.strength),
    )
    with gr.Accordion("Fine control", open=False, elem_id="fine"):
        amounts = (
            _slider(name, label, info, (AMOUNT_MIN, AMOUNT_MAX, getattr(render, name)))
            for name, (label, info) in _AMOUNTS.items()
        )
        shape, texture, color = amounts
        preserve_color = gr.Checkbox(
            render.preserve_color,
            label="Keep the photo's colours",
            info="Takes only light, line and texture from the style",
            elem_id="preserve",
            container=True,
        )
        other = gr.Dropdown(
            [("None", NO_OTHER)],
            value=NO_OTHER,
            label="Mix with another style",
            elem_id="other",
            interactive=True,
        )
        mix_ratio = _slider(
            "mix-ratio",
            "How much of the other style",
            "0 is the first style, 1 the other",
            (MIX_RATIO_MIN, MIX_RATIO_MAX, MIX_RATIO),
            False,
        )
        # There is nothing to share until another style is chosen.
        other.change(lambda key: gr.update(visible=bool(key)), other, mix_ratio, queue=False, api_visibility="private")
        reset = gr.Button("Put all back", size="sm", elem_id="reset")
    return Controls(strength, preserve_color, shape, texture, color, other, mix_ratio), reset


def _slider(name: str, label: str, info: str, span: tuple[float, float, float], visible: bool = True) -> gr.Slider:
    low, high, value = span
    return gr.Slider(
        low,
        high,
        value=value,
        step=0.05,
        label=label,
        info=info,
        visible=visible,
        elem_id=name,
        elem_classes=["redraws"],  # its keys count as well, see look.KEYS
        buttons=[],
    )
