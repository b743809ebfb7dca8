"""Why there is no picture: one sentence, whose fault it was, and whether another try could help."""

from stylizer import errors
from stylizer.errors import InputError, NoFaceError, StylizerError

NO_FACE = (
    "No face was found; cut the photo closer around the face, or choose one where the face is larger, sharper and "
    "seen from the front."
)
"""Of one photo among many; the finder's own sentence offers what a run of many has not."""

_DIED = "Two processes ended while they worked at it; it may need more memory than there is."
TRIES = 2  # workers that may die of an item, which may be nobody's fault the first time
_SETTLED = frozenset(("PictureError", "VideoError", "NoFaceError", "FaceIndexError", "DegenerateFaceError"))


class WorkerDied(StylizerError):  # noqa: N818 - a fact that is told, never raised at a caller
    """So many workers as may die of an item died of this one."""

    def __init__(self, message: str = _DIED) -> None:
        super().__init__(message)


def sentence_of(error: Exception) -> str:
    """One sentence, also of an error that nobody knows."""
    if isinstance(error, NoFaceError):
        return NO_FACE
    if isinstance(error, StylizerError):
        return str(error)
    why = " ".join(f"{type(error).__name__}: {error}".split())
    return f"Something went wrong inside ({why})."


def is_settled(kind: str | None) -> bool:
    """Whether an error of this class comes again as long as input and settings stay."""
    return kind in _SETTLED


def exit_code_of(kind: str | None) -> int:
    """What an error of this class makes of a run: 2 where the input was at fault, else 1."""
    found = getattr(errors, kind or "", None)
    return 2 if isinstance(found, type) and issubclass(found, InputError) else 1
