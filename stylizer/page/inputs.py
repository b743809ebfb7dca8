"""The left column: everything that the visitor sets."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.settings import (
    DEFAULT_DEPTH,
    DEPTHS,
    ITERATIONS_MAX,
    ITERATIONS_MIN,
    STRENGTH_MAX,
    STRENGTH_MIN,
    RenderSettings,
    TrainSettings,
)

FROM_PICTURE, FROM_LIBRARY = "picture", "library"
_DEPTH_LABELS = {
    "fast": "Fast (a look or two)",
    "refined": "Refined (a closer likeness)",
    "faithful": "Faithful (the closest; bends the network to the photo)",
}


@dataclass(frozen=True)
class Inputs:
    """Everything the visitor sets."""

    source: gr.Radio
    picture_box: gr.Column
    reference: gr.Image
    library_box: gr.Column
    saved: gr.Dropdown
    target: gr.Image
    strength: gr.Slider
    preserve_color: gr.Checkbox
    iterations: gr.Number
    seed: gr.Number
    face: gr.Number
    depth: gr.Radio
    name: gr.Textbox
    already_aligned: gr.Checkbox
    by_hand: gr.Checkbox
    marks: gr.State
    full_frame: gr.Checkbox


@dataclass(frozen=True)
class Beside:
    """What is shown among the inputs."""

    compare: gr.Button
    compared: gr.Gallery
    marked: gr.Image


def lay_out_inputs(examples: Path) -> tuple[Inputs, Beside]:
    """Put the inputs into the present column."""
    with gr.Row(equal_height=False):
        with gr.Column(min_width=230):
            gr.HTML("<h3>1 · The style</h3>", padding=False)
            source = gr.Radio(
                [("A picture", FROM_PICTURE), ("Saved style", FROM_LIBRARY)],
                value=FROM_PICTURE,
                label="Where the style comes from",
                show_label=False,
                container=False,
                elem_id="source",
            )
            with gr.Column(visible=True) as picture_box:
                reference = _picture("Style picture", "reference", ["upload", "clipboard"])
                marked = shown("The face as marked", "marked", height=150, visible=False)
                _examples(examples / "references", reference, "Or try one of these")
            with gr.Column(visible=False) as library_box:
                saved = gr.Dropdown([], label="Saved styles", elem_id="saved", interactive=True)
                gr.HTML(
                    '<p class="hint">Every style that was learnt here is kept and can be used again at once.</p>',
                    padding=False,
                )
        with gr.Column(min_width=230):
            gr.HTML("<h3>2 · The photo</h3>", padding=False)
            gr.HTML('<p class="hint tall">One face, sharp and well lit.</p>', padding=False)
            target = _picture("Photo", "target", ["upload", "webcam", "clipboard"])
            _examples(examples / "targets", target, "Or try one of these")
    strength, preserve_color = _drawing()
    *advanced, compare, compared = _advanced()
    inputs = Inputs(source, picture_box, reference, library_box, saved, target, strength, preserve_color, *advanced)
    return inputs, Beside(compare, compared, marked)


def _drawing() -> tuple[gr.Slider, gr.Checkbox]:
    render = RenderSettings()
    with gr.Group():
        strength = gr.Slider(
            STRENGTH_MIN,
            STRENGTH_MAX,
            value=render.strength,
            step=0.05,
            label="Strength",
            info="0 is the photo's own face, 1 the full style, more exaggerates",
            elem_id="strength",
            buttons=[],
        )
        preserve_color = gr.Checkbox(
            render.preserve_color, label="Keep the photo's colours", elem_id="preserve", container=True
        )
    return strength, preserve_color


def _advanced() -> tuple[Any, ...]:
    """The rest of the inputs in their order, then the button and the gallery that compare the depths."""
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
        depth = gr.Radio(
            [(_DEPTH_LABELS[depth], depth) for depth in DEPTHS],
            value=DEFAULT_DEPTH,
            label="How closely to study the photo",
            elem_id="depth",
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
    return iterations, seed, face, depth, name, already_aligned, by_hand, marks, full_frame, compare, compared


def _comparison() -> tuple[gr.Button, gr.Gallery]:
    compare = gr.Button("See my photo at each depth", size="sm", elem_id="compare")
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


def _picture(label: str, elem_id: str, sources: list[str]) -> gr.Image:
    return gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=sources,  # type: ignore[arg-type]
        height=215,
        buttons=[],
        elem_id=elem_id,
    )


def shown(label: str, elem_id: str, height: int | None, visible: bool = True) -> gr.Image:
    """A picture that is only looked at."""
    return gr.Image(
        label=label,
        type="filepath",
        interactive=False,
        height=height,
        visible=visible,
        buttons=[],
        elem_id=elem_id,
        min_width=110,
    )


def _examples(folder: Path, picture: gr.Image, label: str) -> None:
    pictures = sorted(folder.glob("*.webp")) if folder.is_dir() else []
    if pictures:
        rows = [[str(path)] for path in pictures]
        gr.Examples(rows, picture, label=label, examples_per_page=len(rows), api_visibility="private")
