"""Marking a face by hand: three clicks on the style picture, for drawings in which no detector finds one."""

from pathlib import Path

from PIL import Image

from stylizer.serving.engine import Engine
from stylizer.serving.work import Marks

PARTS = ("the middle of one eye", "the middle of the other eye", "the middle of the mouth")
MARKED = "The face is marked. If it looks wrong, click an eye again to start over."
_SIDE = 256  # pixels of the marked face as it is shown


def add_mark(marks: Marks, x: float, y: float) -> Marks:
    """One more click, in pixels of the picture; after the third, a click starts over."""
    return (*(marks if len(marks) < len(PARTS) else ()), (float(x), float(y)))


def next_part(marks: Marks) -> str | None:
    """What is to be clicked next, in words; None once all three are marked."""
    return PARTS[len(marks)] if len(marks) < len(PARTS) else None


def instruction(marks: Marks) -> str:
    """What the visitor is asked to do now."""
    part = next_part(marks)
    if part is None:
        return MARKED
    return f"In the style picture, click {part}." if not marks else f"Now click {part}."


def marked_face(engine: Engine, picture: Path, marks: Marks) -> Image.Image:
    """The face as it is cut out by its marks, 256 x 256 pixels.

    Raises:
        DegenerateFaceError: the marks coincide. ImageError: it is no picture.
    """
    return engine.align(picture, marks=marks).crop.resize((_SIDE, _SIDE))
