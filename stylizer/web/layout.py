"""The widgets and where they stand. Two columns (what goes in, what comes out) that stack on a phone."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr

from stylizer.serving.portrait import SESSION_SECONDS, PortraitSession, SessionFiles
from stylizer.serving.previews import StylePreviews
from stylizer.settings import TRUNCATION
from stylizer.web import theme
from stylizer.web.check import lay_out_check
from stylizer.web.chooser import tiles
from stylizer.web.inputs import Beside, Inputs, lay_out_inputs
from stylizer.web.pictures import shown


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
    score: gr.HTML
    advice: gr.Button
    download: gr.DownloadButton
    times: gr.HTML
    previews_box: gr.Column
    previews_gallery: gr.Gallery
    details_box: gr.Column
    crop_reference: gr.Image
    crop_photo: gr.Image
    inverted: gr.Image
    invent: gr.Button
    people: gr.Gallery
    people_seed: gr.Number
    truncation: gr.Slider
    forget: gr.Button
    check: gr.Image
    check_said: gr.HTML
    about: gr.HTML
    files: gr.State
    portrait: gr.State
    photo_inversions: gr.State
    previews: gr.State
    scoring: gr.State
    advised: gr.State
    keys: gr.State
    again: gr.State
    clock: gr.Timer
    beside: Beside

    @property
    def session(self) -> list[gr.State]:
        """What every job is given of its session, in the order of `screen.Session`."""
        return [self.files, self.portrait, self.photo_inversions, self.previews]

    @property
    def of_jobs(self) -> list[Any]:
        """All that a job may change."""
        others = {"files", "scoring", "advised", "keys", "again", "clock", "beside"}
        others |= {"invent", "people_seed", "truncation", "forget", "check", "check_said", "about"}
        style_manager = [getattr(self, field.name) for field in fields(self) if field.name not in others]
        return [*style_manager, self.beside.try_all, self.beside.compare, self.beside.compared]


def lay_out(examples: Path, folder: Path, shared: bool) -> tuple[Inputs, Outputs]:
    """Put all widgets on the page; call inside a `gr.Blocks` context.

    examples: folder with references/*.webp and targets/*.webp; either may be missing.
    folder: where sessions keep their files. shared: strangers use the page, too.
    """
    gr.HTML(theme.HEADER, padding=False)
    with gr.Row(equal_height=False):
        with gr.Column(scale=11, min_width=320):
            inputs, beside = lay_out_inputs(examples, shared)
            with gr.Row():
                run = gr.Button("Stylize", variant="primary", size="lg", elem_id="run", scale=3)
                cancel = gr.Button("Cancel", size="lg", elem_id="cancel", visible=False, scale=1, min_width=110)
            gr.HTML(theme.PRIVACY.format(minutes=SESSION_SECONDS // 60), elem_id="privacy", padding=False)
            forget = gr.Button("Delete my pictures now", size="sm", elem_id="forget")
        with gr.Column(scale=12, min_width=320):
            # First of the right column: on a phone, that is right below the button.
            note = gr.HTML("", elem_id="note", padding=False)
            empty = gr.HTML(theme.EMPTY, elem_id="empty", padding=False)
            preview = shown("Preview", "preview", visible=False, height=None)
            widgets: list[Any] = [
                run,
                cancel,
                note,
                empty,
                preview,
                *_result(),
                *_tried(),
                *_details(),
                forget,
                *lay_out_check(),
            ]
    widgets += [gr.HTML("", elem_id="about", padding=False), *_memory(folder), beside]
    return inputs, Outputs(*widgets)


def _result() -> tuple[gr.Column, gr.ImageSlider, gr.HTML, gr.Button, gr.DownloadButton, gr.HTML]:
    with gr.Column(visible=False, elem_id="result") as box:
        slider = gr.ImageSlider(
            label="Before and after: drag the line",
            type="filepath",
            interactive=False,
            buttons=["fullscreen"],
            max_height=640,
            elem_id="slider",
        )
        score = gr.HTML("", elem_id="score", padding=False)
        advice = gr.Button("", size="sm", elem_id="advice", visible=False)
        download = gr.DownloadButton("Download full resolution (PNG)", elem_id="download", interactive=False)
        times = gr.HTML("", elem_id="times", padding=False)
    return box, slider, score, advice, download, times


def _tried() -> tuple[gr.Column, gr.Gallery]:
    with gr.Column(visible=False, elem_id="tried-box") as box:
        gallery = tiles("Your photo in every style: click one", "tried", columns=4)
    return box, gallery


def _details() -> tuple[Any, ...]:
    with gr.Column(visible=False, elem_id="details") as box:
        with gr.Accordion("How it was made", open=True, elem_id="made"), gr.Row():
            crop_reference = shown("Style, cropped", "crop-reference", height=170)
            crop_photo = shown("Photo, cropped", "crop-photo", height=170)
            inverted = shown("As the network sees it", "inverted", height=170)
        people = _people()
    return box, crop_reference, crop_photo, inverted, *people


def _memory(folder: Path) -> tuple[Any, ...]:
    """The session's files, portrait, inversions and previews; the scorer and its advice; the keys of the styles in the
    gallery; a number that asks for a redraw; and a clock that looks whether the networks, and so the styles, are there.
    """
    return (
        gr.State(SessionFiles(folder), delete_callback=_forget),
        gr.State(None, time_to_live=SESSION_SECONDS, delete_callback=_forget),
        gr.State(None, time_to_live=SESSION_SECONDS),
        gr.State(None, time_to_live=SESSION_SECONDS, delete_callback=_forget),
        gr.State(None, time_to_live=SESSION_SECONDS),
        gr.State(None, time_to_live=SESSION_SECONDS),
        gr.State(()),
        gr.State(0),
        gr.Timer(1.0),
    )


def _people() -> tuple[gr.Button, gr.Gallery, gr.Number, gr.Slider]:
    with gr.Accordion("Random people in this style", open=False, elem_id="people-box"):
        with gr.Row():
            seed = gr.Number(0, label="Seed", info="Another crowd", precision=0, min_width=100, elem_id="people-seed")
            truncation = gr.Slider(
                0, 1, value=TRUNCATION, step=0.05, label="Variety", info="0 is the mean face", buttons=[], min_width=180
            )
        invent = gr.Button("Invent six people", size="sm", elem_id="invent")
        gallery = gr.Gallery(
            show_label=False,
            visible=False,
            interactive=False,
            columns=3,
            height="auto",
            object_fit="cover",
            buttons=["download", "fullscreen"],
            elem_id="people",
        )
    return invent, gallery, seed, truncation


def _forget(files: PortraitSession | StylePreviews | SessionFiles | None) -> None:
    """Remove a session's files when its state goes."""
    if files is not None:
        files.remove()
