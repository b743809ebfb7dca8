"""Where the style comes from: the shelf of styles that are there already, or pictures of the visitor's own."""

from pathlib import Path
from typing import NamedTuple

import gradio as gr

from stylizer.web.pictures import examples_of, picture, shown
from stylizer.web.style_manager_box import StyleManagerBox, lay_out_style_manager

FROM_PICTURE, FROM_LIBRARY = "picture", "library"


class Chooser(NamedTuple):
    """The widgets of the style's column."""

    source: gr.Radio
    library_box: gr.Column
    style_gallery: gr.Gallery
    saved: gr.Dropdown
    try_all: gr.Button
    style_manager: StyleManagerBox
    picture_box: gr.Column
    reference: gr.Image
    more: gr.File
    marked: gr.Image
    cost: gr.HTML


def lay_out_chooser(references: Path, shared: bool) -> Chooser:
    """Put them into the present column.

    references: folder of example pictures; may be missing. shared: as for `lay_out_mine`.
    """
    source = gr.Radio(
        [("Ready styles", FROM_LIBRARY), ("My own picture", FROM_PICTURE)],
        value=FROM_PICTURE,
        label="Where the style comes from",
        show_label=False,
        container=False,
        elem_id="source",
    )
    with gr.Column(visible=False) as library_box:
        style_gallery = tiles("Styles: click one", "shelf", columns=3)
        saved = gr.Dropdown(
            [], label="Chosen style", info="Type to search", elem_id="saved", interactive=True, filterable=True
        )
        try_all = gr.Button("Try all styles on my photo", size="sm", elem_id="try-all")
        style_manager = lay_out_style_manager(shared)
    with gr.Column(visible=True) as picture_box:
        reference = picture("Style picture", "reference", ["upload", "clipboard"])
        marked = shown("The face as marked", "marked", height=150, visible=False)
        examples_of(references, reference, "Or try one of these")
        with gr.Accordion("More pictures of this style", open=False, elem_id="more-box"):
            gr.HTML('<p class="hint">By the same hand, each with one face.</p>', padding=False)
            more = gr.File(
                label="More pictures",
                file_count="multiple",
                file_types=["image"],
                type="filepath",
                height=150,
                buttons=[],
                elem_id="more",
            )
        cost = gr.HTML("", elem_id="cost", padding=False)
    return Chooser(
        source, library_box, style_gallery, saved, try_all, style_manager, picture_box, reference, more, marked, cost
    )


def tiles(label: str, elem_id: str, columns: int) -> gr.Gallery:
    """A gallery in which a click chooses."""
    return gr.Gallery(
        label=label,
        interactive=False,
        columns=columns,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        buttons=[],
        elem_id=elem_id,
        elem_classes=["tiles"],
    )
