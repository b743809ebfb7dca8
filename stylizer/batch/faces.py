"""The faces of one photo that are to be drawn, each inverted once for all styles."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from stylizer.errors import Cancelled, FaceIndexError, StylizerError
from stylizer.settings import InversionMode
from stylizer.video.choice import FaceChoice

if TYPE_CHECKING:
    from PIL import Image

    from stylizer.faces import AlignedFace
    from stylizer.inversion.code import Inversion
    from stylizer.pipeline import Stylizer


@dataclass
class FoundFace:
    """A face that was inverted, or why it was not.

    inverted: its code drawn without a style, once that was done. seconds: that no record tells yet.
    """

    number: int
    aligned: "AlignedFace | None" = None
    inversion: "Inversion | None" = None
    inverted: "Image.Image | None" = None
    error: Exception | None = None
    seconds: dict[str, float] | None = None


def find_faces(
    stylizer: "Stylizer", photo: "Image.Image", choices: Sequence[FaceChoice], mode: InversionMode
) -> Iterator[FoundFace]:
    """The faces that any of the choices asks for, each inverted once.

    Raises:
        StylizerError: what holds for all of them, as NoFaceError.
    """
    every = any(choice.kind == "all" for choice in choices)
    named = {number for choice in choices for number in choice.numbers or (0,)}
    for number in count() if every else sorted(named):
        face = FoundFace(number)
        started = time.perf_counter()
        try:
            face.aligned = stylizer.align(photo, number)
            aligned_at = time.perf_counter()
            face.inversion = stylizer.invert(face.aligned, mode)
            face.seconds = {"align": aligned_at - started, "invert": time.perf_counter() - aligned_at}
        except FaceIndexError as error:
            if every and number > max(named, default=0):
                return
            face.error = error
        except StylizerError as error:
            if number == 0 or isinstance(error, Cancelled):
                raise
            face.error = error
        yield face


def is_chosen(face: FoundFace, choice: FaceChoice) -> bool:
    """Whether a choice asks for this face."""
    if choice.kind == "all":
        return not isinstance(face.error, FaceIndexError)  # which was asked for in another style, by its number
    return face.number in (choice.numbers or (0,))
