"""What was found in a picture, in one sentence for people."""

from pathlib import Path

from stylizer.provenance.notes import Finding


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
