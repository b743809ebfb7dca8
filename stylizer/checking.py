"""The command `check`: was a picture made by this program, and in which style?"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stylizer.console import Context, Outcome

if TYPE_CHECKING:
    from stylizer.provenance import Finding


def check(args: argparse.Namespace, context: Context) -> Outcome:
    """Look for watermark, note and content credentials. Exit code 0 whatever is found; needs no networks."""
    from stylizer.library import open_library
    from stylizer.provenance import inspect_picture

    found = inspect_picture(args.picture)
    style = next((info for info in open_library().list() if found.is_of(info.key)), None)
    context.console.say(told(args.picture, found, style.name if style else None))
    mark, noted = found.mark, found.noted
    key_start = mark.payload.hex() if mark and mark.payload else None
    return {
        "file": str(args.picture),
        "made_here": found.made_here,
        "style": {"key": style.key, "name": style.name} if style else None,
        "watermark": {"score": round(mark.score, 1), "style_key_start": key_start} if mark else None,
        "metadata": {"style": {"key": noted.style_key, "name": noted.style_name}} if noted else None,
        "content_credentials": None if found.intact is None else {"intact": found.intact},
    }, 0


def told(path: Path | str, found: "Finding", style_name: str | None) -> str:
    """What was found, for humans; `path` names it; `style_name`: of the style in the library that it was drawn in."""
    if not found.made_here:
        return f"{path} carries no sign of this program; that does not prove that it was not made by it."
    signs = [f"watermark (score {found.mark.score:.1f}; chance reaches 5)"] if found.mark else []
    signs += ["metadata"] if found.noted else []
    signs += ["content credentials"] if found.intact else []
    seen = f" Seen in its {', '.join(signs)}." if signs else ""
    changed = " It was changed after that, say its content credentials." if found.intact is False else ""
    return f"{path} was made by this program, {_style_told(found, style_name)}.{seen}{changed}"


def _style_told(found: "Finding", style_name: str | None) -> str:
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
