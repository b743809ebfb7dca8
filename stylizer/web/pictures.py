"""The picture widgets that several parts of the page have."""

from pathlib import Path

import gradio as gr


def picture(label: str, elem_id: str, sources: list[str]) -> gr.Image:
    """A picture that the visitor gives."""
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


def examples_of(folder: Path, widget: gr.Image, label: str) -> None:
    """Example pictures that a click puts into the widget; nothing where there are none."""
    pictures = sorted(folder.glob("*.webp")) if folder.is_dir() else []
    if pictures:
        rows = [[str(path)] for path in pictures]
        gr.Examples(rows, widget, label=label, examples_per_page=len(rows), api_visibility="private")
