"""Several pictures in one run: what can be done is done, and the rest is named."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stylizer.batch.faults import NO_FACE
from stylizer.cli.console import Console
from stylizer.errors import (
    Cancelled,
    DegenerateFaceError,
    DiskFullError,
    FaceIndexError,
    InputError,
    NoFaceError,
    StylizerError,
)

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace

ROOM_MIN = 4 * 2**20  # bytes that must be free before another picture is drawn, once one found no room


@contextmanager
def naming(picture: Path) -> Iterator[None]:
    """Put a picture's name before what is wrong with its face."""
    try:
        yield
    except (NoFaceError, FaceIndexError, DegenerateFaceError) as error:
        raise type(error)(f"{picture}: {error}") from error


def warn_of_choices(console: Console, picture: Path, aligned: "AlignedFace") -> None:
    """Say what was decided for the user: which of several faces is used, that a lying one was set upright."""
    for note in aligned.notes:
        console.warn(f"{picture}: {note}")


class Failures:
    """Notes which pictures of a run failed, so that the others are done all the same.

    An error of the product is noted, whether the picture, the disk or the device is at fault. Stopping the program, and
    an error that the product does not know, end the run.

    Args:
        console: gets a warning for each failure, from `settle`.
        total: how many pictures there are.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console, self._total = console, total
        self._errors: list[StylizerError] = []
        self._shown = 0

    @property
    def exit_code(self) -> int:
        """0: nothing failed; 2: only inputs were at fault; 1: something else too."""
        return min((error.exit_code for error in self._errors), default=0)

    @contextmanager
    def noting(self, picture: Path) -> Iterator[None]:
        """Note it if this picture fails, and go on."""
        try:
            with naming(picture):
                yield
        except Cancelled:
            raise
        except NoFaceError as error:
            # The finder's own sentence offers --already-aligned, which here is an option for the reference.
            advice = NO_FACE if "--already-aligned" in str(error) else str(error)
            self._errors.append(NoFaceError(_named(picture, advice)))
        except StylizerError as error:
            self._errors.append(type(error)(_named(picture, str(error))))

    def check_room(self, folder: Path) -> None:
        """Raise DiskFullError where a picture found no room before and there is still none: drawing takes long."""
        if not any(isinstance(error, DiskFullError) for error in self._errors):
            return
        if shutil.disk_usage(folder).free < ROOM_MIN:
            raise DiskFullError(f"There is no room left on the disk for it in {folder}; make room and run it again.")

    def settle(self) -> None:
        """Warn of what has failed since the last time; raise it where that is everything, as one error."""
        if self._errors and len(self._errors) == self._total:
            kinds = {type(error) for error in self._errors}
            among = InputError if all(issubclass(kind, InputError) for kind in kinds) else StylizerError
            kind = kinds.pop() if len(kinds) == 1 else among
            raise kind(" ".join(str(error) for error in self._errors))
        for error in self._errors[self._shown :]:
            self._console.warn(str(error))
        self._shown = len(self._errors)


def _named(picture: Path, message: str) -> str:
    return message if picture.name in message else f"{picture}: {message}"
