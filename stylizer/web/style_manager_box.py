"""The box "My styles": what can be done with the chosen style, and where others come from."""

from typing import Any, NamedTuple

import gradio as gr


class StyleManagerBox(NamedTuple):
    """Its widgets. Those that change or share a learnt style are hidden on a page that strangers use, too."""

    box: gr.Accordion
    said: gr.HTML
    own_box: gr.Column
    name: gr.Textbox
    rename: gr.Button
    delete: gr.Button
    sure: gr.Button
    export: gr.Button
    file: gr.DownloadButton
    incoming: gr.File
    hub_box: gr.Column
    publish_box: gr.Column
    with_reference: gr.Checkbox
    publish: gr.Button
    wanted: gr.Textbox
    search: gr.Button
    found: gr.Dropdown
    pull: gr.Button
    sure_of: gr.State


def lay_out_style_manager(shared: bool) -> StyleManagerBox:
    """Put it into the present column. shared: strangers use this page, so nobody may change what is another's."""
    with gr.Accordion("My styles", open=False, elem_id="mine") as box:
        said = gr.HTML("", elem_id="mine-said", padding=False)
        with gr.Column(visible=not shared) as own_box:
            name = gr.Textbox("", label="New name of the chosen style", max_length=60, elem_id="mine-name")
            with gr.Row():
                rename = gr.Button("Rename", size="sm", elem_id="mine-rename", min_width=80)
                delete = gr.Button("Delete", size="sm", elem_id="mine-delete", min_width=80)
            sure = gr.Button("", size="sm", variant="stop", visible=False, elem_id="mine-sure")
        export = gr.Button("Make a file of the chosen style", size="sm", elem_id="mine-export")
        file = gr.DownloadButton("", size="sm", variant="primary", visible=False, elem_id="mine-file")
        incoming = gr.File(
            label="Take in a .stylizer file",
            file_types=[".stylizer"],
            type="filepath",
            height=150,
            buttons=[],
            elem_id="mine-incoming",
        )
        rest = (*_hub(shared), gr.State(None))
    actions = (said, own_box, name, rename, delete, sure, export, file, incoming)
    return StyleManagerBox(box, *actions, *rest)


def _hub(shared: bool) -> tuple[Any, ...]:
    """Sharing with others; shown where a repository is set up."""
    with gr.Column(visible=False, elem_id="mine-hub") as box:
        with gr.Column(visible=not shared) as publish_box:
            with_reference = gr.Checkbox(
                False,
                label="Also a small picture of the style picture",
                info="Else only the style and its name go out",
                visible=False,
                elem_id="mine-with-reference",
            )
            publish = gr.Button("Share the chosen style on the Hub", size="sm", elem_id="mine-publish")
        wanted = gr.Textbox("", label="Styles on the Hub", placeholder="Part of a name", elem_id="mine-wanted")
        search = gr.Button("Search", size="sm", elem_id="mine-search")
        found = gr.Dropdown([], label="Found", visible=False, interactive=True, elem_id="mine-found")
        pull = gr.Button("Get it", size="sm", visible=False, elem_id="mine-pull")
    return box, publish_box, with_reference, publish, wanted, search, found, pull
