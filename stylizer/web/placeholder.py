"""The tile of a style that has no picture: a head and shoulders on paper, in colours that belong to the style."""

import colorsys
import hashlib

from PIL import Image, ImageDraw

SIDE = 192


def plain_tile(key: str) -> Image.Image:
    """Always the same for a key; the name is written below it by the page, in the visitor's own script."""
    hue = hashlib.sha256(key.encode()).digest()[0] / 256
    paper, ink = (_colour(hue, light, 0.28) for light in (0.88, 0.66))
    big = 3 * SIDE  # drawn large, then made small: smooth edges
    tile = Image.new("RGB", (big, big), paper)
    pen = ImageDraw.Draw(tile)
    middle = big / 2
    for x, y, wide, high in ((middle, big * 0.4, big * 0.17, big * 0.2), (middle, big, big * 0.36, big * 0.34)):
        pen.ellipse((x - wide, y - high, x + wide, y + high), fill=ink)
    return tile.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _colour(hue: float, light: float, full: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hls_to_rgb(hue, light, full)
    return round(255 * red), round(255 * green), round(255 * blue)
