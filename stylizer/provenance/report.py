"""What is found in a picture or a video, and that in one sentence for people."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from stylizer.errors import PictureError
from stylizer.imaging.opening import open_picture
from stylizer.provenance.notes import Finding, inspect_picture
from stylizer.provenance.video import inspect_video, is_video


def inspect_file(path: Path, opener: Callable[[Path], Image.Image] = open_picture) -> Finding:
    """Look for what results carry, in a picture or in a video.

    Args:
        opener: of pictures, as for `inspect_picture`.
    Raises:
        PictureError: it is neither.
    """
    try:
        return inspect_picture(path, opener)
    except PictureError:
        if is_video(path):
            return inspect_video(path)
        raise


def describe_finding(path: Path | str, found: Finding, style_name: str | None) -> str:
    """What was found, for humans; `path` names it; `style_name`: of the style in the library that it was drawn in."""
    if not found.made_here:
        return f"{path} carries no sign of this program; that does not prove that it was not made by it."
    signs = [f"watermark (score {found.mark.score:.1f}; chance reaches 5)"] if found.mark else []
    signs += ["metadata"] if found.noted else []
    signs += ["content credentials"] if found.intact else []
    seen = f" Seen in its {', '.join(signs)}." if signs else ""
    changed = " It was changed after that, say its content credentials." if found.intact is False else ""
    return f"{path} was made by this program, {_style_told(found, style_name)}.{seen}{changed}"


def _style_told(found: Finding, style_name: str | None) -> str:
    if style_name:
        return f"in the style {style_name}"
    if found.without_style:
        return "without a style"
    payload = found.mark.payload if found.mark else None
    noted = found.noted if payload is None else None
    if noted and noted.style_name:
        return f"in the style {noted.style_name}, which is not on this computer"
    if payload is not None:
        return f"in a style that is not on this computer (its key begins with {payload.hex()})"
    return "in a style that cannot be read any more"
