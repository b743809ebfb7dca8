"""The widgets and where they stand. Two columns (what goes in, what comes out) that stack on a phone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.page import look
from stylizer.page.jobs import Ticket
from stylizer.page.kept import KEPT_SECONDS, Kept
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
class _Beside:
    """What is shown among the inputs."""

    compare: gr.Button
    compared: gr.Gallery
    marked: gr.Image


@dataclass(frozen=True)
class Outputs:
    """Everything the page shows, and what a session remembers."""

    run: gr.Button
    cancel: gr.Button
    note: gr.HTML
    empty: gr.HTML
    preview: gr.Image
    result_box: gr.Column
    slider: gr.ImageSlider
    download: gr.DownloadButton
    times: gr.HTML
    crop_reference: gr.Image
    crop_photo: gr.Image
    inverted: gr.Image
    compare: gr.Button
    compared: gr.Gallery
    marked: gr.Image
    ticket: gr.State
    kept: gr.State
    study: gr.State


def lay_out(examples: Path) -> tuple[Inputs, Outputs]:
    """Put all widgets on the page; call inside a `gr.Blocks` context.

    examples: folder with references/*.webp and targets/*.webp; either may be missing.
    """
    gr.HTML(look.HEADER, padding=False)
    with gr.Row(equal_height=False):
        with gr.Column(scale=11, min_width=320):
            inputs, beside = _inputs(examples)
            with gr.Row():
                run = gr.Button("Stylize", variant="primary", size="lg", elem_id="run", scale=3)
                cancel = gr.Button("Cancel", size="lg", elem_id="cancel", visible=False, scale=1, min_width=110)
        with gr.Column(scale=12, min_width=320):
            # First of the right column: on a phone, that is right below the button.
            note = gr.HTML("", elem_id="note", padding=False)
            outputs = _outputs(run, cancel, note, beside)
    return inputs, outputs


def _inputs(examples: Path) -> tuple[Inputs, _Beside]:
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
                marked = _shown("The face as marked", "marked", height=150, visible=False)
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
    return inputs, _Beside(compare, compared, marked)


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


def _outputs(run: gr.Button, cancel: gr.Button, note: gr.HTML, beside: _Beside) -> Outputs:
    empty = gr.HTML(look.EMPTY, elem_id="empty", padding=False)
    preview = _shown("Preview", "preview", visible=False, height=None)
    with gr.Column(visible=False, elem_id="result") as result_box:
        slider = gr.ImageSlider(
            label="Before and after: drag the line",
            type="filepath",
            interactive=False,
            buttons=["fullscreen"],
            max_height=640,
            elem_id="slider",
        )
        download = gr.DownloadButton("Download full resolution (PNG)", elem_id="download", interactive=False)
        times = gr.HTML("", elem_id="times", padding=False)
        with gr.Accordion("How it was made", open=True), gr.Row():
            crop_reference = _shown("Style, cropped", "crop-reference", height=170)
            crop_photo = _shown("Photo, cropped", "crop-photo", height=170)
            inverted = _shown("As the network sees it", "inverted", height=170)
    return Outputs(
        run,
        cancel,
        note,
        empty,
        preview,
        result_box,
        slider,
        download,
        times,
        crop_reference,
        crop_photo,
        inverted,
        beside.compare,
        beside.compared,
        beside.marked,
        gr.State(Ticket()),
        gr.State(None, time_to_live=KEPT_SECONDS, delete_callback=_forget),
        gr.State(None, time_to_live=KEPT_SECONDS),
    )


def _forget(kept: Kept | None) -> None:
    """Remove a session's files when its state goes."""
    if kept is not None:
        kept.remove()


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


def _shown(label: str, elem_id: str, height: int | None, visible: bool = True) -> gr.Image:
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
        gr.Examples([[str(path)] for path in pictures], picture, label=label, api_visibility="private")
