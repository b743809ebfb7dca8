"""How the style is learned and how the photo is inverted: what most visitors leave as it is."""

from typing import Any

import gradio as gr

from stylizer.settings import DEFAULT_INVERSION_MODE, INVERSION_MODES, ITERATIONS_MAX, ITERATIONS_MIN, TrainSettings
from stylizer.web.tab import QUICK
from stylizer.web.widgets import Updates

_MODE_LABELS = {
    "fast": "Fast (a look or two)",
    "refined": "Refined (a closer likeness)",
    "faithful": "Faithful (the closest; bends the network to the photo)",
}


class AdvancedPanel:
    """The accordion "Advanced" of a portrait."""

    def build(self) -> None:
        """Put the widgets into the present container."""
        train = TrainSettings()
        with gr.Accordion("Advanced", open=False, elem_id="advanced"):
            self.already_aligned = gr.Checkbox(
                False,
                label="The style picture is already cropped",
                info="For pictures in which no face is found: the square in the middle is used as it is",
                elem_id="aligned",
            )
            self.by_hand = gr.Checkbox(
                False,
                label="I mark the face in the style picture",
                info="For drawings in which no face is found: click both eyes and the mouth",
                elem_id="by-hand",
            )
            self.full_frame = gr.Checkbox(False, label="Put the portrait back into the full photo", elem_id="full")
            self.inversion_mode = gr.Radio(
                [(_MODE_LABELS[mode], mode) for mode in INVERSION_MODES],
                value=DEFAULT_INVERSION_MODE,
                label="How closely to study the photo",
                elem_id="inversion-mode",
            )
            self.compare = gr.Button("See my photo in each mode", size="sm", elem_id="compare")
            self.compared = gr.Gallery(
                label="Without a style: click the one to use",
                visible=False,
                interactive=False,
                columns=2,
                height="auto",
                object_fit="cover",
                allow_preview=False,
                buttons=[],
                elem_id="compared",
            )
            with gr.Row():
                self.iterations = gr.Number(
                    train.iterations,
                    label="Iterations",
                    info=f"{ITERATIONS_MIN} to {ITERATIONS_MAX}",
                    precision=0,
                    min_width=100,
                    elem_id="iterations",
                )
                self.seed = gr.Number(
                    train.seed, label="Seed", info="Another draw", precision=0, min_width=100, elem_id="seed"
                )
                self.face = gr.Number(
                    0, label="Face", info="0 is the largest", precision=0, min_width=100, elem_id="face"
                )
            self.name = gr.Textbox(
                "", label="Name of the style", info="To find it again among the saved ones", max_length=60
            )

    @property
    def form(self) -> dict[str, Any]:
        """The fields of `StylizeForm` that are here."""
        return {
            "iterations": self.iterations,
            "seed": self.seed,
            "face": self.face,
            "inversion_mode": self.inversion_mode,
            "name": self.name,
            "already_aligned": self.already_aligned,
            "by_hand": self.by_hand,
            "full_frame": self.full_frame,
        }

    def bind(self) -> None:
        """Tie the widgets' events to handlers."""
        self.compared.select(self.choose_mode, None, self.inversion_mode, **QUICK)

    def choose_mode(self, event: gr.SelectData) -> Updates:
        """A click on one of the compared faces chooses its inversion mode; one on the photo changes nothing."""
        caption = event.value.get("caption") if isinstance(event.value, dict) else None
        mode = next((mode for mode in INVERSION_MODES if mode.capitalize() == caption), None)
        return {self.inversion_mode: gr.skip() if mode is None else mode}

    def show_compared(self, faces: list[tuple[str, str]]) -> Updates:
        """The photo in each mode that was tried so far: (path, caption)."""
        return {self.compared: gr.update(visible=True, value=faces)}

    def cleared(self) -> Updates:
        """Without the visitor's photo."""
        return {self.compared: gr.update(visible=False, value=None)}
