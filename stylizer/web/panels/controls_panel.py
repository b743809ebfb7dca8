"""What redraws the portrait in about a second: strength, likeness, and the finer controls."""

from typing import Any

import gradio as gr

from stylizer.serving.messages import display_name
from stylizer.serving.values import sentence
from stylizer.settings import (
    AMOUNT_MAX,
    AMOUNT_MIN,
    LIKENESS_MAX,
    LIKENESS_MIN,
    MIX_RATIO,
    MIX_RATIO_MAX,
    MIX_RATIO_MIN,
    STRENGTH_MAX,
    STRENGTH_MIN,
    RenderSettings,
)
from stylizer.web.services import Services
from stylizer.web.tab import QUEUED, PageState
from stylizer.web.widgets import Updates

NO_OTHER = ""  # what the list of styles to mix in says for none


class ControlsPanel:
    """The controls of a portrait."""

    def __init__(self, page: PageState) -> None:
        self._page = page

    def build(self) -> None:
        """Put the widgets into the present container."""
        render = RenderSettings()
        amounts = (AMOUNT_MIN, AMOUNT_MAX)
        self.strength = _slider(
            "strength",
            "Strength",
            "0 is the photo's own face, 1 the full style, more exaggerates",
            (STRENGTH_MIN, STRENGTH_MAX),
            render.strength,
        )
        about = "0 is the face as the style draws it, 1 is most like the person"
        self.likeness = _slider("likeness", "Likeness", about, (LIKENESS_MIN, LIKENESS_MAX), render.likeness)
        with gr.Accordion("Fine control", open=False, elem_id="fine"):
            about = "Proportions: 0 keeps the photo's, 1 takes the style's, more exaggerates"
            self.shape = _slider("shape", "Shape", about, amounts, render.shape)
            self.texture = _slider("texture", "Texture", "Strokes, lines and finish", amounts, render.texture)
            about = "How far the style's colours replace the photo's"
            self.color = _slider("color", "Colour", about, amounts, render.color)
            self.preserve_color = gr.Checkbox(
                render.preserve_color,
                label="Keep the photo's colours",
                info="Takes only light, line and texture from the style",
                elem_id="preserve",
                container=True,
            )
            self.other = gr.Dropdown(
                [("None", NO_OTHER)],
                value=NO_OTHER,
                label="Mix with another style",
                elem_id="other",
                interactive=True,
            )
            about = "0 is the first style, 1 the other"
            self.mix_ratio = _slider(
                "mix-ratio",
                "How much of the other style",
                about,
                (MIX_RATIO_MIN, MIX_RATIO_MAX),
                MIX_RATIO,
                visible=False,
            )
            self.put_back = gr.Button("Put all back", size="sm", elem_id="reset")

    @property
    def form(self) -> dict[str, Any]:
        """The fields of `StylizeForm` that are here, in the order of `values.render_request_of`."""
        return {
            "strength": self.strength,
            "likeness": self.likeness,
            "preserve_color": self.preserve_color,
            "shape": self.shape,
            "texture": self.texture,
            "color": self.color,
            "other": self.other,
            "mix_ratio": self.mix_ratio,
        }

    @property
    def moved(self) -> list[Any]:
        """The events after which the portrait has to be redrawn."""
        sliders = (self.strength, self.likeness, self.shape, self.texture, self.color, self.mix_ratio)
        return [*(slider.release for slider in sliders), self.preserve_color.input, self.other.input]

    def bind(self, services: Services, *, redraws: gr.State) -> None:
        """Tie the widgets' events to handlers.

        Args:
            redraws: a number; a larger one asks for a redraw.
        """
        self._services = services
        # There is nothing to share until another style is chosen.
        self.other.change(
            lambda key: gr.update(visible=bool(key)), self.other, self.mix_ratio, queue=False, api_visibility="private"
        )
        self.put_back.click(self.reset, redraws, [*self.form.values(), redraws], **QUEUED)
        self._page.styles_changed.change(services.lanes.quick(self.refresh), self.other, self.other, **QUEUED)
        self._redraws = redraws

    def reset(self, redraws: int) -> Updates:
        """All controls as they were at first, and a redraw."""
        render = RenderSettings()
        return {
            self.strength: render.strength,
            self.likeness: render.likeness,
            self.preserve_color: render.preserve_color,
            self.shape: render.shape,
            self.texture: render.texture,
            self.color: render.color,
            self.other: NO_OTHER,
            self.mix_ratio: MIX_RATIO,
            self._redraws: redraws + 1,
        }

    def refresh(self, other: str | None) -> Updates:
        """The styles that can be mixed in now; the chosen one stays chosen while it is there."""
        try:
            styles = self._services.engine.styles()
        except Exception as error:
            sentence(error)  # logged; the list of styles says it
            return {self.other: gr.skip()}
        choices = [("None", NO_OTHER), *((display_name(style.name), style.key) for style in styles)]
        known = other in {style.key for style in styles}
        return {self.other: gr.update(choices=choices, value=other if known else NO_OTHER)}


def _slider(
    name: str, label: str, info: str, span: tuple[float, float], value: float, *, visible: bool = True
) -> gr.Slider:
    return gr.Slider(
        *span,
        value=value,
        step=0.05,
        label=label,
        info=info,
        visible=visible,
        elem_id=name,
        elem_classes=["redraws"],  # its keys count as well, see theme.KEYS
        buttons=[],
    )
