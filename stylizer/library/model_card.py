"""What a style's folder on the Hub holds for people: a model card, and small pictures."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from stylizer.backbones.registry import BACKBONES, DEFAULT_BACKBONE
from stylizer.styles.style import backbone_of

PREVIEW_SIDE, REFERENCE_SIDE = 1024, 256
_HEAD = {
    "license": "other",
    "license_name": "stylegan2-ffhq-derived",
    "tags": ["stylizer", "face-stylization", "stylegan2"],
}


def repository_readme(repo: str) -> str:
    """README.md of the whole repository, written where there is none yet."""
    text = f"""# Styles for Stylizer

Every folder of `styles` is one style, named by the hash of everything it was learned from; its `card.json` holds its
name, settings and hashes. `STYLIZER_HUB_REPO={repo}` makes the program look here before it learns a style, and
`python -m stylizer pull NAME --repo {repo}` gets one. {BACKBONES[DEFAULT_BACKBONE].spec.licence}
"""
    return _with_front_matter(_HEAD, text)


def style_readme(card: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """README.md of one style: where it comes from, and its pictures."""
    head = {**_HEAD, "base_weights_sha256": card.get("base_hash"), "training": card.get("settings")}
    shown = "\n".join(f"![{name.partition('.')[0]}]({name})" for name in sorted(pictures))
    known = BACKBONES.get(backbone_of(card))
    licence = str(card.get("licence", known.spec.licence if known else "not stated"))
    text = f"# {_plain(card['name'])}\n\n{shown}\n\nLicence: {_plain(licence)}\n"
    return _with_front_matter(head, text)


def thumbnail(picture: Image.Image, side: int) -> bytes:
    """A WebP of a picture without metadata, its longer side no more than so many pixels."""
    small = picture.convert("RGB")
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    clean = Image.frombytes("RGB", small.size, small.tobytes())  # leaves the camera's facts behind
    clean.save(buffer, "WEBP", quality=85)
    return buffer.getvalue()


def in_a_row(pictures: Sequence[Image.Image]) -> Image.Image:
    """One picture of several, at least one, each as high as the first."""
    height = pictures[0].height
    parts = [picture.resize((round(picture.width * height / picture.height), height)) for picture in pictures]
    row = Image.new("RGB", (sum(part.width for part in parts), height))
    for index, part in enumerate(parts):
        row.paste(part, (sum(before.width for before in parts[:index]), 0))
    return row


def _with_front_matter(head: Mapping[str, Any], text: str) -> str:
    # JSON is YAML, and knows how to quote
    lines = [f"{name}: {json.dumps(value, ensure_ascii=True)}" for name, value in head.items()]
    return "\n".join(["---", *lines, "---", "", text])


def _plain(text: str) -> str:
    """Text in which Markdown and HTML mean nothing."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#!|&~" else c for c in " ".join(text.split()))
