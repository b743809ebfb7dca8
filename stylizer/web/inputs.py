"""The left column: everything that the visitor sets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.serving.consent import CONSENT
from stylizer.settings import DEFAULT_INVERSION_MODE, INVERSION_MODES, ITERATIONS_MAX, ITERATIONS_MIN, TrainSettings
from stylizer.web.chooser import lay_out_chooser
from stylizer.web.controls import Controls, lay_out_controls
from stylizer.web.pictures import examples_of, picture
from stylizer.web.style_manager_box import StyleManagerBox

_MODE_LABELS = {
    "fast": "Fast (a look or two)",
    "refined": "Refined (a closer likeness)",
    "faithful": "Faithful (the closest; bends the network to the photo)",
}


@dataclass(frozen=True)
class Inputs:
    """Everything the visitor sets."""

    source: gr.Radio
    reference: gr.Image
    more: gr.File
    saved: gr.Dropdown
    target: gr.Image
    strength: gr.Slider
    preserve_color: gr.Checkbox
    shape: gr.Slider
    texture: gr.Slider
    color: gr.Slider
    other: gr.Dropdown
    mix_ratio: gr.Slider
    iterations: gr.Number
    seed: gr.Number
    face: gr.Number
    inversion_mode: gr.Radio
    name: gr.Textbox
    already_aligned: gr.Checkbox
    by_hand: gr.Checkbox
    marks: gr.State
    full_frame: gr.Checkbox
    consent: gr.Checkbox

    @property
    def controls(self) -> Controls:
        """Those that redraw."""
        return Controls(*(getattr(self, name) for name in Controls._fields))


@dataclass(frozen=True)
class Beside:
    """What stands among the inputs."""

    library_box: gr.Column
    picture_box: gr.Column
    style_gallery: gr.Gallery
    try_all: gr.Button
    reset: gr.Button
    compare: gr.Button
    compared: gr.Gallery
    marked: gr.Image
    cost: gr.HTML
    style_manager: StyleManagerBox


def lay_out_inputs(examples: Path, shared: bool) -> tuple[Inputs, Beside]:
    """Put the inputs into the present column."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=230):
            gr.HTML("<h3>1 · The style</h3>", padding=False)
            style = lay_out_chooser(examples / "references", shared)
        with gr.Column(min_width=230):
            gr.HTML("<h3>2 · The photo</h3>", padding=False)
            gr.HTML('<p class="hint tall">One face, sharp and well lit.</p>', padding=False)
            target = picture("Photo", "target", ["upload", "webcam", "clipboard"])
            examples_of(examples / "targets", target, "Or try one of these")
    controls, reset = lay_out_controls()
    *advanced, compare, compared = _advanced()
    advanced.append(gr.Checkbox(False, label=CONSENT, container=False, elem_id="consent"))
    boxes = (style.library_box, style.picture_box, style.style_gallery)
    inputs = Inputs(style.source, style.reference, style.more, style.saved, target, *controls, *advanced)
    return inputs, Beside(
        *boxes, style.try_all, reset, compare, compared, style.marked, style.cost, style.style_manager
    )


def _advanced() -> tuple[Any, ...]:
    """The rest of the inputs in their order, then the button and the gallery that compare the inversion modes."""
    train = TrainSettings()
    with gr.Accordion("Advanced", open=False, elem_id="advanced"):
        already_aligned = gr.Checkbox(
            False,
            label="The style picture is already cropped",
            info="For pictures in which no face is found: the square in the middle is used as it is",
            elem_id="aligned",
        )
        by_hand = gr.Checkbox(
            False,
            label="I mark the face in the style picture",
            info="For drawings in which no face is found: click both eyes and the mouth",
            elem_id="by-hand",
        )
        full_frame = gr.Checkbox(False, label="Put the portrait back into the full photo", elem_id="full")
        inversion_mode = gr.Radio(
            [(_MODE_LABELS[inversion_mode], inversion_mode) for inversion_mode in INVERSION_MODES],
            value=DEFAULT_INVERSION_MODE,
            label="How closely to study the photo",
            elem_id="inversion-mode",
        )
        compare, compared = _comparison()
        with gr.Row():
            iterations = gr.Number(
                train.iterations,
                label="Iterations",
                info=f"{ITERATIONS_MIN} to {ITERATIONS_MAX}",
                precision=0,
                min_width=100,
                elem_id="iterations",
            )
            seed = gr.Number(train.seed, label="Seed", info="Another draw", precision=0, min_width=100, elem_id="seed")
            face = gr.Number(0, label="Face", info="0 is the largest", precision=0, min_width=100, elem_id="face")
        name = gr.Textbox("", label="Name of the style", info="To find it again among the saved ones", max_length=60)
    marks = gr.State(())
    return iterations, seed, face, inversion_mode, name, already_aligned, by_hand, marks, full_frame, compare, compared


def _comparison() -> tuple[gr.Button, gr.Gallery]:
    compare = gr.Button("See my photo in each mode", size="sm", elem_id="compare")
    compared = gr.Gallery(
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
    return compare, compared
