"""What a video tells of itself: texts in the file that players and programs show."""

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

import av

from stylizer.errors import VideoError
from stylizer.provenance.notes import Finding, Origin, origin_of
from stylizer.video.container import open_container

if TYPE_CHECKING:
    from stylizer.styles.style import Style

_FACT = re.compile(r'stylizer:(\w+)="([^"]*)"')
_LONGEST = 4096  # characters of a text that are looked at


def metadata_of(style: "Style") -> dict[str, str]:
    """The texts for a video in a style: a sentence for people, and facts that `inspect_video` reads."""
    origin = origin_of(style, "video")
    facts = {
        "DigitalSourceType": origin.source_type,
        "StyleKey": origin.style_key,
        "StyleName": origin.style_name,
    }
    written = " ".join(f'stylizer:{name}="{html.escape(value)}"' for name, value in facts.items())
    return {"comment": f"{origin.note} [{written}]", "description": origin.note}


def inspect_video(path: Path) -> Finding:
    """Look for what `metadata_of` gave. A video has no watermark and no content credentials.

    Raises:
        VideoError: it is no video that can be read.
    """
    with open_container(path) as container:
        texts = [str(container.metadata.get(name, ""))[:_LONGEST] for name in ("comment", "COMMENT", "description")]
    for text in texts:
        found = {name: html.unescape(value) for name, value in _FACT.findall(text)}
        if found:
            return Finding(None, Origin(found.get("StyleKey", ""), found.get("StyleName", ""), "video"), None)
    return Finding(None, None, None)


def is_video(path: Path) -> bool:
    """Whether FFmpeg finds a moving picture in a file."""
    try:
        with open_container(path) as container:
            return bool(container.streams.video)
    except (VideoError, av.FFmpegError):
        return False
