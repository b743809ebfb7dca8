"""Widgets that several parts of the page have, and the tile of a style that has no picture."""

import colorsys
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image, ImageDraw

from stylizer.serving.consent import CONSENT

Updates = dict[Any, Any]
"""New values or properties of widgets, by widget; what a handler returns."""

TILE_SIDE = 192  # pixels of a style's tile


def upload(label: str, elem_id: str, sources: Sequence[str] = ("upload", "clipboard")) -> gr.Image:
    """A picture that the visitor gives. It arrives as a file, whatever is in it, and is opened by us."""
    return gr.Image(
        label=label,
        type="filepath",
        image_mode=None,
        sources=list(sources),  # type: ignore[arg-type]
        height=215,
        buttons=[],
        elem_id=elem_id,
    )


def picture(label: str, elem_id: str, height: int | None, visible: bool = True) -> gr.Image:
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


def tiles(label: str, elem_id: str, columns: int, visible: bool = True) -> gr.Gallery:
    """A gallery in which a click chooses."""
    return gr.Gallery(
        label=label,
        visible=visible,
        interactive=False,
        columns=columns,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        buttons=[],
        elem_id=elem_id,
        elem_classes=["tiles"],
    )


def examples_of(folder: Path, widget: gr.Image, label: str) -> None:
    """Example pictures that a click puts into the widget; nothing where there are none."""
    pictures = sorted(folder.glob("*.webp")) if folder.is_dir() else []
    if pictures:
        rows = [[str(path)] for path in pictures]
        gr.Examples(rows, widget, label=label, examples_per_page=len(rows), api_visibility="private")


def notice(elem_id: str) -> gr.HTML:
    """A line of news; see `theme.note`."""
    return gr.HTML("", elem_id=elem_id, padding=False, elem_classes=["news"])


def consent_box(prefix: str = "") -> gr.Checkbox:
    """The visitor's word that the pictures may be used; jobs check it. prefix: of the widget's id."""
    return gr.Checkbox(False, label=CONSENT, container=False, elem_id=f"{prefix}consent")


def plain_tile(key: str) -> Image.Image:
    """The tile of a style without a picture: a head and shoulders on paper, always in the same colours for a key.

    The page writes the name below it, in the visitor's own script.
    """
    hue = hashlib.sha256(key.encode()).digest()[0] / 256
    paper, ink = (_colour(hue, light, 0.28) for light in (0.88, 0.66))
    big = 3 * TILE_SIDE  # drawn large, then made small: smooth edges
    tile = Image.new("RGB", (big, big), paper)
    pen = ImageDraw.Draw(tile)
    middle = big / 2
    for x, y, wide, high in ((middle, big * 0.4, big * 0.17, big * 0.2), (middle, big, big * 0.36, big * 0.34)):
        pen.ellipse((x - wide, y - high, x + wide, y + high), fill=ink)
    return tile.resize((TILE_SIDE, TILE_SIDE), Image.Resampling.LANCZOS)


def _colour(hue: float, light: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue, light, saturation)
    return round(255 * red), round(255 * green), round(255 * blue)
